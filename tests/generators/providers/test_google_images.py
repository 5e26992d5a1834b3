"""Gemini image models: what goes over the wire, and what each answer becomes.

There is no handle, no address of a picture and no count in this protocol, so polling,
expired addresses and strange hosts have nothing to be tested by.
"""

import base64
import datetime as dt
import email.utils
import io
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import settings as rules
from hypothesis import strategies as st
from PIL import Image

from generators import errors
from generators.capabilities import (
    ImageRole,
    Operation,
    OptionValue,
)
from generators.contracts import (
    Access,
    Cost,
    GenerationRequest,
    InputImage,
    ModelSpec,
)
from generators.providers import catalog_file
from generators.providers.google_images import payload, provider, vertex
from generators.providers.google_images.answers import NO_PICTURE, REFUSALS
from generators.providers.google_images.provider import GoogleImagesProvider
from tests.fakes import wire
from tests.fakes.services import google_images as fake
from tests.fakes.services.google_images import FakeGoogleImages
from tests.fakes.wire import Fault, Reply
from tests.generators.providers.contract import Behaviour, ProviderContract

USUAL = "gemini-nano-banana-2.1"
MANY_TIERS = "gemini-3.1-flash-image"
PRO = "gemini-3-pro-image"
ONE_TIER = "gemini-2.5-flash-image"

SPECS = {each.provider_model_id: each for each in catalog_file.read("google")}
LIVE = [each for each in SPECS.values() if not each.retired]
GONE = [each for each in SPECS.values() if each.retired]
EDIT = Operation.IMAGE_TO_IMAGE

BLOCK_REASONS = (
    *("SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY"),
    *("MODEL_ARMOR", "JAILBREAK"),
)
FINISH_REASONS = (
    *("SAFETY", "PROHIBITED_CONTENT", "SPII", "RECITATION", "BLOCKLIST"),
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "MODEL_ARMOR"),
)


@pytest.fixture
def service() -> Iterator[FakeGoogleImages]:
    """The service, which draws small pictures."""
    with FakeGoogleImages(shrink=8) as service:
        yield service


@pytest.fixture
def google(service) -> Iterator[GoogleImagesProvider]:
    """The provider, connected to it by an API key."""
    connected = GoogleImagesProvider(Access(base_url=service.url, api_key=service.KEY))
    yield connected
    connected.close()


def on_vertex(service: FakeGoogleImages, **changes) -> GoogleImagesProvider:
    """Return the provider, connected to it by a service account."""
    asked = {
        "base_url": service.url,
        "api_key": service.service_account(),
        "account": f"{service.PROJECT}/global",
    }
    return GoogleImagesProvider(Access(**(asked | changes)))


def request_for(model: str = USUAL, **fields) -> GenerationRequest:
    asked = {"prompt": "a red apple", "width": 1024, "height": 1024} | fields
    return GenerationRequest(provider_model_id=model, **asked)


def draw(google: GoogleImagesProvider, request: GenerationRequest):
    return google.submit(request, on_progress=lambda progress: True)


def image_of(
    role: ImageRole, *, width: int = 40, height: int = 30, words: str = "", kind="PNG"
) -> InputImage:
    content = wire.picture(width, height, words=words, kind=kind)
    return InputImage(content=content, mime_type=f"image/{kind.lower()}", role=role)


def size_of(content: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(content)).size


def only_call(service: FakeGoogleImages) -> wire.Call:
    (call,) = service.calls_to("POST /v1")
    return call


def told_config(service):
    return only_call(service).json["generationConfig"]["imageConfig"]


