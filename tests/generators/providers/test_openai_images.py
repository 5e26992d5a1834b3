"""OpenAI's images API: what goes over the wire, what comes back, and how it fails."""

import base64
import datetime as dt
import email.utils
import io
import json
import math
import os
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from generators import errors
from generators.capabilities import (
    ImageRole,
    Operation,
    OptionValue,
)
from generators.contracts import Access, Cost, GenerationRequest, InputImage
from generators.providers import catalog_file
from generators.providers.openai_images import payload
from generators.providers.openai_images.provider import OpenAIProvider
from generators.spool import Spool
from tests.fakes import wire
from tests.fakes.services.openai_images import FORBIDDEN, MODELS, FakeOpenAI
from tests.fakes.wire import Fault, Reply
from tests.generators.providers.contract import Behaviour, ProviderContract

KEY = FakeOpenAI.KEY
MODEL = "gpt-image-2.5-flare"
CATALOGUE = catalog_file.read("openai")
LIVE = [spec for spec in CATALOGUE if not spec.retired]
REVIEWED = dt.date(2026, 11, 26)
"""The day the catalogue was gone through."""

BROKEN_LINES = {
    "hangs": Fault(hangs=True),
    "drips": Fault(drips=20),
    "cut": Fault(cuts=True),
    "cut-in-the-body": Fault(cuts_body=True),
    "wrong-length": Fault(wrong_length=True),
}


@pytest.fixture
def service():
    with FakeOpenAI() as service:
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
        monkeypatch.setattr(OpenAIProvider, "seconds", seconds)

    return set_seconds


def provider_of(service, **access) -> OpenAIProvider:
    return OpenAIProvider(Access(base_url=service.url, api_key=KEY, **access))


def request_for(words="a red apple", model=MODEL, **fields) -> GenerationRequest:
    options = fields.pop("options", {})
    chosen = tuple(OptionValue(name=k, value=v) for k, v in options.items())
    asked = {"width": 1024, "height": 1024, "options": chosen} | fields
    return GenerationRequest(provider_model_id=model, prompt=words, **asked)


def plain(**fields) -> GenerationRequest:
    """Build a request that is not streamed."""
    options = {"quality": "low"} | fields.pop("options", {})
    return request_for(options=options, **fields)


def draw(provider, request, seen=None, *, go_on=True):
    def on_progress(progress):
        if seen is not None:
            seen.append(progress)
        return go_on or progress.fraction == 0

    return provider.submit(request, on_progress=on_progress)


