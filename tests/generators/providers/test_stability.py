"""Stability AI: what goes over the wire, how it refuses, and the shared contract."""

import base64
import datetime as dt
import email.utils
import io
from dataclasses import replace

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from generators import catalog, errors
from generators.capabilities import (
    ImageRole,
    Operation,
    OptionSpec,
    OptionValue,
)
from generators.contracts import (
    Accepted,
    Access,
    GenerationRequest,
    GenerationResult,
    InputImage,
    JobHandle,
    ModelSpec,
    Pending,
)
from generators.providers import catalog_file
from generators.providers.stability import forms
from generators.providers.stability import provider as adapter
from generators.providers.stability.provider import StabilityProvider
from tests.fakes import wire
from tests.fakes.services.stability import (
    CREDITS_OF_SD3,
    SERVICES,
    SIZES,
    FakeStability,
)
from tests.fakes.wire import Fault
from tests.generators.providers.contract import Behaviour, ProviderContract

SPECS = {spec.provider_model_id: spec for spec in catalog_file.read("stability")}
LIVE = [spec for spec in SPECS.values() if not spec.retired]
EACH = [(spec, each) for spec in LIVE for each in spec.capabilities.operations]
DRAW = "POST /v2beta/stable-image"
POLL = "GET /v2beta/results"
CORE, CREATIVE = "generate/core", "upscale/creative"
RELIGHT, TRANSFER = "edit/replace-background-and-relight", "control/style-transfer"
NAMES = [f"{spec.slug}-{operation}" for spec, operation in EACH]


@pytest.fixture
def service():
    with FakeStability() as service:
        yield service


@pytest.fixture
def provider(service):
    provider = _provider_of(service)
    yield provider
    provider.close()


@pytest.fixture(scope="module")
def quick_service():
    with FakeStability() as service:
        service.is_quick = True
        yield service


def _provider_of(service, key=FakeStability.KEY) -> StabilityProvider:
    return StabilityProvider(Access(base_url=service.url, api_key=key))


