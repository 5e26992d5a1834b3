"""Words that may not be asked for, however they are spelled; and words that may."""

import html
import uuid

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts import ledger
from accounts.models import CreditEntry, Group
from generators import prompt_checks
from generators.models import Generation, PromptRule, PromptVerdict
from generators.prompt_rules import built_in, matching
from generators.prompt_rules.folding import readings
from generators.prompt_rules.matching import Phrases, read_all
from tests import factories
from tests.gallery.making import make_image

HTMX = {"HX-Request": "true"}
BOMB = Phrases(phrases=("pipe bomb*",))


def says(text, *phrases):
    return Phrases(phrases=phrases).are_in(read_all([text]))


@pytest.mark.parametrize(
    "text",
    [
        "a pipe bomb",
        "PIPE BOMB",
        "pipe bombs on a table",
        "p1pe b0mb",
        "p i p e b o m b",
        "p.i.p.e. b.o.m.b",
        "pipe-bomb",
        "pi-pe bo.mb",
        "рiре bоmb",  # noqa: RUF001 (Cyrillic)
        "ｐｉｐｅ ｂｏｍｂ",  # noqa: RUF001 (full width)
        "𝓹𝓲𝓹𝓮 𝓫𝓸𝓶𝓫",  # noqa: RUF001 (mathematical)
        "pípè bömb",
        "pi\u200bpe bo\u00admb",
        "piiiipe boooomb",
        "pipe\n\tbomb",
        "pipe_bomb",
    ],
)
def test_words_are_read_through_their_disguise(text):
    assert BOMB.are_in(read_all([text])), list(readings(text))


@pytest.mark.parametrize(
    "text",
    ["a bomb in a pipe", "bagpipe bombast", "pipe, then a bomber", "", "  ", "1234"],
)
def test_other_words_are_not(text):
    assert not BOMB.are_in(read_all([text]))


def test_stars_stand_for_the_rest_of_a_word_or_for_a_word():
    assert says("some gore everywhere", "gor*")
    assert says("take off the dress", "take off * dress")
    assert not says("take off the red dress", "take off * dress")
    assert says("an antigore poster", "*gore*")
    assert not says("a gorge", "gore")


@pytest.mark.parametrize(
    "phrase",
    ["", "  ", "***", "* bomb", "bomb *", "a " * 13, "x**y", "a*b*c", "c++", "?"],
)
def test_what_is_no_rule_is_refused_with_a_reason(phrase):
    assert matching.problem_with(phrase)
    with pytest.raises(ValidationError):
        PromptRule(phrase=phrase).clean()


@pytest.mark.parametrize("phrase", ["(aaa+)+$", "a{9999}", "xx.*yy"])
def test_a_rule_is_words_and_never_a_pattern(phrase):
    assert says(f"one {phrase} two", phrase)
    assert not says("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", phrase)


@given(st.text(max_size=300), st.text(max_size=40))
def test_nothing_typed_breaks_the_reading(text, phrase):
    for reading in readings(text):
        assert reading.startswith(" ")
        assert "\n" not in reading
    if not matching.problem_with(phrase):
        says(text, phrase)


def test_a_long_text_is_read_in_no_time():
    text = "a " * 5000 + "n" * 10_000 + " . " * 5000
    assert built_in.broken_rule(read_all([text]), has_pictures=True) == ""


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a nude child", built_in.MINORS),
        ("n4ked k1ds", built_in.MINORS),
        ("sexy 15 year old girl", built_in.MINORS),
        ("16yo in lingerie", built_in.MINORS),
        ("l0licon art", built_in.MINORS),
        ("t e e n porn", built_in.MINORS),
        ("a child on a swing", ""),
        ("a nude statue of Venus", ""),
        ("an 18 year old oak, sexy car", ""),
        ("undress this person", ""),
        ("a 15 year old whisky on a table", ""),
        ("kids in Sussex", ""),
        ("a n u d e child", built_in.MINORS),
        ("a nuuuude preschooler", built_in.MINORS),
        ("teeen nude", built_in.MINORS),
        ("naked boy", built_in.MINORS),
        ("a nude 12 month old", built_in.MINORS),
        ("a naked girl, 9 years of age", built_in.MINORS),
        ("a nude statue 1000 years old", ""),
        ("a naked marble goddess, 2,000 years old", ""),
        ("2.5-year-old whisky, naked barrel", ""),
        ("a naked mole rat baby", ""),
        ("a kid looking through a see-through umbrella", ""),
        ("a nude portrait, minor key", ""),
    ],
)
def test_what_is_refused_everywhere(text, rule):
    assert built_in.broken_rule(read_all([text]), has_pictures=False) == rule


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        ("undress her", True),
        ("remove her clothes", True),
        ("make him n.a.k.e.d", True),
        ("take off the hat", False),
        ("remove all her clothes", True),
        ("remove her red dress", True),
        ("take all of her clothes off", True),
        ("remove the background", False),
        ("a new hat for her", False),
        ("strip the wallpaper", False),
    ],
)
def test_people_in_pictures_are_not_undressed(text, is_refused):
    found = built_in.broken_rule(read_all([text]), has_pictures=True)
    assert found == (built_in.UNDRESSING if is_refused else "")