def png(size=(64, 48), colour=(90, 120, 150), mode="RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, "PNG")
    return out.getvalue()


def given_image(role, content=None, mime_type="image/png") -> InputImage:
    return InputImage(content=content or png(), mime_type=mime_type, role=role)


def left_half_mask(size=(64, 48)) -> InputImage:
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rectangle((0, 0, size[0] // 2 - 1, size[1]), fill=255)
    out = io.BytesIO()
    mask.save(out, "PNG")
    return given_image(ImageRole.MASK, out.getvalue())


def refusal(status, code=None, *, message="No.", param=None, **headers) -> Fault:
    told = {"message": message, "type": "some_error", "param": param, "code": code}
    return wire.status(status, {"error": told}, **headers)


def answered(*pictures, **more) -> Fault:
    """Return the fault of a success with these pictures in place of those asked."""
    entries = [
        each
        if isinstance(each, dict)
        else {"b64_json": base64.b64encode(each).decode()}
        for each in pictures
    ]
    return Fault(reply=Reply(json={"created": 1, "data": entries} | more))


def streamed(*events, then=None) -> Fault:
    """Return the fault of a stream of these events, which ends as ``then`` does."""

    def told():
        yield from events
        if then is not None:
            then()

    return Fault(reply=Reply(events=told()))


def completed(content, **more) -> tuple[str, dict]:
    text = base64.b64encode(content).decode()
    name = "image_generation.completed"
    return name, {"type": name, "b64_json": text} | more


def partial(content, index=0) -> tuple[str, dict]:
    text = base64.b64encode(content).decode()
    name = "image_generation.partial_image"
    return name, {"type": name, "b64_json": text, "partial_image_index": index}


def noise(side=64) -> bytes:
    """Return a picture whose base64 is long enough to be taken out of its JSON."""
    out = io.BytesIO()
    Image.effect_noise((side, side), 90).convert("RGB").save(out, "PNG")
    return out.getvalue()


def sent(service):
    return service.calls_to("POST")


class TestOpenAI(ProviderContract):
    slug = "openai"
    secrets = (KEY,)
    impossible = {
        Behaviour.RUNS_OUT_OF_MEMORY: "the service tells nothing of its memory",
        Behaviour.ANSWERS_PARTLY: "its moderation refuses a call as a whole",
    }

    @pytest.fixture(autouse=True)
    def _service(self, hurry):
        self.hurry = hurry
        with FakeOpenAI() as service:
            self.service = service
            yield

    def make_provider(self):
        return provider_of(self.service)

    def calls_sent(self):
        return len(sent(self.service))

    def request_that(self, behaviour):
        faults = {
            Behaviour.FINDS_INVALID: refusal(400, "invalid_value", param="size"),
            Behaviour.RATE_LIMITS: refusal(429, "rate_limit_exceeded", Retry_After="7"),
            Behaviour.BREAKS: refusal(500, message=f"with {KEY}"),
            Behaviour.NEVER_ANSWERS: Fault(hangs=True),
            Behaviour.ANSWERS_NONSENSE: wire.html(200),
            Behaviour.ANSWERS_EMPTY: answered(),
            Behaviour.AUTHENTICATION_FAILS: refusal(
                401, "invalid_api_key", message=f"Incorrect API key: {KEY}"
            ),
            Behaviour.QUOTA_IS_EXHAUSTED: refusal(429, "insufficient_quota"),
        }
        if behaviour in faults:
            self.service.fail(faults[behaviour])
        if behaviour is Behaviour.IS_DOWN:
            self.service.stop()
        if behaviour is Behaviour.NEVER_ANSWERS:
            self.hurry()
        if behaviour is Behaviour.MODEL_IS_GONE:
            del self.service.live[MODEL]
        is_refused = behaviour is Behaviour.REFUSES
        words = f"something {FORBIDDEN}" if is_refused else "a red apple"
        return request_for(words, options={"quality": "medium"})


# What goes over the wire


def test_when_it_draws_then_the_fields_are_those_of_the_protocol(provider, service):
    request = request_for(
        num_images=3,
        width=1536,
        height=864,
        end_user="hash-of-a-person",
        options={"quality": "xhigh", "background": "transparent", "safety": "low"},
    )
    assert len(draw(provider, request).images) == 3
    (call,) = sent(service)
    assert call.path == "/v1/images/generations"
    assert call.json == {
        "model": MODEL,
        "prompt": "a red apple",
        "n": 3,
        "size": "1536x864",
        "quality": "xhigh",
        "background": "transparent",
        "moderation": "low",
        "safety_identifier": "hash-of-a-person",
    }


def test_when_nothing_is_chosen_then_nothing_more_is_sent(provider, service):
    draw(provider, request_for("café", num_images=2))
    (call,) = sent(service)
    assert call.json == {
        "model": MODEL,
        "prompt": "café",
        "n": 2,
        "size": "1024x1024",
    }


def test_when_a_model_plans_then_its_effort_goes_along(provider, service):
    newest = "gpt-image-2.6-flare"
    draw(provider, plain(model=newest, options={"complexity": "high"}))
    assert sent(service)[0].json["complexity"] == "high"


def test_when_a_picture_is_given_then_it_is_edited(provider, service):
    init = given_image(ImageRole.INIT)
    draw(
        provider,
        plain(
            operation=Operation.IMAGE_TO_IMAGE,
            images=(init,),
            end_user="hash-of-a-person",
            options={"safety": "low"},
        ),
    )
    (call,) = sent(service)
    assert call.path == "/v1/images/edits"
    assert call.fields() == {
        "model": MODEL,
        "prompt": "a red apple",
        "n": "1",
        "size": "1024x1024",
        "quality": "low",
        "moderation": "low",
        "safety_identifier": "hash-of-a-person",
    }
    (file,) = call.files("image")
    assert (file.content, file.mime_type) == (init.content, "image/png")
    assert file.filename == "image-1.png"
    assert not call.files("mask")


def test_when_references_are_given_then_the_picture_to_change_comes_first(
    provider, service
):
    init = given_image(ImageRole.INIT, png(colour=(1, 1, 1)))
    references = [
        given_image(ImageRole.REFERENCE, png(colour=(n, 0, 0))) for n in range(15)
    ]
    request = plain(
        operation=Operation.IMAGE_TO_IMAGE,
        images=(*references[:2], init, *references[2:]),
    )
    draw(provider, request)
    files = sent(service)[0].files("image[]")
    assert [each.content for each in files] == [
        each.content for each in (init, *references)
    ]


def test_when_only_references_are_given_then_it_is_an_edit_too(provider, service):
    image = given_image(ImageRole.REFERENCE, encoded("JPEG"), "image/jpeg")
    draw(provider, plain(images=(image,)))
    (file,) = sent(service)[0].files("image")
    assert (file.filename, file.mime_type) == ("image-1.jpg", "image/jpeg")


def test_when_a_part_is_repainted_then_the_mask_is_transparent_there(provider, service):
    request = plain(
        operation=Operation.INPAINT,
        images=(given_image(ImageRole.INIT), left_half_mask()),
    )
    draw(provider, request)
    (file,) = sent(service)[0].files("mask")
    mask = Image.open(io.BytesIO(file.content))
    assert (mask.format, mask.mode, mask.size) == ("PNG", "RGBA", (64, 48))
    alpha = mask.getchannel("A")
    assert alpha.getpixel((5, 20)) == 0
    assert alpha.getpixel((60, 20)) == 255


def test_when_a_mask_is_too_large_then_it_is_refused_before_it_is_sent(
    provider, service, monkeypatch
):
    monkeypatch.setattr(payload, "MASK_BYTES", 50)
    request = plain(
        operation=Operation.INPAINT,
        images=(given_image(ImageRole.INIT), left_half_mask()),
    )
    with pytest.raises(errors.UnsupportedRequest) as got:
        draw(provider, request)
    assert got.value.field == "images"
    assert not sent(service)


def test_when_a_mask_marks_no_picture_then_it_is_refused(provider, service):
    with pytest.raises(errors.UnsupportedRequest) as got:
        draw(provider, plain(images=(left_half_mask(),)))
    assert got.value.field == "images"
    assert not sent(service)


def test_when_it_is_sent_then_only_our_headers_go_along(service, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "of-the-machine")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    provider = provider_of(service, account="org-12/proj_34")
    draw(provider, plain())
    headers = sent(service)[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["openai-organization"] == "org-12"
    assert headers["openai-project"] == "proj_34"
    assert "of-the-machine" not in str(headers)
    assert not [name for name in headers if name.startswith("x-stainless")]
    provider.close()


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ("", (None, None)),
        ("org-12", ("org-12", None)),
        ("/proj_34", (None, "proj_34")),
        (" org-12 / proj_34 ", ("org-12", "proj_34")),
    ],
)
def test_when_an_account_is_named_then_its_parts_are_told(service, account, expected):
    provider = provider_of(service, account=account)
    provider.check()
    headers = service.calls[0].headers
    named = (headers.get("openai-organization"), headers.get("openai-project"))
    assert named == expected
    provider.close()


def test_when_the_address_names_a_version_then_it_is_kept(service):
    for url in (
        service.url,
        f"{service.url}/",
        f"{service.url}/v1",
        f"{service.url}/v1/",
    ):
        provider = OpenAIProvider(Access(base_url=url, api_key=KEY))
        provider.check()
        draw(provider, plain())
        provider.close()
    paths = {call.path for call in service.calls}
    assert paths == {"/v1/models", "/v1/images/generations"}


def test_when_there_is_no_address_then_it_is_not_configured():
    with pytest.raises(errors.NotConfigured):
        draw(OpenAIProvider(Access(base_url="", api_key=KEY)), plain())


def test_when_canceled_before_the_call_then_nothing_is_sent(provider, service):
    with pytest.raises(errors.GenerationCanceled):
        provider.submit(plain(), on_progress=lambda progress: False)
    assert not sent(service)


# Streams


def test_when_one_picture_is_asked_then_its_previews_are_small_webp(provider, service):
    seen = []
    result = draw(provider, request_for(), seen)
    assert sent(service)[0].json["stream"] is True
    assert sent(service)[0].json["partial_images"] == 2
    assert [each.fraction for each in seen] == pytest.approx([0, 1 / 3, 2 / 3])
    for each in seen[1:]:
        preview = Image.open(io.BytesIO(each.preview))
        assert (preview.format, preview.size) == ("WEBP", (256, 256))
        assert len(each.preview) < 60_000
    picture = Image.open(io.BytesIO(result.images[0].content.read()))
    assert picture.size == (1024, 1024)
    assert result.cost is not None


def test_when_an_edit_streams_then_its_events_are_read_as_well(provider, service):
    seen = []
    request = request_for(
        operation=Operation.INPAINT,
        images=(given_image(ImageRole.INIT), left_half_mask()),
    )
    assert draw(provider, request, seen).images
    assert sent(service)[0].fields()["stream"] == "true"
    assert [bool(each.preview) for each in seen] == [False, True, True]


@pytest.mark.parametrize("fields", [{"num_images": 2}, {"options": {"quality": "low"}}])
def test_when_there_are_several_or_the_cheapest_then_nothing_streams(
    provider, service, fields
):
    seen = []
    draw(provider, request_for(**fields), seen)
    assert "stream" not in sent(service)[0].json
    assert [each.fraction for each in seen] == [0]


def test_when_canceled_while_it_streams_then_it_is_delivered(provider, service):
    seen = []
    result = draw(provider, request_for(), seen, go_on=False)
    assert len(seen) == 3
    assert len(result.images) == 1
    assert len(sent(service)) == 1


def test_when_a_preview_arrives_then_it_is_shown_before_the_picture_is_done(
    provider, service
):
    """The stand-in waits with the picture until the preview was seen."""
    shown = threading.Event()
    seen = []

    def events():
        yield partial(noise())
        assert shown.wait(5), "the preview was held back"
        yield completed(noise())

    service.fail(Fault(reply=Reply(events=events())))

    def on_progress(progress):
        seen.append(progress)
        if progress.preview:
            shown.set()
        return True

    assert provider.submit(request_for(), on_progress=on_progress).images
    assert len(seen) == 2


def bomb() -> bytes:
    out = io.BytesIO()
    Image.new("1", (13_000, 13_000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"\x89PNG\r\n\x1a\n" + b"no picture" * 40, noise()[:6000], bomb(), b"tiny", b""],
    ids=["not-a-picture", "truncated", "bomb", "tiny", "empty"],
)
def test_when_a_preview_is_broken_then_the_job_goes_on(provider, service, content):
    seen = []
    service.fail(streamed(partial(content), completed(noise())))
    result = draw(provider, request_for(), seen)
    assert len(result.images) == 1
    assert [each.preview for each in seen] == [None, None]
    assert seen[1].fraction == pytest.approx(1 / 3)


def test_when_more_previews_come_than_were_asked_then_it_is_not_done_yet(
    provider, service
):
    seen = []
    service.fail(streamed(*[partial(noise())] * 4, completed(noise())))
    draw(provider, request_for(), seen)
    fractions = [each.fraction for each in seen]
    assert fractions == sorted(fractions)
    assert max(fractions) < 1


@pytest.mark.parametrize(
    "body",
    [
        "event: e\r\ndata: {done}\r\n\r\ndata: [DONE]\r\n\r\n",
        "data:{done}\n\n",
        "data: {done}\n",
        "data: {done}",
        ": a comment\nid: 7\nretry: 5\ndata: {done}\n\n",
        "data: {first}\ndata: {second}\n\n",
        'data: {"type": "something.new"}\n\ndata: [1]\n\ndata: {done}\n\n',
    ],
    ids=[
        "crlf",
        "no-space",
        "one-newline",
        "no-newline",
        "other-lines",
        "two-lines",
        "others",
    ],
)
def test_when_events_are_written_otherwise_then_they_are_read(provider, service, body):
    done = json.dumps(completed(noise())[1])
    first, second = done[: done.index(",")], done[done.index(",") :]
    for place, part in (("{done}", done), ("{first}", first), ("{second}", second)):
        body = body.replace(place, part)
    text = body.encode()
    service.fail(Fault(reply=Reply(body=text, mime_type="text/event-stream")))
    result = draw(provider, request_for())
    assert result.images[0].content.read().startswith(b"\x89PNG")


def broken_off():
    raise ConnectionError


def dripping(service):
    def drip():
        service._going.wait(20)

    return drip


@pytest.mark.parametrize("how", ["cut", "hangs", "cut-in-an-event"])
def test_when_a_stream_breaks_off_then_its_outcome_is_unknown(
    provider, service, hurry, how
):
    ends = {"cut": broken_off, "hangs": dripping(service), "cut-in-an-event": None}
    events = [partial(noise())]
    if how == "cut-in-an-event":
        name, told = completed(noise())
        events.append((name, json.dumps(told)[:2000]))
    service.fail(streamed(*events, then=ends[how]))
    hurry()
    started = time.monotonic()
    with pytest.raises(errors.OutcomeUnknown):
        draw(provider, request_for())
    assert time.monotonic() - started < 10
    assert len(sent(service)) == 1


def test_when_a_stream_hangs_after_its_picture_then_it_is_delivered(
    provider, service, hurry
):
    content = noise()
    service.fail(streamed(completed(content), then=dripping(service)))
    hurry(3)
    result = draw(provider, request_for())
    assert result.images[0].content.read() == content


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("moderation_blocked", errors.ContentRejected),
        ("insufficient_quota", errors.QuotaExhausted),
        ("server_error", errors.ProviderFailed),
        ("rate_limit_exceeded", errors.ProviderFailed),
    ],
)
def test_when_a_stream_says_an_error_then_it_is_not_sent_again(
    provider, service, code, expected
):
    told = {"type": "error", "error": {"message": f"No, {KEY}.", "code": code}}
    service.fail(streamed(partial(noise()), ("error", told)))
    with pytest.raises(expected) as got:
        draw(provider, request_for())
    assert not isinstance(got.value, errors.Transient)
    assert code in got.value.detail
    assert KEY not in got.value.detail
    assert len(sent(service)) == 1