def _image(role=ImageRole.INIT, size=(96, 80), kind="PNG") -> InputImage:
    mode = "L" if role is ImageRole.MASK else "RGB"
    drawn = Image.new(mode, size, 0)
    drawn.paste(255 if mode == "L" else (9, 90, 190), (0, 0, size[0] // 2, size[1]))
    out = io.BytesIO()
    drawn.save(out, kind)
    return InputImage(
        content=out.getvalue(), mime_type=f"image/{kind.lower()}", role=role
    )


def _needed(spec: ModelSpec, operation: Operation) -> tuple[InputImage, ...]:
    """Return the pictures without which an operation is not served."""
    roles = []
    if operation is not Operation.TEXT_TO_IMAGE:
        roles.append(ImageRole.INIT)
    if spec.capabilities.has_mask:
        roles.append(ImageRole.MASK)
    if spec.capabilities.max_style_images:
        roles.append(ImageRole.STYLE)
    return tuple(_image(role) for role in roles)


def _request(model=CORE, operation=None, *, options=None, **fields):
    spec = SPECS[model]
    operation = operation or spec.capabilities.operations[0]
    chosen = dict(options or {})
    for each in spec.capabilities.options_of(operation):
        default = each.default or ("the red car" if each.is_required else "")
        if default and each.name not in chosen:
            chosen[each.name] = default
    size = spec.capabilities.usual_size()
    asked = {
        "prompt": "a red apple",
        "width": size.width if size else 96,
        "height": size.height if size else 80,
        "images": _needed(spec, operation),
        "options": tuple(OptionValue(name=n, value=v) for n, v in chosen.items() if v),
    }
    return GenerationRequest(
        provider_model_id=model, operation=operation, **(asked | fields)
    )


def _submit(provider, request):
    return provider.submit(request, on_progress=lambda progress: True)


def _to_the_end(provider, request) -> GenerationResult:
    answer = _submit(provider, request)
    if isinstance(answer, GenerationResult):
        return answer
    result: GenerationResult | Pending = Pending()
    while isinstance(result, Pending):
        result = provider.poll(answer.handle)
    return result


def _size_of(result: GenerationResult) -> tuple[int, int]:
    return Image.open(io.BytesIO(result.images[0].content.read())).size


def _refusal(status: int, name: str, **headers) -> Fault:
    said = {"id": "e1", "name": name, "errors": [f"{name} of {FakeStability.KEY}"]}
    return wire.status(status, said, **headers)


class TestStability(ProviderContract):
    slug = "stability"
    secrets = (FakeStability.KEY,)
    tells_progress = False
    impossible = {
        Behaviour.RUNS_OUT_OF_MEMORY: "the service has no such answer",
        Behaviour.ANSWERS_PARTLY: "a call draws one picture",
        Behaviour.IS_SLOW: "the service has no cancel, and a paid call runs to its end",
    }
    faults = {
        Behaviour.REFUSES: _refusal(403, "content_moderation"),
        Behaviour.FINDS_INVALID: _refusal(400, "bad_request"),
        Behaviour.RATE_LIMITS: _refusal(429, "rate_limit_exceeded", Retry_After="7"),
        Behaviour.BREAKS: _refusal(500, "internal_error"),
        Behaviour.NEVER_ANSWERS: Fault(hangs=True),
        Behaviour.ANSWERS_NONSENSE: wire.html(200),
        Behaviour.ANSWERS_EMPTY: wire.status(200, {"finish_reason": "SUCCESS"}),
        Behaviour.AUTHENTICATION_FAILS: _refusal(401, "unauthorized"),
        Behaviour.QUOTA_IS_EXHAUSTED: _refusal(402, "payment_required"),
        Behaviour.MODEL_IS_GONE: _refusal(404, "not_found"),
    }

    @pytest.fixture(autouse=True)
    def _arrange(self, service, monkeypatch):
        self.service, self.monkeypatch = service, monkeypatch

    def make_provider(self):
        return _provider_of(self.service)

    def request_that(self, behaviour):
        if behaviour is Behaviour.IS_DOWN:
            self.service.stop()
        if behaviour is Behaviour.NEVER_ANSWERS:
            self.monkeypatch.setattr(adapter, "PAID_SECONDS", 0.5)
        if behaviour in self.faults:
            self.service.fail(self.faults[behaviour], on=DRAW)
        return _request()

    def calls_sent(self):
        return len(self.service.calls_to(DRAW))

    def accepted_request(self):
        return _request(CREATIVE)


# What goes over the wire


@pytest.mark.parametrize(("spec", "operation"), EACH, ids=NAMES)
def test_when_any_model_is_asked_for_what_it_does_then_it_delivers(
    provider, service, spec, operation
):
    result = _to_the_end(provider, _request(spec.provider_model_id, operation))
    assert service.refused == []
    (picture,) = result.images
    assert Image.open(io.BytesIO(picture.content.read())).format == "PNG"
    assert result.provider_request_id
    assert len(service.calls_to(DRAW)) == 1


@pytest.mark.parametrize(
    ("model", "more", "path", "fields", "files"),
    [
        (
            "generate/ultra",
            {"seed": 7, "negative_prompt": "rain", "width": 1344, "height": 768},
            "generate/ultra",
            {
                "prompt": "a red apple",
                "negative_prompt": "rain",
                "seed": "7",
                "aspect_ratio": "16:9",
            },
            [],
        ),
        (
            "generate/ultra",
            {"operation": Operation.IMAGE_TO_IMAGE, "strength": 0.25},
            "generate/ultra",
            {"prompt": "a red apple", "strength": "0.25"},
            ["image"],
        ),
        (
            "sd3.5-large",
            {"guidance_scale": 4.0, "options": {"style": "line-art"}},
            "generate/sd3",
            {
                "model": "sd3.5-large",
                "mode": "text-to-image",
                "prompt": "a red apple",
                "cfg_scale": "4",
                "aspect_ratio": "1:1",
                "style_preset": "line-art",
            },
            [],
        ),
        (
            "sd3.5-flash",
            {"operation": Operation.IMAGE_TO_IMAGE, "guidance_scale": 1.5},
            "generate/sd3",
            {
                "model": "sd3.5-flash",
                "mode": "image-to-image",
                "prompt": "a red apple",
                "cfg_scale": "1.5",
                "strength": "0.6",
            },
            ["image"],
        ),
        ("edit/erase", {}, "edit/erase", {"grow_mask": "5"}, ["image", "mask"]),
        (
            "edit/inpaint",
            {"options": {"grow_mask": "100"}, "negative_prompt": "rain"},
            "edit/inpaint",
            {"prompt": "a red apple", "negative_prompt": "rain", "grow_mask": "100"},
            ["image", "mask"],
        ),
        (
            "edit/outpaint",
            {"prompt": "", "options": {"expand_top": "2000", "expand_bottom": "1"}},
            "edit/outpaint",
            {
                "left": "256",
                "right": "256",
                "up": "2000",
                "down": "1",
                "creativity": "0.5",
            },
            ["image"],
        ),
        (
            "edit/search-and-replace",
            {"options": {"search_prompt": "the cat"}},
            "edit/search-and-replace",
            {"prompt": "a red apple", "search_prompt": "the cat", "grow_mask": "3"},
            ["image"],
        ),
        (
            "edit/search-and-recolor",
            {"options": {"select_prompt": "the hat", "grow_mask": "0"}},
            "edit/search-and-recolor",
            {"prompt": "a red apple", "select_prompt": "the hat", "grow_mask": "0"},
            ["image"],
        ),
        ("edit/remove-background", {}, "edit/remove-background", {}, ["image"]),
        (
            RELIGHT,
            {
                "images": (_image(), _image(ImageRole.REFERENCE)),
                "options": {"light_source_direction": "above"},
            },
            RELIGHT,
            {
                "background_prompt": "a red apple",
                "preserve_original_subject": "0.6",
                "light_source_direction": "above",
            },
            ["subject_image", "background_reference"],
        ),
        ("upscale/fast", {}, "upscale/fast", {}, ["image"]),
        (
            "upscale/conservative",
            {"seed": 4_294_967_294},
            "upscale/conservative",
            {"prompt": "a red apple", "seed": "4294967294", "creativity": "0.35"},
            ["image"],
        ),
        (
            "control/sketch",
            {"options": {"control_strength": "1"}},
            "control/sketch",
            {"prompt": "a red apple", "control_strength": "1"},
            ["image"],
        ),
        (
            "control/style",
            {"width": 640, "height": 1536},
            "control/style",
            {"prompt": "a red apple", "aspect_ratio": "9:21", "fidelity": "0.5"},
            ["image"],
        ),
        (
            TRANSFER,
            {"prompt": ""},
            TRANSFER,
            {
                "style_strength": "1",
                "composition_fidelity": "0.9",
                "change_strength": "0.9",
            },
            ["init_image", "style_image"],
        ),
    ],
)
def test_when_it_is_sent_then_the_form_is_what_the_service_takes(
    provider, service, model, more, path, fields, files
):
    request = _request(model, **more)
    _submit(provider, request)
    (call,) = service.calls_to(DRAW)
    assert call.path == f"/v2beta/stable-image/{path}"
    assert call.fields() == fields
    sent = [part for part in call.parts if part.filename is not None]
    assert [part.name for part in sent] == files
    assert [part.content for part in sent] == [each.content for each in request.images]
    assert {part.mime_type for part in sent} <= {"image/png"}
    assert service.refused == []


def test_when_there_is_no_file_then_it_is_multipart_and_asks_for_json(
    provider, service
):
    _submit(provider, replace(_request(), end_user="a1b2"))
    (call,) = service.calls_to(DRAW)
    assert call.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert call.headers["accept"] == "application/json"
    assert call.headers["authorization"] == f"Bearer {FakeStability.KEY}"
    assert call.headers["stability-client-user-id"] == "a1b2"


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_when_a_picture_is_no_png_then_it_is_sent_as_what_it_is(
    provider, service, kind
):
    picture = _image(kind=kind)
    _submit(provider, _request("upscale/fast", images=(picture,)))
    (part,) = service.calls_to(DRAW)[0].files("image")
    assert (part.content, part.mime_type) == (picture.content, picture.mime_type)


@pytest.mark.parametrize(("ratio", "size"), SIZES.items())
def test_when_a_listed_size_is_asked_then_its_ratio_is_sent(
    provider, service, ratio, size
):
    result = _submit(provider, _request(width=size[0], height=size[1]))
    assert service.calls_to(DRAW)[0].fields()["aspect_ratio"] == ratio
    assert _size_of(result) == size


def test_when_models_have_sizes_then_all_nine_ratios_are_there():
    for spec in LIVE:
        listed = {(each.width, each.height) for each in spec.capabilities.sizes}
        assert listed in (set(), set(SIZES.values()))
    assert set(forms.RATIOS) == set(SIZES)


def test_when_it_grows_by_no_pixel_then_it_is_refused_and_not_sent(provider, service):
    sides = {"expand_left": "0", "expand_right": "0"}
    with pytest.raises(errors.UnsupportedRequest) as got:
        _submit(provider, _request("edit/outpaint", options=sides))
    assert got.value.field == "expand_right"
    assert service.calls == []


def test_when_it_grows_then_the_picture_is_larger_on_those_sides(provider):
    sides = {"expand_left": "10", "expand_right": "0", "expand_bottom": "30"}
    result = _submit(provider, _request("edit/outpaint", options=sides))
    assert _size_of(result) == (96 + 10, 80 + 30)


@pytest.mark.parametrize(
    ("model", "change", "field"),
    [
        (CORE, {"num_images": 2}, "num_images"),
        (CORE, {"seed": 0}, "seed"),
        (CORE, {"seed": 4_294_967_295}, "seed"),
        (CORE, {"prompt": " \n"}, "prompt"),
        (CORE, {"prompt": "x" * 10_001}, "prompt"),
        ("upscale/creative", {"prompt": ""}, "prompt"),
        (RELIGHT, {"prompt": ""}, "prompt"),
        (TRANSFER, {"images": (_image(),)}, "style_images"),
        (TRANSFER, {"images": (_image(ImageRole.STYLE),)}, "images"),
        ("edit/erase", {"images": (_image(),)}, "images"),
        ("edit/search-and-replace", {"options": ()}, "search_prompt"),
        ("edit/search-and-recolor", {"options": ()}, "select_prompt"),
        (
            "edit/erase",
            {"options": (OptionValue(name="grow_mask", value="2.5"),)},
            "grow_mask",
        ),
        (
            "edit/erase",
            {"options": (OptionValue(name="grow_mask", value="21"),)},
            "grow_mask",
        ),
        ("upscale/fast", {"seed": 3}, "seed"),
        ("edit/outpaint", {"negative_prompt": "rain"}, "negative_prompt"),
        (CORE, {"operation": Operation.REPLACE_BACKGROUND}, "operation"),
    ],
)
def test_when_it_is_asked_what_the_service_refuses_then_nothing_is_sent(
    provider, service, model, change, field
):
    with pytest.raises(errors.UnsupportedRequest) as got:
        _submit(provider, replace(_request(model), **change))
    assert got.value.field == field
    assert service.calls == []


def test_when_pictures_are_too_large_together_then_nothing_is_sent(provider, service):
    each = replace(_image(), content=b"x" * 6_000_000)
    mask = replace(each, role=ImageRole.MASK)
    with pytest.raises(errors.UnsupportedRequest) as got:
        _submit(provider, _request("edit/inpaint", images=(each, mask)))
    assert got.value.field == "images"
    assert service.calls == []


@pytest.mark.parametrize(
    "model", ["sd3.5-medium", "edit/inpaint", "edit/search-and-replace", RELIGHT]
)
def test_when_pictures_and_words_are_as_long_as_they_may_be_then_the_body_fits(
    provider, service, model
):
    spec = SPECS[model]
    operation = spec.capabilities.operations[-1]
    first, *others = _needed(spec, operation)
    room = spec.capabilities.inputs.max_bytes - len(first.content)
    largest = replace(first, content=first.content + b"\0" * room)
    words = "\N{SMILING FACE WITH SUNGLASSES}" * 10_000
    texts = {each.name: words for each in spec.capabilities.options if each.max_chars}
    request = _request(
        model,
        operation,
        images=(largest, *others),
        prompt=words,
        negative_prompt=words,
        options=texts,
    )
    service.is_quick = True
    _submit(provider, request)
    assert service.refused == []


def test_when_a_relit_picture_has_a_reference_then_words_may_be_left_out(
    provider, service
):
    images = (_image(), _image(ImageRole.REFERENCE))
    _submit(provider, _request(RELIGHT, images=images, prompt=""))
    assert "background_prompt" not in service.calls_to(DRAW)[0].fields()
    assert service.refused == []


def test_when_a_model_is_retired_then_nothing_is_sent(provider, service):
    for spec in SPECS.values():
        if spec.retired:
            with pytest.raises(errors.ModelUnavailable):
                _submit(provider, _request(spec.provider_model_id))
    assert service.calls == []


# Seeds and prices


@pytest.mark.parametrize("seed", [1, 4_294_967_294])
def test_when_a_seed_is_at_an_edge_then_it_is_used(provider, seed):
    assert _submit(provider, _request(seed=seed)).images[0].seed == seed


@pytest.mark.parametrize("seed", [None, "7", True, -1, 2**63])
def test_when_the_seed_told_is_none_then_none_is_recorded(provider, service, seed):
    picture = base64.b64encode(wire.picture(64, 64)).decode()
    service.fail(wire.status(200, {"image": picture, "seed": seed}))
    assert _submit(provider, _request()).images[0].seed is None


@pytest.mark.parametrize("spec", LIVE, ids=lambda spec: spec.slug)
def test_when_it_has_drawn_then_it_cost_what_the_catalogue_says(
    provider, service, spec
):
    before = service.credits
    result = _to_the_end(provider, _request(spec.provider_model_id))
    (rule,) = spec.costs
    assert rule.usd * 100 == pytest.approx(before - service.credits)
    assert spec.price_credits - 1 < rule.usd * 100 <= spec.price_credits
    assert result.cost is None, "the service does not say what a call costs"


def test_when_the_fake_has_a_service_then_the_catalogue_has_it_too():
    ids = set(SERVICES) - {"generate/sd3"} | set(CREDITS_OF_SD3)
    assert ids == {spec.provider_model_id for spec in LIVE}
    assert all(300 <= spec.order <= 349 for spec in SPECS.values())


# Refusals


@pytest.mark.parametrize(
    ("status", "name", "expected"),
    [
        (400, "bad_request", errors.InvalidRequest),
        (401, "unauthorized", errors.AuthenticationFailed),
        (402, "payment_required", errors.QuotaExhausted),
        (403, "content_moderation", errors.ContentRejected),
        (403, "forbidden", errors.AuthenticationFailed),
        (404, "not_found", errors.ModelUnavailable),
        (409, "conflict", errors.UnexpectedResponse),
        (413, "payload_too_large", errors.InvalidRequest),
        (422, "unprocessable", errors.InvalidRequest),
        (429, "rate_limit_exceeded", errors.RateLimited),
        (500, "internal_error", errors.ProviderFailed),
        (502, "bad_gateway", errors.ProviderFailed),
        (503, "unavailable", errors.ProviderFailed),
    ],
)
def test_when_a_call_is_refused_then_the_error_says_which_way(
    provider, service, status, name, expected
):
    service.fail(_refusal(status, name))
    with pytest.raises(errors.ProviderError) as got:
        _submit(provider, _request())
    assert type(got.value) is expected
    assert name in got.value.detail
    assert FakeStability.KEY not in got.value.detail
    assert len(service.calls) == 1


@pytest.mark.parametrize("status", [400, 403, 500, 502])
def test_when_a_gateway_answers_with_a_page_then_its_status_counts(
    provider, service, status
):
    kinds = {400: errors.InvalidRequest, 403: errors.AuthenticationFailed}
    service.fail(wire.html(status))
    with pytest.raises(errors.ProviderError) as got:
        _submit(provider, _request())
    assert type(got.value) is kinds.get(status, errors.ProviderFailed)


@pytest.mark.parametrize("words", ["!refuse", "!filter"])
@pytest.mark.parametrize("model", [CORE, CREATIVE])
def test_when_the_moderation_declines_then_there_is_no_picture(provider, words, model):
    with pytest.raises(errors.ContentRejected):
        _to_the_end(provider, _request(model, prompt=f"an apple {words}"))


def test_when_it_asks_to_wait_then_both_forms_are_read_and_none_is_a_minute(
    provider, service
):
    in_a_minute = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=90)
    date = email.utils.format_datetime(in_a_minute, usegmt=True)
    for header, seconds in (({"Retry_After": "7"}, 7), ({"Retry_After": date}, 90)):
        service.fail(_refusal(429, "rate_limit_exceeded", **header))
        with pytest.raises(errors.RateLimited) as got:
            _submit(provider, _request())
        assert got.value.retry_after == pytest.approx(seconds, abs=2)
    service.fail(_refusal(429, "rate_limit_exceeded"))
    with pytest.raises(errors.RateLimited) as got:
        _submit(provider, _request())
    assert got.value.retry_after == 60
    service.fail(_refusal(429, "rate_limit_exceeded", Retry_After="0"))
    with pytest.raises(errors.RateLimited) as got:
        _submit(provider, _request())
    assert got.value.retry_after == 0


def test_when_the_account_is_empty_then_that_is_told_before_any_drawing(
    provider, service
):
    service.credits = 2.9
    with pytest.raises(errors.QuotaExhausted):
        _submit(provider, _request())
    assert service.credits == 2.9


@pytest.mark.parametrize(
    "said",
    [
        {},
        [],
        None,
        "a picture",
        {"image": None, "finish_reason": "SUCCESS"},
        {"image": "", "finish_reason": "SUCCESS"},
        {"image": 7},
        {"image": ["x"]},
        {"id": 7},
        {"id": ""},
        {"image": "é" * 400},
    ],
)
def test_when_a_success_holds_no_picture_then_it_is_unexpected(provider, service, said):
    service.fail(wire.status(200, said))
    with pytest.raises(errors.UnexpectedResponse):
        _submit(provider, _request())


def test_when_a_success_has_two_pictures_then_the_one_of_the_protocol_is_taken(
    provider, service
):
    first, second = (wire.picture(64, 64, seed=seed) for seed in (1, 2))
    encoded = [base64.b64encode(each).decode() for each in (first, second)]
    said = {"image": encoded[0], "artifacts": [{"base64": encoded[1]}], "seed": 5}
    service.fail(wire.status(200, said))
    (picture,) = _submit(provider, _request()).images
    assert picture.content.read() == first


@pytest.mark.parametrize(
    "content", [b"<html>" * 100, wire.picture(64, 64)[:300], b"\0" * 5_000_000]
)
def test_when_a_picture_is_damaged_or_huge_then_its_bytes_come_as_they_are(
    provider, service, content
):
    encoded = base64.b64encode(content).decode()
    service.fail(wire.status(200, {"image": encoded, "finish_reason": "SUCCESS"}))
    assert _submit(provider, _request()).images[0].content.read() == content


def test_when_the_base64_is_damaged_then_it_is_unexpected(provider, service):
    service.fail(wire.status(200, {"image": "A" * 401}))
    with pytest.raises(errors.UnexpectedResponse):
        _submit(provider, _request())


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
    ids=["hangs", "drips", "cuts", "cuts-the-body", "wrong-length"],
)
@pytest.mark.parametrize("model", [CORE, CREATIVE])
def test_when_the_line_breaks_after_it_was_sent_then_the_outcome_is_unknown(
    provider, service, monkeypatch, fault, model
):
    monkeypatch.setattr(adapter, "PAID_SECONDS", 1.0)
    service.is_quick = True
    service.fail(fault, on=DRAW)
    with pytest.raises(errors.OutcomeUnknown):
        _submit(provider, _request(model))
    assert len(service.calls_to(DRAW)) == 1


