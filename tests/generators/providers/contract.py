"""What every provider must do, as one suite that each provider's tests inherit.

To test a provider, subclass ``ProviderContract`` in
``tests/generators/providers/test_<provider>.py`` (the class named ``Test...``), set
``slug``, and write ``request_that``: it arranges the service (a fake at the wire, a
broken checkpoint folder, ...) so that submitting the request it returns behaves as
named. Everything else has a default that fits a provider made from the registry.

What a provider cannot do by its nature goes into ``impossible`` with the reason, and
those tests skip with it. For a local engine that is, for example::

    impossible = {
        Behaviour.AUTHENTICATION_FAILS: "there is no key",
        Behaviour.QUOTA_IS_EXHAUSTED: "there is no account",
        Behaviour.RATE_LIMITS: "there is no service",
    }

``test_registry.py`` fails while a registered provider has no subclass.
"""

import enum
import io
import json
import logging
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

import pytest
from PIL import Image, ImageChops

from generators import errors
from generators.capabilities import (
    Capabilities,
    ImageRole,
    Operation,
    OptionValue,
    Size,
)
from generators.contracts import (
    Accepted,
    GenerationRequest,
    GenerationResult,
    InputImage,
    JobHandle,
    ModelSpec,
    Pending,
    Progress,
)
from generators.models import ImageModel
from generators.providers import registry
from generators.providers.base import Provider


class Behaviour(enum.Enum):
    """How the service behind a provider shall behave."""

    SUCCEEDS = "draws what was asked"
    REFUSES = "declines the words"
    FINDS_INVALID = "does not accept the settings"
    RUNS_OUT_OF_MEMORY = "has not enough memory"
    RATE_LIMITS = "asks to come back in 7 seconds"
    IS_DOWN = "cannot be reached, surely accepted nothing"
    BREAKS = "answers with an error of its own, and may have accepted it"
    NEVER_ANSWERS = "takes the call and never answers within the time limit"
    ANSWERS_NONSENSE = "answers with what cannot be understood"
    ANSWERS_EMPTY = "answers success without a picture"
    ANSWERS_PARTLY = "withholds one of two pictures"
    AUTHENTICATION_FAILS = "refuses our key"
    QUOTA_IS_EXHAUSTED = "says our account is empty"
    MODEL_IS_GONE = "no longer has the model"
    IS_SLOW = "works long enough to be canceled meanwhile"


FAILURES: dict[Behaviour, type[errors.ProviderError]] = {
    Behaviour.REFUSES: errors.ContentRejected,
    Behaviour.FINDS_INVALID: errors.InvalidRequest,
    Behaviour.RUNS_OUT_OF_MEMORY: errors.ResourceExhausted,
    Behaviour.RATE_LIMITS: errors.RateLimited,
    Behaviour.IS_DOWN: errors.ProviderUnavailable,
    Behaviour.BREAKS: errors.ProviderFailed,
    Behaviour.ANSWERS_NONSENSE: errors.UnexpectedResponse,
    Behaviour.ANSWERS_EMPTY: errors.UnexpectedResponse,
    Behaviour.AUTHENTICATION_FAILS: errors.AuthenticationFailed,
    Behaviour.QUOTA_IS_EXHAUSTED: errors.QuotaExhausted,
    Behaviour.MODEL_IS_GONE: errors.ModelUnavailable,
}


