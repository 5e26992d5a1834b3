"""Servers that speak OpenAI's images protocol: what differs from one to the next."""

import base64
import datetime as dt
import email.utils
import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from generators import errors
from generators.capabilities import ImageRole, Operation
from generators.contracts import Access, GenerationRequest, InputImage
from generators.providers.bodies import Document
from generators.providers.http import MAX_PICTURE_BYTES, Answer
from generators.providers.openai_images import answers
from generators.providers.openai_images.compatible import (
    ABLE,
    MOST_MODELS,
    CompatibleProvider,
)
from generators.spool import Spool
from tests.fakes import wire
from tests.fakes.services.openai_compatible import FakeCompatible
from tests.fakes.wire import Fault, Reply
from tests.generators.providers.contract import Behaviour, ProviderContract

KEY = FakeCompatible.KEY
MODEL = "sdxl-turbo"

BROKEN_LINES = {
    "hangs": Fault(hangs=True),
    "drips": Fault(drips=20),
    "cut": Fault(cuts=True),
    "cut-in-the-body": Fault(cuts_body=True),
    "wrong-length": Fault(wrong_length=True),
}


@pytest.fixture
def service():
    with FakeCompatible() as service:
        yield service


@pytest.fixture
def provider(service):
    provider = provider_of(service)
    yield provider
    provider.close()


@pytest.fixture
def hurry(monkeypatch):
    """Calls shall end soon from when this is called: a busy machine may be slow before."""

    def set_seconds(seconds=0.6):
        monkeypatch.setattr(CompatibleProvider, "seconds", seconds)

    return set_seconds


def provider_of(service, key=KEY, **access) -> CompatibleProvider:
    return CompatibleProvider(Access(base_url=service.url, api_key=key, **access))


def request_for(words="a red apple", **fields) -> GenerationRequest:
    asked = {"provider_model_id": MODEL, "width": 512, "height": 512} | fields
    return GenerationRequest(prompt=words, **asked)


def draw(provider, request=None, seen=None):
    def on_progress(progress):
        if seen is not None:
            seen.append(progress)
        return True

    return provider.submit(request or request_for(), on_progress=on_progress)


def content_of(result) -> bytes:
    content: bytes = result.images[0].content.read()
    return content


def sent(service):
    return service.calls_to("POST")


def openai_error(status, code=None, *, words="No.", **headers) -> Fault:
    told = {"message": words, "type": "some_error", "code": code}
    return wire.status(status, {"error": told}, **headers)


def detail(status, words="No.", **headers) -> Fault:
    return wire.status(status, {"detail": words}, **headers)


def text(status, words="No.") -> Fault:
    reply = Reply(status=status, body=words.encode(), mime_type="text/plain")
    return Fault(reply=reply)


def answered(entry) -> Fault:
    return wire.status(200, {"created": 1, "data": [entry]})


class TestCompatible(ProviderContract):
    slug = "openai-compatible"
    secrets = (KEY,)
    impossible = {
        Behaviour.ANSWERS_PARTLY: "each call draws one picture",
    }

    @pytest.fixture(autouse=True)
    def _service(self, hurry):
        self.hurry = hurry
        with FakeCompatible() as service:
            self.service = service
            yield

    def make_provider(self):
        return provider_of(self.service)

    def calls_sent(self):
        return len(sent(self.service))

    def request_that(self, behaviour):
        faults = {
            Behaviour.REFUSES: openai_error(400, "content_policy_violation"),
            Behaviour.FINDS_INVALID: detail(422),
            Behaviour.RUNS_OUT_OF_MEMORY: detail(
                500, "CUDA out of memory. Tried to allocate 2.00 GiB."
            ),
            Behaviour.RATE_LIMITS: detail(429, Retry_After="7"),
            Behaviour.BREAKS: text(500, f"with {KEY}"),
            Behaviour.NEVER_ANSWERS: Fault(hangs=True),
            Behaviour.ANSWERS_NONSENSE: wire.html(200),
            Behaviour.ANSWERS_EMPTY: wire.status(200, {"created": 1, "data": []}),
            Behaviour.AUTHENTICATION_FAILS: detail(401, f"not {KEY}"),
            Behaviour.QUOTA_IS_EXHAUSTED: openai_error(429, "insufficient_quota"),
            Behaviour.MODEL_IS_GONE: detail(404, "Model not found"),
        }
        if behaviour in faults:
            self.service.fail(faults[behaviour], on="POST")
        if behaviour is Behaviour.IS_DOWN:
            self.service.stop()
        if behaviour is Behaviour.NEVER_ANSWERS:
            self.hurry()
        return request_for()


