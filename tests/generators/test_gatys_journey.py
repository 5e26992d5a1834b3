"""From two pictures to one whose pixels were optimised, and the curve on its page."""

import numpy as np
import pytest
from PIL import Image as Pillow

from accounts import ledger
from gallery.models import Image, ImageParent
from generators import catalog, jobs, moves
from generators.contracts import Lane
from generators.models import GenerationJob
from generators.providers import registry
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
def signed_in(transactional_db, models_folder, shared_engine, client, alice):
    """Alice, on a site whose engine is ours."""
    registry.close_all()
    provider().engine = shared_engine
    catalog.fill()
    client.force_login(alice)
    yield client
    registry.close_all()


def provider():
    return registry.get(registry.LOCAL_GATYS)


def press(client, **fields):
    usual = {"num_inference_steps": "10"}
    return bringing.press(client, "style-gatys", **usual | fields)


def both():
    return {"init_image": file_of(scene()), "style_images": file_of(scene(50, 70))}


def test_when_it_is_done_then_its_page_shows_how_the_loss_fell(signed_in, alice):
    before = ledger.wallet_of(alice).balance
    chosen = {"strength": "0.9", "option_keep_colors": "yes"}
    assert press(signed_in, **both(), **chosen).status_code == 200
    work()
    job = GenerationJob.objects.get()
    assert job.status == Status.SUCCEEDED, job.failure_detail
    assert result().size == (60, 40)
    image = Image.objects.get(kind=Image.Kind.GENERATED)
    assert len(image.losses) == 11
    assert image.losses[-1] < image.losses[0]
    assert len(ImageParent.objects.filter(child=image)) == 2
    wallet = ledger.wallet_of(alice)
    assert (wallet.balance, wallet.reserved) == (before - 1, 0)
    page = words_of(signed_in.get(f"/images/{image.public_id}/"))
    assert "How it was made" in page
    assert "Its pixels were changed 10 times." in page
    assert page.count("<polyline") == 1
    start = Image.objects.filter(kind=Image.Kind.UPLOADED).first()
    assert "<polyline" not in words_of(signed_in.get(f"/images/{start.public_id}/"))


def test_when_one_picture_is_both_then_it_stays_as_it_was(signed_in):
    start = scene()
    same = {"init_image": file_of(start), "style_images": file_of(start)}
    assert press(signed_in, **same).status_code == 200
    work()
    off = np.asarray(result().convert("RGB")).astype(int) - np.asarray(start)
    assert np.abs(off).mean() < 3


BAD = {
    "a start of one pixel": (
        lambda: both() | {"init_image": file_of(Pillow.new("RGB", (1, 1)))},
        "The picture is 1 × 1; this model needs at least 32 pixels",  # noqa: RUF001
    ),
    "a style of one pixel": (
        lambda: both() | {"style_images": file_of(Pillow.new("RGB", (1, 1)))},
        "The picture is 1 × 1; this model needs at least 32 pixels",  # noqa: RUF001
    ),
    "a start that is a strip": (
        lambda: both() | {"init_image": file_of(Pillow.new("1", (400, 40)))},
        "takes one at most 8 times as long as wide",
    ),
    "a style that is cut short": (
        lambda: both() | {"style_images": file_of(cut_short())},
        "damaged or not complete",
    ),
    "no start": (
        lambda: {"style_images": file_of(scene())},
        "Add a picture to start from.",
    ),
    "no style": (
        lambda: {"init_image": file_of(scene())},
        "Add a second picture to take the style from.",
    ),
    "a strength beyond all": (lambda: both() | {"strength": "1.5"}, "from 0 to 1"),
    "too many steps": (
        lambda: both() | {"num_inference_steps": "301"},
        "from 10 to 300",
    ),
    "a size that is none": (
        lambda: both() | {"option_longest_side": "9000"},
        "“9000” is not one of these: 256",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_when_it_cannot_be_served_then_it_is_refused_and_nothing_is_charged(
    signed_in, alice, name
):
    fields, words = BAD[name]
    before = ledger.wallet_of(alice).balance
    response = press(signed_in, **fields())
    assert response.status_code == 422
    assert words in words_of(response)
    assert not GenerationJob.objects.exists()
    assert ledger.wallet_of(alice).balance == before


def test_when_there_is_no_gpu_for_so_many_pixels_then_it_says_so_and_costs_nothing(
    signed_in, alice
):
    before = ledger.wallet_of(alice).balance
    assert press(signed_in, **both(), option_longest_side="1024").status_code == 200
    work()
    job = GenerationJob.objects.get()
    assert job.status == Status.FAILED
    assert "without a GPU" in job.failure_message
    wallet = ledger.wallet_of(alice)
    assert (wallet.balance, wallet.reserved) == (before, 0)


def test_when_the_engine_is_killed_then_the_job_fails_in_words_and_costs_nothing(
    signed_in, alice, shared_engine
):
    before = ledger.wallet_of(alice).balance
    assert press(signed_in, **both(), num_inference_steps="300").status_code == 200
    provider().engine = KilledMidway(limit_mb=0, idle_seconds=600)
    for _ in range(moves.MAX_ATTEMPTS):
        GenerationJob.objects.update(next_action_at=None)
        assert jobs.run_next(Lane.LOCAL, worker="test")
    job = GenerationJob.objects.get()
    assert job.failure_kind == GenerationJob.FailureKind.OUT_OF_MEMORY
    wallet = ledger.wallet_of(alice)
    assert (wallet.balance, wallet.reserved) == (before, 0)
    provider().engine = shared_engine
    press(signed_in, **both())
    work()
    assert result().size == (60, 40)