def test_when_something_in_between_does_not_stream_then_its_answer_counts(
    provider, service
):
    content = noise()
    service.fail(answered(content))
    assert draw(provider, request_for()).images[0].content.read() == content


def test_when_a_streamed_picture_is_empty_then_that_is_no_success(provider, service):
    service.fail(streamed(completed(b"")))
    with pytest.raises(errors.UnexpectedResponse):
        draw(provider, request_for())


# What comes back


def test_when_it_answers_then_the_request_can_be_named_to_its_support(provider):
    assert draw(provider, plain()).provider_request_id == "req_1"


def test_when_a_prompt_was_rewritten_then_its_words_come_along(provider, service):
    text = base64.b64encode(noise()).decode()
    service.fail(answered({"b64_json": text, "revised_prompt": "a redder apple"}))
    (image,) = draw(provider, plain()).images
    assert image.revised_prompt == "a redder apple"


USAGE = {
    "input_tokens": 1200,
    "input_tokens_details": {"text_tokens": 200, "image_tokens": 1000},
    "output_tokens": 1767,
    "total_tokens": 2967,
}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (USAGE, Cost(usd_micros=200 * 5 + 1000 * 8 + 1767 * 30, is_exact=True)),
        (
            USAGE
            | {"output_tokens_details": {"text_tokens": 67, "image_tokens": 1700}},
            Cost(usd_micros=200 * 5 + 1000 * 8 + 1767 * 30, is_exact=False),
        ),
        (
            USAGE | {"output_tokens_details": None},
            Cost(usd_micros=62_010, is_exact=True),
        ),
        (None, None),
        ({}, None),
        ("none", None),
        (USAGE | {"output_tokens": None}, None),
        (USAGE | {"input_tokens_details": {"text_tokens": 3}}, None),
    ],
)
@pytest.mark.parametrize("is_streamed", [False, True])
def test_when_tokens_are_told_then_the_cost_is_exact(
    provider, service, usage, expected, is_streamed
):
    if is_streamed:
        service.fail(streamed(completed(noise(), usage=usage)))
        result = draw(provider, request_for())
    else:
        service.fail(answered(noise(), usage=usage))
        result = draw(provider, plain())
    assert result.cost == expected


