"""From a picture that somebody brings to a larger one in the gallery, by the real nets."""

import numpy as np
import pytest
from PIL import Image as Pillow

from accounts import ledger
from gallery.models import Image, ImageParent
from generators import catalog, jobs, moves
from generators.contracts import Lane
from generators.models import GenerationJob
from generators.providers import registry
from generators.providers.local_upscaling import LocalUpscalingProvider
from tests.fakes.shared_engine import KilledMidway
from tests.generators import bringing
from tests.generators.bringing import (
    cut_short,
    file_of,
    result,
    scene,
    words_of,
    work,
)

Status = GenerationJob.Status


@pytest.fixture
def site(transactional_db, models_folder, shared_engine):
    """The catalogue, and the registry's provider on our engine."""
    registry.close_all()
    provider().engine = shared_engine
    catalog.fill()
    yield
    registry.close_all()


@pytest.fixture
def signed_in(site, client, alice):
    client.force_login(alice)
    return client


def provider():
    return registry.get(registry.LOCAL_UPSCALE)


def press(client, picture, *, kind="PNG", factor="2", **options):
    """Press the button with a picture, or with a file's bytes."""
    return bringing.press(
        client,
        "real-esrgan-fast",
        option_upscale_factor=factor,
        init_image=file_of(picture, kind, **options),
    )


def test_when_a_picture_is_brought_then_a_larger_one_hangs_beside_it(signed_in, alice):
    before = ledger.wallet_of(alice).balance
    assert press(signed_in, scene(60, 40), factor="4").status_code == 200
    work()
    job = GenerationJob.objects.get()
    assert job.status == Status.SUCCEEDED, job.failure_detail
    image = Image.objects.get(kind=Image.Kind.GENERATED)
    assert (image.file.width, image.file.height) == (240, 160)
    assert image.image_model_slug == "real-esrgan-fast"
    assert image.parameters["options"] == [{"name": "upscale_factor", "value": "4"}]
    parent = ImageParent.objects.get(child=image).parent
    assert parent.kind == Image.Kind.UPLOADED
    assert (parent.file.width, parent.file.height) == (60, 40)
    wallet = ledger.wallet_of(alice)
    assert (wallet.balance, wallet.reserved) == (before - 1, 0)
    page = words_of(signed_in.get("/?image_model=real-esrgan-fast"))
    assert "Makes a picture 2 or 4 times larger in seconds" in page


KINDS = {
    "greys": lambda: (scene(40, 30).convert("L"), {}),
    "16 bits": lambda: (
        Pillow.fromarray(
            np.asarray(scene(40, 30).convert("L")).astype(np.uint16) * 257
        ),
        {},
    ),
    "palette": lambda: (scene(40, 30).quantize(64), {}),
    "cmyk": lambda: (scene(40, 30).convert("CMYK"), {"kind": "JPEG", "quality": 95}),
    "on its side": lambda: (
        scene(40, 30).transpose(Pillow.Transpose.ROTATE_90),
        {"exif": _turned_right(), "kind": "JPEG", "quality": 95},
    ),
}


def _turned_right():
    exif = Pillow.Exif()
    exif[0x0112] = 6
    return exif


@pytest.mark.parametrize("name", KINDS)
def test_when_it_is_of_an_odd_kind_then_it_is_enlarged_as_it_looks(signed_in, name):
    picture, options = KINDS[name]()
    assert press(signed_in, picture, **options).status_code == 200
    work()
    enlarged = result()
    assert enlarged.size == (80, 60)
    plain = scene(40, 30).convert("L" if name in {"greys", "16 bits"} else "RGB")
    back = enlarged.resize((40, 30), Pillow.Resampling.BOX).convert("RGB")
    off = np.asarray(back).astype(int) - np.asarray(plain.convert("RGB")).astype(int)
    assert np.abs(off).mean() < 12


def test_when_it_has_alpha_then_so_has_the_larger_one(signed_in):
    picture = scene(40, 40)
    picture.putalpha(Pillow.radial_gradient("L").resize((40, 40)))
    assert press(signed_in, picture).status_code == 200
    work()
    enlarged = result()
    assert enlarged.mode == "RGBA"
    alpha = enlarged.getchannel("A").resize((40, 40), Pillow.Resampling.BOX)
    off = np.asarray(alpha).astype(int) - np.asarray(picture.getchannel("A"))
    assert np.abs(off).max() <= 6


BAD = {
    "one pixel": (lambda: Pillow.new("RGB", (1, 1)), "2", "needs at least 16 pixels"),
    "past the cap": (
        lambda: Pillow.new("RGB", (1300, 1300)),
        "4",
        "would be 5200 × 5200; this model makes at most 25 megapixels",  # noqa: RUF001
    ),
    "past any cap": (
        lambda: Pillow.new("RGB", (2600, 2600)),
        "2",
        "this model takes at most 6.2 megapixels",
    ),
    "huge": (lambda: Pillow.new("1", (5100, 5000)), "2", "megapixels"),
    "cut short": (cut_short, "2", "damaged or not complete"),
    "no picture": (lambda: b"GIF89a", "2", "PNG, JPEG"),
    "no such factor": (lambda: scene(40, 40), "3", "“3” is not one of these: 2, 4"),
}


@pytest.mark.parametrize("name", BAD)
def test_when_it_cannot_be_served_then_it_is_refused_and_nothing_is_charged(
    signed_in, alice, name
):
    make, factor, words = BAD[name]
    before = ledger.wallet_of(alice).balance
    response = press(signed_in, make(), factor=factor)
    assert response.status_code == 422
    assert words in words_of(response)
    assert not GenerationJob.objects.exists()
    assert ledger.wallet_of(alice).balance == before
    assert press(signed_in, scene(20, 20)).status_code == 200
    work()
    assert result().size == (40, 40)


def test_when_no_picture_is_given_then_it_asks_for_one(signed_in):
    response = bringing.press(signed_in, "real-esrgan-fast")
    assert response.status_code == 422
    assert "Add a picture to start from." in words_of(response)


def test_when_the_engine_is_killed_then_the_job_fails_in_words_and_costs_nothing(
    signed_in, alice, shared_engine
):
    before = ledger.wallet_of(alice).balance
    press(signed_in, Pillow.new("RGB", (800, 100)))
    provider().engine = KilledMidway(limit_mb=0, idle_seconds=600)
    for _ in range(moves.MAX_ATTEMPTS):
        GenerationJob.objects.update(next_action_at=None)
        assert jobs.run_next(Lane.LOCAL, worker="test")
    job = GenerationJob.objects.get()
    assert job.status == Status.FAILED
    assert job.failure_kind == GenerationJob.FailureKind.OUT_OF_MEMORY
    wallet = ledger.wallet_of(alice)
    assert (wallet.balance, wallet.reserved) == (before, 0)
    provider().engine = shared_engine
    press(signed_in, scene(20, 20))
    work()
    assert result().size == (40, 40)


def test_when_the_package_is_missing_then_the_model_is_there_and_says_why(
    signed_in, monkeypatch
):
    monkeypatch.setattr(LocalUpscalingProvider, "needed", ("no_such_package",))
    response = press(signed_in, scene(20, 20))
    assert response.status_code == 422
    assert "not installed here (no_such_package)" in words_of(response)
    row = catalog.find("real-esrgan-fast")
    assert not catalog.availability_of(row).is_available
