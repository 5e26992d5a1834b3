"""The pages, and what is done on them, by their owner and by nobody else."""

import re
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gallery import pages
from gallery.models import Image, StoredFile
from gallery.storage import Parent, add
from tests.gallery.making import NOON, make_image, prepared

HTMX = {"HX-Request": "true"}


@pytest.fixture
def page(client, alice):
    """A browser in which Alice is signed in."""
    client.force_login(alice)
    return client


def address(name: str, image: Image, *more: str) -> str:
    return reverse(f"gallery:{name}", args=[image.public_id, *more])


def text(response):
    return response.content.decode()


READS = [
    ("image-detail", ()),
    ("image-original", ()),
    ("image-download", ()),
    ("image-thumbnail", ("small",)),
    ("image-thumbnail", ("large",)),
]
WRITES = ["image-trash", "image-restore", "image-delete", "tag-add", "tag-remove"]


@pytest.mark.parametrize(("name", "more"), READS)
def test_an_image_is_shown_to_its_owner_only(client, alice, bob, staff, name, more):
    image = make_image(alice)
    where = address(name, image, *more)
    assert client.get(where).status_code == 302
    client.force_login(alice)
    assert client.get(where).status_code == 200
    for stranger in (bob, staff):
        client.force_login(stranger)
        assert client.get(where).status_code == 404


@pytest.mark.parametrize("name", WRITES)
def test_an_image_is_changed_by_its_owner_only(client, alice, bob, name):
    image = make_image(alice)
    where = address(name, image)
    assert client.post(where).status_code == 302
    client.force_login(bob)
    assert client.post(where, {"tags": "x", "tag": "red"}).status_code == 404
    fresh = Image.objects.get()
    assert fresh.trashed_at is None
    assert fresh.tags.count() == 2


@pytest.mark.parametrize("name", WRITES)
def test_changes_need_post_and_a_token(alice, name):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    where = address(name, make_image(alice))
    assert strict.get(where).status_code == 405
    assert strict.post(where).status_code == 403


@pytest.mark.parametrize("name", ["gallery-list", "trash-list"])
def test_lists_are_for_people_who_signed_in(client, name):
    response = client.get(reverse(f"gallery:{name}"))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


def test_an_unknown_image_is_not_found(page):
    where = reverse("gallery:image-detail", args=[uuid.uuid4()])
    assert page.get(where).status_code == 404


def test_the_gallery_shows_ones_own_images_only(page, alice, bob):
    mine, other = make_image(alice, 1, prompt="a <b>red</b> apple"), make_image(bob, 2)
    body = text(page.get(reverse("gallery:gallery-list")))
    assert str(mine.public_id) in body
    assert str(other.public_id) not in body
    assert 'alt="a &lt;b&gt;red&lt;/b&gt; apple"' in body
    assert re.search(r'<img[^>]+width="64" height="48"', body)


def test_no_page_needs_inline_styles_or_scripts(page, alice):
    image = make_image(alice)
    where = [reverse("gallery:gallery-list"), address("image-detail", image)]
    Image.objects.filter(pk=make_image(alice, 2).pk).trash()
    for place in [*where, reverse("gallery:trash-list")]:
        body = text(page.get(place))
        assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]+src=)", body)


def test_a_page_takes_at_most_8_queries_and_counts_nothing(page, alice, monkeypatch):
    monkeypatch.setattr(pages, "PAGE_SIZE", 12)
    for shade in range(15):
        make_image(alice, shade)
    where = reverse("gallery:gallery-list")
    older = pages.gallery_page(alice).older
    for place in (
        where,
        f"{where}?before={older}",
        f"{where}?tag=apple&before={older}",
    ):
        with CaptureQueriesContext(connection) as seen:
            page.get(place)
        queries = [query["sql"] for query in seen]
        assert len(queries) <= 8, queries
        assert not any("COUNT(" in q or "OFFSET" in q for q in queries)