class TestGoogleImages(ProviderContract):
    slug = "google"
    secrets: ClassVar[tuple[str, ...]] = (FakeGoogleImages.KEY,)
    tells_progress = False
    impossible = {
        Behaviour.RUNS_OUT_OF_MEMORY: "the service says nothing of memory",
        Behaviour.ANSWERS_PARTLY: "it draws one picture a call",
        Behaviour.IS_SLOW: "a call that was sent cannot be stopped",
    }

    @pytest.fixture(autouse=True)
    def _own_service(self, monkeypatch):
        monkeypatch.setattr(provider, "DRAW_SECONDS", 1.5)
        with FakeGoogleImages() as self.service:
            yield

    def make_provider(self):
        access = Access(base_url=self.service.url, api_key=self.service.KEY)
        return GoogleImagesProvider(access)

    def calls_sent(self):
        return len(self.service.calls_to("POST /v1"))

    def request_that(self, behaviour):
        answers = {
            Behaviour.REFUSES: fake.ended("IMAGE_SAFETY"),
            Behaviour.FINDS_INVALID: fake.error(400, "INVALID_ARGUMENT"),
            Behaviour.RATE_LIMITS: fake.error(
                429, "RESOURCE_EXHAUSTED", fake.USED_UP_THIS_MINUTE, fake.wait("7s")
            ),
            Behaviour.BREAKS: fake.error(500, "INTERNAL"),
            Behaviour.ANSWERS_NONSENSE: wire.html(200).reply,
            Behaviour.ANSWERS_EMPTY: Reply(json={"candidates": []}),
            Behaviour.AUTHENTICATION_FAILS: self.refused_key(),
            Behaviour.MODEL_IS_GONE: fake.error(404, "NOT_FOUND"),
        }
        if behaviour in answers:
            self.service.answer(answers[behaviour])
        elif behaviour is Behaviour.IS_DOWN:
            self.service.stop()
        elif behaviour is Behaviour.QUOTA_IS_EXHAUSTED:
            self.service.left_today = 0
        elif behaviour is Behaviour.NEVER_ANSWERS:
            self.service.fail(Fault(hangs=True), on="POST /v1")
        return request_for()

    def refused_key(self):
        return self.service.wrong_key()


class TestGoogleOnVertex(TestGoogleImages):
    secrets = ("PRIVATE KEY", "ya29.")

    def make_provider(self):
        return on_vertex(self.service)

    def refused_key(self):
        return fake.error(401, "UNAUTHENTICATED")


# What goes over the wire


def test_when_words_become_a_picture_then_one_call_holds_just_what_is_documented(
    google, service
):
    result = draw(google, request_for(width=1376, height=768))
    call = only_call(service)
    assert call.path == f"/v1beta/models/{USUAL}:generateContent"
    assert call.query == {}, "a key in the address would end in logs"
    assert call.headers["x-goog-api-key"] == service.KEY
    assert "authorization" not in call.headers
    assert call.headers["content-type"] == "application/json"
    assert call.json == {
        "contents": [{"role": "user", "parts": [{"text": "a red apple"}]}],
        "generationConfig": {
            "responseModalities": ["IMAGE"],
            "candidateCount": 1,
            "imageConfig": {"aspectRatio": "16:9", "imageSize": "1K"},
        },
    }
    assert size_of(result.images[0].content.read()) == (1376 // 8, 768 // 8)
    assert result.provider_request_id.startswith("r-")
    assert result.refused == 0


@pytest.mark.parametrize("spec", LIVE, ids=lambda spec: spec.slug)
def test_when_a_listed_size_is_asked_for_then_that_size_is_drawn(google, service, spec):
    for size in spec.capabilities.sizes:
        request = request_for(
            spec.provider_model_id, width=size.width, height=size.height
        )
        content = draw(google, request).images[0].content.read()
        assert size_of(content) == (size.width // 8, size.height // 8), str(size)
    assert service.refused == []


@pytest.mark.parametrize(
    ("size", "told"),
    [
        ((512, 512), {"aspectRatio": "1:1", "imageSize": "512"}),
        ((192, 1536), {"aspectRatio": "1:8", "imageSize": "512"}),
        ((2048, 512), {"aspectRatio": "4:1", "imageSize": "1K"}),
        ((1696, 2528), {"aspectRatio": "2:3", "imageSize": "2K"}),
        ((6336, 2688), {"aspectRatio": "21:9", "imageSize": "4K"}),
        ((12288, 1536), {"aspectRatio": "8:1", "imageSize": "4K"}),
    ],
)
def test_when_pixels_are_asked_for_then_ratio_and_tier_are_told(
    google, service, size, told
):
    draw(google, request_for(MANY_TIERS, width=size[0], height=size[1]))
    assert told_config(service) == told


def test_when_a_model_has_one_tier_then_none_is_told(google, service):
    draw(google, request_for(ONE_TIER, width=864, height=1184))
    assert told_config(service) == {"aspectRatio": "3:4"}


def test_when_a_picture_is_changed_then_it_comes_before_the_references(google, service):
    given = (
        image_of(ImageRole.REFERENCE, words="one", kind="JPEG"),
        image_of(ImageRole.INIT, words="init"),
        image_of(ImageRole.REFERENCE, words="two", kind="WEBP"),
    )
    request = request_for(
        operation=EDIT, prompt="make it blue", width=40, height=30, images=given
    )
    draw(google, request)
    words, *pictures = only_call(service).json["contents"][0]["parts"]
    assert words == {"text": "make it blue"}
    expected = (given[1], given[0], given[2])
    assert pictures == [
        {
            "inlineData": {
                "mimeType": each.mime_type,
                "data": base64.b64encode(each.content).decode(),
            }
        }
        for each in expected
    ]


@pytest.mark.parametrize(
    ("size", "ratio"),
    [
        ((40, 30), "4:3"),
        ((300, 900), "9:16"),
        ((900, 300), "21:9"),
        ((500, 490), "1:1"),
    ],
)
def test_when_a_picture_is_changed_then_it_keeps_its_shape(
    google, service, size, ratio
):
    width, height = size
    init = image_of(ImageRole.INIT, width=width, height=height)
    request = request_for(
        PRO, operation=EDIT, width=width, height=height, images=(init,)
    )
    draw(google, request)
    assert told_config(service) == {"aspectRatio": ratio, "imageSize": "1K"}


@pytest.mark.parametrize("tier", ["512", "1K", "2K", "4K"])
def test_when_a_changed_picture_shall_be_larger_then_its_tier_is_told(
    google, service, tier
):
    request = request_for(
        MANY_TIERS,
        operation=EDIT,
        width=40,
        height=30,
        images=(image_of(ImageRole.INIT),),
        options=(OptionValue(name="resolution", value=tier),),
    )
    draw(google, request)
    assert told_config(service) == {"aspectRatio": "4:3", "imageSize": tier}


def test_when_words_become_a_picture_then_references_go_along(google, service):
    given = tuple(image_of(ImageRole.REFERENCE, words=str(n)) for n in range(13))
    draw(google, request_for(PRO, images=given))
    parts = only_call(service).json["contents"][0]["parts"]
    assert [sorted(each) for each in parts] == [["text"]] + [["inlineData"]] * 13


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"num_images": 2}, "num_images"),
        ({"seed": 7}, "seed"),
        ({"width": 1000}, "size"),
        ({"options": (OptionValue(name="resolution", value="2K"),)}, "resolution"),
        ({"images": (image_of(ImageRole.INIT),)}, "images"),
        ({"images": (image_of(ImageRole.REFERENCE),) * 9}, "images"),
        ({"operation": EDIT}, "images"),
        ({"operation": Operation.INPAINT}, "operation"),
    ],
)
def test_when_it_cannot_do_something_then_it_names_it_and_sends_nothing(
    google, service, changes, field
):
    with pytest.raises(errors.UnsupportedRequest) as got:
        draw(google, replace(request_for(), **changes))
    assert got.value.field == field
    assert service.calls == []