def test_when_no_picture_came_then_the_error_has_what_the_tokens_cost(
    provider, service
):
    service.fail(answered({"b64_json": ""}, usage=USAGE))
    with pytest.raises(errors.UnexpectedResponse) as got:
        draw(provider, plain())
    assert got.value.cost == Cost(usd_micros=62_010, is_exact=True)


def test_when_no_price_is_known_then_no_cost_is_told(provider):
    assert draw(provider, plain(model="gpt-image-2.6-flare")).cost is None
    assert draw(provider, plain(model="gpt-image-1.5")).cost is None
    assert draw(provider, plain(model="gpt-image-2")).cost is not None


@pytest.mark.parametrize(
    "content", [b"no picture at all", noise()[:500], b"x" * 40_000_000]
)
def test_when_a_picture_is_broken_then_its_bytes_come_as_they_are(
    provider, service, content
):
    service.fail(answered(content))
    assert draw(provider, plain()).images[0].content.read() == content


@pytest.mark.parametrize(
    "told",
    [
        answered(),
        answered(b""),
        answered({}),
        answered({"b64_json": None, "url": None}),
        answered({"b64_json": "!" * 40}),
        answered({"b64_json": "A" * 301}),
        wire.status(200, {"created": 1}),
        wire.status(200, {"created": 1, "data": None}),
        wire.status(200, {"created": 1, "data": "none"}),
        wire.status(200, {"data": ["none", 7]}),
        wire.status(200, [1]),
        wire.status(200, {"error": {"message": "in a success"}}),
        wire.html(200),
        Fault(reply=Reply(body=b"")),
        Fault(reply=Reply(body=b'{"data": [{"b64_json": "AAAA')),
    ],
)
def test_when_a_success_holds_no_picture_then_it_is_none(provider, service, told):
    service.fail(told)
    with pytest.raises(errors.UnexpectedResponse):
        draw(provider, plain())
    assert len(sent(service)) == 1


