"""Files before rows, equal content once, and plain words where nothing can be kept."""

import errno
import hashlib
import io
import os
import subprocess
import sys
import textwrap
import uuid
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from PIL import Image as Pillow

from gallery import files
from gallery.models import Image, ImageParent, StoredFile, Tag
from gallery.storage import (
    BrokenPicture,
    ImageRecipe,
    Parent,
    StorageFailed,
    add,
    delete_forever,
    prepare,
)
from tests.gallery.making import NOON, decoded, make_image, picture, prepared

ROOT = Path(__file__).resolve().parents[2]


def files_on_disk() -> set[str]:
    """Return every file under the media folder, by its path there."""
    root = Path(settings.MEDIA_ROOT)
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}


def paths(file) -> set[str]:
    return {file.path, file.small_path, file.large_path}


def test_prepare_writes_three_files_and_no_row(db):
    ready = prepared(size=(1600, 400))
    assert files_on_disk() == paths(ready)
    assert not StoredFile.objects.exists()
    assert (ready.width, ready.height, ready.mime_type) == (1600, 400, "image/png")
    original = files.open_file(ready.path)
    assert len(original) == ready.size
    small, large = (
        decoded(files.open_file(path)) for path in (ready.small_path, ready.large_path)
    )
    assert (small.format, small.size) == ("WEBP", (256, 64))
    assert (large.format, large.size) == ("WEBP", (768, 192))
    for thumbnail in (small, large):
        assert b"trainedAlgorithmicMedia" in thumbnail.info["xmp"]
        assert b"apple" not in thumbnail.info["xmp"]


def test_files_are_named_by_their_content_in_shards(db):
    ready = prepared()
    name = Path(ready.path)
    assert name.parts[:2] == ("pictures", ready.content_hash[:2])
    assert name.name.startswith(ready.content_hash)


def test_files_are_for_the_site_alone():
    prepared()
    assert files_on_disk()
    for name in files_on_disk():
        assert (Path(settings.MEDIA_ROOT) / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "I;16"])
def test_every_kind_of_png_has_thumbnails(mode):
    content = picture(mode="RGB", size=(300, 200))
    pixels = decoded(content).convert("I" if mode == "I;16" else mode)
    target = io.BytesIO()
    pixels.convert(mode).save(target, "PNG")
    ready = prepare(target.getvalue(), ImageRecipe(), created_at=NOON)
    assert decoded(files.open_file(ready.small_path)).size == (256, 171)