def _of_bytes(size: int) -> InputImage:
    """Return a picture of so many bytes: PNG ignores what comes after its end."""
    content = wire.picture(8, 8)
    content += bytes(size - len(content))
    return InputImage(content=content, mime_type="image/png", role=ImageRole.REFERENCE)


def test_when_pictures_together_are_too_large_then_nothing_is_sent(google, service):
    fits = (_of_bytes(5_000_000), _of_bytes(5_000_000), _of_bytes(4_990_000))
    draw(google, request_for(images=fits))
    with pytest.raises(errors.UnsupportedRequest) as got:
        draw(google, request_for(images=(*fits, _of_bytes(20_000))))
    assert got.value.field == "images"
    assert len(service.calls) == 1
    assert len(service.calls[0].body) < payload.MAX_BODY_BYTES == 20_000_000


# Refusals and answers without a picture


@pytest.mark.parametrize("reason", BLOCK_REASONS)
def test_when_the_words_are_blocked_then_it_is_a_refusal(google, service, reason):
    service.answer(fake.blocked(reason))
    with pytest.raises(errors.ContentRejected) as got:
        draw(google, request_for())
    assert reason in got.value.detail


@pytest.mark.parametrize("reason", FINISH_REASONS)
def test_when_the_picture_is_withheld_then_it_is_a_refusal(google, service, reason):
    service.answer(fake.ended(reason, fake.inline(wire.picture(64, 64))))
    with pytest.raises(errors.ContentRejected) as got:
        draw(google, request_for())
    assert reason in got.value.detail
    assert reason in REFUSALS


def test_when_the_moderation_refuses_a_prompt_then_nothing_was_drawn(google, service):
    with pytest.raises(errors.ContentRejected):
        draw(google, request_for(prompt="an apple !refuse"))
    assert service.drawn == []


