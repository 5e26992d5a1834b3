"""Pictures to work on: from a file or the gallery to the provider, and back as lineage."""

import html
import io
import re
import uuid
from pathlib import Path

import pytest
from django.conf import settings as site
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.db.models.signals import post_save
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from PIL import Image as Pillow

from accounts import ledger
from gallery.models import Image, ImageParent
from gallery.storage import delete_forever
from generators import catalog, forms, inputs, jobs, presses
from generators.capabilities import ImageRole, InputLimits
from generators.contracts import Lane
from generators.models import Generation, GenerationJob, ImageModel, JobInput
from generators.providers import fake_pictures
from generators.providers.fake import FakeProvider
from tests.gallery.making import decoded, make_image, picture

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Status = GenerationJob.Status


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


def file(content: bytes | None = None, name="a.png", size=(256, 256), **options):
    content = picture(size=size, **options) if content is None else content
    return SimpleUploadedFile(name, content, content_type="image/png")


def mask(size=(256, 256)):
    pixels = Pillow.new("L", size, 0)
    pixels.paste(255, (0, 0, size[0] // 2, size[1]))
    out = io.BytesIO()
    pixels.save(out, "PNG")
    return file(out.getvalue(), name="mask.png")


def press(client, *, headers=HTMX, **typed):
    fields = {"prompt": "a red apple", "image_model": "fake-studio", "num_images": "1"}
    fields |= {"client_token": str(uuid.uuid4())} | typed
    return client.post("/generations/", fields, headers=headers)


def text_of(response) -> str:
    return html.unescape(response.content.decode())


def work() -> None:
    while jobs.run_next(Lane.REMOTE, worker="test"):
        pass


def files_on_disk() -> list[Path]:
    return [path for path in Path(site.MEDIA_ROOT).rglob("*") if path.is_file()]


def given_to(job: GenerationJob) -> list[tuple[str, str]]:
    rows = job.inputs.select_related("image")
    return [(row.role, row.image.kind) for row in rows]


@pytest.mark.parametrize("headers", [HTMX, {}], ids=["htmx", "no-script"])
def test_when_a_picture_is_uploaded_then_it_is_changed_and_kept_as_its_parent(
    signed_in, alice, headers
):
    response = press(signed_in, headers=headers, init_image=file(size=(300, 200)))
    assert response.status_code == (200 if headers else 302)
    job = GenerationJob.objects.get()
    assert given_to(job) == [("init", "uploaded")]
    assert (job.width, job.height, job.num_inputs) == (300, 200, 1)
    assert job.recipe["operation"] == "image-to-image"
    work()
    job.refresh_from_db()
    assert job.status == Status.SUCCEEDED, job.failure_detail
    made = alice.images.get(kind=Image.Kind.GENERATED)
    link = ImageParent.objects.get(child=made)
    assert (link.role, link.parent.kind) == ("init", "uploaded")
    page = text_of(
        signed_in.get(reverse("gallery:image-detail", args=[made.public_id]))
    )
    assert "Made from" in page
    assert str(link.parent.public_id) in page


def test_when_a_mask_comes_too_then_white_is_repainted(signed_in, alice):
    press(signed_in, init_image=file(shade=10), mask_image=mask(), seed="7")
    work()
    job = GenerationJob.objects.get()
    assert job.status == Status.SUCCEEDED, job.failure_detail
    assert job.recipe["operation"] == "inpaint"
    start, marked = (row.image for row in job.inputs.select_related("image__file"))
    made = alice.images.get(kind=Image.Kind.GENERATED)
    before, after = (
        decoded((Path(site.MEDIA_ROOT) / each.file.path).read_bytes()).convert("RGB")
        for each in (start, made)
    )
    kept = (128, 0, 256, 256)
    assert after.crop(kept).tobytes() == before.crop(kept).tobytes()
    assert after.tobytes() != before.tobytes()
    assert marked.kind == Image.Kind.MASK
    roles = ImageParent.objects.filter(child=made).values_list("role", flat=True)
    assert sorted(roles) == ["init", "mask"]


def test_when_many_roles_are_given_then_the_model_gets_each_as_that(
    signed_in, alice, monkeypatch
):
    seen = []
    real = FakeProvider.submit
    monkeypatch.setattr(
        FakeProvider,
        "submit",
        lambda self, request, **more: (
            seen.append(request.images) or real(self, request, **more)
        ),
    )
    press(
        signed_in,
        init_image=file(shade=1),
        reference_images=[file(shade=2), file(shade=3)],
        style_images=file(shade=4),
    )
    work()
    [images] = seen
    assert [each.role for each in images] == ["init", "reference", "reference", "style"]
    assert {each.mime_type for each in images} == {"image/png"}
    assert GenerationJob.objects.get().status == Status.SUCCEEDED


ANIMATED = picture(
    "WEBP", save_all=True, append_images=[Pillow.new("RGB", (64, 48))], duration=80
)
BAD_FILES = [
    ("animated", ANIMATED, "moves"),
    ("truncated", picture("JPEG", size=(400, 400))[:3000], "damaged or not complete"),
    ("bomb", fake_pictures.bomb(), "25 megapixels"),
    ("too large", b"\x89PNG\r\n\x1a\n" + bytes(20_000_001), "larger than 20 MB"),
    ("a page", b"<html>", "not a PNG, JPEG, WebP or AVIF"),
    ("empty", b"", "empty"),
    ("a vector", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a PNG"),
    ("too small", picture(size=(256, 20)), "at least 64 pixels"),
    ("too many pixels", picture(size=(3000, 3000)), "at most 4.2 megapixels"),
]


@pytest.mark.parametrize("headers", [HTMX, {}], ids=["htmx", "no-script"])
@pytest.mark.parametrize(
    ("content", "words"),
    [row[1:] for row in BAD_FILES],
    ids=[row[0] for row in BAD_FILES],
)
@pytest.mark.parametrize("field", ["init_image", "reference_images"])
def test_when_a_picture_is_no_good_then_its_field_says_so_and_nothing_is_taken(
    signed_in, alice, field, content, words, headers
):
    typed = {"prompt": "keep these words", "option_quality": "high", "seed": "77"}
    response = press(signed_in, headers=headers, **typed, **{field: file(content)})
    page = text_of(response)
    assert response.status_code == 422
    assert f'id="{field}-error"' in page
    assert words in page
    assert ">keep these words</textarea>" in page
    assert re.search(r'<option value="high" selected', page)
    assert 'name="seed" type="text" inputmode="numeric" value="77"' in page
    assert not Generation.objects.exists()
    assert not Image.objects.exists()
    assert files_on_disk() == []
    assert ledger.wallet_of(alice).balance == 100


def refused(client, **typed) -> str:
    response = press(client, **typed)
    assert response.status_code == 422, response.content.decode()[:2000]
    assert not JobInput.objects.exists()
    assert files_on_disk() == []
    return text_of(response)


@pytest.mark.parametrize("headers", [HTMX, {}], ids=["htmx", "no-script"])
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("reference:640x480", "reference_images"),
        ("init:640x480", "init_image"),
        ("style:", "style_images"),
    ],
)
def test_when_a_chosen_picture_did_not_arrive_then_the_press_is_refused(
    signed_in, alice, given, field, headers
):
    response = press(signed_in, headers=headers, given=given)
    page = text_of(response)
    assert response.status_code == 422
    shown = re.search(f'id="{field}-error">([^<]*)<', page)
    assert shown is not None
    assert "A picture did not arrive. Add it again." in shown[1]
    assert not Generation.objects.exists()
    assert ledger.wallet_of(alice).balance == 100


def test_when_one_of_several_pictures_did_not_arrive_then_it_is_refused(signed_in):
    given = ["reference:256x256", "reference:256x256", "init:256x256"]
    page = refused(
        signed_in, given=given, reference_images=file(), init_image=file(shade=2)
    )
    assert "Reference: A picture did not arrive. Add it again." in page
    assert "Start from: A picture" not in page


def test_when_all_chosen_pictures_arrived_then_they_are_taken_once(signed_in, alice):
    kept = make_image(alice, size=(256, 256))
    typed = {"given": ["init:256x256", "reference:256x256"], "init_image": file()}
    typed["reference_images"] = [str(kept.public_id), file(shade=2)]
    assert press(signed_in, **typed).status_code == 200
    assert GenerationJob.objects.get().num_inputs == 3


def test_when_there_are_more_references_than_allowed_then_all_are_refused(signed_in):
    row = ImageModel.objects.get(slug="fake-studio")
    row.capabilities["max_reference_images"] = 16
    row.save()
    many = [file(shade=shade) for shade in range(17)]
    page = refused(signed_in, reference_images=many)
    assert "These are 17 pictures; this model takes at most 16." in page
    page = refused(signed_in, reference_images=[file() for _ in range(41)])
    assert "too many pictures" in page


def test_when_one_of_several_files_is_no_good_then_it_is_named(signed_in):
    files = [file(name="good.png"), file(b"x", name="bad.png")]
    page = refused(signed_in, reference_images=files)
    assert "bad.png: This is not a PNG" in page


def test_when_a_mask_has_another_size_then_it_is_refused(signed_in):
    page = refused(signed_in, init_image=file(), mask_image=mask((64, 64)))
    assert "The mask is 64 × 64 and the start picture 256 × 256" in page  # noqa: RUF001
    page = refused(signed_in, mask_image=mask())
    assert "A mask needs a picture to start from." in page
    black = file(size=(256, 256), content=_png(Pillow.new("L", (256, 256))))
    page = refused(signed_in, init_image=file(), mask_image=black)
    assert "The mask marks nothing" in page


def test_when_a_model_needs_a_picture_then_it_says_so_before_the_press(signed_in):
    page = text_of(signed_in.get("/?image_model=fake-enlarge"))
    assert 'data-missing="Add a picture to start from."' in page
    assert re.search(r'id="go-reason"[^>]*>Add a picture to start from.<', page)
    assert "Add a picture to start from." in refused(
        signed_in, image_model="fake-enlarge", option_look="true"
    )


def test_when_no_words_are_needed_then_the_press_needs_none(signed_in, alice):
    typed = {"image_model": "fake-enlarge", "option_look": "true", "prompt": ""}
    assert press(signed_in, init_image=file(), **typed).status_code == 200
    assert "Make it larger" in text_of(signed_in.get("/"))
    typed["prompt"] = "my holiday \0"
    assert press(signed_in, init_image=file(), **typed).status_code == 200
    assert Generation.objects.latest("pk").prompt == "my holiday "
    work()
    sizes = {
        (each.file.width, each.file.height)
        for each in alice.images.filter(kind=Image.Kind.GENERATED)
    }
    assert sizes == {(512, 512)}


def test_when_the_balance_is_short_then_no_picture_is_left_behind(signed_in, alice):
    ledger.adjust(ledger.wallet_of(alice), -99, note="spent")
    response = press(signed_in, init_image=file())
    assert response.status_code == 402
    assert not Image.objects.exists()
    assert files_on_disk() == []


def test_when_pressed_twice_with_one_token_then_one_picture_is_kept(signed_in, alice):
    token = str(uuid.uuid4())
    for shade in (1, 2):
        press(signed_in, client_token=token, init_image=file(shade=shade))
    assert Generation.objects.count() == 1
    assert alice.images.count() == 1
    assert len(files_on_disk()) == 3


class SlowFile(SimpleUploadedFile):
    """While it is read to be kept, the same press arrives at another process."""

    meanwhile = None

    def read(self, *args):
        if self.meanwhile is not None:
            self.meanwhile()
            self.meanwhile = None
        return super().read(*args)


def test_when_the_same_press_was_quicker_elsewhere_then_its_own_pictures_go(
    signed_in, alice
):
    token, slow = uuid.uuid4(), SlowFile("a.png", picture(size=(256, 256)))
    composer = forms.compose(
        alice,
        MultiValueDict({"image_model": ["fake-studio"], "prompt": ["a bird"]}),
        files=MultiValueDict({"init_image": [slow]}),
        rules={},
    )
    slow.meanwhile = lambda: press(signed_in, client_token=str(token))
    mine = presses.Press(
        user=alice, composer=composer, client_token=token, told_price=None
    )
    assert mine.submit() == Generation.objects.get()
    assert not Image.objects.exists()
    assert files_on_disk() == []


def test_when_a_picture_of_the_gallery_is_used_then_the_form_holds_it(
    signed_in, alice, bob
):
    image, other = make_image(alice, size=(256, 256)), make_image(bob, 3)
    for role, field in (("init", "init_image"), ("reference", "reference_images")):
        page = text_of(signed_in.get(f"/?use={image.public_id}&role={role}"))
        assert f'name="{field}" value="{image.public_id}" checked' in page
        chosen = re.search(r'<option data-label[^>]*value="([\w-]+)" selected', page)
        assert chosen is not None
        assert chosen[1] in {"fake-studio", "fake-enlarge"}  # one that can use it
    assert signed_in.get(f"/?use={other.public_id}").status_code == 404
    assert signed_in.get(f"/?use={image.public_id}&role=x").status_code == 404
    response = press(signed_in, init_image=str(image.public_id))
    assert response.status_code == 200
    assert alice.images.count() == 1, "nothing is copied"
    work()
    assert ImageParent.objects.get().parent == image
    page = refused_without_files(signed_in, init_image=str(other.public_id))
    assert inputs.GONE in page
    assert inputs.GONE in refused_without_files(signed_in, init_image="nonsense")


def refused_without_files(client, **typed) -> str:
    response = press(client, **typed)
    assert response.status_code == 422
    return text_of(response)


def test_when_an_input_was_trashed_meanwhile_then_it_still_works(signed_in, alice):
    press(signed_in, init_image=file())
    alice.images.trash()
    work()
    assert GenerationJob.objects.get().status == Status.SUCCEEDED
    assert ImageParent.objects.count() == 1


def test_when_an_input_was_deleted_for_ever_then_the_tile_says_so(signed_in, alice):
    press(signed_in, init_image=file())
    alice.images.trash()
    delete_forever(Image.objects.all())
    work()
    job = GenerationJob.objects.get()
    assert (job.status, job.failure_message) == (Status.FAILED, inputs.GONE)
    page = text_of(signed_in.get("/"))
    assert "A picture it works on is gone." in page
    assert ledger.wallet_of(alice).balance == 100
    address = reverse("generators:job-retry", kwargs={"public_id": job.public_id})
    assert inputs.GONE in text_of(signed_in.post(address, headers=HTMX))


def test_when_it_is_tried_again_then_it_works_on_the_same_pictures(signed_in, alice):
    press(signed_in, prompt="a bird !refuse", init_image=file(), option_quality="high")
    work()
    job = GenerationJob.objects.get()
    page = text_of(signed_in.get("/"))
    assert "Change them" in page
    assert "The model declined the words or a picture." in page
    form = text_of(signed_in.get(f"/?job={job.public_id}"))
    start = job.inputs.get().image
    assert f'name="init_image" value="{start.public_id}" checked' in form
    assert re.search(r'<option value="high" selected', form)
    jobs.cancel_job(job)
    again = jobs.retry_job(job, client_token=uuid.uuid4()).jobs.get()
    assert again.inputs.get().image == start
    assert again.price_credits == job.price_credits


def test_when_a_made_picture_is_used_again_then_its_parents_are_given_again(
    signed_in, alice
):
    press(signed_in, init_image=file(), reference_images=file(shade=3))
    work()
    made = alice.images.get(kind=Image.Kind.GENERATED)
    form = text_of(signed_in.get(f"/?image={made.public_id}"))
    for link in ImageParent.objects.filter(child=made):
        assert f'value="{link.parent.public_id}" checked' in form


def test_when_one_picture_has_a_role_twice_then_its_child_names_it_once(
    signed_in, alice
):
    image = make_image(alice, size=(256, 256))
    twice = [str(image.public_id)] * 2
    assert press(signed_in, reference_images=twice).status_code == 200
    work()
    assert GenerationJob.objects.get().status == Status.SUCCEEDED
    assert ImageParent.objects.count() == 1


def test_when_several_jobs_come_of_it_then_each_has_the_pictures(signed_in, alice):
    press(signed_in, init_image=file(), num_images="3")
    found = GenerationJob.objects.all()
    assert [job.num_images for job in found] == [1, 1, 1]
    assert {job.inputs.get().image_id for job in found} == {alice.images.get().pk}
    work()
    assert ImageParent.objects.count() == 3


def _png(pixels: Pillow.Image) -> bytes:
    out = io.BytesIO()
    pixels.save(out, "PNG")
    return out.getvalue()


def _noise(side: int) -> bytes:
    return _png(Pillow.effect_noise((side, side), 90).convert("RGB"))


def test_when_its_bytes_are_too_many_for_the_model_then_it_is_refused_unpaid(
    signed_in, alice
):
    row = ImageModel.objects.get(slug="fake-studio")
    row.capabilities["inputs"]["max_bytes"] = 20_000
    row.save()
    page = refused(signed_in, init_image=file(_noise(400)))
    assert inputs.TOO_LARGE in page
    assert 'id="init_image-error"' in page
    assert press(signed_in, init_image=file(size=(300, 300))).status_code == 200
    work()
    assert GenerationJob.objects.get().status == Status.SUCCEEDED


@pytest.mark.django_db(transaction=True)
def test_when_something_fails_after_the_press_is_kept_then_so_are_its_pictures(
    signed_in, alice
):
    def fail(**_):
        transaction.on_commit(lambda: 1 / 0)

    post_save.connect(fail, sender=Generation)
    try:
        with pytest.raises(ZeroDivisionError):
            press(signed_in, init_image=file())
    finally:
        post_save.disconnect(fail, sender=Generation)
    stored = alice.images.get().file.path
    assert (Path(site.MEDIA_ROOT) / stored).is_file()


def test_when_pictures_are_sent_together_then_each_gets_its_share_of_the_bytes(
    signed_in,
):
    row = ImageModel.objects.get(slug="fake-studio")
    row.capabilities["inputs"]["max_total_bytes"] = 600_000
    row.save()
    noise = {"init_image": file(_noise(400)), "reference_images": [file(_noise(400))]}
    assert press(signed_in, **noise, mask_image=mask((400, 400))).status_code == 200
    found = inputs.load(
        GenerationJob.objects.get(), catalog.capabilities_of(row), expected=3
    )
    sent = [each for each in found if each.role is not ImageRole.MASK]
    assert [each.mime_type for each in sent] == ["image/jpeg"] * 2
    assert sum(len(each.content) for each in sent) <= 600_000
    row.capabilities["inputs"]["max_total_bytes"] = 100_000
    row.save()
    noise = {"init_image": file(_noise(400)), "reference_images": [file(_noise(400))]}
    response = press(signed_in, **noise)
    assert (response.status_code, GenerationJob.objects.count()) == (422, 1)
    assert inputs.TOO_LARGE in text_of(response)


@pytest.mark.parametrize(
    ("mime_types", "max_bytes", "expected"),
    [
        (("image/png", "image/jpeg"), 10_000_000, "image/png"),
        (("image/jpeg",), 10_000_000, "image/jpeg"),
        (("image/png", "image/jpeg"), 200_000, "image/jpeg"),
        (("image/png",), 200_000, None),
        (("image/jpeg",), 10_000, None),
    ],
)
def test_what_fits_is_what_is_written_for_the_provider(
    signed_in, alice, mime_types, max_bytes, expected
):
    row = ImageModel.objects.get(slug="fake-studio")
    press(signed_in, init_image=file(_noise(400)))
    job, image = GenerationJob.objects.get(), alice.images.get()
    row.capabilities["inputs"] |= {"mime_types": mime_types, "max_bytes": max_bytes}
    able = catalog.capabilities_of(row)
    limits = InputLimits(mime_types=mime_types, max_bytes=max_bytes)
    fits = inputs.fits(image.file, role=ImageRole.INIT, limits=limits)
    assert fits is (expected is not None)
    if expected is None:
        with pytest.raises(inputs.InvalidRequest):
            inputs.load(job, able, expected=1)
    else:
        [found] = inputs.load(job, able, expected=1)
        assert found.mime_type == expected
        assert len(found.content) <= max_bytes
