"""The fake providers pass the contract, and misbehave exactly as the prompt asks."""

import io
import uuid
import warnings
from dataclasses import replace

import pytest
from PIL import Image

from generators import errors
from generators.capabilities import (
    Capabilities,
    ImageRole,
    Operation,
    OptionSpec,
    OptionValue,
    Size,
)
from generators.contracts import (
    Accepted,
    GenerationRequest,
    GenerationResult,
    InputImage,
    Pending,
)
from generators.providers import fake, fake_pictures, limits, registry
from tests.generators.providers.contract import Behaviour, ProviderContract

_DIRECTIVES = {
    Behaviour.SUCCEEDS: "!steps=3",
    Behaviour.REFUSES: "!refuse",
    Behaviour.FINDS_INVALID: "!invalid",
    Behaviour.RUNS_OUT_OF_MEMORY: "!memory",
    Behaviour.RATE_LIMITS: "!rate-limit=7",
    Behaviour.IS_DOWN: "!down",
    Behaviour.BREAKS: "!breaks",
    Behaviour.NEVER_ANSWERS: "!unknown",
    Behaviour.ANSWERS_NONSENSE: "!lost",
    Behaviour.ANSWERS_EMPTY: "!empty",
    Behaviour.ANSWERS_PARTLY: "!refused=1",
    Behaviour.AUTHENTICATION_FAILS: "!auth",
    Behaviour.QUOTA_IS_EXHAUSTED: "!quota",
    Behaviour.MODEL_IS_GONE: "!gone",
    Behaviour.IS_SLOW: "!slow=30",
}


@pytest.fixture(autouse=True)
def _own_service(settings, tmp_path):
    settings.MAGICSHOT_HOME = tmp_path


def request_for(words: str, model: str = "synchronous", **fields) -> GenerationRequest:
    asked = {"width": 256, "height": 256, "client_token": str(uuid.uuid4())} | fields
    return GenerationRequest(provider_model_id=model, prompt=words, **asked)


def submit(words: str, model: str = "synchronous", **fields) -> GenerationResult:
    request = request_for(words, model, **fields)
    answer = fake.FakeProvider().submit(request, on_progress=lambda progress: True)
    assert isinstance(answer, GenerationResult)
    return answer


class TestFakeProvider(ProviderContract):
    slug = registry.FAKE

    def request_that(self, behaviour):
        count = 2 if behaviour is Behaviour.ANSWERS_PARTLY else 1
        words = f"a red apple {_DIRECTIVES[behaviour]}"
        return request_for(words, self.model, num_images=count)

    model = "synchronous"

    def calls_sent(self):
        return sum(call["action"] == "submit" for call in fake.call_log())

    def accepted_request(self):
        return request_for("a red apple !polls=3", "asynchronous")


class TestFakeLocalProvider(TestFakeProvider):
    slug = registry.FAKE_LOCAL
    model = "local-a"

    def request_that(self, behaviour):
        request = super().request_that(behaviour)
        if (
            behaviour is Behaviour.NEVER_ANSWERS
        ):  # on our own machine nothing is unknown
            request = replace(request, prompt="a red apple !timeout")
        return request

    def accepted_request(self):
        return None


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("!timeout", errors.TimedOut),
        ("!not-configured", errors.NotConfigured),
        ("!unsupported", errors.UnsupportedRequest),
        ("!crash", RuntimeError),
    ],
)
def test_when_asked_to_fail_then_it_fails_that_way(words, error):
    with pytest.raises(error):
        submit(words)


def test_when_asked_to_fail_twice_then_the_third_call_of_the_job_works():
    provider = fake.FakeProvider()
    request = request_for("an apple !down !times=2")
    for _ in range(2):
        with pytest.raises(errors.ProviderUnavailable):
            provider.submit(request, on_progress=lambda progress: True)
    assert provider.submit(request, on_progress=lambda progress: True).images


@pytest.mark.parametrize(
    ("words", "delivered"),
    [
        ("!partial=1", 1),
        ("!partial", 2),
        ("!extra=2", 5),
        ("!nothing", 0),
        ("!refused=3", 0),
        ("", 3),
    ],
)
def test_when_asked_for_a_wrong_count_then_it_sends_it(words, delivered):
    assert len(submit(words, num_images=3).images) == delivered


@pytest.mark.parametrize("words", ["!broken", "!truncated", "!html"])
def test_when_asked_for_bad_bytes_then_they_do_not_decode(words):
    content = submit(words).images[0].content.read()
    with pytest.raises((OSError, SyntaxError)):
        Image.open(io.BytesIO(content)).load()


def test_when_asked_for_a_bomb_then_few_bytes_claim_169_megapixels():
    content = submit("!bomb").images[0].content.read()
    assert len(content) < 50_000
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        assert Image.open(io.BytesIO(content)).size == (13_000, 13_000)