@pytest.mark.parametrize("reason", ["NO_IMAGE", "IMAGE_OTHER", "MAX_TOKENS", "STOP"])
def test_when_nothing_was_drawn_then_it_is_no_success_and_is_not_sent_again(
    google, service, reason
):
    service.answer(fake.ended(reason, {"text": "What colour shall it have?"}))
    with pytest.raises(errors.InvalidRequest) as got:
        draw(google, request_for())
    assert got.value.user_message == NO_PICTURE[reason]
    assert "What colour" in got.value.detail
    assert len(service.calls) == 1


def test_when_only_a_thought_was_drawn_then_it_is_no_picture(google, service):
    thought = fake.inline(wire.picture(64, 64)) | {"thought": True}
    service.answer(fake.ended("STOP", thought))
    with pytest.raises(errors.UnexpectedResponse):
        draw(google, request_for())


@pytest.mark.parametrize(
    "said",
    [
        [],
        None,
        "drawn",
        {},
        {"candidates": None},
        {"candidates": ["drawn"]},
        {"candidates": [{"content": None, "finishReason": None}]},
        {"candidates": [{"content": {"parts": ["drawn", None, {"inlineData": 7}]}}]},
        {"candidates": [{"content": {"parts": [{"inlineData": {"data": ""}}]}}]},
        {"candidates": [{"content": {"parts": [{"inlineData": {"data": "aGk="}}]}}]},
        {"error": {"code": 500, "message": "inside a success"}},
        {"promptFeedback": "all well", "usageMetadata": "none"},
    ],
    ids=str,
)
def test_when_a_success_makes_no_sense_then_it_is_no_success(google, service, said):
    body = json.dumps(said).encode()
    service.answer(Reply(body=body))
    with pytest.raises(errors.UnexpectedResponse):
        draw(google, request_for())


def test_when_base64_is_damaged_then_it_is_no_success(google, service):
    service.answer(fake.ended("STOP", {"inlineData": {"data": "A" * 401}}))
    with pytest.raises(errors.UnexpectedResponse):
        draw(google, request_for())


@pytest.mark.parametrize(
    "content",
    [
        wire.picture(256, 256)[:300],
        b"<html>" * 100,
        random.Random(1).randbytes(6_000_000),  # noqa: S311
    ],
    ids=["truncated", "html", "huge"],
)
def test_when_a_picture_is_odd_then_its_bytes_come_as_they_are(
    google, service, content
):
    service.answer(fake.ended("STOP", fake.inline(content)))
    (image,) = draw(google, request_for()).images
    assert image.content.read() == content


def test_when_more_pictures_come_than_asked_then_all_are_handed_on(google, service):
    first, second = wire.picture(64, 64), wire.picture(64, 64, seed=1)
    service.answer(fake.ended("STOP", fake.inline(first), fake.inline(second)))
    result = draw(google, request_for())
    assert [each.content.read() for each in result.images] == [first, second]


# Errors


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (fake.error(400, "INVALID_ARGUMENT"), errors.InvalidRequest),
        (
            fake.error(400, "INVALID_ARGUMENT", fake.INVALID_KEY),
            errors.AuthenticationFailed,
        ),
        (fake.error(401, "UNAUTHENTICATED"), errors.AuthenticationFailed),
        (fake.error(402, "PAYMENT_REQUIRED"), errors.QuotaExhausted),
        (fake.error(403, "PERMISSION_DENIED"), errors.AuthenticationFailed),
        (fake.error(404, "NOT_FOUND"), errors.ModelUnavailable),
        (fake.error(409, "ABORTED"), errors.UnexpectedResponse),
        (fake.error(422, "INVALID_ARGUMENT"), errors.InvalidRequest),
        (fake.error(429, "RESOURCE_EXHAUSTED"), errors.RateLimited),
        (
            fake.error(429, "RESOURCE_EXHAUSTED", fake.USED_UP_TODAY, fake.wait("7s")),
            errors.QuotaExhausted,
        ),
        (fake.error(500, "INTERNAL"), errors.ProviderFailed),
        (fake.error(503, "UNAVAILABLE"), errors.ProviderFailed),
        (fake.error(504, "DEADLINE_EXCEEDED"), errors.ProviderFailed),
        (wire.html(502).reply, errors.ProviderFailed),
        (wire.html(404).reply, errors.ModelUnavailable),
        (wire.html(200).reply, errors.UnexpectedResponse),
        (Reply(status=400, json={"error": "odd"}), errors.InvalidRequest),
        (Reply(status=400, json={"error": {"details": 7}}), errors.InvalidRequest),
        (
            Reply(status=302, headers={"Location": "http://127.0.0.1:1/"}),
            errors.UnexpectedResponse,
        ),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else str(each.status),
)
def test_when_it_refuses_then_the_error_is_of_that_kind_and_nothing_is_sent_again(
    google, service, reply, expected
):
    service.answer(reply)
    with pytest.raises(errors.ProviderError) as got:
        draw(google, request_for())
    assert type(got.value) is expected
    assert len(service.calls) == 1


