"""Tags are one spelling a word, bounded, and of their owner alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery import tagging
from gallery.models import ImageTag, Tag
from gallery.tagging import BadTag, add_tags, normalise, remove_tag, words_of_prompt
from tests.gallery.making import make_image


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Cats", "cats"),
        ("  #Blue   Sky! ", "blue sky"),
        ("\uff26\uff35\uff2c\uff2c\u3000width", "full width"),
        ("Straße", "straße"),
        ("日本", "日本"),
        ("e\u0301te\u0301", "été"),
        ("a\0b\x1b", "a b"),
        ("rock'n'roll", "rock'n'roll"),
        ("1984", "1984"),
        ("\ud800x", "x"),
    ],
)
def test_a_tag_has_one_spelling(typed, kept):
    assert normalise(typed) == kept


@pytest.mark.parametrize(
    "typed", ["", "   ", "#", "!?!", "\0", "\u200b", "🙂", "a" * 51]
)
def test_what_is_no_tag_is_refused(typed):
    with pytest.raises(BadTag):
        normalise(typed)


@given(st.text())
def test_normalising_twice_changes_nothing(typed):
    try:
        once = normalise(typed)
    except BadTag:
        return
    assert normalise(once) == once
    assert 0 < len(once) <= tagging.MAX_TAG_LENGTH
    assert once.isprintable()


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a red apple", ["red", "apple"]),
        ("The highly detailed photo of a FOX, 4k, trending on artstation", ["fox"]),
        ("a fox's den, the fox", ["fox", "den"]),
        ("Ein roter Apfel", ["ein", "roter", "apfel"]),
        ("静かな山", ["静かな山"]),
        ("blue-green sea", ["blue-green", "sea"]),
        ("12345 --ar 16:9", []),
        ("", []),
    ],
)
def test_telling_words_are_taken_from_the_prompt(prompt, words):
    assert words_of_prompt(prompt) == words


@given(st.text(max_size=3000))
def test_words_of_any_prompt_are_tags(prompt):
    words = words_of_prompt(prompt)
    assert len(words) == len(set(words)) <= tagging.MAX_TAGS_FROM_PROMPT
    for word in words:
        assert normalise(word) == word
        assert word not in tagging.STOP_WORDS


def test_a_megabyte_of_prompt_is_read_quickly():
    assert words_of_prompt("a-" * 500_000) == []
    assert words_of_prompt("z" * 1_000_000) == []


def test_tags_are_added_once_and_shared_between_images(alice):
    first, second = (make_image(alice, shade, prompt="") for shade in (1, 2))
    assert add_tags(first, "Sea, sea , Blue sky") == ["sea", "blue sky"]
    add_tags(first, "SEA")
    add_tags(second, "sea")
    assert Tag.objects.filter(owner=alice).count() == 2
    assert first.tags.count() == 2


def test_a_typed_tag_does_not_lose_where_the_word_came_from(alice):
    image = make_image(alice, prompt="a red apple")
    add_tags(image, "apple, fruit")
    sources = dict(image.tag_links.values_list("tag__name", "source"))
    assert sources == {
        "red": ImageTag.Source.PROMPT,
        "apple": ImageTag.Source.PROMPT,
        "fruit": ImageTag.Source.TYPED,
    }


def test_one_bad_tag_keeps_all_out(alice):
    image = make_image(alice, prompt="")
    with pytest.raises(BadTag, match="50"):
        add_tags(image, "sea," + "x" * 51)
    with pytest.raises(BadTag, match="first"):
        add_tags(image, ",")
    assert not image.tags.exists()


def test_an_image_has_at_most_30_tags(alice):
    image = make_image(alice, prompt="")
    add_tags(image, ",".join(f"tag {n}" for n in range(30)))
    with pytest.raises(BadTag, match="30"):
        add_tags(image, "one more")
    add_tags(image, "tag 3")
    assert image.tags.count() == 30


def test_people_have_tags_of_their_own(alice, bob):
    add_tags(make_image(alice, 1, prompt=""), "sea")
    add_tags(make_image(bob, 2, prompt=""), "sea")
    assert Tag.objects.filter(name="sea").count() == 2


def test_a_removed_tag_is_gone_from_that_image_only(alice):
    first, second = (make_image(alice, shade, prompt="sea") for shade in (1, 2))
    remove_tag(first, "sea")
    remove_tag(first, "sea")
    remove_tag(first, "never there")
    assert not first.tags.exists()
    assert second.tags.count() == 1
