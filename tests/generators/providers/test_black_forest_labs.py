"""The FLUX API: what goes over the wire, what comes back, and how it fails."""

import base64
import contextlib
import datetime as dt
import email.utils
import functools
import hashlib
import hmac
import io
import json
import socket

import pytest
import responses
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from generators import errors, pricing
from generators.capabilities import (
    ImageRole,
    Operation,
    OptionValue,
)
from generators.contracts import (
    Accepted,
    Access,
    GenerationRequest,
    GenerationResult,
    InputImage,
    JobHandle,
    Pending,
)
from generators.cost_words import MICROS
from generators.providers import catalog_file
from generators.providers.black_forest_labs import provider as adapter
from generators.providers.black_forest_labs.provider import BlackForestLabsProvider
from generators.providers.http import MAX_PICTURE_BYTES
from generators.terms import Terms
from tests.fakes import wire
from tests.fakes.services.black_forest_labs import FakeBlackForestLabs
from tests.fakes.wire import Fault
from tests.generators.providers.contract import Behaviour, ProviderContract

KEY = FakeBlackForestLabs.KEY
SECRET = "webhook-secret-55e1"
RING = "https://magicshot.example/webhooks/1"
CATALOGUE = catalog_file.read("black-forest-labs")
LIVE = [spec for spec in CATALOGUE if not spec.retired]

HANGS, CUT = Fault(hangs=True), Fault(cuts=True)
BROKEN_LINES = {
    "hangs": HANGS,
    "drips": Fault(drips=20),
    "cut": CUT,
    "cut-in-the-body": Fault(cuts_body=True),
    "wrong-length": Fault(wrong_length=True),
}
in_each_broken_way = pytest.mark.parametrize(
    "fault", BROKEN_LINES.values(), ids=BROKEN_LINES
)


@pytest.fixture
def service():
    with FakeBlackForestLabs() as service:
        yield service


@pytest.fixture
def connect(service):
    """Make providers of connections that differ from the usual one; close them."""
    with contextlib.ExitStack() as stack:

        def connected(**differences):
            access = {"base_url": service.url, "api_key": KEY} | differences
            provider = BlackForestLabsProvider(Access(**access))
            stack.callback(provider.close)
            return provider

        yield connected


@pytest.fixture
def flux(connect):
    return connect()


@pytest.fixture
def ringing(connect):
    return connect(webhook_url=RING, webhook_secret=SECRET)


@pytest.fixture
def impatient():
    """Cut short how long calls of one kind may take, while a block runs."""

    @contextlib.contextmanager
    def within(name):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(adapter, name, 0.4)
            yield

    return within


def request_for(model="flux-2-pro", prompt="a red apple", **fields):
    asked = {"width": 1024, "height": 1024} | fields
    asked["options"] = tuple(
        OptionValue(name=name, value=value)
        for name, value in asked.get("options", {}).items()
    )
    return GenerationRequest(provider_model_id=model, prompt=prompt, **asked)


@functools.cache
def image_of(role, width=96, height=64, kind="PNG", colour=127):
    mode = "L" if role is ImageRole.MASK else "RGB"
    out = io.BytesIO()
    Image.new(mode, (width, height), (colour,) * len(mode)).save(out, kind)
    return InputImage(
        content=out.getvalue(), mime_type=f"image/{kind.lower()}", role=role
    )


INIT = image_of(ImageRole.INIT)
MASK = image_of(ImageRole.MASK, colour=255)


def references(count):
    return tuple(
        image_of(ImageRole.REFERENCE, colour=10 + number) for number in range(count)
    )


def submit(provider, request):
    answer = provider.submit(request, on_progress=lambda progress: True)
    assert isinstance(answer, Accepted)
    return answer


def poll_to_end(provider, handle):
    while isinstance(answer := provider.poll(handle), Pending):
        pass
    assert isinstance(answer, GenerationResult)
    return answer


def body_sent(service):
    (call,) = service.calls_to("POST")
    return call.json


def decoded(text):
    return base64.b64decode(text, validate=True)


def picture_of(result):
    (image,) = result.images
    return Image.open(io.BytesIO(image.content.read()))


class TestBlackForestLabs(ProviderContract):
    slug = "black-forest-labs"
    secrets = (KEY, SECRET)
    tells_progress = False  # only polls do, which the suite does not listen to
    impossible = {
        Behaviour.RUNS_OUT_OF_MEMORY: "the service has no such answer",
        Behaviour.ANSWERS_PARTLY: "it draws one picture a call",
        Behaviour.IS_SLOW: "it takes the work at once; nothing is left to stop",
    }

    @pytest.fixture(autouse=True)
    def _service(self, monkeypatch):
        self.monkeypatch = monkeypatch
        with FakeBlackForestLabs() as self.service:
            yield

    def make_provider(self):
        access = Access(base_url=self.service.url, api_key=KEY, webhook_secret=SECRET)
        return BlackForestLabsProvider(access)

    def request_that(self, behaviour):
        faults = {
            Behaviour.FINDS_INVALID: wire.status(422, {"detail": []}),
            Behaviour.RATE_LIMITS: wire.status(429, {}, Retry_After="7"),
            Behaviour.BREAKS: wire.status(500, {"detail": f"wrong: {KEY}"}),
            Behaviour.NEVER_ANSWERS: HANGS,
            Behaviour.ANSWERS_NONSENSE: wire.html(200),
            Behaviour.AUTHENTICATION_FAILS: wire.status(403, {"detail": KEY}),
            Behaviour.MODEL_IS_GONE: wire.status(404, {"detail": "Not Found"}),
        }
        if behaviour in faults:
            self.service.fail(faults[behaviour], on="POST")
        if behaviour is Behaviour.NEVER_ANSWERS:
            self.monkeypatch.setattr(adapter, "SUBMIT_SECONDS", 0.4)
        elif behaviour is Behaviour.REFUSES:
            self.service.next_end = "Request Moderated"
        elif behaviour is Behaviour.QUOTA_IS_EXHAUSTED:
            self.service.credits = 2.9
        elif behaviour is Behaviour.ANSWERS_EMPTY:
            self.service.result = {"prompt": "a red apple", "seed": 1}
        elif behaviour is Behaviour.IS_DOWN:
            self.service.stop()
        return request_for()

    def calls_sent(self):
        return len(self.service.calls_to("POST"))

    def accepted_request(self):
        return request_for()


# What goes out


def test_when_drawn_from_words_then_words_and_size_go_out(service, flux):
    options = {"safety": "4"}
    submit(flux, request_for(width=1248, height=832, seed=7, options=options))
    (call,) = service.calls
    assert (call.method, call.path) == ("POST", "/v1/flux-2-pro")
    assert call.headers["x-key"] == KEY
    assert call.json == {
        "prompt": "a red apple",
        "width": 1248,
        "height": 832,
        "seed": 7,
        "output_format": "png",
        "safety_tolerance": 4,
    }


def test_when_a_picture_is_edited_then_it_comes_first_and_gives_the_size(service, flux):
    guides = references(7)
    request = request_for(
        operation=Operation.IMAGE_TO_IMAGE,
        images=(*guides[:3], INIT, *guides[3:]),
        width=96,
        height=64,
    )
    result = poll_to_end(flux, submit(flux, request).handle)
    body = body_sent(service)
    names = ["input_image", *(f"input_image_{number}" for number in range(2, 9))]
    assert [decoded(body[name]) for name in names] == [
        each.content for each in (INIT, *guides)
    ]
    assert not {"width", "height", "aspect_ratio"} & set(body)
    assert picture_of(result).size == (96, 64)


def test_when_words_have_references_then_these_and_the_size_go_out(service, flux):
    submit(flux, request_for(images=references(2)))
    body = body_sent(service)
    assert [decoded(body[name]) for name in ("input_image", "input_image_2")] == [
        each.content for each in references(2)
    ]
    assert (body["width"], body["height"]) == (1024, 1024)
    assert "input_image_3" not in body


@pytest.mark.parametrize(
    ("model", "most"),
    [("flux-2-max", 7), ("flux-2-klein-9b", 3), ("flux-2-klein-4b", 3)],
)
def test_when_there_are_more_references_than_fit_then_none_is_dropped(
    service, flux, model, most
):
    request = functools.partial(request_for, model, operation=Operation.IMAGE_TO_IMAGE)
    submit(flux, request(images=(INIT, *references(most))))
    with pytest.raises(errors.UnsupportedRequest) as got:
        submit(flux, request(images=(INIT, *references(most + 1))))
    assert got.value.field == "images"
    assert len(service.calls) == 1


def test_when_flex_is_tuned_then_steps_guidance_and_magic_go_out(service, flux):
    options = {"magic_prompt": "off"}
    tuned = {"num_inference_steps": 12, "guidance_scale": 2.5}
    submit(flux, request_for("flux-2-flex", options=options, **tuned))
    body = body_sent(service)
    assert (body["steps"], body["guidance"]) == (12, 2.5)
    assert body["prompt_upsampling"] is False


@pytest.mark.parametrize(
    ("size", "ratio"),
    [
        ((1024, 1024), "1:1"),
        ((1184, 880), "4:3"),
        ((880, 1184), "3:4"),
        ((1248, 832), "3:2"),
        ((832, 1248), "2:3"),
        ((1392, 752), "16:9"),
        ((752, 1392), "9:16"),
        ((1568, 672), "21:9"),
        ((672, 1568), "9:21"),
    ],
)
def test_when_kontext_draws_then_the_size_goes_out_as_a_ratio(
    service, flux, size, ratio
):
    width, height = size
    request = request_for("flux-kontext-pro", width=width, height=height)
    result = poll_to_end(flux, submit(flux, request).handle)
    body = body_sent(service)
    assert body["aspect_ratio"] == ratio
    assert not {"width", "height"} & set(body)
    assert picture_of(result).size == size


def test_when_kontext_edits_then_the_picture_gives_the_ratio(service, flux):
    edit = {"operation": Operation.IMAGE_TO_IMAGE, "images": (INIT, *references(3))}
    submit(flux, request_for("flux-kontext-max", **edit))
    body = body_sent(service)
    assert decoded(body["input_image"]) == INIT.content
    assert "input_image_4" in body
    assert "aspect_ratio" not in body


def test_when_ultra_draws_then_each_of_its_sizes_comes_back_from_its_ratio(
    service, flux
):
    (spec,) = (s for s in LIVE if s.provider_model_id == "flux-pro-1.1-ultra")
    for size in spec.capabilities.sizes:
        request = request_for(
            spec.provider_model_id, width=size.width, height=size.height
        )
        handle = submit(flux, request).handle
        service.tasks[handle.external_id].is_over = True
        width, height = service.calls[-1].json["aspect_ratio"].split(":")
        assert size.width / size.height == pytest.approx(
            int(width) / int(height), rel=0.01
        )


def test_when_ultra_has_a_reference_then_its_weight_goes_along(service, flux):
    options = {"raw": "on", "reference_strength": "0.35", "magic_prompt": "on"}
    request = request_for(
        "flux-pro-1.1-ultra",
        width=2752,
        height=1536,
        images=references(1),
        options=options,
    )
    submit(flux, request)
    body = body_sent(service)
    assert decoded(body.pop("image_prompt")) == references(1)[0].content
    assert body == {
        "prompt": "a red apple",
        "aspect_ratio": "16:9",
        "raw": True,
        "image_prompt_strength": 0.35,
        "prompt_upsampling": True,
        "output_format": "png",
    }


@pytest.mark.parametrize("model", ["flux-pro-1.1", "flux-dev"])
def test_when_an_older_model_draws_then_pixels_and_a_reference_go_out(
    service, flux, model
):
    submit(flux, request_for(model, width=1024, height=768, images=references(1)))
    body = body_sent(service)
    assert (body["width"], body["height"]) == (1024, 768)
    assert decoded(body["image_prompt"]) == references(1)[0].content


def test_when_a_part_is_repainted_then_the_mask_goes_as_it_is(service, flux):
    images = (INIT, MASK)
    tuned = {"num_inference_steps": 20, "guidance_scale": 30.0}
    submit(
        flux,
        request_for(
            "flux-pro-1.0-fill", operation=Operation.INPAINT, images=images, **tuned
        ),
    )
    (call,) = service.calls
    assert call.path == "/v1/flux-pro-1.0-fill"
    assert decoded(call.json["image"]) == INIT.content
    assert decoded(call.json["mask"]) == MASK.content
    assert (call.json["steps"], call.json["guidance"]) == (20, 30.0)
    assert not {"width", "height"} & set(call.json)


def test_when_a_picture_grows_then_each_side_says_by_how_much(service, flux):
    options = {
        "expand_left": "16",
        "expand_right": "32.0",
        "expand_top": "8",
        "expand_bottom": "0",
    }
    request = request_for(
        "flux-pro-1.0-expand",
        prompt="",
        operation=Operation.OUTPAINT,
        images=(INIT,),
        options=options,
    )
    result = poll_to_end(flux, submit(flux, request).handle)
    body = body_sent(service)
    sides = [body[side] for side in ("left", "right", "top", "bottom")]
    assert sides == [16, 32, 8, 0]
    assert all(type(each) is int for each in sides)
    assert picture_of(result).size == (96 + 48, 64 + 8)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({}, "expand_right"),
        ({"expand_left": "0", "expand_top": "0"}, "expand_right"),
        ({"expand_left": "1.5"}, "expand_left"),
        ({"expand_left": "2049"}, "expand_left"),
    ],
)
def test_when_a_picture_grows_by_nothing_or_by_parts_then_it_is_refused_by_name(
    service, flux, options, field
):
    request = request_for(
        "flux-pro-1.0-expand",
        operation=Operation.OUTPAINT,
        images=(INIT,),
        options=options,
    )
    with pytest.raises(errors.UnsupportedRequest) as got:
        submit(flux, request)
    assert got.value.field == field
    assert not service.calls


def test_when_a_thing_is_erased_then_no_words_go_out_and_the_mask_grows(service, flux):
    request = request_for(
        "flux-tools/erase-v1",
        operation=Operation.ERASE,
        images=(INIT, MASK),
        options={"grow_mask": "7"},
    )
    submit(flux, request)
    (call,) = service.calls
    assert call.path == "/v1/flux-tools/erase-v1"
    assert call.json["dilate_pixels"] == 7
    assert decoded(call.json["mask"]) == MASK.content
    assert "prompt" not in call.json


def test_when_two_pictures_are_asked_in_one_call_then_it_is_refused(service, flux):
    with pytest.raises(errors.UnsupportedRequest) as got:
        submit(flux, request_for(num_images=2))
    assert got.value.field == "num_images"
    assert not service.calls


@pytest.mark.parametrize("model", ["flux-pro", "flux-9"])
def test_when_a_model_is_retired_or_unknown_then_nothing_is_sent(service, flux, model):
    with pytest.raises(errors.ModelUnavailable):
        submit(flux, request_for(model))
    assert not service.calls


def test_when_the_address_ends_in_a_slash_then_it_works_all_the_same(service, connect):
    provider = connect(base_url=f"{service.url}/")
    assert poll_to_end(provider, submit(provider, request_for()).handle).images


# What is accepted, and what it costs


def test_when_work_is_accepted_then_the_handle_has_its_url_and_no_secret(service, flux):
    handle = submit(flux, request_for()).handle
    (task,) = service.tasks.values()
    assert handle == JobHandle(
        provider="black-forest-labs",
        external_id=task.id,
        poll_url=f"{service.url}/v1/get_result?id={task.id}",
        next_poll_seconds=1.0,
    )