@pytest.mark.parametrize(
    "fault",
    [Fault(hangs=True), Fault(drips=20), Fault(cuts=True), Fault(wrong_length=True)],
    ids=["hangs", "drips", "cuts", "wrong-length"],
)
def test_when_a_poll_breaks_then_it_may_be_asked_again(
    provider, service, monkeypatch, fault
):
    service.is_quick, service.polls_until_done = True, 0
    handle = _submit(provider, _request(CREATIVE)).handle
    monkeypatch.setattr(adapter, "LOOK_SECONDS", 0.5)
    service.fail(fault, on=POLL)
    with pytest.raises(errors.ProviderUnavailable):
        provider.poll(handle)
    monkeypatch.setattr(adapter, "LOOK_SECONDS", 30.0)
    assert provider.poll(handle).images
    assert len(service.calls_to(DRAW)) == 1


# Accepted work


@pytest.mark.parametrize("model", [CREATIVE, RELIGHT])
@pytest.mark.parametrize("key", ["image", "result"])
def test_when_work_is_accepted_then_it_is_polled_each_ten_seconds_until_it_is_done(
    provider, service, model, key
):
    service.result_key = key
    accepted = _submit(provider, _request(model, seed=11))
    assert isinstance(accepted, Accepted)
    assert accepted.cost is None
    assert accepted.handle.next_poll_seconds >= 10
    for _ in range(2):
        answer = provider.poll(accepted.handle)
        assert isinstance(answer, Pending)
        assert answer.next_poll_seconds >= 10
    result = provider.poll(accepted.handle)
    assert result.images[0].seed == 11
    assert result.provider_request_id == accepted.handle.external_id
    assert provider.poll(accepted.handle).images, "it may be asked for again"
    path = f"/v2beta/results/{accepted.handle.external_id}"
    assert {call.path for call in service.calls_to("GET")} == {path}


