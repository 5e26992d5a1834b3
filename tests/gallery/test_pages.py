"""Pages by key: nothing repeats, nothing is left out, and a deep page costs no more."""

import datetime as dt
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import pages
from gallery.models import Image, ImageTag, StoredFile, Tag

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(db) -> StoredFile:
    return StoredFile.objects.create(
        content_hash="0" * 64,
        path="p",
        size=1,
        width=4,
        height=3,
        mime_type="image/png",
    )


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr(pages, "PAGE_SIZE", 5)


def fill(owner, file, count, **fields) -> list[Image]:
    """Give somebody rows of images without pictures."""
    rows = [Image(owner=owner, file=file, **fields) for _ in range(count)]
    return Image.objects.bulk_create(rows)


def walk(user, **filters):
    """Read every page to the end."""
    found, key = [], None
    while True:
        page = pages.gallery_page(user, before=key, **filters)
        found += page.images
        if page.older is None:
            return found
        key = page.older


def test_every_image_is_shown_once_newest_first(alice, bob, file):
    mine = fill(alice, file, 13)
    fill(bob, file, 3)
    assert walk(alice) == mine[::-1]


def test_a_full_last_page_leads_nowhere(alice, file):
    fill(alice, file, 5)
    assert pages.gallery_page(alice).older is None


def test_equal_times_neither_repeat_nor_hide(alice, file):
    mine = fill(alice, file, 17)
    Image.objects.update(created_at=timezone.now())
    assert walk(alice) == mine[::-1]


def test_what_comes_and_goes_between_pages_does_no_harm(alice, file):
    mine = fill(alice, file, 12)
    first = pages.gallery_page(alice)
    fill(alice, file, 4)
    Image.objects.filter(pk__in=[mine[-1].pk, mine[-5].pk, mine[2].pk]).trash()
    mine[7].delete()  # the key itself
    second = pages.gallery_page(alice, before=first.older)
    third = pages.gallery_page(alice, before=second.older)
    assert [i.pk for i in first.images] == [i.pk or first.older for i in mine[:6:-1]]
    assert second.images + third.images == [i for i in mine[6::-1] if i != mine[2]]


def test_a_page_is_filtered_by_tag(alice, file):
    mine = fill(alice, file, 14)
    tag = Tag.objects.create(owner=alice, name="sea")
    ImageTag.objects.bulk_create(ImageTag(image=i, tag=tag) for i in mine[::2])
    Image.objects.filter(pk=mine[4].pk).trash()
    assert walk(alice, tag=tag) == [i for i in mine[::2] if i != mine[4]][::-1]


def test_a_day_is_headed_once_also_across_pages(alice, file):
    mine = fill(alice, file, 9)
    yesterday = timezone.now() - dt.timedelta(days=1)
    Image.objects.filter(pk__in=[i.pk for i in mine[:6]]).update(created_at=yesterday)
    first = pages.gallery_page(alice)
    second = pages.gallery_page(alice, before=first.older)
    heads = [place.day for place in first.places + second.places]
    assert heads == [
        timezone.localdate(),
        None,
        None,
        timezone.localdate(yesterday),
        *[None] * 5,
    ]


def test_images_of_one_press_are_joined(alice, file):
    fill(alice, file, 1)
    batch = uuid.uuid4()
    fill(alice, file, 3, batch_id=batch)
    fill(alice, file, 2, batch_id=uuid.uuid4())
    first = pages.gallery_page(alice)
    second = pages.gallery_page(alice, before=first.older)
    joined = [place.is_joined for place in first.places + second.places]
    assert joined == [False, True, False, True, True, False]


def test_neighbours_are_those_of_the_gallery(alice, bob, file):
    mine = fill(alice, file, 2)
    fill(bob, file, 1)
    trashed = fill(alice, file, 1)[0]
    mine += fill(alice, file, 1)
    Image.objects.filter(pk=trashed.pk).trash()
    assert pages.neighbours(alice, mine[1]) == pages.Neighbours(
        newer=mine[2], older=mine[0]
    )
    assert pages.neighbours(alice, mine[2]).newer is None
    assert pages.neighbours(alice, mine[0]).older is None


def test_the_most_shared_tags_come_first(alice, file):
    mine = fill(alice, file, 3)
    sea, red = (Tag.objects.create(owner=alice, name=name) for name in ("sea", "red"))
    ImageTag.objects.bulk_create(ImageTag(image=i, tag=sea) for i in mine)
    ImageTag.objects.create(image=mine[0], tag=red)
    assert pages.tags_of(mine) == ["sea", "red"]
    assert pages.tags_of([]) == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("12", 12),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("x", None),
        ("9" * 30, None),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), None),
        ("0" * 5000 + "7", None),
    ],
)
def test_a_key_is_a_number_of_the_database(text, key):
    assert pages.read_key(text) == key


# Depth at 100 000 rows: what the database says of its plan.


@pytest.fixture
def many(alice, bob):
    """100 000 images of two people, of 2000 files; every seventh of Alice's is tagged."""
    hashes = (f"{number:064x}" for number in range(2000))
    rows = [StoredFile(content_hash=h, size=1, width=4, height=3) for h in hashes]
    files = StoredFile.objects.bulk_create(rows)
    fill(bob, files[0], 1)
    fill(alice, files[0], 1)
    names = [str(f.column) for f in Image._meta.concrete_fields if not f.primary_key]
    changed = {
        "public_id": "lower(hex(randomblob(16)))",
        "file_id": f"{files[0].pk} + abs(random() % 2000)",
    }
    values = [changed.get(name, f'"{name}"') for name in names]
    tag = Tag.objects.create(owner=alice, name="sea")
    with connection.cursor() as cursor:
        cursor.execute(  # an ORM loop takes half a minute
            "WITH RECURSIVE times(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM times"  # noqa: S608
            f" WHERE n < 50000) INSERT INTO gallery_image ({', '.join(names)})"
            f" SELECT {', '.join(values)} FROM times, gallery_image WHERE true"
        )
        cursor.execute(
            "INSERT INTO gallery_imagetag (image_id, tag_id, source)"
            " SELECT id, %s, 'typed' FROM gallery_image WHERE owner_id = %s"
            " AND (id / 2) %% 7 = 0",
            [tag.pk, alice.pk],
        )
        cursor.execute("ANALYZE")
    return tag


def plans(queries):
    """Return what the database does for each of the queries."""
    told = []
    with connection.cursor() as cursor:
        for query in queries:
            cursor.execute("EXPLAIN QUERY PLAN " + query["sql"])
            told += [row[3] for row in cursor.fetchall()]
    return "\n".join(told)


def test_a_deep_page_among_100_000_uses_the_index(alice, many, monkeypatch):
    monkeypatch.setattr(pages, "PAGE_SIZE", 60)
    deep = Image.objects.filter(owner=alice).order_by("id")[1000].pk
    for tag, index in ((None, "image_of_owner_kept"), (many, "image_tag")):
        with CaptureQueriesContext(connection) as seen:
            assert len(pages.gallery_page(alice, before=deep, tag=tag).images) == 60
        text = " ".join(query["sql"] for query in seen)
        assert "OFFSET" not in text
        assert "COUNT(" not in text
        plan = plans(seen.captured_queries)
        assert index in plan, plan
        assert "SCAN" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan
