"""Every family draws, and what it draws is what the bare pipeline draws."""

import io
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from generators.contracts import GenerationRequest, Progress
from generators.errors import UnsupportedRequest
from generators.pipelines import loading
from generators.pipelines.memory import Device
from generators.providers.local_diffusers import LocalDiffusersProvider
from magicshot.env import BASE_DIR
from tests.fakes.tiny_pipelines import FAMILIES, SIDE

# diffusers' own, under numpy 2: only our bare pipelines run in this process.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")

ALL = [f"tiny-{family}" for family in FAMILIES]
ALL += ["tiny-single.safetensors", "tiny-single-xl.safetensors"]


def request_for(model_id, **changes):
    return replace(
        GenerationRequest(
            provider_model_id=model_id,
            prompt="a red apple on a table",
            width=SIDE,
            height=SIDE,
            seed=7,
        ),
        **changes,
    )


def drawn(provider, request, seen=None):
    def on_progress(progress):
        if seen is not None:
            seen.append(progress)
        return True

    return provider.submit(request, on_progress=on_progress)


def pixels(image):
    return np.asarray(
        Image.open(io.BytesIO(image.content.read())).convert("RGB")
    ).astype(int)


def found(provider, model_id):
    return provider._discover().find(model_id)


@pytest.mark.parametrize("model_id", ALL)
def test_when_drawn_by_the_engine_then_it_equals_the_bare_pipeline(local, model_id):
    import torch

    able = found(local, model_id).capabilities
    guidance = able.guidance_scale.default if able.guidance_scale else None
    result = drawn(local, request_for(model_id, guidance_scale=guidance))

    pipeline = loading.load(
        found(local, model_id).checkpoint, Device(name="cpu", float_bytes=4)
    )
    bare = pipeline(
        prompt="a red apple on a table",
        width=SIDE,
        height=SIDE,
        num_inference_steps=4,
        guidance_scale=guidance,
        generator=torch.Generator("cpu").manual_seed(7),
    ).images[0]
    assert np.array_equal(pixels(result.images[0]), np.asarray(bare))
    assert result.images[0].seed == 7
    assert result.model_seconds > 0


@pytest.mark.parametrize("model_id", ALL)
def test_when_drawn_twice_or_in_a_batch_then_a_seed_gives_the_same(local, model_id):
    alone = [drawn(local, request_for(model_id, seed=s)).images[0] for s in (7, 8, 9)]
    again = drawn(local, request_for(model_id, seed=8)).images[0]
    batch = drawn(local, request_for(model_id, num_images=3)).images
    assert [each.seed for each in batch] == [7, 8, 9]
    assert np.array_equal(pixels(alone[1]), pixels(again))
    assert not np.array_equal(pixels(alone[0]), pixels(alone[1]))
    for one, other in zip(alone, batch, strict=True):
        assert np.abs(pixels(one) - pixels(other)).max() <= 1


def test_when_a_batch_is_native_then_it_is_one_call(local):
    seen: list[Progress] = []
    drawn(local, request_for("tiny-sd15", num_images=4), seen)
    assert max(each.step for each in seen) == 4
    assert seen[-1].fraction == pytest.approx(0.98)


@pytest.mark.parametrize("family", FAMILIES)
def test_when_drawing_takes_time_then_previews_come(local, family):
    seen: list[Progress] = []
    times: list[float] = []

    def on_progress(progress):
        seen.append(progress)
        times.append(time.monotonic())
        return True

    request = request_for(f"tiny-{family}", num_inference_steps=90)
    local.submit(request, on_progress=on_progress)
    previews = {each.preview for each in seen if each.preview}
    assert len(previews) >= max(1, (times[-1] - times[0]) // 5), "the first at once"
    for preview in previews:
        image = Image.open(io.BytesIO(preview))
        assert image.format == "WEBP"
        assert image.size == (256, 256)
    assert seen[-1].step == seen[-1].steps == 90


def test_when_words_or_numbers_differ_then_the_picture_does(local):
    plain = drawn(local, request_for("tiny-sd15")).images[0]
    for changes in (
        {"prompt": "a blue bird"},
        {"negative_prompt": "rain"},
        {"guidance_scale": 1.0},
        {"num_inference_steps": 3},
        {"scheduler": "euler"},
    ):
        other = drawn(local, request_for("tiny-sd15", **changes)).images[0]
        assert not np.array_equal(pixels(plain), pixels(other)), changes
    same = drawn(local, request_for("tiny-sd15")).images[0]
    assert np.array_equal(pixels(plain), pixels(same)), "a scheduler stayed behind"


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_when_a_scheduler_is_offered_then_it_draws(local, family):
    able = found(local, f"tiny-{family}").capabilities
    assert "euler" in able.schedulers
    for scheduler in able.schedulers:
        request = request_for(f"tiny-{family}", scheduler=scheduler)
        assert drawn(local, request).images


def test_when_no_seed_is_given_then_each_draw_has_its_own(local):
    first, second = (
        drawn(local, request_for("tiny-flux", seed=None)).images[0] for _ in range(2)
    )
    assert first.seed != second.seed
    assert 0 <= first.seed < 2**32


def test_when_the_seeds_end_at_the_greatest_then_it_draws_and_beyond_is_refused(local):
    result = drawn(local, request_for("tiny-flux", seed=2**63 - 2, num_images=2))
    assert [each.seed for each in result.images] == [2**63 - 2, 2**63 - 1]
    with pytest.raises(UnsupportedRequest) as refused:
        drawn(local, request_for("tiny-flux", seed=2**63 - 1, num_images=2))
    assert refused.value.field == "seed"


@pytest.mark.parametrize(
    ("single", "folder"),
    [
        ("tiny-single.safetensors", "tiny-sd15"),
        ("tiny-single-xl.safetensors", "tiny-sdxl"),
    ],
)
def test_when_the_same_weights_are_in_one_file_then_the_picture_is_the_same(
    local, single, folder
):
    one, other = (
        drawn(local, request_for(model_id)).images[0] for model_id in (single, folder)
    )
    assert np.array_equal(pixels(one), pixels(other))


def test_when_spark_draws_then_it_equals_the_bare_pipeline_and_shows_previews(
    settings, tmp_path, shared_engine
):
    import torch

    settings.BUILT_IN_MODELS_DIR = BASE_DIR / "models"
    settings.MODELS_DIR = tmp_path
    provider = LocalDiffusersProvider(engine=shared_engine)
    size = found(provider, "spark").capabilities.default_size
    seen: list[Progress] = []
    request = request_for("spark", width=size.width, height=size.height)
    result = drawn(provider, request, seen)

    checkpoint = found(provider, "spark").checkpoint
    loading.use_fitting_threads(checkpoint)
    pipeline = loading.load(checkpoint, Device(name="cpu", float_bytes=4))
    able = found(provider, "spark").capabilities
    bare = pipeline(
        prompt="a red apple on a table",
        width=size.width,
        height=size.height,
        num_inference_steps=int(able.num_inference_steps.default),
        guidance_scale=able.guidance_scale.default,
        generator=torch.Generator("cpu").manual_seed(7),
    ).images[0]
    assert np.array_equal(pixels(result.images[0]), np.asarray(bare))
    assert any(each.preview for each in seen)