class ProviderContract:
    """The suite; see the module's docstring for how to use it."""

    slug: ClassVar[str]
    impossible: ClassVar[Mapping[Behaviour, str]] = {}
    secrets: ClassVar[tuple[str, ...]] = ()
    """Keys the provider was given in these tests; they must show nowhere."""

    max_polls: ClassVar[int] = 50
    tells_progress: ClassVar[bool] = True

    def request_that(self, behaviour: Behaviour) -> GenerationRequest:
        """Arrange the service to behave so; return a request for one or two pictures.

        ``ANSWERS_PARTLY`` asks for two pictures, all others for one.
        """
        raise NotImplementedError

    def make_provider(self) -> Provider:
        """Return a fresh provider, as another process would have it."""
        return type(registry.get(self.slug))()

    def make_provider_of_its_own(self) -> Provider:
        """Return a fresh provider that shares with no other what it holds."""
        return self.make_provider()

    def calls_sent(self) -> int | None:
        """Return how many paid calls the service has received; ``None``: cannot know."""
        return None

    def expected_size(self, request: GenerationRequest) -> tuple[int, int]:
        """Return the width and height that its pictures shall have."""
        return request.width, request.height

    def accepted_request(self) -> GenerationRequest | None:
        """Return a request that is answered by a handle; ``None``: there is none."""
        return None

    @pytest.fixture
    def provider(self) -> Iterator[Provider]:
        """A fresh provider, closed afterwards."""
        provider = self.make_provider()
        yield provider
        provider.close()

    # Running it

    def arranged(self, behaviour: Behaviour) -> GenerationRequest:
        """Return the request for a behaviour, or skip with the reason it cannot be."""
        if behaviour in self.impossible:
            pytest.skip(self.impossible[behaviour])
        return self.request_that(behaviour)

    def run(
        self,
        provider: Provider,
        request: GenerationRequest,
        seen: list[Progress] | None = None,
    ) -> GenerationResult:
        """Submit, and poll to the end where there is a handle."""

        def on_progress(progress: Progress) -> bool:
            if seen is not None:
                seen.append(progress)
            return True

        answer = provider.submit(request, on_progress=on_progress)
        if isinstance(answer, Accepted):
            return self.poll_to_end(provider, answer.handle)
        return answer

    def poll_to_end(self, provider: Provider, handle: JobHandle) -> GenerationResult:
        """Poll until there is a result."""
        for _ in range(self.max_polls):
            answer = provider.poll(handle)
            if isinstance(answer, GenerationResult):
                return answer
        pytest.fail(f"still pending after {self.max_polls} polls")

    def spec_for(self, provider: Provider, request: GenerationRequest) -> ModelSpec:
        """Return the catalogue entry a request is for."""
        specs = {each.provider_model_id: each for each in provider.catalog()}
        return specs[request.provider_model_id]

    # What it offers

    def test_when_asked_for_its_catalogue_then_every_entry_can_be_a_row(self, provider):
        self.arranged(Behaviour.SUCCEEDS)
        specs = provider.catalog()
        assert specs, "a provider that can draw offers at least one model"
        assert len({spec.slug for spec in specs}) == len(specs)
        assert len({spec.provider_model_id for spec in specs}) == len(specs)
        for spec in specs:
            able = spec.capabilities
            assert spec.provider == self.slug
            assert spec.family in ImageModel.Family.values
            if Operation.TEXT_TO_IMAGE in able.operations:
                assert able.usual_size() is not None
                assert able.takes(able.usual_size())
            assert able.max_images >= able.native_batch >= 1
            assert (
                Capabilities.from_json(json.loads(json.dumps(able.to_json()))) == able
            )

    def test_when_ready_then_it_says_so_and_otherwise_why(self, provider):
        self.arranged(Behaviour.SUCCEEDS)
        availability = provider.availability()
        assert availability.is_available or availability.reason

    # Success

    def test_when_it_succeeds_then_the_pictures_are_what_was_asked(self, provider):
        request = self.arranged(Behaviour.SUCCEEDS)
        result = self.run(provider, request)
        assert len(result.images) == request.num_images
        assert result.refused == 0
        for each in result.images:
            picture = _decoded(each.content.read())
            assert picture.size == self.expected_size(request)

    def test_when_a_seed_is_given_then_it_is_used_and_recorded(self, provider):
        request = self.arranged(Behaviour.SUCCEEDS)
        if not self.spec_for(provider, request).capabilities.has_seed:
            pytest.skip("this provider takes no seed")
        first = self.run(provider, replace(request, seed=42))
        again = self.run(provider, replace(request, seed=42))
        other = self.run(provider, replace(request, seed=43))
        assert [each.seed for each in first.images] == [42]
        assert _pixels(first) == _pixels(again)
        assert _pixels(first) != _pixels(other)

    def test_when_no_seed_is_given_then_the_one_used_is_recorded(self, provider):
        request = self.arranged(Behaviour.SUCCEEDS)
        if not self.spec_for(provider, request).capabilities.has_seed:
            pytest.skip("this provider takes no seed")
        result = self.run(provider, replace(request, seed=None))
        seed = result.images[0].seed
        assert seed is not None
        assert 0 <= seed < 2**63
        assert _pixels(result) == _pixels(
            self.run(provider, replace(request, seed=seed))
        )

    def test_when_it_tells_progress_then_it_only_rises(self, provider):
        request = self.arranged(Behaviour.SUCCEEDS)
        if not self.tells_progress:
            pytest.skip("the service tells no progress")
        seen: list[Progress] = []
        self.run(provider, request, seen)
        fractions = [each.fraction for each in seen]
        assert fractions, "progress was promised"
        assert fractions == sorted(fractions)
        assert all(0 <= each <= 1 for each in fractions)

    # Failure

    @pytest.mark.parametrize("behaviour", FAILURES, ids=lambda each: each.name)
    def test_when_it_fails_then_the_error_says_which_way(
        self, provider, behaviour, caplog
    ):
        request = self.arranged(behaviour)
        with caplog.at_level(logging.DEBUG), pytest.raises(FAILURES[behaviour]) as got:
            self.run(provider, request)
        error = got.value
        assert isinstance(error, errors.ProviderError)
        assert error.user_message
        assert "Traceback" not in error.user_message
        assert "://" not in error.user_message
        if isinstance(error, errors.RateLimited):
            assert error.retry_after == pytest.approx(7, abs=1)
        self.assert_no_secret_in(error, caplog.text)

    def test_when_it_never_answers_then_a_paid_outcome_is_unknown(
        self, provider, caplog
    ):
        request = self.arranged(Behaviour.NEVER_ANSWERS)
        expected = errors.OutcomeUnknown if provider.is_paid else errors.TimedOut
        with pytest.raises(expected) as got:
            self.run(provider, request)
        self.assert_no_secret_in(got.value, caplog.text)

    def test_when_one_picture_is_withheld_then_the_other_is_delivered(self, provider):
        request = self.arranged(Behaviour.ANSWERS_PARTLY)
        assert request.num_images == 2
        result = self.run(provider, request)
        assert len(result.images) == 1
        assert result.refused == 1
        _decoded(result.images[0].content.read())

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("operation", Operation.INTERPOLATE),
            ("width", 3),
            ("num_images", 0),
            ("num_images", 10_000),
            ("negative_prompt", "rain"),
            ("num_inference_steps", 100_000),
            ("guidance_scale", 1e6),
            ("strength", 7.0),
            ("scheduler", "no-such-scheduler"),
            ("options", (OptionValue(name="no_such_option", value="on"),)),
        ],
    )
    def test_when_asked_for_what_it_cannot_then_it_is_refused_by_name(
        self, provider, field, value
    ):
        request = self.arranged(Behaviour.SUCCEEDS)
        able = self.spec_for(provider, request).capabilities
        if field == "negative_prompt" and able.has_negative_prompt:
            pytest.skip("this model reads a negative prompt")
        sent = self.calls_sent()
        with pytest.raises(errors.UnsupportedRequest) as got:
            self.run(provider, replace(request, **{field: value}))
        named = {"width": "size", "options": "no_such_option"}
        assert got.value.field == named.get(field, field)
        assert self.calls_sent() == sent, "it was sent all the same"

    # Stopping

    def test_when_told_to_stop_then_it_stops(self, provider):
        request = self.arranged(Behaviour.IS_SLOW)
        with pytest.raises(errors.GenerationCanceled):
            provider.submit(request, on_progress=lambda progress: False)

    def test_when_closed_then_it_holds_nothing_and_twice_does_no_harm(self):
        request = self.arranged(Behaviour.SUCCEEDS)
        provider = self.make_provider_of_its_own()
        try:
            self.run(provider, request)
        finally:
            provider.close()
        provider.close()
        assert provider.loaded_models() == ()

    # Work that is polled

    def accepted(self, provider: Provider) -> JobHandle:
        """Submit the request that is answered by a handle, or skip."""
        request = self.accepted_request()
        if request is None:
            pytest.skip("this provider answers at once")
        answer = provider.submit(request, on_progress=lambda progress: True)
        assert isinstance(answer, Accepted)
        return answer.handle

    def test_when_restarted_then_the_saved_handle_leads_to_the_pictures(self, provider):
        handle = self.accepted(provider)
        sent = self.calls_sent()
        saved = json.dumps(handle.to_json())
        resumed = self.make_provider()
        result = self.poll_to_end(resumed, JobHandle.from_json(json.loads(saved)))
        assert result.images
        assert self.calls_sent() == sent, "the work was paid for again"
        self.assert_no_secret_in(handle, saved)

    def test_when_polled_early_then_it_is_pending_with_a_pause(self, provider):
        answer = provider.poll(self.accepted(provider))
        assert isinstance(answer, Pending)
        assert 0 < answer.next_poll_seconds <= 60

    def test_when_accepted_work_is_canceled_then_it_ends(self, provider):
        handle = self.accepted(provider)
        if not provider.cancel(handle):
            pytest.skip("the service cannot stop accepted work")
        with pytest.raises(errors.GenerationCanceled):
            self.poll_to_end(provider, handle)

    def test_when_the_handle_is_not_known_then_it_is_an_error(self, provider):
        unknown = JobHandle(provider=self.slug, external_id=str(uuid.uuid4()))
        with pytest.raises(errors.ProviderError) as got:
            provider.poll(unknown)
        assert not isinstance(got.value, errors.Transient)
        assert provider.cancel(unknown) is False

    # Masks

    def test_when_a_mask_is_given_then_its_white_part_is_repainted(self, provider):
        self.arranged(Behaviour.SUCCEEDS)
        able = [s for s in provider.catalog() if s.capabilities.has_mask]
        if not able:
            pytest.skip("no model of this provider takes a mask")
        for spec in able:
            request, init, mask = _inpainting(spec)
            result = self.run(provider, request)
            picture = _decoded(result.images[0].content.read()).convert("RGB")
            changed = ImageChops.difference(picture, init).convert("L")
            repainted = ImageChops.multiply(changed.point(_any), mask)
            assert repainted.getbbox() is not None
            beside = ImageChops.subtract(changed.point(_any), mask)
            assert beside.getbbox() is None, "it repainted what was to be kept"

    def assert_no_secret_in(self, record: object, text: str) -> None:
        """Fail if a key shows in an error, its parts, or what was logged."""
        parts = [text, repr(record), str(record), str(getattr(record, "detail", ""))]
        parts += [
            repr(getattr(record, "args", "")),
            repr(vars(record)) if hasattr(record, "__dict__") else "",
        ]
        for secret in self.secrets:
            assert secret not in " ".join(parts), "a key leaked"