def test_when_a_result_has_expired_then_the_job_ends_without_a_second_payment(
    provider, service
):
    handle = _submit(provider, _request(CREATIVE)).handle
    service.forget(handle.external_id)
    with pytest.raises(errors.UnexpectedResponse) as got:
        provider.poll(handle)
    assert "lost" in got.value.user_message
    assert len(service.calls_to(DRAW)) == 1


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (_refusal(401, "unauthorized"), errors.AuthenticationFailed),
        (_refusal(403, "content_moderation"), errors.ContentRejected),
        (_refusal(403, "forbidden"), errors.AuthenticationFailed),
        (_refusal(429, "rate_limit_exceeded"), errors.RateLimited),
        (_refusal(500, "internal_error"), errors.ProviderUnavailable),
        (wire.html(502), errors.ProviderUnavailable),
        (wire.html(200), errors.ProviderUnavailable),
        (wire.status(200, [1]), errors.UnexpectedResponse),
        (wire.status(200, {"id": "x"}), errors.UnexpectedResponse),
        (wire.status(200, {"finish_reason": "SUCCESS"}), errors.UnexpectedResponse),
    ],
)
def test_when_a_poll_is_refused_then_the_error_says_which_way(
    provider, service, fault, expected
):
    handle = _submit(provider, _request(CREATIVE)).handle
    service.fail(fault, on=POLL)
    with pytest.raises(errors.ProviderError) as got:
        provider.poll(handle)
    assert type(got.value) is expected
    assert FakeStability.KEY not in got.value.detail