def in_a_minute() -> str:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)
    return email.utils.format_datetime(soon, usegmt=True)


@pytest.mark.parametrize(
    ("details", "header", "seconds"),
    [
        ((fake.wait("23s"),), "", 23),
        ((fake.USED_UP_THIS_MINUTE, fake.wait("0.5s")), "90", 0.5),
        ((), "7", 7),
        ((), "date", 60),
        ((fake.wait("soon"),), "7", 7),
        ((), "", None),
    ],
    ids=["told", "told-before-header", "seconds", "date", "odd", "none"],
)
def test_when_it_asks_to_wait_then_it_is_known_for_how_long(
    google, service, details, header, seconds
):
    reply = fake.error(429, "RESOURCE_EXHAUSTED", *details)
    header = in_a_minute() if header == "date" else header
    service.answer(replace(reply, headers={"Retry-After": header} if header else {}))
    with pytest.raises(errors.RateLimited) as got:
        draw(google, request_for())
    if seconds is None:
        assert got.value.retry_after is None
    else:
        slack = 20 if seconds == 60 else 0  # a date is of whole seconds, and runs down
        assert got.value.retry_after == pytest.approx(seconds, abs=slack)


def test_when_the_quota_of_the_day_is_used_up_then_waiting_does_not_help(
    google, service
):
    service.left_today = 1
    draw(google, request_for())
    with pytest.raises(errors.QuotaExhausted):
        draw(google, request_for())


def test_when_the_key_is_wrong_then_it_is_the_operators_problem(service):
    google = GoogleImagesProvider(Access(base_url=service.url, api_key="AIza-wrong"))
    for ask in (google.check, lambda: draw(google, request_for())):
        with pytest.raises(errors.AuthenticationFailed) as got:
            ask()
        assert "AIza-wrong" not in got.value.detail
    google.close()


# Faults of the wire


@pytest.mark.parametrize(
    "fault",
    [
        Fault(hangs=True),
        Fault(drips=20),
        Fault(cuts=True),
        Fault(cuts_body=True),
        Fault(wrong_length=True),
    ],
    ids=["hangs", "drips", "cut", "cut-in-the-body", "wrong-length"],
)
def test_when_the_line_breaks_after_the_call_then_the_outcome_is_unknown(
    google, service, fault, monkeypatch
):
    monkeypatch.setattr(provider, "DRAW_SECONDS", 0.6)
    service.fail(fault)
    started = time.monotonic()
    with pytest.raises(errors.OutcomeUnknown):
        draw(google, request_for())
    assert time.monotonic() - started < 3
    assert len(service.calls) == 1
    assert len(service.drawn) == 1, "it was accepted"


def test_when_nobody_listens_then_it_surely_was_not_sent(google, service):
    service.stop()
    with pytest.raises(errors.ProviderUnavailable):
        draw(google, request_for())


# Checking a connection


def test_when_a_connection_is_checked_then_the_models_that_draw_are_counted(
    google, service
):
    report = google.check()
    assert report.num_models == len(LIVE) == 5
    assert (report.balance, report.models) == ("", ())
    assert [(each.method, each.path) for each in service.calls] == [
        ("GET", "/v1beta/models")
    ]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (fake.error(403, "PERMISSION_DENIED"), errors.AuthenticationFailed),
        (fake.error(429, "RESOURCE_EXHAUSTED", fake.wait("9s")), errors.RateLimited),
        (wire.html(502).reply, errors.ProviderFailed),
        (wire.html(200).reply, errors.UnexpectedResponse),
        (Reply(json={"models": "all"}), errors.UnexpectedResponse),
        (Reply(json=[1]), errors.UnexpectedResponse),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else str(each.status),
)
def test_when_a_check_fails_then_it_says_how(google, service, reply, expected):
    service.fail(Fault(reply=reply))
    with pytest.raises(errors.ProviderError) as got:
        google.check()
    assert type(got.value) is expected


def test_when_a_check_breaks_off_then_it_may_be_repeated(google, service):
    service.fail(Fault(cuts=True))
    with pytest.raises(errors.ProviderUnavailable):
        google.check()
    assert google.check().num_models == 5


# Costs