def _decoded(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content), formats=["PNG", "JPEG", "WEBP", "AVIF"])
    picture.load()
    return picture


def _pixels(result: GenerationResult) -> list[bytes]:
    return [
        _decoded(each.content.read()).convert("RGB").tobytes() for each in result.images
    ]


def _any(level: int) -> int:
    return 255 if level else 0


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _inpainting(
    spec: ModelSpec,
) -> tuple[GenerationRequest, Image.Image, Image.Image]:
    """Build a request to repaint (or erase) the left half of a grey picture."""
    able = spec.capabilities
    size = able.usual_size() or Size(width=512, height=512)
    operation = Operation.INPAINT
    if operation not in able.operations:
        operation = Operation.ERASE
    pixels = (size.width, size.height)
    init = Image.new("RGB", pixels, (127, 127, 127))
    mask = Image.new("L", pixels, 0)
    mask.paste(255, (0, 0, size.width // 2, size.height))
    given = (
        InputImage(content=_png(init), mime_type="image/png", role=ImageRole.INIT),
        InputImage(content=_png(mask), mime_type="image/png", role=ImageRole.MASK),
    )
    request = GenerationRequest(
        provider_model_id=spec.provider_model_id,
        operation=operation,
        prompt="a red apple",
        width=size.width,
        height=size.height,
        images=given,
        client_token=str(uuid.uuid4()),
    )
    return request, init, mask