@pytest.mark.parametrize(
    ("size", "images", "micros"),
    [
        ((1024, 1024), (), 30_000),
        ((1440, 1440), (), 45_000),
        ((1024, 1024), references(1), 45_000),
    ],
)
def test_when_work_is_accepted_then_its_cost_is_exact(
    service, flux, size, images, micros
):
    width, height = size
    request = request_for(width=width, height=height, images=images)
    cost = submit(flux, request).cost
    assert cost.is_exact
    assert cost.usd_micros == micros


@pytest.mark.parametrize(
    "told", ["4", None, True, -1, 1e300, float("nan"), float("inf"), {}]
)
def test_when_the_cost_is_no_amount_then_none_is_told(service, flux, told):
    service.fail(wire.status(200, {"id": "a", "polling_url": "/x", "cost": told}))
    assert submit(flux, request_for()).cost is None


@pytest.mark.parametrize("told", [{}, [], None, "yes", {"id": 7}, {"id": ""}])
def test_when_an_acceptance_names_no_work_then_it_makes_no_sense(service, flux, told):
    body = json.dumps(told).encode()
    service.fail(Fault(reply=wire.Reply(body=body)), on="POST")
    with pytest.raises(errors.UnexpectedResponse):
        submit(flux, request_for())


@pytest.mark.parametrize("told", [None, 7, ""])
def test_when_no_polling_url_is_told_then_the_result_is_asked_for_by_id(
    service, flux, told
):
    answer = {"id": "a/b c", "polling_url": told}
    service.fail(wire.status(200, answer), on="POST")
    handle = submit(flux, request_for()).handle
    assert handle.poll_url == f"{service.url}/v1/get_result?id=a%2Fb%20c"


# How the paid call fails


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (400, errors.InvalidRequest),
        (401, errors.AuthenticationFailed),
        (402, errors.QuotaExhausted),
        (403, errors.AuthenticationFailed),
        (404, errors.ModelUnavailable),
        (409, errors.UnexpectedResponse),
        (413, errors.InvalidRequest),
        (422, errors.InvalidRequest),
        (429, errors.RateLimited),
        (500, errors.ProviderFailed),
        (502, errors.ProviderFailed),
        (503, errors.ProviderFailed),
    ],
)
def test_when_the_call_is_refused_then_the_status_says_how(
    service, flux, code, expected
):
    service.fail(wire.status(code, {"detail": f"no: {KEY}"}), on="POST")
    with pytest.raises(errors.ProviderError) as got:
        submit(flux, request_for())
    assert type(got.value) is expected
    assert KEY not in got.value.detail
    assert len(service.calls) == 1


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (wire.html(502), errors.ProviderFailed),
        (wire.html(422), errors.InvalidRequest),
        (wire.html(200), errors.UnexpectedResponse),
    ],
)
def test_when_a_gateway_answers_the_call_with_a_page_then_its_status_counts(
    service, flux, page, expected
):
    service.fail(page, on="POST")
    with pytest.raises(expected):
        submit(flux, request_for())


def test_when_the_key_is_wrong_then_the_service_itself_refuses_it(connect):
    with pytest.raises(errors.AuthenticationFailed):
        submit(connect(api_key="not-the-key"), request_for())


def test_when_fields_are_at_fault_then_the_detail_names_each(service, flux):
    faults = [
        {"loc": ["body", "width"], "msg": "too wide", "type": "value_error"},
        {"loc": ["body", "input_image", 0], "msg": "no", "type": "value_error"},
        "nonsense",
    ]
    service.fail(wire.status(422, {"detail": faults}), on="POST")
    with pytest.raises(errors.InvalidRequest) as got:
        submit(flux, request_for())
    assert got.value.detail.startswith("body.width, body.input_image.0: HTTP 422")
    assert "body" not in got.value.user_message


def test_when_it_asks_to_wait_then_both_forms_are_read(service, flux):
    date = email.utils.format_datetime(
        dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60), usegmt=True
    )
    for header, seconds in (("1.5", 1.5), (date, 60)):
        service.fail(wire.status(429, {}, Retry_After=header), on="POST")
        with pytest.raises(errors.RateLimited) as got:
            submit(flux, request_for())
        assert got.value.retry_after == pytest.approx(seconds, abs=2)


def test_when_too_much_is_at_work_then_the_next_is_told_to_wait(service, flux):
    for _ in range(flux.max_concurrency):
        submit(flux, request_for())
    with pytest.raises(errors.RateLimited):
        submit(flux, request_for())


@in_each_broken_way
def test_when_the_line_breaks_after_it_was_sent_then_the_outcome_is_unknown(
    service, flux, impatient, fault
):
    service.fail(fault, on="POST")
    with impatient("SUBMIT_SECONDS"), pytest.raises(errors.OutcomeUnknown) as got:
        submit(flux, request_for())
    assert KEY not in got.value.detail
    assert len(service.calls) == len(service.tasks) == 1, "it was accepted once"


# How polls go