def test_when_tokens_have_a_price_then_the_cost_is_exact(google):
    drawn = draw(google, request_for())
    assert drawn.cost == Cost(usd_micros=33_600 + 15 + 1_500, is_exact=True)
    request = request_for(
        operation=EDIT,
        images=(image_of(ImageRole.INIT), image_of(ImageRole.REFERENCE)),
        options=(OptionValue(name="resolution", value="2K"),),
    )
    # Two pictures to read, of 1120 tokens each, beside ten of words.
    changed = draw(google, request)
    assert changed.cost == Cost(usd_micros=50_400 + 3_375 + 1_500, is_exact=True)


def test_when_no_usage_comes_then_the_list_price_is_not_called_exact(google, service):
    service.answer(fake.ended("STOP", fake.inline(wire.picture(64, 64))))
    cost = draw(google, request_for()).cost
    assert cost == Cost(usd_micros=33_600, is_exact=False)


@pytest.mark.parametrize("tokens", [-1, 10**400], ids=["negative", "huge"])
def test_when_the_tokens_make_no_sense_then_they_are_not_counted(
    google, service, tokens
):
    service.answer(_told(fake.ended("STOP", fake.inline(wire.picture(64, 64))), tokens))
    cost = draw(google, request_for()).cost
    assert cost == Cost(usd_micros=33_600, is_exact=False)


@pytest.mark.parametrize("answer", [fake.blocked("SAFETY"), fake.ended("NO_IMAGE")])
def test_when_an_answer_without_a_picture_tells_tokens_then_its_error_has_their_cost(
    google, service, answer
):
    service.answer(_told(answer, 1000))
    with pytest.raises(errors.ProviderError) as got:
        draw(google, request_for())
    assert got.value.cost == Cost(usd_micros=1_500, is_exact=True)


def _told(answer, tokens: int):
    told = answer.json | {"usageMetadata": {"promptTokenCount": tokens}}
    return replace(answer, json=told)


@pytest.mark.parametrize(
    ("model", "size", "micros"),
    [
        (MANY_TIERS, (512, 512), 45_000),
        (MANY_TIERS, (1536, 192), 45_000),
        (MANY_TIERS, (3072, 384), 67_000),
        (MANY_TIERS, (2048, 2048), 101_000),
        (MANY_TIERS, (12288, 1536), 151_000),
        (PRO, (1024, 1024), 134_000),
        (PRO, (3168, 1344), 134_000),
        (PRO, (4096, 4096), 240_000),
        ("gemini-3.1-flash-lite-image", (768, 1376), 33_600),
        (ONE_TIER, (1024, 1024), 39_000),
    ],
)
def test_when_only_pictures_have_a_price_then_the_cost_is_of_the_list(
    google, model, size, micros
):
    drawn = draw(google, request_for(model, width=size[0], height=size[1]))
    assert drawn.cost == Cost(usd_micros=micros, is_exact=False)


@pytest.mark.parametrize(
    ("tier", "micros"), [("1K", 134_000), ("2K", 134_000), ("4K", 240_000)]
)
def test_when_a_large_picture_is_changed_then_its_tier_is_what_costs(
    google, tier, micros
):
    request = request_for(
        PRO,
        operation=EDIT,
        width=4000,
        height=3000,
        images=(image_of(ImageRole.INIT),),
        options=(OptionValue(name="resolution", value=tier),),
    )
    assert draw(google, request).cost == Cost(usd_micros=micros, is_exact=False)


# Vertex


def test_when_the_key_is_a_service_account_then_vertex_draws(service):
    google = on_vertex(service, account=f"{service.PROJECT}/europe-west4")
    draw(google, request_for(PRO))
    draw(google, request_for(PRO))
    asked, first, second = service.calls
    assert (asked.path, "authorization" in asked.headers) == ("/token", False)
    place = "/v1/projects/painters/locations/europe-west4/publishers/google/models"
    assert first.path == second.path == f"{place}/{PRO}:generateContent"
    assert first.headers["authorization"].startswith("Bearer ya29.")
    assert "x-goog-api-key" not in first.headers
    assert first.json["contents"][0]["role"] == "user"
    google.close()


def test_when_a_token_ends_soon_then_the_next_call_gets_another(service):
    service.token_seconds = 30
    google = on_vertex(service)
    for _ in range(2):
        draw(google, request_for())
    first, second = (each.headers for each in service.calls_to("POST /v1"))
    assert len(service.calls_to("POST /token")) == 2
    assert first["authorization"] != second["authorization"]
    google.close()


def test_when_closed_then_the_token_is_forgotten(service):
    google = on_vertex(service)
    for _ in range(2):
        draw(google, request_for())
        google.close()
    assert len(service.calls_to("POST /token")) == 2