def test_when_the_count_is_wrong_then_what_there_is_is_delivered(provider, service):
    one, two = noise(), noise(48)
    service.fail(answered(one, {}, two))
    result = draw(provider, plain(num_images=3))
    assert [each.content.read() for each in result.images] == [one, two]
    service.fail(answered(one, two))
    assert len(draw(provider, plain(num_images=1)).images) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/p.png",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/p.png",
    ],
)
def test_when_an_address_of_a_stranger_is_told_then_it_is_not_asked(
    provider, service, url
):
    service.fail(answered({"url": url}))
    with pytest.raises(errors.UnexpectedResponse):
        draw(provider, plain())


# Refusals


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (refusal(400, "moderation_blocked"), errors.ContentRejected),
        (refusal(400, "content_policy_violation"), errors.ContentRejected),
        (refusal(400, "invalid_value", param="size"), errors.InvalidRequest),
        (refusal(400, "billing_hard_limit_reached"), errors.QuotaExhausted),
        (refusal(400), errors.InvalidRequest),
        (refusal(401, "invalid_api_key"), errors.AuthenticationFailed),
        (refusal(401), errors.AuthenticationFailed),
        (refusal(402), errors.QuotaExhausted),
        (refusal(403), errors.AuthenticationFailed),
        (refusal(404, "model_not_found"), errors.ModelUnavailable),
        (refusal(404), errors.ModelUnavailable),
        (refusal(409), errors.UnexpectedResponse),
        (refusal(413), errors.InvalidRequest),
        (refusal(422), errors.InvalidRequest),
        (refusal(429, "insufficient_quota", Retry_After="7"), errors.QuotaExhausted),
        (refusal(429, "rate_limit_exceeded"), errors.RateLimited),
        (refusal(500), errors.ProviderFailed),
        (refusal(503), errors.ProviderFailed),
        (wire.html(400), errors.InvalidRequest),
        (wire.html(429), errors.RateLimited),
        (wire.html(502), errors.ProviderFailed),
        (wire.status(504), errors.ProviderFailed),
        (wire.status(400, {"error": "text"}), errors.InvalidRequest),
        (wire.status(400, [1]), errors.InvalidRequest),
        (wire.status(302, Location="https://evil.test/"), errors.UnexpectedResponse),
    ],
)
@pytest.mark.parametrize("is_streamed", [False, True])
def test_when_it_refuses_then_the_error_says_how(
    provider, service, fault, expected, is_streamed
):
    service.fail(fault)
    with pytest.raises(errors.ProviderError) as got:
        draw(provider, request_for() if is_streamed else plain())
    assert type(got.value) is expected
    assert len(sent(service)) == 1, "it was sent again"