# What goes over the wire


def test_when_it_draws_then_only_what_all_servers_know_is_sent(provider, service):
    result = draw(provider, request_for(end_user="hash-of-a-person", width=768))
    (call,) = sent(service)
    assert call.path == "/v1/images/generations"
    assert call.json == {
        "model": MODEL,
        "prompt": "a red apple",
        "n": 1,
        "size": "768x512",
        "response_format": "b64_json",
    }
    assert content_of(result) == wire.picture(768, 512, words="a red apple", seed=1)
    assert result.cost is None


def test_when_there_is_no_key_then_one_goes_along_that_says_so(service):
    service.needs_key = False
    provider = provider_of(service, key="")
    assert provider.check().num_models == 2
    assert draw(provider).images
    assert {call.headers["authorization"] for call in service.calls} == {"Bearer none"}
    provider.close()


def test_when_it_draws_then_nothing_is_told_before_it_is_done(provider):
    seen = []
    draw(provider, None, seen)
    assert [(each.fraction, each.preview) for each in seen] == [(0, None)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", "/v1/models"),
        ("/", "/v1/models"),
        ("/v1", "/v1/models"),
        ("/api/v1/", "/api/v1/models"),
        ("/v1beta/openai", "/v1beta/openai/models"),
        ("/localai", "/localai/v1/models"),
    ],
)
def test_when_an_address_is_given_then_its_version_is_kept_or_added(
    service, path, expected
):
    access = Access(base_url=f"{service.url}{path}", api_key=KEY)
    provider = CompatibleProvider(access)
    if expected == "/v1/models":
        assert provider.check().models
    else:
        with pytest.raises(errors.NotConfigured):
            provider.check()
    assert service.calls[0].path == expected
    provider.close()


def test_when_a_host_has_the_name_of_a_version_then_one_is_added_all_the_same():
    for base, whole in (
        ("https://v1.example.com", "https://v1.example.com/v1"),
        ("https://x.example/v2", "https://x.example/v2"),
    ):
        provider = CompatibleProvider(Access(base_url=base))
        assert provider._base_url == whole


@pytest.mark.parametrize(
    ("base_url", "headers", "expected"),
    [
        ("https://gateway.example", {}, errors.ProviderFailed),
        ("https://gateway.example", {"retry-after": "3"}, errors.RateLimited),
        ("http://192.168.1.20:8080", {}, errors.RateLimited),
        ("http://comfyui:8188", {}, errors.RateLimited),
    ],
)
def test_when_it_is_busy_then_only_who_surely_took_nothing_is_asked_again(
    base_url, headers, expected
):
    provider = CompatibleProvider(Access(base_url=base_url))
    answer = Answer(status=503, headers=headers, body=Spool(b"busy"))
    assert type(provider._refusal(answer)) is expected


def test_when_it_is_not_connected_then_it_offers_nothing():
    assert CompatibleProvider().catalog() == ()
    assert not CompatibleProvider().availability().is_available


@pytest.mark.parametrize(
    "fields",
    [
        {"operation": Operation.IMAGE_TO_IMAGE},
        {"operation": Operation.INPAINT},
        {"width": 500},
        {"width": 2048, "height": 2048},
        {"seed": 1},
        {"num_images": 5},
    ],
)
def test_when_not_every_server_can_do_it_then_it_is_refused(provider, service, fields):
    image = InputImage(content=b"x", mime_type="image/png", role=ImageRole.INIT)
    given = (image,) if "operation" in fields else ()
    with pytest.raises(errors.UnsupportedRequest):
        draw(provider, request_for(**fields, images=given))
    assert not service.calls