def test_when_a_service_account_is_checked_then_it_gets_a_fresh_token(service):
    google = on_vertex(service)
    for _ in range(2):
        assert google.check().num_models is None
    assert [each.path for each in service.calls] == ["/token", "/token"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (wire.status(400, {"error": "invalid_grant"}), errors.AuthenticationFailed),
        (wire.status(401, {"error": "invalid_client"}), errors.AuthenticationFailed),
        (wire.status(429), errors.ProviderUnavailable),
        (wire.html(503), errors.ProviderUnavailable),
        (Fault(cuts=True), errors.ProviderUnavailable),
        (wire.html(200), errors.UnexpectedResponse),
        (wire.status(200, {"access_token": 7}), errors.UnexpectedResponse),
        (wire.status(200, ["token"]), errors.UnexpectedResponse),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else None,
)
def test_when_there_is_no_token_then_nothing_was_paid(service, fault, expected):
    google = on_vertex(service)
    service.fail(fault, on="POST /token", times=2)
    for ask in (google.check, lambda: draw(google, request_for())):
        with pytest.raises(errors.ProviderError) as got:
            ask()
        assert type(got.value) is expected
    assert service.calls_to("POST /v1") == []
    assert draw(google, request_for()).images, "it works again"


def test_when_the_account_is_not_known_then_its_key_is_refused(service):
    google = on_vertex(service, api_key=service.service_account(client_email="x@y.z"))
    with pytest.raises(errors.AuthenticationFailed):
        google.check()


def test_when_the_project_is_another_then_it_is_refused(service):
    google = on_vertex(service, account="other-painters/global")
    with pytest.raises(errors.AuthenticationFailed):
        draw(google, request_for())


def test_when_a_token_is_withdrawn_then_it_is_refused(service):
    google = on_vertex(service)
    draw(google, request_for())
    service.tokens.clear()
    with pytest.raises(errors.AuthenticationFailed):
        draw(google, request_for())


@pytest.mark.parametrize(
    ("changes", "account"),
    [
        ({"private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n"}, "painters/global"),
        ({"private_key": None}, "painters/global"),
        ({"token_uri": ["https://oauth2.googleapis.com/token"]}, "painters/global"),
        ({}, ""),
        ({}, "painters"),
        ({}, "painters/evil.test/"),
        ({}, "painters/../x"),
        ({}, "painters/evil.test"),
    ],
)
def test_when_the_service_account_makes_no_sense_then_the_operator_is_told(
    service, changes, account
):
    key = service.service_account(**changes)
    google = on_vertex(service, api_key=key, account=account)
    for ask in (google.check, lambda: draw(google, request_for())):
        with pytest.raises(errors.NotConfigured) as got:
            ask()
        assert got.value.detail
        assert "BEGIN" not in got.value.detail
    assert service.calls == []


def test_when_the_service_account_is_no_json_then_the_operator_is_told(service):
    google = on_vertex(service, api_key="{not json")
    with pytest.raises(errors.NotConfigured):
        draw(google, request_for())


@pytest.mark.parametrize(
    "token_uri",
    [
        "https://evil.test/token",
        "http://oauth2.googleapis.com/token",
        "https://oauth2.googleapis.com.evil.test/token",
        "https://oauth2.googleapis.com@evil.test/token",
        "https://oauth2.googleapis.com:8443/token",
        "http://127.0.0.1/token",
    ],
)
@pytest.mark.parametrize(
    "base_url",
    [*GoogleImagesProvider.base_urls, "https://europe-west4-aiplatform.googleapis.com"],
)
def test_when_a_stranger_would_give_the_token_then_it_is_not_asked(
    service, base_url, token_uri
):
    key = service.service_account(token_uri=token_uri)
    google = on_vertex(service, api_key=key, base_url=base_url)
    with pytest.raises(errors.NotConfigured) as got:
        draw(google, request_for())
    assert "for tokens" in got.value.detail


def test_when_the_site_is_connected_to_google_then_googles_host_gives_the_token(
    service,
):
    key = service.service_account(token_uri="https://oauth2.googleapis.com/token")
    for base_url in GoogleImagesProvider.base_urls:
        place = Access(base_url=base_url, api_key=key, account="painters/global")
        assert vertex.Vertex(place).path_of(PRO).startswith("v1/projects/painters/")
    place = replace(place, base_url=service.url)
    with pytest.raises(errors.NotConfigured):
        vertex.Vertex(place)