def test_when_steps_are_asked_for_then_each_shows_a_preview():
    seen = []
    request = request_for("!steps=4")
    fake.FakeProvider().submit(request, on_progress=lambda p: seen.append(p) or True)
    assert [(p.step, p.steps, p.fraction) for p in seen] == [
        (1, 4, 0.25),
        (2, 4, 0.5),
        (3, 4, 0.75),
        (4, 4, 1.0),
    ]
    for progress in seen:
        assert Image.open(io.BytesIO(progress.preview)).size == (32, 32)


def test_when_it_hangs_then_only_a_cancel_ends_it():
    asked = []

    def stop_at_third(progress):
        asked.append(progress)
        return len(asked) < 3

    with pytest.raises(errors.GenerationCanceled):
        fake.FakeProvider().submit(request_for("!hang"), on_progress=stop_at_third)


def test_when_polling_is_down_once_then_the_work_is_still_there():
    provider = fake.FakeProvider()
    request = request_for("!poll-down !times=1 !polls=0", "asynchronous")
    handle = provider.submit(request, on_progress=lambda progress: True).handle
    with pytest.raises(errors.ProviderUnavailable):
        provider.poll(handle)
    assert isinstance(provider.poll(handle), GenerationResult)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("!poll-refuse", errors.ContentRejected),
        ("!poll-lost", errors.UnexpectedResponse),
        ("!poll-rate-limit=9", errors.RateLimited),
    ],
)
def test_when_told_to_fail_at_the_poll_then_submit_still_accepts(words, error):
    provider = fake.FakeProvider()
    answer = provider.submit(
        request_for(words, "asynchronous"), on_progress=lambda progress: True
    )
    assert isinstance(answer, Accepted)
    with pytest.raises(error):
        provider.poll(answer.handle)


def test_when_polled_for_ever_then_it_stays_pending_and_below_done():
    provider = fake.FakeProvider()
    request = request_for("!poll-forever !poll-seconds=2", "asynchronous")
    handle = provider.submit(request, on_progress=lambda progress: True).handle
    for _ in range(20):
        answer = provider.poll(handle)
        assert isinstance(answer, Pending)
        assert answer.next_poll_seconds == 2
        assert answer.progress.fraction < 1


def test_when_the_words_or_the_size_differ_then_so_does_the_picture():
    request = request_for("an apple")
    apple = fake_pictures.draw(request, prompt="an apple", seed=1)
    assert apple == fake_pictures.draw(request, prompt="an apple", seed=1)
    assert apple != fake_pictures.draw(request, prompt="a pear", seed=1)
    wide = replace(request, width=384)
    assert apple != fake_pictures.draw(wide, prompt="an apple", seed=1)


PICTURE = InputImage(content=b"x", mime_type="image/png", role=ImageRole.REFERENCE)
LOOK = OptionSpec(name="new_look", label="New look", values=("a", "b"))


@pytest.mark.parametrize(
    ("asked", "needed", "words"),
    [
        ({"images": (PICTURE,)}, False, "This model cannot use these pictures."),
        ({"width": 3}, False, "This model cannot draw this size."),
        ({"num_images": 99}, False, "cannot draw this many pictures at once."),
        ({"negative_prompt": "x"}, False, "This model cannot use a negative prompt."),
        ({"num_inference_steps": 5}, False, "cannot use this number of steps."),
        ({"prompt": "x" * 5000}, False, "This model cannot read a prompt this long."),
        (
            {"options": (OptionValue(name="new_look", value="c"),)},
            False,
            "This model cannot use this value for “New look”.",
        ),
        (
            {"options": (OptionValue(name="old_look", value="c"),)},
            False,
            "This model has no option “old look”.",
        ),
        ({}, True, "This model needs a value for “New look”."),
    ],
)
def test_when_a_model_cannot_use_something_then_it_is_said_in_a_sentence(
    asked, needed, words
):
    able = Capabilities(
        operations=(Operation.TEXT_TO_IMAGE,),
        sizes=(Size(width=256, height=256),),
        options=(replace(LOOK, is_required=needed),),
        max_prompt_chars=4000,
    )
    request = replace(request_for("an owl"), width=256, height=256)
    with pytest.raises(errors.UnsupportedRequest) as got:
        limits.refuse_unsupported(able, replace(request, **asked))
    assert got.value.user_message.endswith(words)


def test_when_a_mask_is_missing_then_repainting_is_refused():
    with pytest.raises(errors.UnsupportedRequest) as got:
        submit("an apple", "editing", operation="inpaint")
    assert got.value.field == "images"


def test_when_the_local_fake_has_drawn_then_that_model_is_loaded():
    provider = fake.FakeLocalProvider()
    assert provider.loaded_models() == ()
    for model in ("local-a", "local-b"):
        provider.submit(request_for("", model), on_progress=lambda progress: True)
        assert provider.loaded_models() == (model,)