@pytest.mark.parametrize(
    ("status", "expected", "words"),
    [
        ("Request Moderated", errors.ContentRejected, "declined"),
        ("Content Moderated", errors.ContentRejected, "withheld"),
        ("Error", errors.ProviderFailed, "problem"),
        ("Task not found", errors.UnexpectedResponse, "lost"),
    ],
)
def test_when_work_ends_badly_then_the_status_says_how(
    service, flux, status, expected, words
):
    service.next_end = status
    handle = submit(flux, request_for()).handle
    with pytest.raises(errors.ProviderError) as got:
        poll_to_end(flux, handle)
    assert type(got.value) is expected
    assert words in got.value.user_message
    assert status in got.value.detail


@pytest.mark.parametrize("status", ["Pending", "Reasoning", "ready", ""])
def test_when_a_status_is_not_known_then_work_goes_on(service, flux, status):
    handle = submit(flux, request_for()).handle
    service.fail(wire.status(200, {"id": "a", "status": status, "result": {}}))
    answer = flux.poll(handle)
    assert isinstance(answer, Pending)
    assert 0.5 <= answer.next_poll_seconds <= 2


@pytest.mark.parametrize(
    ("told", "fraction"), [(0.25, 0.25), (0, 0), (1, 1), (7, 1), (-1, 0)]
)
def test_when_progress_is_told_then_it_is_passed_on(service, flux, told, fraction):
    service.fail(wire.status(200, {"status": "Pending", "progress": told}))
    assert flux.poll(handle_of("a")).progress.fraction == fraction


@pytest.mark.parametrize("told", [None, "half", True, float("nan"), [1]])
def test_when_progress_is_no_number_then_there_is_none(service, flux, told):
    service.fail(wire.status(200, {"status": "Pending", "progress": told}))
    assert flux.poll(handle_of("a")).progress is None


@pytest.mark.parametrize("told", [{}, [], 7, {"status": None}, {"status": 3}])
def test_when_a_poll_tells_no_status_then_it_makes_no_sense(service, flux, told):
    service.fail(Fault(reply=wire.Reply(body=json.dumps(told).encode())))
    with pytest.raises(errors.UnexpectedResponse):
        flux.poll(handle_of("a"))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (400, errors.UnexpectedResponse),
        (401, errors.AuthenticationFailed),
        (402, errors.QuotaExhausted),
        (403, errors.AuthenticationFailed),
        (404, errors.UnexpectedResponse),
        (409, errors.UnexpectedResponse),
        (422, errors.UnexpectedResponse),
        (429, errors.RateLimited),
        (500, errors.ProviderUnavailable),
        (502, errors.ProviderUnavailable),
        (503, errors.ProviderUnavailable),
    ],
)
def test_when_a_poll_is_refused_then_the_status_says_how(service, flux, code, expected):
    service.fail(wire.status(code, {"detail": KEY}, Retry_After="7"))
    with pytest.raises(errors.ProviderError) as got:
        flux.poll(handle_of("a"))
    assert type(got.value) is expected
    assert KEY not in got.value.detail
    if isinstance(got.value, errors.RateLimited):
        assert got.value.retry_after == 7


BROKEN_POLLS = BROKEN_LINES | {"page": wire.html(200), "bad-gateway": wire.html(502)}


@pytest.mark.parametrize("fault", BROKEN_POLLS.values(), ids=BROKEN_POLLS)
def test_when_a_poll_breaks_then_the_work_is_still_there(
    service, flux, impatient, fault
):
    handle = submit(flux, request_for()).handle
    service.fail(fault, on="GET /v1/get_result")
    with impatient("LOOK_SECONDS"), pytest.raises(errors.ProviderUnavailable):
        flux.poll(handle)
    assert poll_to_end(flux, handle).images


def handle_of(external_id, poll_url=""):
    return JobHandle(
        provider="black-forest-labs", external_id=external_id, poll_url=poll_url
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/v1/get_result?id=a",
        "https://bfl.ai.evil.test/v1/get_result?id=a",
        "https://evilbfl.ai/v1/get_result?id=a",
        "http://api.bfl.ai/v1/get_result?id=a",
        "https://api.bfl.ai:8443/v1/get_result?id=a",
        "https://bfl.ai@evil.test/v1/get_result?id=a",
        "file:///etc/passwd",
    ],
)
def test_when_the_polling_url_is_a_strangers_then_the_key_stays_here(
    service, flux, url
):
    service.poll_url = url
    handle = submit(flux, request_for()).handle
    with responses.RequestsMock() as elsewhere:  # any call would be an error of its own
        with pytest.raises(errors.UnexpectedResponse) as got:
            flux.poll(handle)
        assert not elsewhere.calls
    assert "told to ask" in got.value.detail


@pytest.mark.parametrize("host", ["bfl.ai", "api.eu.bfl.ai", "gateway.bfl.ai"])
def test_when_the_polling_url_is_of_the_service_then_the_key_goes_there(
    service, flux, host
):
    service.poll_url = url = f"https://{host}/v1/get_result?id=a"
    handle = submit(flux, request_for()).handle
    with responses.RequestsMock() as elsewhere:
        elsewhere.get(url, json={"id": "a", "status": "Pending"})
        assert isinstance(flux.poll(handle), Pending)
        assert elsewhere.calls[0].request.headers["x-key"] == KEY


# Pictures