def test_when_a_location_is_named_then_its_own_host_is_asked():
    usual = GoogleImagesProvider.base_urls[0]
    assert vertex.base_url_of(usual, "global") == "https://aiplatform.googleapis.com"
    region = "https://europe-west4-aiplatform.googleapis.com"
    assert vertex.base_url_of(usual, "europe-west4") == region
    relay = "https://relay.example.org/google"
    assert vertex.base_url_of(relay, "europe-west4") == relay
    stranger = "https://notgoogleapis.com"
    assert vertex.base_url_of(stranger, "global") == stranger


# The catalogue


@pytest.mark.parametrize("spec", GONE, ids=lambda spec: spec.slug)
def test_when_a_model_is_gone_then_it_says_so_and_names_who_took_over(
    google, service, spec
):
    with pytest.raises(errors.ModelUnavailable):
        draw(google, request_for(spec.provider_model_id))
    (successor,) = [each for each in LIVE if each.slug == spec.successor]
    assert successor.enabled
    assert spec.price_credits is None


def test_when_people_look_for_imagen_then_they_find_it():
    names = {name for spec in GONE for name in (spec.slug, *spec.aliases)}
    looked_for = {"imagen", "imagen-3", "imagen-4", "imagen-4-fast", "imagen-4-ultra"}
    assert names >= looked_for | {"google imagen", "google-imagen"}
    (usual,) = [each for each in LIVE if "nano-banana" in each.aliases]
    assert usual.provider_model_id == USUAL
    every = [name for spec in SPECS.values() for name in (spec.slug, *spec.aliases)]
    assert len(every) == len(set(every)), "a name of two models"


@pytest.mark.parametrize("spec", LIVE, ids=lambda spec: spec.slug)
def test_when_a_model_is_live_then_it_is_known_here_and_has_its_price(spec):
    assert spec.provider_model_id in fake.MODELS
    usual = next(
        rule.usd
        for rule in spec.costs
        if not rule.operations
        and (rule.max_pixels is None or rule.max_pixels >= 1024 * 1024)
    )
    assert spec.price_credits == math.ceil(usual * 100)
    assert 150 <= spec.order < 200
    assert spec.capabilities.images_per_job == 1


# Whatever the catalogue admits


def _words() -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=("Cs", "Cc", "Cf"))
    return st.text(characters, min_size=1, max_size=60).filter(str.strip)


@st.composite
def admitted(draw_one) -> GenerationRequest:
    """Draw a job that the capabilities of some live model admit."""
    spec: ModelSpec = draw_one(st.sampled_from(LIVE))
    able = spec.capabilities
    operation = draw_one(st.sampled_from(able.operations))
    count = draw_one(st.integers(0, able.max_reference_images))
    roles = [ImageRole.REFERENCE] * count
    if operation is EDIT:
        roles.append(ImageRole.INIT)
    kinds = st.sampled_from(
        [each.split("/")[1].upper() for each in able.inputs.mime_types]
    )
    images = tuple(
        image_of(role, words=str(place), kind=draw_one(kinds))
        for place, role in enumerate(roles)
    )
    side = st.integers(able.inputs.min_side, 8000)
    size = draw_one(st.sampled_from(able.sizes))
    follows = operation in able.sized_by_image
    chosen = {
        each.name: draw_one(st.sampled_from(["", *each.values]))
        for each in able.options_of(operation)
    }
    return GenerationRequest(
        provider_model_id=spec.provider_model_id,
        prompt=draw_one(_words()),
        operation=operation,
        width=draw_one(side) if follows else size.width,
        height=draw_one(side) if follows else size.height,
        num_images=draw_one(st.integers(1, able.max_images)),
        images=images,
        options=tuple(
            OptionValue(name=name, value=value)
            for name, value in chosen.items()
            if value
        ),
    )


def test_when_the_catalogue_admits_it_then_the_service_never_refuses_it():
    with FakeGoogleImages(shrink=32) as service:
        google = GoogleImagesProvider(Access(base_url=service.url, api_key=service.KEY))

        @rules(max_examples=80)
        @given(admitted())
        def every_picture_is_drawn(request):
            able = SPECS[request.provider_model_id].capabilities
            for _ in range(request.num_images // able.images_per_job):
                job = replace(request, num_images=able.images_per_job)
                (image,) = draw(google, job).images
                if request.operation not in able.sized_by_image:
                    expected = (request.width // 32, request.height // 32)
                    assert size_of(image.content.read()) == expected
            assert service.refused == []

        every_picture_is_drawn()
        google.close()
    assert len(service.drawn) >= 80
