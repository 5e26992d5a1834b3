"""From two pictures that somebody brings to a painted one in the gallery, by the real nets."""

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
    return registry.get(registry.LOCAL_STYLE)


def press(client, *, image_model="style-built-in", **fields):
    return bringing.press(client, image_model, **fields)


def test_when_a_picture_is_brought_then_a_painted_one_hangs_beside_it(signed_in, alice):
    before = ledger.wallet_of(alice).balance
    response = press(
        signed_in,
        init_image=file_of(scene()),
        option_style="stained_glass",
        option_second_style="ice",
        option_blend="0.25",
        option_keep_colors="yes",
        strength="0.8",
    )
    assert response.status_code == 200
    work()
    job = GenerationJob.objects.get()
    assert job.status == Status.SUCCEEDED, job.failure_detail
    assert result().size == (60, 40)
    image = Image.objects.get(kind=Image.Kind.GENERATED)
    chosen = {each["name"]: each["value"] for each in image.parameters["options"]}
    assert chosen == {
        "style": "stained_glass",
        "second_style": "ice",
        "blend": "0.25",
        "keep_colors": "yes",
    }
    assert image.parameters["strength"] == 0.8
    assert ImageParent.objects.get(child=image).parent.kind == Image.Kind.UPLOADED
    wallet = ledger.wallet_of(alice)
    assert (wallet.balance, wallet.reserved) == (before - 1, 0)


def test_when_the_style_is_from_the_gallery_then_both_pictures_are_its_parents(
    signed_in,
):
    press(signed_in, init_image=file_of(scene()), option_style="crimson")
    work()
    painted = Image.objects.get(kind=Image.Kind.GENERATED)
    response = press(
        signed_in,
        image_model="style-any",
        init_image=file_of(scene(50, 70)),
        style_images=str(painted.public_id),
    )
    assert response.status_code == 200
    work()
    assert result().size == (50, 70)
    latest = Image.objects.filter(kind=Image.Kind.GENERATED).latest("pk")
    parents = ImageParent.objects.filter(child=latest)
    assert painted.pk in {each.parent_id for each in parents}
    assert len(parents) == 2


def test_when_one_picture_is_both_then_it_is_painted_in_its_own_style(signed_in):
    response = press(
        signed_in,
        image_model="style-any",
        init_image=file_of(scene()),
        style_images=file_of(scene()),
    )
    assert response.status_code == 200
    work()
    assert GenerationJob.objects.get().status == Status.SUCCEEDED


BAD = {
    "a start of one pixel": (
        {"init_image": lambda: file_of(Pillow.new("RGB", (1, 1)))},
        "The picture is 1 × 1; this model needs at least 32 pixels",  # noqa: RUF001
    ),
    "a style of one pixel": (
        {
            "image_model": lambda: "style-any",
            "init_image": lambda: file_of(scene()),
            "style_images": lambda: file_of(Pillow.new("RGB", (1, 1))),
        },
        "The picture is 1 × 1; this model needs at least 32 pixels",  # noqa: RUF001
    ),
    "a start that is too long": (
        {"init_image": lambda: file_of(Pillow.new("1", (2049, 60)))},
        "The picture is 2049 × 60; this model takes at most 2048 pixels a side",  # noqa: RUF001
    ),
    "a style that is cut short": (
        {
            "image_model": lambda: "style-any",
            "init_image": lambda: file_of(scene()),
            "style_images": lambda: file_of(cut_short()),
        },
        "damaged or not complete",
    ),
    "no start": ({}, "Add a picture to start from."),
    "no style": (
        {"image_model": lambda: "style-any", "init_image": lambda: file_of(scene())},
        "Add a second picture to take the style from.",
    ),
    "two styles": (
        {
            "image_model": lambda: "style-any",
            "init_image": lambda: file_of(scene()),
            "style_images": lambda: [file_of(scene()), file_of(scene())],
        },
        "These are 2 pictures; this model takes at most 1.",
    ),
    "a style picture for the built-in ones": (
        {
            "init_image": lambda: file_of(scene()),
            "style_images": lambda: file_of(scene()),
        },
        "This model uses no style pictures. Remove them.",
    ),
    "a style that is none": (
        {"init_image": lambda: file_of(scene()), "option_style": lambda: "cubism"},
        "“cubism” is not one of these: fresco",
    ),
    "a strength beyond all": (
        {"init_image": lambda: file_of(scene()), "strength": lambda: "1.5"},
        "from 0 to 1",
    ),
    "a mix below none": (
        {"init_image": lambda: file_of(scene()), "option_blend": lambda: "-1"},
        "from 0 to 1",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_when_it_cannot_be_served_then_it_is_refused_and_nothing_is_charged(
    signed_in, alice, name
):
    fields, words = BAD[name]
    before = ledger.wallet_of(alice).balance
    response = press(signed_in, **{key: make() for key, make in fields.items()})
    assert response.status_code == 422
    assert words in words_of(response)
    assert not GenerationJob.objects.exists()
    assert ledger.wallet_of(alice).balance == before


def test_when_the_engine_is_killed_then_the_job_fails_in_words_and_costs_nothing(
    signed_in, alice, shared_engine
):
    before = ledger.wallet_of(alice).balance
    response = press(
        signed_in,
        image_model="style-any",
        init_image=file_of(scene(1500, 400)),
        style_images=file_of(scene()),
    )
    assert response.status_code == 200
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
    press(signed_in, init_image=file_of(scene()))
    work()
    assert result().size == (60, 40)