# Servers that refuse the field for the format


@pytest.mark.parametrize(
    "refusal",
    [
        None,
        openai_error(400, "unknown_parameter", words="Unknown: 'response_format'."),
        text(400, "response_format is not supported"),
    ],
    ids=["fastapi", "openai", "text"],
)
def test_when_the_format_is_refused_then_it_is_left_out_from_then_on(
    provider, service, refusal
):
    service.takes_format = False
    if refusal is not None:
        service.fail(refusal)
    for _ in range(2):
        assert draw(provider).images
    assert ["response_format" in call.json for call in sent(service)] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "fault",
    [
        detail(422, "size is wrong"),
        detail(500, "response_format"),
        detail(401, "response_format"),
        Fault(cuts=True),
    ],
)
def test_when_something_else_is_wrong_then_it_is_not_sent_again(
    provider, service, fault
):
    service.fail(fault)
    with pytest.raises(errors.ProviderError):
        draw(provider)
    assert len(sent(service)) == 1
    draw(provider)
    assert "response_format" in sent(service)[1].json


# Pictures behind an address


@pytest.mark.parametrize("is_relative", [True, False])
def test_when_an_address_is_told_then_the_picture_is_fetched_without_the_key(
    provider, service, is_relative
):
    service.tells_urls = True
    service.address = "" if is_relative else service.url
    assert content_of(draw(provider)) == service.files["1"]
    (call,) = service.calls_to("GET /files/")
    assert "authorization" not in call.headers


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/p.png",
        "//evil.test/p.png",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/p.png",
        "http://localhost/p.png",
        "file:///etc/passwd",
        "ftp://127.0.0.1/p.png",
    ],
)
def test_when_an_address_leads_elsewhere_then_it_is_not_asked(provider, service, url):
    service.fail(answered({"url": url}))
    with pytest.raises(errors.UnexpectedResponse):
        draw(provider)
    assert len(service.calls) == 1


@pytest.mark.parametrize("url", ["https://h:99999/p.png", "https://[::1/p.png"])
def test_when_one_address_is_malformed_then_the_other_picture_comes(
    provider, service, url
):
    service.files["1"] = b"a picture"
    answered = Document(value={"data": [{"url": url}, {"url": "/files/1.png"}]})
    (image,) = answers.pictures_of(answered, at_most=2, fetch=provider._http.fetch)
    assert image.content.read() == b"a picture"


def test_when_the_picture_is_gone_then_it_is_not_drawn_again(provider, service):
    service.fail(answered({"url": "/files/expired.png"}))
    with pytest.raises(errors.UnexpectedResponse):
        draw(provider)
    assert len(service.calls) == 2


@pytest.mark.parametrize("fault", [wire.status(503), Fault(cuts_body=True)])
def test_when_a_download_breaks_then_only_it_is_tried_again(provider, service, fault):
    service.tells_urls = True
    service.fail(fault, times=answers.FETCH_TRIES - 1, on="GET /files/")
    assert content_of(draw(provider)) == service.files["1"]
    service.fail(fault, times=answers.FETCH_TRIES, on="GET /files/")
    with pytest.raises(errors.ProviderFailed):
        draw(provider)
    assert len(sent(service)) == 2


def test_when_a_picture_is_too_large_then_it_is_not_taken(provider, service):
    service.fail(answered({"url": "/files/1.png"}))
    service.files["1"] = b"x" * (MAX_PICTURE_BYTES + 1)
    with pytest.raises(errors.UnexpectedResponse):
        draw(provider)


def test_when_a_picture_is_fetched_empty_then_it_is_none(provider, service):
    service.fail(answered({"url": "/files/1.png"}))
    service.files["1"] = b""
    with pytest.raises(errors.UnexpectedResponse):
        draw(provider)