@pytest.mark.parametrize(
    "name", ["https://evil.test/x", "//evil.test/x", "../v1/user/balance", "a?b=c#d"]
)
def test_when_a_handle_names_another_place_then_only_the_service_is_asked(
    provider, service, name
):
    handle = JobHandle(
        provider="stability", external_id=name, poll_url="https://evil.test/steal"
    )
    with pytest.raises(errors.UnexpectedResponse):
        provider.poll(handle)
    (call,) = service.calls
    assert call.path.startswith("/v2beta/results/")
    assert call.query == {}


# The connection


def test_when_the_connection_works_then_the_balance_is_told(provider, service):
    service.credits = 1234.5
    report = provider.check()
    assert report.balance == "1,234.50 credits, 1 credit is $0.01"
    assert report.num_models is None
    assert [call.path for call in service.calls] == ["/v1/user/balance"]


def test_when_the_key_is_refused_then_the_check_says_so_and_keeps_it_secret(service):
    provider = _provider_of(service, key="wrong-key-5c1d")
    with pytest.raises(errors.AuthenticationFailed) as got:
        provider.check()
    provider.close()
    assert "wrong-key-5c1d" not in got.value.detail


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (wire.html(200), errors.UnexpectedResponse),
        (wire.status(200, {"credits": "many"}), errors.UnexpectedResponse),
        (wire.status(200, {"credits": True}), errors.UnexpectedResponse),
        (wire.status(200, {"credits": float("nan")}), errors.UnexpectedResponse),
        (wire.status(200, {"credits": 10**400}), errors.UnexpectedResponse),
        (wire.status(200, []), errors.UnexpectedResponse),
        (Fault(cuts=True), errors.ProviderUnavailable),
    ],
)
def test_when_the_balance_makes_no_sense_then_the_check_fails(
    provider, service, fault, expected
):
    service.fail(fault)
    with pytest.raises(expected):
        provider.check()