def test_when_its_moderation_refuses_then_the_words_were_at_fault(provider, service):
    with pytest.raises(errors.ContentRejected):
        draw(provider, plain(words=f"a {FORBIDDEN} thing"))
    assert service.refusals == [None]


def in_an_hour():
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    return {"Retry_After": email.utils.format_datetime(moment, usegmt=True)}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry_After": "7"}, 7),
        (in_an_hour, 3600),
        (
            {
                "x_ratelimit_remaining_requests": "0",
                "x_ratelimit_reset_requests": "6m0s",
            },
            360,
        ),
        (
            {"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "1.5s"},
            1.5,
        ),
        (
            {"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "20ms"},
            0.02,
        ),
        ({"x_ratelimit_remaining_tokens": "9", "x_ratelimit_reset_tokens": "1h"}, None),
        ({"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": ""}, None),
        (
            {"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "soon"},
            None,
        ),
        ({}, None),
    ],
)
def test_when_it_asks_to_wait_then_it_says_how_long(
    provider, service, headers, expected
):
    told = headers() if callable(headers) else headers
    service.fail(refusal(429, "rate_limit_exceeded", **told))
    with pytest.raises(errors.RateLimited) as got:
        draw(provider, plain())
    tolerance = 30 if expected == 3600 else 0.001
    assert got.value.retry_after == (
        expected if expected is None else pytest.approx(expected, abs=tolerance)
    )


def test_when_it_refuses_then_the_operator_can_name_the_request(provider, service):
    service.fail(refusal(500, message=f"with {KEY}", x_request_id="req_77"))
    with pytest.raises(errors.ProviderFailed) as got:
        draw(provider, plain())
    assert "req_77" in got.value.detail
    assert KEY not in got.value.detail


def test_when_the_model_has_no_entry_then_it_is_unavailable(provider, service):
    with pytest.raises(errors.ModelUnavailable):
        draw(provider, plain(model="gpt-image-9"))
    assert not sent(service)


# The wire


@pytest.mark.parametrize("fault", BROKEN_LINES.values(), ids=BROKEN_LINES)
@pytest.mark.parametrize("is_edit", [False, True], ids=["draw", "edit"])
def test_when_the_line_breaks_then_the_outcome_is_unknown_and_it_is_sent_once(
    provider, service, hurry, fault, is_edit
):
    edit = {
        "operation": Operation.IMAGE_TO_IMAGE,
        "images": (given_image(ImageRole.INIT),),
    }
    request = plain(**(edit if is_edit else {}))
    draw(provider, request)
    service.fail(fault)
    hurry()
    started = time.monotonic()
    with pytest.raises(errors.OutcomeUnknown) as got:
        draw(provider, request)
    assert time.monotonic() - started < 10
    assert len(sent(service)) == 2, "it was sent again"
    assert KEY not in f"{got.value.detail}{got.value!r}"


def test_when_nobody_listens_then_it_surely_was_not_sent(provider, service):
    service.stop()
    with pytest.raises(errors.ProviderUnavailable):
        draw(provider, request_for())


def test_when_many_draw_at_once_then_none_gets_another_ones_picture(provider, service):
    """One instance serves all threads of a worker."""
    results = {}

    def one(words):
        results[words] = draw(provider, plain(words=words)).images[0].content.read()

    names = [f"apple {n}" for n in range(8)]
    threads = [threading.Thread(target=one, args=(name,)) for name in names]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    for name in names:
        assert results[name] == wire.picture(1024, 1024, words=name, seed=0)


# Trying a connection


def test_when_checked_then_it_counts_the_image_models_of_the_key(provider, service):
    assert provider.check().num_models == len(MODELS)
    service.live = {MODEL: MODELS[MODEL]}
    assert provider.check().num_models == 1
    assert not sent(service)


def test_when_checked_with_a_wrong_key_then_it_is_refused(service):
    provider = OpenAIProvider(Access(base_url=service.url, api_key="sk-wrong"))
    with pytest.raises(errors.AuthenticationFailed) as got:
        provider.check()
    assert "sk-wrong" not in got.value.detail
    provider.close()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (refusal(403), errors.AuthenticationFailed),
        (refusal(429, "insufficient_quota"), errors.QuotaExhausted),
        (refusal(429, "rate_limit_exceeded"), errors.RateLimited),
        (refusal(500), errors.ProviderFailed),
        (wire.html(404), errors.NotConfigured),
        (wire.html(200), errors.UnexpectedResponse),
        (wire.status(200, {"models": []}), errors.UnexpectedResponse),
        (wire.status(200, []), errors.UnexpectedResponse),
        (Fault(cuts=True), errors.ProviderUnavailable),
    ],
)
def test_when_a_check_goes_wrong_then_it_says_how(provider, service, fault, expected):
    service.fail(fault)
    with pytest.raises(errors.ProviderError) as got:
        provider.check()
    assert type(got.value) is expected