def test_when_a_picture_is_ready_then_it_comes_without_our_key_and_with_facts(
    service, flux
):
    handle = submit(flux, request_for(seed=5)).handle
    result = poll_to_end(flux, handle)
    (call,) = service.calls_to("GET /pictures/")
    assert "x-key" not in call.headers
    assert picture_of(result).format == "PNG"
    assert result.images[0].seed == 5
    assert result.images[0].revised_prompt == "a red apple"
    assert result.provider_request_id == handle.external_id
    assert result.cost is None, "it stands in the handle's answer"


def test_when_a_cost_is_settled_at_the_end_then_it_is_passed_on(service, flux):
    service.content = b"a picture"
    sample = _a_sample(service, flux)
    ready = {"status": "Ready", "result": {"sample": sample}, "cost": 2.5}
    service.fail(wire.status(200, ready), on="GET /v1/get_result")
    assert flux.poll(handle_of("a")).cost.usd_micros == 25_000


def _a_sample(service, flux):
    """Return a picture URL that holds."""
    poll_to_end(flux, submit(flux, request_for()).handle)
    (token,) = service.issued
    return f"{service.url}/pictures/{token}/sample.png"


@pytest.mark.parametrize("seed", [None, "7", True, -1, 2**63, 1.5])
def test_when_the_seed_told_is_none_of_ours_then_none_is_recorded(service, flux, seed):
    sample = _a_sample(service, flux)
    service.result = {"sample": sample, "seed": seed, "prompt": None}
    (image,) = poll_to_end(flux, submit(flux, request_for()).handle).images
    assert image.seed is None
    assert image.revised_prompt == ""


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"sample": None},
        {"sample": ""},
        {"sample": 7},
        {"sample": ["/pictures/a/sample.png", "/pictures/b/sample.png"]},
        [],
        "done",
    ],
)
def test_when_work_is_ready_without_one_picture_then_it_makes_no_sense(
    service, flux, result
):
    service.result = result
    with pytest.raises(errors.UnexpectedResponse):
        poll_to_end(flux, submit(flux, request_for()).handle)
    assert not service.calls_to("GET /pictures/")


def test_when_a_picture_is_damaged_then_its_bytes_come_as_they_are(service, flux):
    service.content = b"\x89PNG\r\n and then nothing"
    result = poll_to_end(flux, submit(flux, request_for()).handle)
    assert result.images[0].content.read() == service.content


@pytest.mark.parametrize(
    "content", [b"", b"x" * (MAX_PICTURE_BYTES + 1)], ids=["empty", "huge"]
)
def test_when_a_picture_is_empty_or_huge_then_it_makes_no_sense(service, flux, content):
    service.content = content
    with pytest.raises(errors.UnexpectedResponse):
        poll_to_end(flux, submit(flux, request_for()).handle)


def test_when_a_picture_url_has_expired_then_a_fresh_one_is_asked_for_once(
    service, flux
):
    handle = submit(flux, request_for()).handle
    flux.poll(handle)
    service.fail(wire.status(403), on="GET /pictures/")
    assert isinstance(flux.poll(handle), GenerationResult)
    assert len(service.calls_to("GET /v1/get_result")) == 3
    fetched = [call.path for call in service.calls_to("GET /pictures/")]
    assert len(set(fetched)) == 2


@pytest.mark.parametrize("code", [403, 404, 410])
def test_when_the_fresh_url_has_expired_too_then_it_is_given_up(service, flux, code):
    service.polls = 0
    handle = submit(flux, request_for()).handle
    service.fail(wire.status(code), times=9, on="GET /pictures/")
    with pytest.raises(errors.UnexpectedResponse):
        flux.poll(handle)
    assert len(service.calls_to("GET /pictures/")) == 2


def test_when_the_same_expired_url_is_told_again_then_it_is_not_fetched_again(
    service, flux
):
    service.result = {"sample": f"{service.url}/pictures/gone/sample.png"}
    with pytest.raises(errors.UnexpectedResponse):
        poll_to_end(flux, submit(flux, request_for()).handle)
    assert len(service.calls_to("GET /pictures/")) == 1


@pytest.mark.parametrize(
    "fault", [*BROKEN_LINES.values(), wire.status(503), wire.status(429)]
)
def test_when_a_download_breaks_then_the_next_poll_fetches_it(
    service, flux, impatient, fault
):
    service.polls = 0
    handle = submit(flux, request_for()).handle
    service.fail(fault, on="GET /pictures/")
    with impatient("FETCH_SECONDS"), pytest.raises(errors.ProviderUnavailable):
        flux.poll(handle)
    assert flux.poll(handle).images


@pytest.mark.parametrize(
    ("host", "is_asked"),
    [
        ("delivery-eu1.bfl.ai", True),
        ("pictures.example.org", True),
        ("evil.test", False),
        ("bfl.ai.evil.test", False),
    ],
)
def test_when_a_picture_lies_elsewhere_then_only_named_hosts_are_asked(
    service, connect, monkeypatch, host, is_asked
):
    provider = connect(result_hosts=("pictures.example.org",))
    service.result = {"sample": f"https://{host}/sample.png"}
    handle = submit(provider, request_for()).handle
    provider.poll(handle)
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: real("127.0.0.1", *rest)
    )
    with pytest.raises(errors.UnexpectedResponse) as got:
        provider.poll(handle)
    # Where a named host is asked, the guard finds its address, here a private one.
    assert ("private" in got.value.detail) is is_asked