def test_when_the_address_has_a_path_then_it_is_kept(service):
    access = Access(base_url=f"{service.url}/gateway", api_key=FakeStability.KEY)
    provider = StabilityProvider(access)
    with pytest.raises(errors.ProviderError):
        provider.check()
    provider.close()
    assert service.calls[0].path == "/gateway/v1/user/balance"


def test_when_it_is_bound_to_nothing_then_it_tells_its_catalogue_and_closes():
    unbound = StabilityProvider()
    assert unbound.catalog()
    assert not unbound.availability().is_available
    with pytest.raises(errors.NotConfigured):
        unbound.check()
    unbound.close()


# The catalogue


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("stable diffusion", "stable-diffusion-3-5-large"),
        ("sd3.5", "stable-diffusion-3-5-large"),
        ("stable-diffusion-3.5", "stable-diffusion-3-5-large"),
        ("sdxl api", "stable-diffusion-xl-api"),
        ("sd3-medium", "stable-diffusion-3-medium"),
        ("stable-diffusion-v1-6", "stable-diffusion-1-6-api"),
    ],
)
def test_when_a_model_is_looked_for_by_another_name_then_it_is_found(db, name, slug):
    report = catalog.fill()
    assert [each for each in report.problems if "stab" in each] == []
    found = catalog.find(name)
    assert found.slug == slug
    assert found.retired == (found.successor is not None)