@pytest.fixture
def signed_in(client, alice, bell):
    client.force_login(alice)
    return client


def press(client, prompt, **typed):
    fields = {"prompt": prompt, "image_model": "fake", "num_images": "1", **typed}
    fields["client_token"] = str(uuid.uuid4())
    return client.post("/generations/", fields, headers=HTMX)


@pytest.mark.django_db
def test_a_refused_press_is_free_told_neutrally_and_written_down(signed_in, alice):
    ledger.wallet_of(alice)
    before = CreditEntry.objects.count()
    response = press(signed_in, "a n4ked ch1ld")
    assert response.status_code == 422
    shown = html.unescape(response.content.decode())
    assert prompt_checks.WORDS in shown
    assert "minor" not in shown
    assert "a n4ked ch1ld" in shown, "the words stay to be changed"
    assert CreditEntry.objects.count() == before
    assert not Generation.objects.exists()
    verdict = PromptVerdict.objects.get()
    assert (verdict.owner, verdict.action) == (alice, "refuse")
    assert (verdict.rule, verdict.prompt) == (built_in.MINORS, "a n4ked ch1ld")


@pytest.mark.django_db
def test_a_picture_of_ones_own_is_not_undressed(signed_in, alice):
    image = make_image(alice, size=(256, 256))
    picture = {"image_model": "fake-studio", "init_image": str(image.public_id)}
    response = press(signed_in, "undress the person", **picture)
    assert prompt_checks.WORDS in html.unescape(response.content.decode())
    assert PromptVerdict.objects.get().rule == built_in.UNDRESSING
    assert press(signed_in, "a nude in oil").status_code == 200


@pytest.mark.django_db
@pytest.mark.usefixtures("bell")
def test_admins_forbid_words_for_everybody_or_a_group(alice, bob):
    group = Group.objects.create(name="School")
    alice.group = group
    alice.save()
    PromptRule.objects.create(phrase="dragon*", group=group)
    PromptRule.objects.create(phrase="unicorn", enabled=False)
    with pytest.raises(prompt_checks.PromptRefused):
        factories.submit(alice, "two dragons")
    factories.submit(bob, "two dragons")
    factories.submit(alice, "a unicorn")
    PromptRule.objects.update(enabled=True)
    with pytest.raises(prompt_checks.PromptRefused):
        factories.submit(bob, "a uni-corn")


@pytest.mark.django_db
@pytest.mark.usefixtures("bell")
def test_a_flagged_press_is_drawn_and_written_down(alice):
    PromptRule.objects.create(phrase="the president", action="flag")
    generation = factories.submit(alice, "The President on a bike")
    verdict = PromptVerdict.objects.get()
    assert (verdict.action, verdict.rule) == ("flag", "the president")
    assert verdict.generation == generation


@pytest.mark.django_db
@pytest.mark.usefixtures("bell")
def test_what_a_picture_should_not_show_may_be_named(alice):
    from dataclasses import replace

    from generators import catalog, jobs

    model = catalog.find("fake")
    request = replace(factories.make_request(model), negative_prompt="naked child")
    jobs.submit_generation(
        user=alice, prompt="", requests=[(model, request)], client_token=uuid.uuid4()
    )


@pytest.mark.django_db
def test_the_admin_keeps_rules_and_sees_no_prompts(
    client, staff, alice, settings, bell
):
    client.force_login(staff)
    add = reverse("admin:generators_promptrule_add")
    typed = {"phrase": "dragon*", "action": "refuse", "enabled": "on"}
    assert client.post(add, typed).status_code == 302
    bad = client.post(add, typed | {"phrase": "*"})
    assert "Write at least one word." in bad.content.decode()
    with pytest.raises(prompt_checks.PromptRefused):
        factories.submit(alice, "my secret dragon")
    verdict = PromptVerdict.objects.get()
    page = reverse("admin:generators_promptverdict_change", args=[verdict.pk])
    listed = reverse("admin:generators_promptverdict_changelist")
    assert "my secret dragon" not in client.get(page).content.decode()
    assert client.get(listed).status_code == 200
    settings.STAFF_SEES_PROMPTS = True
    assert "my secret dragon" in client.get(page).content.decode()
    assert client.post(page, {"rule": "x"}).status_code == 422
    verdict.refresh_from_db()
    assert verdict.rule == "dragon*"