# Webhooks


def test_when_it_can_ring_then_it_is_told_where_and_asked_by_id(service, ringing):
    handle = submit(ringing, request_for()).handle
    body = body_sent(service)
    assert (body["webhook_url"], body["webhook_secret"]) == (RING, SECRET)
    (task,) = service.tasks.values()
    assert handle.external_id == task.id
    assert handle.poll_url == f"{service.url}/v1/get_result?id={task.id}"
    assert SECRET not in json.dumps(handle.to_json())
    assert poll_to_end(ringing, handle).images


def test_when_it_cannot_ring_then_no_secret_goes_out(service, connect):
    submit(connect(webhook_secret=SECRET), request_for())
    assert not {"webhook_url", "webhook_secret"} & set(body_sent(service))


def test_when_it_rings_signed_then_it_is_about_that_work_however_often(
    service, ringing
):
    handle = submit(ringing, request_for()).handle
    headers, body = service.ring_of(handle.external_id)
    for _ in range(2):
        news = ringing.read_webhook(headers, body)
        assert news.external_id == handle.external_id


def signed(body, secret=SECRET):
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"x-bfl-signature": f"sha256={digest}"}


BODY = b'{"id": "a", "status": "Ready"}'


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-bfl-signature": ""},
        {"x-bfl-signature": "sha256="},
        {"x-bfl-signature": "sha256=\xe9\u20ac"},
        {"x-bfl-signature": signed(BODY)["x-bfl-signature"].removeprefix("sha256=")},
        signed(BODY, secret="another"),
        signed(BODY + b" "),
    ],
)
def test_when_a_ring_is_not_signed_for_us_then_it_is_refused(ringing, headers):
    with pytest.raises(errors.AuthenticationFailed):
        ringing.read_webhook(headers, BODY)


def test_when_there_is_no_secret_then_even_a_fitting_signature_is_refused(flux):
    with pytest.raises(errors.AuthenticationFailed):
        flux.read_webhook(signed(BODY, secret=""), BODY)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"id": 7}', b'{"id": ""}'])
def test_when_a_signed_ring_names_no_work_then_it_makes_no_sense(ringing, body):
    with pytest.raises(errors.UnexpectedResponse):
        ringing.read_webhook(signed(body), body)


# Trying the connection


@pytest.mark.parametrize(
    ("credit", "words"),
    [
        (1234.5, "1,234.5 credits, 1 credit is $0.01"),
        (1234, "1,234 credits, 1 credit is $0.01"),
        (0, "0 credits, 1 credit is $0.01"),
        (100.25, "100.25 credits, 1 credit is $0.01"),
    ],
)
def test_when_checked_then_it_tells_the_balance_at_no_cost(
    service, flux, credit, words
):
    service.credits = credit
    assert flux.check().balance == words
    assert [(c.method, c.path) for c in service.calls] == [("GET", "/v1/credits")]


def test_when_checked_with_a_wrong_key_then_it_is_refused(connect):
    with pytest.raises(errors.AuthenticationFailed) as got:
        connect(api_key="not-the-key").check()
    assert "not-the-key" not in got.value.detail


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (wire.status(404), errors.UnexpectedResponse),
        (wire.status(500), errors.ProviderUnavailable),
        (wire.html(502), errors.ProviderUnavailable),
        (wire.html(200), errors.UnexpectedResponse),
        (wire.status(200, {"credits": "many"}), errors.UnexpectedResponse),
        (wire.status(200, {}), errors.UnexpectedResponse),
        (HANGS, errors.ProviderUnavailable),
        (CUT, errors.ProviderUnavailable),
    ],
)
def test_when_checked_at_a_wrong_address_then_it_says_so(
    service, flux, impatient, fault, expected
):
    service.fail(fault)
    with impatient("LOOK_SECONDS"), pytest.raises(expected):
        flux.check()


# The catalogue


def test_when_a_model_is_retired_then_it_leads_to_one_that_lives():
    living = {spec.slug for spec in LIVE}
    retired = [spec for spec in CATALOGUE if spec.retired]
    assert retired
    assert all(spec.successor in living and not spec.enabled for spec in retired)


def test_when_models_are_listed_then_no_name_stands_for_two():
    names = [spec.slug for spec in CATALOGUE]
    names += [alias for spec in CATALOGUE for alias in spec.aliases]
    assert len(set(names)) == len(names)
    assert {"flux", "flux-2", "flux.2", "flux pro", "kontext", "flux-1.1"} <= set(names)


def test_when_models_are_listed_then_each_draws_one_picture_a_call_at_a_price():
    for spec in LIVE:
        assert spec.capabilities.images_per_job == 1
        assert (spec.price_credits is None) == (spec.slug == "flux-erase")
        assert bool(spec.costs) == (spec.price_credits is not None)
    assert {spec.order for spec in CATALOGUE} <= set(range(250, 300))