def test_older_pages_come_by_link_and_by_htmx(page, alice, monkeypatch):
    monkeypatch.setattr(pages, "PAGE_SIZE", 2)
    oldest, *rest = [make_image(alice, shade) for shade in range(3)]
    where = reverse("gallery:gallery-list")
    first = text(page.get(where))
    assert str(oldest.public_id) not in first
    (older,) = set(re.findall(r'href="([^"]*before=[^"]*)"', first))
    assert f'hx-get="{older}"' in first
    plain = text(page.get(older))
    assert str(oldest.public_id) in plain
    assert "<html" in plain
    part = text(page.get(older, headers=HTMX))
    assert str(oldest.public_id) in part
    assert "<html" not in part
    assert not any(str(image.public_id) in part for image in rest)
    assert "shots__day" not in part  # the same day goes on


@pytest.mark.parametrize("query", ["?before=x", "?before=-5", "?undo=x", "?tag=%00"])
def test_nonsense_in_the_address_is_no_error(page, alice, query):
    make_image(alice)
    assert page.get(reverse("gallery:gallery-list") + query).status_code == 200


def test_the_gallery_is_filtered_by_tag(page, alice, bob):
    apple, pear = make_image(alice, 1), make_image(alice, 2, prompt="a pear")
    make_image(bob, 3, prompt="a pear")
    where = reverse("gallery:gallery-list")
    body = text(page.get(where, {"tag": " PEAR "}))
    assert str(pear.public_id) in body
    assert str(apple.public_id) not in body
    assert "No picture is tagged" in text(page.get(where, {"tag": "plum"}))


def test_empty_pages_say_what_to_do(page):
    assert "Make the first one" in text(page.get(reverse("gallery:gallery-list")))
    older = reverse("gallery:gallery-list") + "?before=1"
    assert "Nothing older" in text(page.get(older))
    assert "The trash is empty" in text(page.get(reverse("gallery:trash-list")))


def test_the_image_page_tells_the_recipe(page, alice):
    image = make_image(
        alice,
        prompt="a red <apple>",
        negative_prompt="no worms",
        revised_prompt="a shiny apple",
        seed=4242,
        parameters={
            "num_inference_steps": 17,
            "guidance_scale": 6.5,
            "client_token": "zz",
        },
        credits=2,
        model_seconds=3.25,
    )
    body = text(page.get(address("image-detail", image)))
    for told in (
        "a red &lt;apple&gt;", "no worms", "a shiny apple", "4242", "Spark",
        "Steps", "17", "6.5", "2 credits", "3.2 s",
    ):  # fmt: skip
        assert told in body
    assert "zz" not in body
    assert f'href="/?image={image.public_id}"' in body
    form = text(page.get(f"/?image={image.public_id}"))
    assert "a red &lt;apple&gt;" in form


def test_the_image_page_leads_on(page, alice, bob):
    batch = uuid.uuid4()
    older = make_image(alice, 1)
    image = make_image(alice, 2, batch_id=batch)
    newer = make_image(alice, 3, batch_id=batch)
    child = add(prepared(4), owner=alice, parents=[Parent(image=image, role="init")])
    strange = make_image(bob, 5, batch_id=batch)
    body = text(page.get(address("image-detail", image)))
    for found, rel in ((newer, "prev"), (older, "next")):
        link = re.search(rf'<a[^>]+rel="{rel}"', body)
        assert link is not None
        assert str(found.public_id) in link.group()
    assert "Made together" in body
    assert "Led to" in body
    assert str(child.public_id) in body
    assert str(strange.public_id) not in body
    assert "Made from" in text(page.get(address("image-detail", child)))


