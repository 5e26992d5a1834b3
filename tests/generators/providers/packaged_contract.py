"""What every provider with packaged weights shows: the suite, on real weights and engine."""

import io
import os
import shutil
import signal

import numpy as np
import pytest
from PIL import Image

from generators.capabilities import ImageRole
from generators.contracts import InputImage
from generators.providers.local.engine_client import EngineClient
from generators.providers.local.packaged import PackagedProvider, package_folder
from tests.generators.providers.contract import Behaviour, ProviderContract

NO_SERVICE = "there is no service that could"
NO_MODERATION = "the nets look for nothing to withhold"


def png(picture):
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def given(content, role=ImageRole.INIT):
    return InputImage(content=content, mime_type="image/png", role=role)


def worked(provider, request, on_progress=lambda progress: True):
    return provider.submit(request, on_progress=on_progress)


def pixels(result):
    picture = Image.open(io.BytesIO(result.images[0].content.read()))
    return np.asarray(picture.convert("RGB")).astype(int)


class PackagedContract(ProviderContract):
    """Says of its subclass: ``provider_class``, ``files``, of which the first is damaged.

    ``usual_request`` asks for something quick, of a start picture's bytes.
    """

    provider_class: type[PackagedProvider]
    files: tuple[str, ...]
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

    def usual_request(self):
        """Return a request that takes a moment."""
        raise NotImplementedError

    def with_start(self, content):
        """Return the usual request with another start picture's bytes."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _world(self, tmp_path, shared_engine):
        kind = self.provider_class
        self.folder = tmp_path / "weights"
        self.folder.mkdir()
        for name in self.files:
            shutil.copy2(
                package_folder(kind.package, kind.weights_folder) / name, self.folder
            )
        self.engine = shared_engine

    def make_provider(self):
        self.made = self.provider_class(self.engine, self.folder)
        return self.made

    def make_provider_of_its_own(self):
        engine = EngineClient(limit_mb=0, idle_seconds=600)
        return self.provider_class(engine, self.folder)

    def request_that(self, behaviour):
        request = self.usual_request()
        damaged = self.folder / self.files[0]
        if behaviour is Behaviour.FINDS_INVALID:
            content = request.images[0].content
            return self.with_start(content[: len(content) // 2])
        if behaviour is Behaviour.RUNS_OUT_OF_MEMORY:
            self.made.engine = EngineClient(limit_mb=1, idle_seconds=600)
        if behaviour is Behaviour.NEVER_ANSWERS:
            self.stop_the_engine(request)
        if behaviour is Behaviour.ANSWERS_NONSENSE:
            damaged.write_bytes(b"\0" * 99)
        if behaviour is Behaviour.MODEL_IS_GONE:
            damaged.unlink()
        return request

    def stop_the_engine(self, request):
        self.made.engine = engine = EngineClient(
            limit_mb=0, idle_seconds=600, silence_seconds=60
        )
        worked(self.made, request)
        os.kill(engine.pid, signal.SIGSTOP)
        engine._silence_seconds = 0.5