@pytest.mark.parametrize("content", [b"no picture", b"\x89PNG" + b"0" * 4000])
def test_when_a_picture_is_broken_then_its_bytes_come_as_they_are(
    provider, service, content
):
    service.fail(answered({"b64_json": base64.b64encode(content).decode()}))
    assert content_of(draw(provider)) == content


@pytest.mark.parametrize(
    "said",
    [
        {"created": 1, "data": []},
        {"created": 1, "data": [{}]},
        {"created": 1, "data": [{"b64_json": "", "url": ""}]},
        {"created": 1, "data": [{"b64_json": 7, "url": 7}]},
        {"created": 1, "data": None},
        {"images": []},
        [],
    ],
)
def test_when_a_success_holds_no_picture_then_it_is_none(provider, service, said):
    service.fail(wire.status(200, said))
    with pytest.raises(errors.UnexpectedResponse):
        draw(provider)
    assert len(sent(service)) == 1


# Refusals


@pytest.mark.parametrize("shape", [openai_error, detail, text])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, errors.InvalidRequest),
        (401, errors.AuthenticationFailed),
        (402, errors.QuotaExhausted),
        (403, errors.AuthenticationFailed),
        (404, errors.ModelUnavailable),
        (409, errors.UnexpectedResponse),
        (422, errors.InvalidRequest),
        (429, errors.RateLimited),
        (500, errors.ProviderFailed),
        (502, errors.ProviderFailed),
        (503, errors.RateLimited),
        (504, errors.ProviderFailed),
    ],
)
def test_when_it_refuses_in_any_shape_then_the_status_says_how(
    provider, service, shape, status, expected
):
    service.fail(shape(status))
    with pytest.raises(errors.ProviderError) as got:
        draw(provider)
    assert type(got.value) is expected
    assert str(status) in got.value.detail
    assert len(sent(service)) == 1


@pytest.mark.parametrize("shape", [openai_error, detail, text])
@pytest.mark.parametrize("status", [400, 500, 503])
def test_when_memory_runs_out_then_a_smaller_size_may_help(
    provider, service, shape, status
):
    service.fail(shape(status, words="torch.OutOfMemoryError: CUDA out of memory."))
    with pytest.raises(errors.ResourceExhausted):
        draw(provider)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("moderation_blocked", errors.ContentRejected),
        ("content_policy_violation", errors.ContentRejected),
        ("model_not_found", errors.ModelUnavailable),
    ],
)
def test_when_a_gateway_passes_a_code_on_then_it_is_understood(
    provider, service, code, expected
):
    service.fail(openai_error(400, code))
    with pytest.raises(expected):
        draw(provider)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("is_date", [False, True])
def test_when_it_is_busy_then_it_says_for_how_long(provider, service, status, is_date):
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)
    date = email.utils.format_datetime(moment, usegmt=True)
    service.fail(detail(status, Retry_After=date if is_date else "60"))
    with pytest.raises(errors.RateLimited) as got:
        draw(provider)
    assert got.value.retry_after == pytest.approx(60, abs=5)


# The wire


@pytest.mark.parametrize("fault", BROKEN_LINES.values(), ids=BROKEN_LINES)
def test_when_the_line_breaks_then_the_outcome_is_unknown_and_it_is_sent_once(
    provider, service, hurry, fault
):
    draw(provider)
    service.fail(fault)
    hurry()
    started = time.monotonic()
    with pytest.raises(errors.OutcomeUnknown):
        draw(provider)
    assert time.monotonic() - started < 10
    assert len(sent(service)) == 2


def test_when_nobody_listens_then_it_surely_was_not_sent(provider, service):
    service.stop()
    with pytest.raises(errors.ProviderUnavailable):
        draw(provider)
    with pytest.raises(errors.ProviderUnavailable):
        provider.check()


# Trying a connection