def test_trash_and_undo_by_htmx_keep_the_tile(page, alice):
    image = make_image(alice)
    gone = page.post(address("image-trash", image), headers=HTMX)
    assert "In the trash" in text(gone)
    assert "<html" not in text(gone)
    assert Image.objects.get().trashed_at is not None
    assert str(image.public_id) not in text(page.get(reverse("gallery:gallery-list")))
    back = page.post(address("image-restore", image), headers=HTMX)
    assert address("image-detail", image) in text(back)
    assert Image.objects.get().trashed_at is None


def test_trash_and_undo_work_without_scripts(page, alice, bob):
    image = make_image(alice)
    response = page.post(address("image-trash", image), follow=True)
    assert "is in the trash" in text(response)
    assert address("image-restore", image) in text(response)
    page.post(address("image-restore", image))
    assert Image.objects.get().trashed_at is None
    other = make_image(bob, 3)
    Image.objects.filter(pk=other.pk).trash()
    where = f"{reverse('gallery:gallery-list')}?undo={other.public_id}"
    assert "is in the trash" not in text(page.get(where))


def test_trashing_twice_does_not_lengthen_the_wait(page, alice):
    image = make_image(alice)
    page.post(address("image-trash", image))
    first = Image.objects.get().trashed_at
    page.post(address("image-trash", image))
    assert Image.objects.get().trashed_at == first


@pytest.mark.django_db(transaction=True)
def test_only_trash_is_deleted_for_ever(page, alice):
    image = make_image(alice)
    page.post(address("image-delete", image))
    assert Image.objects.exists()
    page.post(address("image-trash", image))
    assert text(page.get(reverse("gallery:trash-list"))).count("Delete for ever") >= 1
    assert page.post(address("image-delete", image), headers=HTMX).status_code == 200
    assert not Image.objects.exists()
    assert not StoredFile.objects.exists()
    assert page.get(address("image-thumbnail", image, "small")).status_code == 404


def test_the_trash_is_emptied(page, alice, bob):
    mine, other = make_image(alice, 1), make_image(bob, 2)
    Image.objects.filter(pk__in=[mine.pk, other.pk]).trash()
    assert page.get(reverse("gallery:trash-empty")).status_code == 405
    assert page.post(reverse("gallery:trash-empty")).status_code == 302
    assert list(Image.objects.all()) == [other]


def test_tags_are_added_and_removed(page, alice):
    image = make_image(alice, prompt="")
    added = page.post(address("tag-add", image), {"tags": "Sea, <b>"}, headers=HTMX)
    assert "&lt;b" not in text(added)  # edges are not part of a tag
    assert set(image.tags.values_list("name", flat=True)) == {"sea", "b"}
    page.post(address("tag-remove", image), {"tag": "sea"}, headers=HTMX)
    assert list(image.tags.values_list("name", flat=True)) == ["b"]
    response = page.post(address("tag-add", image), {"tags": "sky"})
    assert response["Location"] == address("image-detail", image)


@pytest.mark.parametrize("typed", ["", "!!!", "x" * 51, ",".join(map(str, range(31)))])
def test_a_bad_tag_is_told_beside_the_field(page, alice, typed):
    image = make_image(alice, prompt="")
    response = page.post(address("tag-add", image), {"tags": typed}, headers=HTMX)
    assert response.status_code == 422
    assert 'role="alert"' in text(response)
    assert not image.tags.exists()


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Pacific/Kiritimati", "Tuesday 24 November 2026"),
        ("Pacific%2FHonolulu", "Monday 23 November 2026"),
        ("", "Monday 23 November 2026"),
        ("../../etc/passwd", "Monday 23 November 2026"),
        ("No/Such", "Monday 23 November 2026"),
        ("x" * 3000, "Monday 23 November 2026"),
    ],
)
def test_days_are_those_of_the_browser(client, alice, zone, day):
    image = make_image(alice)
    Image.objects.filter(pk=image.pk).update(created_at=NOON)
    client.force_login(alice)
    client.cookies["time_zone"] = zone
    assert day in client.get(reverse("gallery:gallery-list")).content.decode()