def test_deep_grey_is_scaled_not_clipped():
    pixels = Pillow.linear_gradient("L").convert("I").point(lambda v: v * 257)
    target = io.BytesIO()
    pixels.convert("I;16").save(target, "PNG")
    ready = prepare(target.getvalue(), ImageRecipe(), created_at=NOON)
    shades = decoded(files.open_file(ready.small_path)).convert("L").tobytes()
    assert min(shades) < 12
    assert max(shades) > 243
    assert 110 < shades[len(shades) // 2] < 146


@pytest.mark.parametrize(("mode", "is_kept"), [("RGB", True), ("CMYK", False)])
def test_a_colour_profile_stays_with_its_colours(mode, is_kept):
    content = picture("JPEG", mode=mode, icc_profile=b"a profile of these colours")
    ready = prepare(content, ImageRecipe(), created_at=NOON)
    assert b"a profile" in files.open_file(ready.path)
    for path in (ready.small_path, ready.large_path):
        assert (b"a profile" in files.open_file(path)) is is_kept


def test_avif_is_kept_as_png_with_the_same_pixels():
    content = picture("AVIF")
    ready = prepare(content, ImageRecipe(prompt="an apple"), created_at=NOON)
    assert ready.mime_type == "image/png"
    kept = decoded(files.open_file(ready.path))
    assert kept.tobytes() == decoded(content).tobytes()
    assert b"trainedAlgorithmicMedia" in kept.info["xmp"]


def test_a_jpeg_with_junk_between_its_parts_is_kept_as_png():
    plain = picture("JPEG")
    odd = plain[:2] + b"\xff\x00" + plain[2:]
    ready = prepare(odd, ImageRecipe(prompt="an apple"), created_at=NOON)
    assert ready.mime_type == "image/png"
    kept = decoded(files.open_file(ready.path))
    assert kept.tobytes() == decoded(plain).tobytes()
    cmyk = picture("JPEG", mode="CMYK")
    odd = cmyk[:2] + b"\xff\x00" + cmyk[2:]
    assert prepare(odd, ImageRecipe(), created_at=NOON).mime_type == "image/png"
    assert b"trainedAlgorithmicMedia" in kept.info["xmp"]


@pytest.mark.parametrize("content", [b"", b"<html>", picture()[:-40], picture("GIF")])
def test_a_broken_picture_leaves_no_file(content, db):
    with pytest.raises(BrokenPicture):
        prepare(content, ImageRecipe(), created_at=NOON)
    assert files_on_disk() == set()


def test_an_added_image_carries_its_recipe(alice):
    job, batch = uuid.uuid4(), uuid.uuid4()
    image = make_image(
        alice,
        prompt="a red apple on a table",
        negative_prompt="worms",
        revised_prompt="a shiny red apple",
        seed=2**63 - 1,
        provider="local",
        provider_model_id="spark-1",
        image_model_slug="spark",
        parameters={"num_inference_steps": 20},
        credits=3,
        model_seconds=1.5,
        batch_id=batch,
        job_id=job,
        position=2,
    )
    image = Image.objects.get(pk=image.pk)
    assert (image.owner, image.prompt, image.seed) == (
        alice,
        "a red apple on a table",
        2**63 - 1,
    )
    assert (image.job_id, image.batch_id, image.position) == (job, batch, 2)
    assert (image.credits, image.model_seconds) == (3, 1.5)
    assert image.parameters == {"num_inference_steps": 20}
    assert set(image.tags.values_list("name", flat=True)) == {"red", "apple", "table"}
    assert image.file.ref_count == 1


def test_a_providers_strange_text_does_not_lose_the_picture(alice):
    image = make_image(alice, revised_prompt="a\0 shiny \ud800 apple")
    assert Image.objects.get(pk=image.pk).revised_prompt == "a shiny ? apple"


def test_equal_content_is_kept_once(alice, bob, django_capture_on_commit_callbacks):
    first = make_image(alice)
    with django_capture_on_commit_callbacks(execute=True):
        second = make_image(bob)
    assert first.file == second.file
    assert StoredFile.objects.get().ref_count == 2
    assert files_on_disk() == paths(first.file)


def test_the_same_place_of_a_job_is_added_once(
    alice, django_capture_on_commit_callbacks
):
    job = uuid.uuid4()
    first = make_image(alice, shade=10, job_id=job)
    with django_capture_on_commit_callbacks(execute=True):
        again = make_image(alice, shade=99, job_id=job)
    assert again == first
    assert StoredFile.objects.get().ref_count == 1
    assert files_on_disk() == paths(first.file)
    assert make_image(alice, shade=99, job_id=job, position=1) != first


def test_a_rolled_back_add_leaves_only_files(alice):
    ready = prepared()

    with transaction.atomic():
        add(ready, owner=alice)
        transaction.set_rollback(True)
    assert not Image.objects.exists()
    assert not StoredFile.objects.exists()
    assert files_on_disk() == paths(ready)
    assert add(ready, owner=alice).file.ref_count == 1


def test_parents_are_linked(alice, bob):
    parent = make_image(alice)
    with transaction.atomic():
        child = add(
            prepared(9), owner=alice, parents=[Parent(image=parent, role="init")]
        )
    link = ImageParent.objects.get()
    assert (link.child, link.parent, link.role) == (child, parent, "init")
    with pytest.raises(ValueError, match="somebody else"):
        add(prepared(8), owner=bob, parents=[Parent(image=parent, role="init")])


def test_the_last_image_takes_its_files_along(
    alice, bob, django_capture_on_commit_callbacks
):
    first, second = make_image(alice), make_image(bob)
    Image.objects.all().trash()
    with django_capture_on_commit_callbacks(execute=True):
        assert delete_forever(Image.objects.filter(pk=first.pk)) == 1
    assert StoredFile.objects.get().ref_count == 1
    assert second.file.path in files_on_disk()
    with django_capture_on_commit_callbacks(execute=True):
        assert delete_forever(Image.objects.filter(pk=second.pk)) == 1
        assert files_on_disk() >= paths(second.file)  # not before the commit
    assert files_on_disk().isdisjoint(paths(second.file))
    assert not StoredFile.objects.exists()
    assert delete_forever(Image.objects.filter(pk=second.pk)) == 0


def test_prompts_without_words_make_no_tags(alice):
    make_image(alice, prompt="!!! 123 the of")
    assert not Tag.objects.exists()


# Where files cannot be written. These run in a process of their own: the limit, the
# user and the folder are real.

PROGRAM = """
import datetime as dt, os, resource, sys
import django
django.setup()
from gallery.storage import ImageRecipe, StorageFailed, prepare
from tests.gallery.making import picture
content = picture(size=(400, 400))
{setup}
try:
    prepare(content, ImageRecipe(), created_at=dt.datetime.now(dt.UTC))
except StorageFailed as error:
    print(error.user_message)
"""


def run_prepare(media: Path, setup: str = "") -> str:
    """Let another process prepare a picture; return what it said."""
    home = media.parent / "home"
    home.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(setup=textwrap.dedent(setup))],
        cwd=ROOT,
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "magicshot.settings",
            "MAGICSHOT_HOME": str(home),
            "MEDIA_ROOT": str(media),
            "SECRET_KEY": "test",
        },
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_full_disk_is_told_in_plain_words(tmp_path):
    media = tmp_path / "media"
    said = run_prepare(media, "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))")
    assert (
        said
        == "There is no room left for pictures on this site. Please tell its admin."
    )
    assert [p for p in media.rglob("*") if p.is_file()] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_that_may_not_be_written_is_told_in_plain_words(tmp_path):
    media = tmp_path / "media"
    media.mkdir(mode=0o755)
    said = run_prepare(media, "os.setgroups([]); os.setgid(65534); os.setuid(65534)")
    assert "may not write to its folder for pictures" in said


def test_a_media_folder_that_is_a_file_is_told_in_plain_words(tmp_path):
    media = tmp_path / "media"
    media.write_text("not a folder")
    assert run_prepare(media) == (
        "The storage for pictures did not answer. Please try again later."
    )


def test_a_missing_media_folder_is_made(tmp_path):
    assert run_prepare(tmp_path / "not" / "yet") == ""
    assert list((tmp_path / "not" / "yet" / "pictures").rglob("*.png"))


def test_no_path_is_in_what_people_read():
    error = OSError(errno.ENOSPC, "No space left on device", "/srv/secret/media")
    assert "/srv" not in files._user_message(error)
    assert "/" not in StorageFailed(files._user_message(OSError("x"))).user_message


def test_prepared_pictures_never_share_a_path(db):
    assert paths(prepared()).isdisjoint(paths(prepared()))
    assert prepared().content_hash == prepared().content_hash


def test_the_content_hash_is_that_of_the_file(db):
    ready = prepared()
    assert hashlib.sha256(files.open_file(ready.path)).hexdigest() == ready.content_hash
