"""Providers that need nothing, for tests and load: never on unless a setting asks.

Words in the prompt steer them. ``!name`` or ``!name=value``, anywhere in it:

- fail at submit: ``!refuse !invalid !unsupported !memory !down !breaks !rate-limit[=seconds]
  !unknown !timeout !empty !auth !quota !not-configured !gone !crash !break-off``;
  with ``!times=K`` only the first K calls of a job fail;
- fail when polled (asynchronous model): the same names after ``poll-``, as
  ``!poll-down``, and ``!poll-lost``, ``!poll-forever``;
- odd results: ``!partial=K`` delivers K pictures, ``!refused=K`` withholds K,
  ``!extra=K`` sends K too many, ``!nothing`` none at all; ``!broken !truncated !html
  !bomb`` send bytes that are no good picture;
- time: ``!slow=SECONDS`` before the picture, ``!hang`` until canceled, ``!steps=N``
  steps with previews of ``!step-seconds=S`` each; ``!polls=K`` pending answers
  (default 1) of ``!poll-seconds=S``.

What was asked of them is kept under ``MAGICSHOT_HOME/fake-provider``, as a service
would keep it: a call log, and the accepted work that a restarted worker polls for.
"""

import json
import os
import random
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings

from generators import errors
from generators.contracts import (
    Accepted,
    Availability,
    GenerationRequest,
    GenerationResult,
    JobHandle,
    Lane,
    ModelSpec,
    OnProgress,
    Pending,
    Progress,
    ResultImage,
)
from generators.providers import catalog_file, fake_pictures, limits
from generators.providers.base import Provider
from generators.spool import Spool

_DIRECTIVE = re.compile(r"!([a-z-]+)(?:=([0-9.]+))?")
_MAX_RANDOM_SEED = 2**32

_FAILURES: dict[str, Callable[[float | None], Exception]] = {
    "refuse": lambda _: errors.ContentRejected(),
    "invalid": lambda _: errors.InvalidRequest(),
    "unsupported": lambda _: errors.UnsupportedRequest("No such option.", field="size"),
    "memory": lambda _: errors.ResourceExhausted(),
    "down": lambda _: errors.ProviderUnavailable(detail="the fake is down"),
    "breaks": lambda _: errors.ProviderFailed(detail="the fake broke"),
    "rate-limit": lambda after: errors.RateLimited(retry_after=after),
    "unknown": lambda _: errors.OutcomeUnknown(),
    "timeout": lambda _: errors.TimedOut(),
    "empty": lambda _: errors.UnexpectedResponse(detail="a success without a picture"),
    "auth": lambda _: errors.AuthenticationFailed(),
    "quota": lambda _: errors.QuotaExhausted(),
    "not-configured": lambda _: errors.NotConfigured(),
    "gone": lambda _: errors.ModelUnavailable(),
    "lost": lambda _: errors.UnexpectedResponse(detail="the fake lost this work"),
    "crash": lambda _: RuntimeError("a bug in an adapter"),
    "break-off": lambda _: errors.UnexpectedResponse("It broke off.", broke_off=True),
}


def directives(prompt: str) -> dict[str, float | None]:
    """Return what a prompt asks of the fake, by name."""
    found = _DIRECTIVE.findall(prompt)
    return {name: float(value) if value else None for name, value in found}


def call_log() -> list[dict[str, Any]]:
    """Return every call the fakes of this data folder received, oldest first."""
    path = _folder() / "calls.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def _folder() -> Path:
    folder = Path(settings.MAGICSHOT_HOME) / "fake-provider"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _log(action: str, token: str) -> int:
    """Write a call down; answer how many of its kind came for this job before."""
    before = sum((c["action"], c["token"]) == (action, token) for c in call_log())
    line = {"action": action, "token": token, "pid": os.getpid(), "at": time.time()}
    descriptor = os.open(
        _folder() / "calls.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600
    )
    try:
        os.write(descriptor, f"{json.dumps(line)}\n".encode())  # one write, not torn
    finally:
        os.close(descriptor)
    return before