def test_when_checked_then_it_tells_what_the_server_offers(provider, service):
    report = provider.check()
    assert report.num_models == 2
    first, second = report.models
    assert first.provider_model_id == "black-forest-labs/FLUX.1-schnell"
    assert first.slug == "black-forest-labs-flux-1-schnell"
    assert first.label == "FLUX.1-schnell"
    assert second.slug == second.label == MODEL
    for spec in report.models:
        assert spec.price_credits is None
        assert not spec.costs
        assert not spec.enabled
        assert spec.capabilities.images_per_job == 1
        assert spec.capabilities.operations == (Operation.TEXT_TO_IMAGE,)
    assert not sent(service)


def test_when_names_are_odd_then_each_model_has_a_slug_of_its_own(provider, service):
    service.names = ("a/b", "A-b", "a.b", "模型", "/", "a/b", "x" * 256, "y" * 255)
    models = provider.check().models
    assert [each.slug for each in models] == [
        "a-b",
        "a-b-2",
        "a-b-3",
        "model",
        "model-2",
        "y" * 90,
    ]
    assert all(0 < len(each.label) <= 100 for each in models)
    assert all(len(each.description) <= 200 for each in models)


def test_when_a_server_lists_no_end_of_models_then_it_is_cut(provider, service):
    service.names = tuple(f"model-{n}" for n in range(MOST_MODELS + 9))
    assert len(provider.check().models) == MOST_MODELS


def test_when_entries_of_the_list_are_broken_then_they_are_left_out(provider, service):
    entries = [{"id": 7}, {}, "sdxl", None, {"id": ""}, {"id": "good"}]
    service.fail(wire.status(200, {"data": entries}))
    assert [each.provider_model_id for each in provider.check().models] == ["good"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (detail(401), errors.AuthenticationFailed),
        (detail(404), errors.NotConfigured),
        (wire.html(200), errors.UnexpectedResponse),
        (wire.status(200, {"models": []}), errors.UnexpectedResponse),
        (text(503), errors.RateLimited),
        (wire.html(502), errors.ProviderFailed),
        (Fault(cuts=True), errors.ProviderUnavailable),
    ],
)
def test_when_a_check_goes_wrong_then_it_says_how(provider, service, fault, expected):
    service.fail(fault)
    with pytest.raises(errors.ProviderError) as got:
        provider.check()
    assert type(got.value) is expected
    assert "://" not in got.value.user_message


def test_when_checked_with_a_wrong_key_then_it_is_refused(service):
    provider = provider_of(service, key="wrong-key-12345")
    with pytest.raises(errors.AuthenticationFailed) as got:
        provider.check()
    assert "wrong-key-12345" not in got.value.detail
    provider.close()


# Whatever the catalogue admits


class Quick(FakeCompatible):
    """Checks as strictly, and draws nothing."""

    def draw(self, width, height, prompt, number):
        out = io.BytesIO()
        Image.new("RGB", (8, 8)).save(out, "PNG")
        return out.getvalue()


@pytest.fixture(scope="module")
def quick_service():
    with Quick() as service:
        yield service


@st.composite
def requests(draw_value):
    free = ABLE.size_range
    steps = st.integers(free.minimum // free.step, free.maximum // free.step)
    side = steps.map(lambda n: n * free.step)
    pairs = st.tuples(side, side).filter(lambda s: s[0] * s[1] <= free.max_pixels)
    listed = st.sampled_from([(each.width, each.height) for each in ABLE.sizes])
    width, height = draw_value(listed | pairs)
    alphabet = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return request_for(
        draw_value(st.text(alphabet, min_size=1, max_size=60)),
        provider_model_id=draw_value(st.sampled_from(FakeCompatible.names)),
        width=width,
        height=height,
        # As many as the site gives to one job.
        num_images=draw_value(st.integers(1, ABLE.images_per_job)),
        end_user=draw_value(st.sampled_from(["", "0" * 64])),
    )


@settings(max_examples=60)
@given(request=requests())
def test_when_the_capabilities_admit_it_then_the_server_does(quick_service, request):
    provider = provider_of(quick_service)
    quick_service.refusals.clear()
    try:
        result = draw(provider, request)
    finally:
        provider.close()
    assert not quick_service.refusals
    assert len(result.images) == 1