# Imports


def test_when_a_site_starts_and_checks_then_the_slow_package_is_not_loaded(service):
    """Only a worker that draws needs it."""
    script = f"""
import sys
import django
django.setup()
import magicshot.urls
from generators.contracts import Access
from generators.providers import registry
for slug in ("openai", "openai-compatible"):
    registry.get(slug).catalog()
    access = Access(base_url={service.url!r}, api_key={KEY!r})
    assert registry.bind(slug, access).check().num_models
print(sorted({{"openai", "httpx2"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "[]", done.stderr


# The catalogue


def test_when_the_catalogue_is_read_then_its_prices_follow_its_costs():
    for spec in LIVE:
        if spec.price_credits is None:
            assert not spec.enabled
            assert not spec.costs
        else:
            usual = spec.costs[-1]  # the rule without conditions
            assert not usual.options
            assert spec.price_credits == math.ceil(round(usual.usd * 100, 6))


def test_when_a_model_ended_or_ends_soon_then_it_is_not_offered_and_has_a_successor():
    in_a_month = REVIEWED + dt.timedelta(days=30)
    usable = {each.slug for each in LIVE if each.enabled}
    assert usable
    for spec in CATALOGUE:
        if spec.sunset_date is None:
            assert not spec.retired
            continue
        ends = dt.date.fromisoformat(spec.sunset_date)
        assert spec.retired == (ends <= REVIEWED)
        assert spec.successor in usable
        if ends <= in_a_month and not spec.retired:
            assert not spec.enabled


def test_when_somebody_looks_for_an_old_name_then_it_is_found():
    names = {
        name: spec.provider_model_id
        for spec in CATALOGUE
        for name in (spec.slug, *spec.aliases)
    }
    assert names["dalle"] == names["dall-e"] == names["dalle-3"] == "dall-e-3"
    assert names["dall-e-2"] == "dall-e-2"
    assert names["gpt-image-1"] == "gpt-image-1"
    assert names["gpt-image"] == MODEL
    assert len(names) == sum(1 + len(spec.aliases) for spec in CATALOGUE)


# Whatever the catalogue admits


class Quick(FakeOpenAI):
    """Checks as strictly, and draws nothing."""

    picture = noise(16)

    def draw(self, asked, number, given, mask):
        return self.picture


@pytest.fixture(scope="module")
def quick_service():
    with Quick() as service:
        yield service


def encoded(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (10, 200, 90)).save(out, kind)
    return out.getvalue()


PICTURES = {f"image/{kind.lower()}": encoded(kind) for kind in ("PNG", "JPEG", "WEBP")}


@st.composite
def requests(draw_value):
    spec = draw_value(st.sampled_from(LIVE))
    able = spec.capabilities
    operation = draw_value(st.sampled_from(able.operations))
    width, height = draw_value(_sizes(able))
    options = tuple(
        OptionValue(name=each.name, value=draw_value(st.sampled_from(each.values)))
        for each in able.options_of(operation)
        if draw_value(st.booleans())
    )
    roles = [ImageRole.REFERENCE] * draw_value(
        st.integers(0, able.max_reference_images)
    )
    if operation is not Operation.TEXT_TO_IMAGE:
        roles.append(ImageRole.INIT)
    images = []
    for role in roles:
        mime = draw_value(st.sampled_from(able.inputs.mime_types))
        images.append(given_image(role, PICTURES[mime], mime))
    if operation is Operation.INPAINT:
        images.append(left_half_mask())
    alphabet = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    words = draw_value(st.text(alphabet, min_size=1, max_size=60))
    return GenerationRequest(
        provider_model_id=spec.provider_model_id,
        operation=operation,
        prompt=words.replace(FORBIDDEN, "apple"),
        width=width,
        height=height,
        num_images=draw_value(st.integers(1, able.max_images)),
        options=options,
        images=tuple(draw_value(st.permutations(images))),
        end_user=draw_value(st.sampled_from(["", "0" * 64])),
    )


def _sizes(able):
    listed = st.sampled_from([(each.width, each.height) for each in able.sizes])
    free = able.size_range
    if free is None:
        return listed
    steps = st.integers(free.minimum // free.step, free.maximum // free.step)
    side = steps.map(lambda n: n * free.step)
    pairs = st.tuples(side, side).filter(lambda s: s[0] * s[1] <= free.max_pixels)
    return listed | pairs


@settings(max_examples=150)
@given(request=requests())
def test_when_the_catalogue_admits_it_then_the_service_does(quick_service, request):
    provider = provider_of(quick_service)
    quick_service.refusals.clear()
    try:
        result = draw(provider, request)
    finally:
        provider.close()
    assert not quick_service.refusals
    assert len(result.images) == request.num_images
    assert isinstance(result.images[0].content, Spool)