# Whatever the capabilities admit


@st.composite
def _requests(draw, spec: ModelSpec, operation: Operation) -> GenerationRequest:
    able = spec.capabilities
    words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
    seeds = st.none() | st.integers(1, able.max_seed)  # 0 is refused by name
    size = draw(st.sampled_from(able.sizes)) if able.sizes else None
    images = _needed(spec, operation)
    if draw(st.integers(0, able.max_reference_images)):
        images += (_image(ImageRole.REFERENCE, kind="WEBP"),)
    options = [draw(_options(each)) for each in able.options_of(operation)]
    grows = draw(st.integers(1, 2000))
    chosen = {each.name: each for each in options if each is not None}
    if operation is Operation.OUTPAINT:
        chosen["expand_top"] = OptionValue(name="expand_top", value=str(grows))
    return GenerationRequest(
        provider_model_id=spec.provider_model_id,
        operation=operation,
        prompt=draw(words.filter(str.strip)) if able.reads_prompt(operation) else "",
        negative_prompt=draw(words) if able.has_negative_prompt else "",
        width=size.width if size else 96,
        height=size.height if size else 80,
        seed=draw(seeds) if able.has_seed else None,
        guidance_scale=draw(_numbers(able.guidance_scale)),
        strength=draw(_numbers(able.strength)),
        options=tuple(chosen.values()),
        images=images,
    )


