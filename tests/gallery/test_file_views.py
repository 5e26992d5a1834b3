"""Files as they are sent: types, caching, names, and failures without a path."""

from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from gallery import files
from tests.gallery.making import decoded, make_image


@pytest.fixture
def page(client, alice):
    """A browser in which Alice is signed in."""
    client.force_login(alice)
    return client


def address(name, image, *more):
    return reverse(f"gallery:{name}", args=[image.public_id, *more])


@pytest.mark.parametrize(
    ("name", "more", "mime_type", "longer"),
    [
        ("image-original", (), "image/png", 1000),
        ("image-thumbnail", ("small",), "image/webp", 256),
        ("image-thumbnail", ("large",), "image/webp", 768),
    ],
)
def test_a_file_is_sent_with_its_type_and_kept_by_browsers(
    page, alice, name, more, mime_type, longer
):
    where = address(name, make_image(alice, size=(1000, 400)), *more)
    response = page.get(where)
    assert response["Content-Type"] == mime_type
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, max-age=31536000, immutable"
    assert int(response["Content-Length"]) == len(response.content)
    assert max(decoded(response.content).size) == longer
    again = page.get(where, headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert page.get(where, headers={"If-None-Match": '"x"'}).status_code == 200


def test_each_size_has_a_tag_of_its_own(page, alice):
    image = make_image(alice)
    tags = {
        page.get(address("image-thumbnail", image, size))["ETag"]
        for size in ("small", "large")
    }
    assert len(tags | {page.get(address("image-original", image))["ETag"]}) == 3


def test_an_unchanged_file_is_still_refused_to_others(page, client, alice, bob):
    where = address("image-original", make_image(alice))
    etag = page.get(where)["ETag"]
    client.force_login(bob)
    assert client.get(where, headers={"If-None-Match": etag}).status_code == 404


@pytest.mark.parametrize("size", ["huge", "..", "original"])
def test_another_size_is_not_found(page, alice, size):
    where = address("image-thumbnail", make_image(alice), "small")
    assert page.get(where.replace("small.webp", f"{size}.webp")).status_code == 404


@pytest.mark.parametrize(
    ("choice", "mime_type", "extension"),
    [
        ("original", "image/png", "png"),
        ("png", "image/png", "png"),
        ("jpeg", "image/jpeg", "jpg"),
        ("webp", "image/webp", "webp"),
    ],
)
def test_a_download_has_its_type_and_a_friendly_name(
    page, alice, choice, mime_type, extension
):
    image = make_image(alice)
    response = page.get(address("image-download", image), {"format": choice})
    assert response["Content-Type"] == mime_type
    name = f"a-red-apple-{image.public_id.hex[:8]}.{extension}"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'


@pytest.mark.parametrize("choice", ["gif", "", "../png", "PNG\0"])
def test_another_format_is_not_found(page, alice, choice):
    where = address("image-download", make_image(alice))
    assert page.get(where, {"format": choice}).status_code == 404


def test_a_name_in_any_script_is_encoded(page, alice):
    image = make_image(alice, prompt="静かな山")
    header = page.get(address("image-download", image))["Content-Disposition"]
    name = quote(f"静かな山-{image.public_id.hex[:8]}.png")
    assert header == f"attachment; filename*=utf-8''{name}"


@pytest.mark.parametrize(
    "prompt",
    [
        'x"; filename="evil.exe',
        "a\r\nSet-Cookie: stolen=1",
        "../../../etc/passwd",
        "\\",
    ],
)
def test_a_hostile_prompt_stays_a_name(page, alice, prompt):
    response = page.get(address("image-download", make_image(alice, prompt=prompt)))
    header = response["Content-Disposition"]
    assert header.startswith("attachment; filename=")
    assert header.count('"') == 2
    assert not set("\r\n/\\") & set(header)
    assert "Set-Cookie" not in response
    assert header.endswith('.png"')


def test_a_lost_file_is_not_found_and_told_in_the_log(page, alice, caplog):
    image = make_image(alice)
    default_storage.delete(image.file.path)
    for name in ("image-original", "image-download"):
        response = page.get(address(name, image))
        assert response.status_code == 404
        assert image.file.path.encode() not in response.content
    assert image.file.path in caplog.text


@pytest.mark.parametrize("name", ["image-original", "image-download"])
def test_a_storage_that_fails_answers_503_without_a_path(page, alice, settings, name):
    image = make_image(alice)
    path = Path(default_storage.path(image.file.path))
    path.unlink()
    path.mkdir()  # reading a folder fails for everybody, root too
    response = page.get(address(name, image))
    assert response.status_code == 503
    assert b"pictures" in response.content
    assert str(settings.MEDIA_ROOT).encode() not in response.content
    with pytest.raises(files.StorageFailed):
        files.open_file(image.file.path)


def test_a_damaged_picture_is_not_converted_and_told_in_the_log(page, alice, caplog):
    image = make_image(alice)
    Path(default_storage.path(image.file.path)).write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    response = page.get(address("image-download", image), {"format": "jpeg"})
    assert response.status_code == 422
    assert b"damaged" in response.content
    assert image.file.path in caplog.text
    assert image.file.path.encode() not in response.content
    assert page.get(address("image-download", image)).status_code == 200


@pytest.mark.parametrize(
    ("choice", "status"), [("webp", 422), ("jpeg", 200), ("png", 200)]
)
def test_a_picture_too_long_for_a_format_is_refused_in_words(
    page, alice, choice, status
):
    image = make_image(alice, size=(16_384, 2))
    response = page.get(address("image-download", image), {"format": choice})
    assert response.status_code == status
    assert (b"Download it as PNG." in response.content) is (status == 422)