class FakeProvider(Provider):
    """Stands for a paid remote service: one model answers at once, one is polled."""

    slug = "fake"
    label = "Test pictures"
    lane = Lane.REMOTE
    is_paid = True
    asynchronous_model: ClassVar[str] = "asynchronous"

    def availability(self) -> Availability:
        """Say yes: nothing is needed."""
        return Availability(is_available=True)

    def catalog(self) -> tuple[ModelSpec, ...]:
        """List the test models."""
        return catalog_file.read(self.slug)

    def submit(
        self, request: GenerationRequest, *, on_progress: OnProgress
    ) -> GenerationResult | Accepted:
        """Draw at once, or take the work to be polled, or fail as the prompt asks."""
        asked = directives(request.prompt)
        self._check(request)
        earlier = _log("submit", request.client_token)
        if earlier < (asked.get("times") or float("inf")):
            _fail(asked, prefix="")
        if request.provider_model_id == self.asynchronous_model:
            return Accepted(handle=self._accept(request, asked))
        started = time.monotonic()
        _work(request, asked, on_progress)
        return _result(request, asked, seconds=time.monotonic() - started)

    def poll(self, handle: JobHandle) -> GenerationResult | Pending:
        """Tell how accepted work is doing, from what the fake service kept."""
        path = self._path(handle)
        kept = json.loads(path.read_text()) if path.exists() else None
        if kept is None:
            raise errors.UnexpectedResponse(detail=f"unknown work {handle.external_id}")
        request = GenerationRequest.from_json(kept["request"])
        asked = directives(request.prompt)
        earlier = _log("poll", request.client_token)
        if kept["canceled"]:
            raise errors.GenerationCanceled()
        if earlier < (asked.get("times") or float("inf")):
            _fail(asked, prefix="poll-")
        polls = asked.get("polls", 1) or 0
        if earlier < polls or "poll-forever" in asked:
            fraction = min(0.95, (earlier + 1) / (polls + 1))
            pause = asked.get("poll-seconds") or 0.1
            return Pending(
                progress=Progress(fraction=fraction), next_poll_seconds=pause
            )
        return _result(request, asked, seconds=time.time() - kept["at"])

    def cancel(self, handle: JobHandle) -> bool:
        """Stop accepted work that is still there."""
        path = self._path(handle)
        if not path.exists():
            return False
        kept = json.loads(path.read_text())
        _log("cancel", kept["request"]["client_token"])
        path.write_text(json.dumps(kept | {"canceled": True}))
        return True

    def _check(self, request: GenerationRequest) -> None:
        specs = {spec.provider_model_id: spec for spec in self.catalog()}
        spec = specs.get(request.provider_model_id)
        if spec is None:
            raise errors.ModelUnavailable(detail=request.provider_model_id)
        limits.refuse_unsupported(spec.capabilities, request)

    def _accept(
        self, request: GenerationRequest, asked: dict[str, float | None]
    ) -> JobHandle:
        handle = JobHandle(
            provider=self.slug,
            external_id=uuid.uuid4().hex,
            next_poll_seconds=asked.get("poll-seconds") or 0.1,
        )
        request = replace(request, seed=_seed(request))
        kept = {"request": request.to_json(), "at": time.time(), "canceled": False}
        self._path(handle).write_text(json.dumps(kept))
        return handle

    @staticmethod
    def _path(handle: JobHandle) -> Path:
        return _folder() / f"{uuid.UUID(handle.external_id).hex}.json"


class FakeLocalProvider(FakeProvider):
    """Stands for a device of ours, one job at a time, for tests of the local lane."""

    slug = "fake-local"
    label = "Test pictures on this machine"
    lane = Lane.LOCAL
    is_paid = False

    def __init__(self) -> None:
        self._loaded: tuple[str, ...] = ()

    def loaded_models(self) -> tuple[str, ...]:
        """Name the model used last, as a device with room for one would."""
        return self._loaded

    def submit(
        self, request: GenerationRequest, *, on_progress: OnProgress
    ) -> GenerationResult | Accepted:
        """Draw, and keep the model loaded."""
        self._loaded = (request.provider_model_id,)
        return super().submit(request, on_progress=on_progress)

    def close(self) -> None:
        """Unload the model."""
        self._loaded = ()


def _fail(asked: dict[str, float | None], *, prefix: str) -> None:
    for name, error in _FAILURES.items():
        if f"{prefix}{name}" in asked:
            raise error(asked[f"{prefix}{name}"])


def _work(
    request: GenerationRequest,
    asked: dict[str, float | None],
    on_progress: OnProgress,
) -> None:
    """Take the time that the prompt asks for, step by step, or until canceled."""
    steps = int(asked.get("steps") or 1)
    pause = (asked.get("slow") or 0) / steps + (asked.get("step-seconds") or 0)
    for step in range(1, steps + 1):
        before = _progress(request, step - 1, steps)
        _wait(pause, partial(on_progress, before))
        if not on_progress(_progress(request, step, steps)):
            raise errors.GenerationCanceled()
    if "hang" in asked:
        _wait(3600, partial(on_progress, Progress(fraction=0.5)))


def _wait(seconds: float, goes_on: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(0.05, left))
        if not goes_on():
            raise errors.GenerationCanceled()


def _progress(request: GenerationRequest, step: int, steps: int) -> Progress:
    fraction = step / steps
    small = fake_pictures.preview(request, fraction=fraction) if steps > 1 else None
    return Progress(fraction=fraction, step=step, steps=steps, preview=small)


def _result(
    request: GenerationRequest, asked: dict[str, float | None], *, seconds: float
) -> GenerationResult:
    refused = int(asked.get("refused") or 0)
    count = request.num_images - refused + int(asked.get("extra") or 0)
    if "partial" in asked:
        count = int(asked["partial"] or request.num_images - 1)
    if "nothing" in asked:
        count = 0
    seed = _seed(request)
    words = _DIRECTIVE.sub("", request.prompt).strip()
    pictures = (
        ResultImage(
            content=Spool(
                fake_pictures.content(request, asked, words=words, seed=each)
            ),
            seed=each,
        )
        for each in range(seed, seed + max(0, count))
    )
    return GenerationResult(
        images=tuple(pictures),
        refused=refused,
        model_seconds=seconds,
        provider_request_id=f"fake-{request.client_token or seed}",
    )


def _seed(request: GenerationRequest) -> int:
    if request.seed is not None:
        return request.seed
    return random.randrange(_MAX_RANDOM_SEED)  # noqa: S311 (no secret)