def _numbers(limits):
    if limits is None:
        return st.none()
    steps = round((limits.maximum - limits.minimum) / limits.step)
    stepped = st.integers(0, steps).map(lambda n: limits.minimum + n * limits.step)
    return st.none() | stepped.map(lambda number: min(number, limits.maximum))


@st.composite
def _options(draw, spec: OptionSpec) -> OptionValue | None:
    if spec.values:
        value = draw(st.none() | st.sampled_from(spec.values))
    elif spec.numbers is not None:
        number = draw(_numbers(spec.numbers))
        value = None if number is None else f"{number:g}"
    else:
        letters = st.characters(categories=["L", "N"])
        value = draw(st.text(letters, min_size=1, max_size=40))
        value = value if spec.is_required else draw(st.sampled_from([None, value]))
    return None if value is None else OptionValue(name=spec.name, value=value)


@pytest.mark.parametrize(("spec", "operation"), EACH, ids=NAMES)
def test_when_the_capabilities_admit_it_then_the_service_accepts_the_form(
    quick_service, spec, operation
):
    provider = _provider_of(quick_service)

    @settings(max_examples=20, suppress_health_check=list(HealthCheck))
    @given(request=_requests(spec, operation))
    def accepts(request):
        quick_service.refused.clear()
        answer = _submit(provider, request)
        assert quick_service.refused == []
        assert isinstance(answer, GenerationResult | Accepted)

    accepts()
    provider.close()


# The fake itself


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("generate/core", {"prompt": "x", "seed": "4294967295"}),
        ("generate/core", {"prompt": "x", "aspect_ratio": "7:3"}),
        ("generate/core", {"prompt": "x", "style_preset": "cubism"}),
        ("generate/core", {"prompt": "x", "n": "2"}),
        ("generate/core", {"prompt": "x" * 10_001}),
        ("generate/core", {}),
        ("generate/sd3", {"prompt": "x", "model": "sd3.5-huge"}),
        ("generate/sd3", {"prompt": "x", "cfg_scale": "0.5"}),
        ("generate/sd3", {"prompt": "x", "mode": "image-to-image"}),
        ("generate/ultra", {"prompt": "x", "strength": "0.5"}),
        ("edit/outpaint", {"image": _image().content, "left": "0"}),
        ("edit/outpaint", {"image": _image().content, "left": "2001"}),
        ("edit/erase", {"image": _image(size=(63, 80)).content}),
        ("edit/erase", {"image": b"no picture"}),
        ("edit/remove-background", {"image": _image(size=(2049, 2048)).content}),
    ],
)
def test_when_a_form_is_wrong_then_the_fake_refuses_it(service, path, parts):
    form = [
        (name, (name, part, "image/png") if isinstance(part, bytes) else (None, part))
        for name, part in parts.items()
    ]
    answer = requests.post(
        f"{service.url}/v2beta/stable-image/{path}",
        files=form or [("output_format", (None, "png"))],
        headers={"Authorization": f"Bearer {service.KEY}"},
        timeout=10,
    )
    assert answer.status_code == 400
    assert answer.json()["name"] == "bad_request"
    assert service.refused


def test_when_a_form_is_not_multipart_then_the_fake_refuses_it(service):
    answer = requests.post(
        f"{service.url}/v2beta/stable-image/generate/core",
        data={"prompt": "x"},
        headers={"Authorization": f"Bearer {service.KEY}"},
        timeout=10,
    )
    assert answer.status_code == 400