@pytest.mark.parametrize("model", [s.provider_model_id for s in LIVE if s.costs])
def test_when_work_is_accepted_then_it_costs_what_the_catalogue_foretold(
    service, flux, model
):
    (spec,) = (each for each in LIVE if each.provider_model_id == model)
    terms = Terms(credits=1, costs=spec.costs)
    for request in priced_requests(spec):
        num_inputs = len(request.images_of(ImageRole.INIT, ImageRole.REFERENCE))
        usd = pricing.usd_of(terms, request, num_inputs=num_inputs)
        cost = submit(flux, request).cost
        assert cost.usd_micros == round(usd * request.num_images * MICROS)


def priced_requests(spec):
    """Return requests for the smallest and the largest size, and with pictures."""
    request = functools.partial(request_for, spec.provider_model_id)
    able = spec.capabilities
    inits = {
        Operation.IMAGE_TO_IMAGE: (INIT, *references(able.max_reference_images)),
        Operation.INPAINT: (INIT, MASK),
        Operation.OUTPAINT: (INIT,),
    }
    for operation in able.operations:
        if operation is Operation.TEXT_TO_IMAGE:
            for size in (able.sizes[0], able.sizes[-1]):
                sides = {"width": size.width, "height": size.height}
                yield request(**sides)
                yield request(**sides, images=references(1))
        else:
            options = {"expand_top": "8"} if operation is Operation.OUTPAINT else {}
            sides = {"width": 96, "height": 64}
            images = inits[operation]
            yield request(operation=operation, images=images, options=options, **sides)


SIDES = st.integers(8, 40)
KINDS = st.sampled_from(["PNG", "JPEG", "WEBP"])


OPTION_FIELDS = {
    "safety_tolerance",
    "prompt_upsampling",
    "raw",
    "image_prompt_strength",
    "dilate_pixels",
    *("top", "bottom", "left", "right"),
}


@st.composite
def requests(draw):
    """Draw a request that the catalogue admits."""
    spec = draw(st.sampled_from(LIVE))
    able = spec.capabilities
    operation = draw(st.sampled_from(able.operations))
    width, height = draw(sizes_of(able, operation))
    count = draw(st.integers(0, able.max_reference_images))
    images = tuple(
        image_of(ImageRole.REFERENCE, draw(SIDES), draw(SIDES), draw(KINDS))
        for _ in range(count)
    )
    if operation is not Operation.TEXT_TO_IMAGE:
        images += (image_of(ImageRole.INIT, width, height, draw(KINDS)),)
    if able.has_mask:
        images += (image_of(ImageRole.MASK, width, height, colour=255),)
    return GenerationRequest(
        provider_model_id=spec.provider_model_id,
        operation=operation,
        prompt=draw(st.text(max_size=60)),
        width=width,
        height=height,
        num_images=draw(st.integers(1, able.images_per_job)),
        seed=draw(st.none() | st.integers(0, able.max_seed)),
        num_inference_steps=draw(numbers_of(able.num_inference_steps)),
        guidance_scale=draw(numbers_of(able.guidance_scale)),
        options=draw(options_of(able, operation)),
        images=images,
    )


def sizes_of(able, operation):
    if operation in able.sized_by_image:
        return st.tuples(SIDES, SIDES)
    listed = st.sampled_from([(each.width, each.height) for each in able.sizes])
    free = able.size_range
    if free is None:
        return listed
    steps = st.integers(free.minimum // free.step, free.maximum // free.step)
    side = steps.map(lambda count: count * free.step)
    within = st.tuples(side, side).filter(
        lambda size: size[0] * size[1] <= free.max_pixels
    )
    return listed | within


def numbers_of(allowed):
    if allowed is None:
        return st.none()
    if allowed.step == 1:
        return st.none() | st.integers(int(allowed.minimum), int(allowed.maximum))
    return st.none() | st.floats(allowed.minimum, allowed.maximum)


@st.composite
def options_of(draw, able, operation):
    chosen = []
    for spec in able.options_of(operation):
        numbers = numbers_of(spec.numbers).filter(lambda number: number is not None)
        values = numbers.map(str) if spec.numbers else st.sampled_from(spec.values)
        if draw(st.booleans()):
            chosen.append(OptionValue(name=spec.name, value=draw(values)))
    return tuple(chosen)


def test_when_the_catalogue_admits_a_request_then_the_service_takes_it_whole():
    with FakeBlackForestLabs() as service:
        provider = BlackForestLabsProvider(Access(base_url=service.url, api_key=KEY))

        @settings(
            max_examples=300,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(request=requests())
        def takes(request):
            service.calls.clear()
            service.tasks.clear()
            service.credits = 1000
            if request.operation is Operation.OUTPAINT and not grows(request):
                with pytest.raises(errors.UnsupportedRequest):
                    submit(provider, request)
                return
            submit(provider, request)
            body = body_sent(service)
            inputs = ("image", "mask", "input_image")
            pictures = [
                value
                for name, value in body.items()
                if name.startswith(inputs) and name != "image_prompt_strength"
            ]
            assert sorted(map(decoded, pictures)) == sorted(
                image.content for image in request.images
            )
            assert body.get("seed") == request.seed
            assert body.get("steps") == request.num_inference_steps
            assert body.get("guidance") == request.guidance_scale
            assert len(OPTION_FIELDS & set(body)) == len(request.options)

        takes()
        provider.close()


def grows(request):
    return any(
        float(each.value) for each in request.options if each.name.startswith("expand")
    )
