"""Ideogram: what goes over the wire in both versions, and what comes of each answer."""

import io
import json
import socket
import time
import uuid

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from generators import errors
from generators.capabilities import (
    ImageRole,
    Operation,
    OptionValue,
)
from generators.contracts import (
    Accepted,
    Access,
    Cost,
    GenerationRequest,
    GenerationResult,
    InputImage,
    JobHandle,
    Pending,
)
from generators.providers import catalog_file
from generators.providers.http import MAX_PICTURE_BYTES
from generators.providers.ideogram import lettering, provider, webhooks
from generators.providers.ideogram.provider import IdeogramProvider
from tests.fakes import wire
from tests.fakes.services.ideogram import FakeIdeogram
from tests.fakes.wire import Fault, Reply
from tests.generators.providers.contract import Behaviour, ProviderContract

V45 = "v2/generate/ideogram-4-5"
V3 = "v1/ideogram-v3/generate"
SPECS = {spec.provider_model_id: spec for spec in catalog_file.read("ideogram")}


def picture(size=(320, 256), *, kind="PNG", seed=1):
    return wire.picture(*size, words="given", seed=seed, kind=kind)


def given_as(role, content=None, mime_type="image/png"):
    return InputImage(content=content or picture(), mime_type=mime_type, role=role)


def mask_of(size=(320, 256), *, levels=(255, 0)):
    """A mask whose left half has the first level, and the rest the second."""
    drawn = Image.new("L", size, levels[1])
    drawn.paste(levels[0], (0, 0, size[0] // 2, size[1]))
    out = io.BytesIO()
    drawn.save(out, "PNG")
    return given_as(ImageRole.MASK, out.getvalue())


def request_for(model=V45, prompt="a red apple", options=None, **fields):
    able = SPECS[model].capabilities
    size = able.usual_size()
    asked = {
        "operation": able.operations[0],
        "width": size.width if size else 320,
        "height": size.height if size else 256,
        "client_token": str(uuid.uuid4()),
    }
    chosen = tuple(OptionValue(name=n, value=v) for n, v in (options or {}).items())
    return GenerationRequest(
        provider_model_id=model, prompt=prompt, options=chosen, **asked | fields
    )


@pytest.fixture
def service():
    with FakeIdeogram(looks=0) as service:
        yield service


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(provider, "FETCH_PAUSES", (0, 0))


def connected(service, **access):
    return IdeogramProvider(
        Access(base_url=service.url, api_key=FakeIdeogram.KEY, **access)
    )


@pytest.fixture
def ideogram(service):
    connection = connected(service)
    yield connection
    connection.close()


def submit(ideogram, request):
    return ideogram.submit(request, on_progress=lambda progress: True)


def finish(ideogram, request):
    answer = submit(ideogram, request)
    if isinstance(answer, GenerationResult):
        return answer
    while isinstance(outcome := ideogram.poll(answer.handle), Pending):
        pass
    return outcome


def sent(service):
    """The last paid call: its path, plain fields, and names of files."""
    call = service.calls_to("POST")[-1]
    files = [part.name for part in call.parts if part.filename is not None]
    return call.path, call.fields(), files


class _Contract(ProviderContract):
    slug = "ideogram"
    secrets = (FakeIdeogram.KEY,)
    tells_progress = False
    impossible = {
        Behaviour.RUNS_OUT_OF_MEMORY: "the service never says so",
        Behaviour.IS_SLOW: "a call that was sent cannot be taken back",
    }
    model = V45
    limit = "ACCEPT_SECONDS"

    @pytest.fixture(autouse=True)
    def _own_service(self, monkeypatch):
        self.monkeypatch = monkeypatch
        with FakeIdeogram(looks=1) as self.service:
            yield

    def make_provider(self):
        return connected(self.service)

    def calls_sent(self):
        return len(self.service.calls_to("POST"))

    def request_that(self, behaviour):
        count, words = 1, "a red apple"
        faults = {
            Behaviour.FINDS_INVALID: wire.status(400, {"error": "no such size"}),
            Behaviour.RATE_LIMITS: wire.status(429, {"error": "slow"}, Retry_After="7"),
            Behaviour.BREAKS: wire.status(500, {"error": "oops"}),
            Behaviour.NEVER_ANSWERS: Fault(hangs=True),
            Behaviour.ANSWERS_NONSENSE: wire.html(200),
            Behaviour.ANSWERS_EMPTY: wire.status(200, {"data": []}),
            Behaviour.AUTHENTICATION_FAILS: wire.status(
                401, {"error": f"bad key {FakeIdeogram.KEY}"}
            ),
            Behaviour.QUOTA_IS_EXHAUSTED: wire.status(402, {"error": "no credit"}),
            Behaviour.MODEL_IS_GONE: wire.status(404, {"error": "no such model"}),
        }
        if behaviour in faults:
            self.service.fail(faults[behaviour], on="POST")
        if behaviour is Behaviour.NEVER_ANSWERS:
            self.monkeypatch.setattr(provider, self.limit, 0.5)
        elif behaviour is Behaviour.REFUSES:
            words = "a forbidden apple"
        elif behaviour is Behaviour.ANSWERS_PARTLY:
            self.service.withholds, count = 1, 2
        elif behaviour is Behaviour.IS_DOWN:
            self.service.stop()
        return request_for(self.model, words, num_images=count)


class TestIdeogramV2(_Contract):
    def accepted_request(self):
        return request_for(self.model)


class TestIdeogramV1(_Contract):
    model = V3
    limit = "DRAW_SECONDS"


# What goes over the wire: v2


def test_when_words_are_drawn_on_v2_then_the_form_is_asynchronous_and_complete(
    service, ideogram
):
    options = {"quality": "low", "background": "transparent", "magic_prompt": "on"}
    request = request_for(
        options=options, width=2560, height=1440, seed=2_147_483_644, num_images=4
    )
    result = finish(ideogram, request)
    path, fields, files = sent(service)
    assert path == "/v2/image/generate/ideogram-4-5"
    assert fields == {
        "prompt": "a red apple",
        "magic_prompt": "on",
        "quality": "low",
        "background": "transparent",
        "num_images": "4",
        "seed": "2147483644",
        "size": "2560x1440",
        "async": "true",
    }
    assert files == []
    assert service.calls[0].headers["api-key"] == FakeIdeogram.KEY
    assert "authorization" not in service.calls[0].headers
    assert [each.seed for each in result.images] == [
        2_147_483_644 + k for k in range(4)
    ]
    assert result.images[0].revised_prompt == "a red apple, in soft morning light"


def test_when_the_newest_model_is_asked_then_its_id_leads_to_its_path(
    service, ideogram
):
    finish(ideogram, request_for("v2/generate/ideogram-4-6"))
    assert sent(service)[0] == "/v2/image/generate/ideogram-4-6"


def test_when_a_picture_is_edited_on_v2_then_it_goes_first_and_keeps_its_size(
    service, ideogram
):
    references = [
        given_as(ImageRole.REFERENCE, picture(seed=k, kind="JPEG"), "image/jpeg")
        for k in range(3)
    ]
    init = given_as(ImageRole.INIT)
    request = request_for(
        operation=Operation.IMAGE_TO_IMAGE,
        width=320,
        height=256,
        images=(*references, init),
    )
    result = finish(ideogram, request)
    _, fields, files = sent(service)
    assert fields["size"] == "source"
    assert files == ["images"] * 4
    first, *others = service.calls_to("POST")[-1].files("images")
    assert (first.content, first.mime_type) == (init.content, "image/png")
    assert [(each.content, each.mime_type) for each in others] == [
        (each.content, "image/jpeg") for each in references
    ]
    drawn = Image.open(io.BytesIO(result.images[0].content.read()))
    assert drawn.size == (320, 256)


@pytest.mark.parametrize(
    ("model", "path", "name"),
    [
        (V45, "/v2/image/generate/ideogram-4-5", "images"),
        ("v1/ideogram-v3/inpaint", "/v1/ideogram-v3/inpaint", "image"),
    ],
)
def test_when_a_part_is_repainted_then_black_marks_it_and_no_size_is_sent(
    service, ideogram, model, path, name
):
    request = request_for(
        model,
        operation=Operation.INPAINT,
        width=320,
        height=256,
        images=(given_as(ImageRole.INIT), mask_of(levels=(200, 40))),
    )
    finish(ideogram, request)
    where, fields, files = sent(service)
    assert where == path
    assert not {"size", "resolution", "aspect_ratio"} & fields.keys()
    assert sorted(files) == sorted([name, "mask"])
    (mask,) = service.calls_to("POST")[-1].files("mask")
    drawn = Image.open(io.BytesIO(mask.content))
    assert drawn.mode == "L"
    assert (drawn.getpixel((0, 0)), drawn.getpixel((319, 0))) == (0, 255)
    assert mask.mime_type == "image/png"


@pytest.mark.parametrize("model", [V45, "v1/ideogram-v3/inpaint"])
@pytest.mark.parametrize("level", [0, 255])
def test_when_a_mask_has_one_colour_then_it_is_refused_by_name_and_not_sent(
    service, ideogram, model, level
):
    request = request_for(
        model,
        operation=Operation.INPAINT,
        images=(given_as(ImageRole.INIT), mask_of(levels=(level, level))),
    )
    with pytest.raises(errors.UnsupportedRequest) as got:
        submit(ideogram, request)
    assert got.value.field == "mask_image"
    assert service.calls == []


def test_when_a_mask_comes_without_repainting_then_it_is_refused_by_name(
    service, ideogram
):
    with pytest.raises(errors.UnsupportedRequest) as got:
        submit(ideogram, request_for(images=(mask_of(),)))
    assert got.value.field == "mask_image"
    assert service.calls == []


def test_when_an_edited_picture_is_too_long_then_it_is_refused_by_name(
    service, ideogram
):
    request = request_for(
        operation=Operation.IMAGE_TO_IMAGE,
        width=1600,
        height=256,
        images=(given_as(ImageRole.INIT, picture((1600, 256))),),
    )
    with pytest.raises(errors.UnsupportedRequest) as got:
        submit(ideogram, request)
    assert got.value.field == "init_image"
    assert service.calls == []


@pytest.mark.parametrize(
    ("model", "path", "expected"),
    [
        (
            "v2/remove-background/ideogram-1",
            "/v2/image/remove-background/ideogram-1",
            {"async": "true"},
        ),
        ("v1/remove-background", "/v1/remove-background", {}),
    ],
)
def test_when_a_background_is_removed_then_only_the_picture_goes(
    service, model, path, expected
):
    ideogram = connected(service, webhook_url="https://magicshot.test/ring")
    request = request_for(model, "", images=(given_as(ImageRole.INIT),))
    result = finish(ideogram, request)
    assert sent(service) == (path, expected, ["image"])
    drawn = Image.open(io.BytesIO(result.images[0].content.read()))
    assert drawn.getpixel((0, 0))[3] == 0
    ideogram.close()


# What goes over the wire: v1


def test_when_words_are_drawn_on_v1_then_every_choice_goes_in_capitals(
    service, ideogram
):
    options = {
        "quality": "turbo",
        "magic_prompt": "off",
        "style": "realistic",
        "palette": "ember",
    }
    request = request_for(
        V3,
        options=options,
        negative_prompt="rain",
        width=1312,
        height=736,
        seed=0,
        num_images=8,
    )
    result = finish(ideogram, request)
    path, fields, files = sent(service)
    assert path == "/v1/ideogram-v3/generate"
    palette = json.loads(fields.pop("color_palette"))
    assert palette == {"name": "EMBER"}
    assert fields == {
        "prompt": "a red apple",
        "negative_prompt": "rain",
        "resolution": "1312x736",
        "rendering_speed": "TURBO",
        "magic_prompt": "OFF",
        "num_images": "8",
        "seed": "0",
        "style_type": "REALISTIC",
    }
    assert files == []
    assert len(result.images) == 8
    assert result.images[0].revised_prompt == ""


def test_when_colours_are_named_then_each_goes_with_its_weight(service, ideogram):
    options = {"palette_colors": "#ff6600:0.6, 003366:1 #ABCDEF"}
    finish(ideogram, request_for(V3, options=options))
    (part,) = [
        part
        for part in service.calls_to("POST")[-1].parts
        if part.name == "color_palette"
    ]
    assert part.mime_type == "application/json"
    assert json.loads(part.text) == {
        "members": [
            {"color_hex": "#FF6600", "color_weight": 0.6},
            {"color_hex": "#003366", "color_weight": 1.0},
            {"color_hex": "#ABCDEF"},
        ]
    }


@pytest.mark.parametrize("text", ["#ff66", "#ff6600:0.04", "#ff6600:1.5", "red"])
def test_when_a_colour_is_none_then_it_is_refused_by_name(service, ideogram, text):
    with pytest.raises(errors.UnsupportedRequest) as got:
        submit(ideogram, request_for(V3, options={"palette_colors": text}))
    assert got.value.field == "palette_colors"
    assert service.calls == []


def test_when_style_pictures_and_a_preset_or_codes_are_given_then_they_go_along(
    service, ideogram
):
    styles = tuple(given_as(ImageRole.STYLE, picture(seed=k)) for k in range(3))
    finish(ideogram, request_for(V3, images=styles, options={"style": "fiction"}))
    assert sent(service)[2] == ["style_reference_images"] * 3
    finish(ideogram, request_for(V3, options={"style_preset": "art_deco"}))
    assert sent(service)[1]["style_preset"] == "ART_DECO"
    finish(ideogram, request_for(V3, options={"style_codes": "aaaa0001, BBBB0002"}))
    codes = [
        part.text
        for part in service.calls_to("POST")[-1].parts
        if part.name == "style_codes"
    ]
    assert codes == ["AAAA0001", "BBBB0002"]


@pytest.mark.parametrize(
    ("options", "styles", "field"),
    [
        ({"style_codes": "aaaa0001", "style": "design"}, 0, "style_codes"),
        ({"style_codes": "aaaa0001"}, 1, "style_codes"),
        ({"style_preset": "bauhaus"}, 1, "style_preset"),
        (
            {"style_preset": "bauhaus", "style_codes": "aaaa0001"},
            0,
            "style_preset",
        ),
        ({"palette": "ember", "palette_colors": "#ff6600"}, 0, "palette_colors"),
    ],
)
def test_when_choices_exclude_each_other_then_they_are_refused_by_name(
    service, ideogram, options, styles, field
):
    images = (given_as(ImageRole.STYLE),) * styles
    with pytest.raises(errors.UnsupportedRequest) as got:
        submit(ideogram, request_for(V3, options=options, images=images))
    assert got.value.field == field
    assert service.calls == []


def test_when_style_pictures_are_too_large_together_then_they_are_refused(
    service, ideogram
):
    heavy = given_as(ImageRole.STYLE, picture() + b"\0" * 6_000_000)
    with pytest.raises(errors.UnsupportedRequest) as got:
        submit(ideogram, request_for(V3, images=(heavy, heavy)))
    assert got.value.field == "style_images"
    assert service.calls == []


@pytest.mark.parametrize(
    ("strength", "weight"), [(0.0, "100"), (0.5, "50"), (0.99, "1")]
)
def test_when_a_picture_is_remixed_then_the_weight_is_what_stays_of_it(
    service, ideogram, strength, weight
):
    request = request_for(
        "v1/ideogram-v3/remix",
        strength=strength,
        negative_prompt="rain",
        images=(given_as(ImageRole.INIT),),
    )
    finish(ideogram, request)
    path, fields, files = sent(service)
    assert path == "/v1/ideogram-v3/remix"
    assert fields["image_weight"] == weight
    assert fields["resolution"] == "1024x1024"
    assert files == ["image"]


def test_when_a_picture_is_reframed_then_its_new_size_goes_and_no_words(
    service, ideogram
):
    model = "v1/ideogram-v3/reframe"
    init = (given_as(ImageRole.INIT),)
    finish(ideogram, request_for(model, "", width=1536, height=512, images=init))
    assert sent(service) == (
        "/v1/ideogram-v3/reframe",
        {"resolution": "1536x512", "num_images": "1"},
        ["image"],
    )
    with pytest.raises(errors.UnsupportedRequest) as got:
        submit(ideogram, request_for(model, "more of it", images=init))
    assert got.value.field == "prompt"


def test_when_a_background_is_replaced_then_words_and_picture_go(service, ideogram):
    request = request_for(
        "v1/ideogram-v3/replace-background",
        'a beach that says "OPEN"',
        options={"magic_prompt": "auto"},
        images=(given_as(ImageRole.INIT),),
    )
    finish(ideogram, request)
    path, fields, files = sent(service)
    assert path == "/v1/ideogram-v3/replace-background"
    assert fields == {
        "prompt": 'a beach that says "OPEN"',
        "magic_prompt": "AUTO",
        "num_images": "1",
    }
    assert files == ["image"]


def test_when_a_picture_is_upscaled_then_what_is_asked_is_json(service, ideogram):
    request = request_for(
        "upscale",
        "fine grain",
        seed=5,
        options={"resemblance": "60", "detail": "70"},
        images=(given_as(ImageRole.INIT),),
    )
    result = finish(ideogram, request)
    path, fields, files = sent(service)
    assert (path, files) == ("/upscale", ["image_file"])
    assert json.loads(fields["image_request"]) == {
        "prompt": "fine grain",
        "seed": 5,
        "resemblance": 60,
        "detail": 70,
    }
    drawn = Image.open(io.BytesIO(result.images[0].content.read()))
    assert drawn.size == (640, 512)


# Words in quotation marks

POSTER = 'A poster, "Grand  Opening" above and “50 % off” below'


@pytest.mark.parametrize("magic", ["auto", "on"])
def test_when_words_are_quoted_on_v2_then_they_are_elements_of_their_own(
    service, ideogram, magic
):
    finish(ideogram, request_for(V45, POSTER, {"magic_prompt": magic}))
    fields = sent(service)[1]
    prompt = json.loads(fields["prompt"])
    assert fields["magic_prompt"] == magic
    assert prompt["high_level_description"] == POSTER
    elements = prompt["compositional_deconstruction"]["elements"]
    assert [each["type"] for each in elements] == ["text", "text"]
    assert [each["text"] for each in elements] == ["Grand  Opening", "50 % off"]


def test_when_magic_prompt_is_off_or_a_picture_is_edited_then_words_go_untouched(
    service, ideogram
):
    finish(ideogram, request_for(V45, POSTER, {"magic_prompt": "off"}))
    assert sent(service)[1]["prompt"] == POSTER
    request = request_for(
        V45,
        POSTER,
        operation=Operation.IMAGE_TO_IMAGE,
        width=320,
        height=256,
        images=(given_as(ImageRole.INIT),),
    )
    finish(ideogram, request)
    assert sent(service)[1]["prompt"] == POSTER


@pytest.mark.parametrize(
    ("options", "styles", "style"),
    [
        ({}, 0, "DESIGN"),
        ({"magic_prompt": "on"}, 0, "DESIGN"),
        ({"magic_prompt": "off"}, 0, None),
        ({"style": "fiction"}, 0, "FICTION"),
        ({"style_preset": "pop_art"}, 0, None),
        ({"style_codes": "aaaa0001"}, 0, None),
        ({}, 1, None),
    ],
)
def test_when_words_are_quoted_on_v1_then_the_style_for_lettering_is_taken(
    service, ideogram, options, styles, style
):
    images = (given_as(ImageRole.STYLE),) * styles
    finish(ideogram, request_for(V3, POSTER, options, images=images))
    fields = sent(service)[1]
    assert fields.get("style_type") == style
    assert fields["prompt"] == POSTER


def test_when_nothing_is_quoted_on_v1_then_no_style_is_taken(service, ideogram):
    finish(ideogram, request_for(V3, "it's a red apple"))
    assert "style_type" not in sent(service)[1]


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (
            "«Bonjour» and „Guten Tag“ and 「今日は」",
            ("Bonjour", "Guten Tag", "今日は"),
        ),
        ('"" and " "', ()),
        ('a print of 6" x 4" saying "OPEN"', ("OPEN",)),
        ("don't and won't", ()),
        ('{"a": "b"}', ()),
        ('{not json} "OPEN"', ("OPEN",)),
        ('an open " quote', ()),
    ],
)
def test_when_words_are_quoted_then_only_they_are_lettering(prompt, words):
    assert lettering.quoted_words(prompt) == words


def test_when_a_prompt_would_grow_too_long_then_it_goes_as_it_is():
    prompt = '"a" ' * 900
    assert lettering.structured(prompt) == prompt
    assert lettering.structured("no words") == "no words"


# Costs


def test_when_a_price_is_asked_then_it_is_exact_and_nothing_is_drawn(service, ideogram):
    request = request_for(options={"quality": "high"}, num_images=3)
    assert ideogram.quote(request) == Cost(usd_micros=300_000, is_exact=True)
    call = service.calls_to("POST")[-1]
    assert call.query == {"dry_run": "true"}
    assert service.billed_micros == 0
    assert service.works == {}
    submit(ideogram, request)
    assert service.calls_to("POST")[-1].fields() == call.fields()
    assert service.billed_micros == 300_000


def test_when_a_cutout_is_priced_then_it_is_quoted_too(service, ideogram):
    model = "v2/remove-background/ideogram-1"
    request = request_for(model, "", images=(given_as(ImageRole.INIT),))
    assert ideogram.quote(request) == Cost(usd_micros=10_000, is_exact=True)


def test_when_v1_is_priced_then_it_is_the_price_list_and_nobody_is_asked(
    service, ideogram
):
    request = request_for(V3, options={"quality": "quality"}, num_images=2)
    assert ideogram.quote(request) == Cost(usd_micros=180_000, is_exact=False)
    assert service.calls == []


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"generation_id": "abc"}, errors.UnexpectedResponse),
        ({"object": "price_quote", "usd_micros": "6"}, errors.UnexpectedResponse),
        ({"object": "price_quote", "usd_micros": -1}, errors.UnexpectedResponse),
    ],
)
def test_when_a_quote_is_none_then_it_is_an_error(service, ideogram, said, error):
    service.fail(wire.status(200, said))
    with pytest.raises(error):
        ideogram.quote(request_for())


def test_when_a_quote_is_an_estimate_then_it_is_not_called_exact(service, ideogram):
    said = {"object": "price_quote", "usd_micros": 61, "qualifier": "estimate"}
    service.fail(wire.status(200, said))
    assert ideogram.quote(request_for()) == Cost(usd_micros=61, is_exact=False)


def test_when_a_priced_request_is_unfit_then_it_is_refused_before_it_is_sent(
    service, ideogram
):
    with pytest.raises(errors.UnsupportedRequest):
        ideogram.quote(request_for(num_images=5))
    assert service.calls == []


@pytest.mark.parametrize(
    ("options", "micros"),
    [({"quality": "low"}, 60_000), ({"quality": "high"}, 200_000), ({}, 120_000)],
)
def test_when_work_is_accepted_then_its_listed_cost_is_told(ideogram, options, micros):
    answer = submit(ideogram, request_for(options=options, num_images=2))
    assert answer.cost == Cost(usd_micros=micros, is_exact=False)
    assert answer.handle.poll_url == ""
    assert 2 <= answer.handle.next_poll_seconds <= 3


def test_when_no_price_is_listed_then_no_cost_is_made_up(ideogram):
    assert submit(ideogram, request_for("v2/generate/ideogram-4-6")).cost is None


@pytest.mark.parametrize(
    ("options", "micros"),
    [
        ({"quality": "flash"}, 30_000),
        ({"quality": "turbo"}, 30_000),
        ({"quality": "default"}, 60_000),
        ({}, 60_000),
        ({"quality": "quality"}, 90_000),
    ],
)
def test_when_pictures_are_withheld_on_v1_then_they_are_billed_all_the_same(
    service, ideogram, options, micros
):
    service.withholds = 2
    result = finish(ideogram, request_for(V3, options=options, num_images=3))
    assert (len(result.images), result.refused) == (1, 2)
    assert result.cost == Cost(usd_micros=3 * micros, is_exact=False)
    assert service.billed_micros == 3 * micros


@pytest.mark.parametrize("model", [V45, V3])
def test_when_every_picture_is_withheld_then_the_result_says_how_many(
    service, ideogram, model
):
    service.withholds = 2
    result = finish(ideogram, request_for(model, num_images=2))
    assert (result.images, result.refused) == ((), 2)


def test_when_finished_work_says_its_cost_then_that_is_exact(service, ideogram):
    handle = submit(ideogram, request_for()).handle
    service.works[handle.external_id].extra = {"usage_cost_usd_micros": 61_234}
    assert ideogram.poll(handle).cost == Cost(usd_micros=61_234, is_exact=True)


# Refusals and the line


@pytest.mark.parametrize("model", [V45, V3, "upscale"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (wire.status(400, {"error": "bad"}), errors.InvalidRequest),
        (wire.status(401, {"error": "key"}), errors.AuthenticationFailed),
        (wire.status(402, {"error": "credit"}), errors.QuotaExhausted),
        (wire.status(403, {"error": "no access"}), errors.AuthenticationFailed),
        (wire.status(404, {"error": "gone"}), errors.ModelUnavailable),
        (wire.status(409, {"error": "conflict"}), errors.UnexpectedResponse),
        (wire.status(422, {"error": "unsafe"}), errors.ContentRejected),
        (wire.status(500), errors.ProviderFailed),
        (wire.status(503), errors.ProviderFailed),
        (wire.html(502), errors.ProviderFailed),
        (wire.html(422), errors.ContentRejected),
        (wire.html(200), errors.UnexpectedResponse),
        (wire.status(200, []), errors.UnexpectedResponse),
        (wire.status(200, {}), errors.UnexpectedResponse),
        (wire.status(200, {"data": []}), errors.UnexpectedResponse),
        (wire.status(200, {"data": ["x"]}), errors.UnexpectedResponse),
        (wire.status(200, {"data": [{}]}), errors.UnexpectedResponse),
        (Fault(cuts=True), errors.OutcomeUnknown),
        (Fault(cuts_body=True), errors.OutcomeUnknown),
        (Fault(wrong_length=True), errors.OutcomeUnknown),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_when_a_paid_call_fails_then_the_error_says_how_and_it_is_sent_once(
    service, ideogram, model, fault, error
):
    service.fail(fault, on="POST")
    images = (given_as(ImageRole.INIT),) if model == "upscale" else ()
    with pytest.raises(errors.ProviderError) as got:
        finish(ideogram, request_for(model, images=images))
    assert type(got.value) is error
    assert FakeIdeogram.KEY not in repr(vars(got.value))
    assert len(service.calls_to("POST")) == 1


@pytest.mark.parametrize("header", ["9", "date"])
def test_when_it_is_asked_too_often_then_the_wait_is_told_in_both_forms(
    service, ideogram, header
):
    if header == "date":
        moment = time.gmtime(time.time() + 9)
        header = time.strftime("%a, %d %b %Y %H:%M:%S GMT", moment)
    service.fail(wire.status(429, {"error": "slow"}, Retry_After=header), times=2)
    for call in (submit, finish):
        with pytest.raises(errors.RateLimited) as got:
            call(ideogram, request_for(V3))
        assert got.value.retry_after == pytest.approx(9, abs=2)


@pytest.mark.parametrize(
    ("model", "limit"), [(V45, "ACCEPT_SECONDS"), (V3, "DRAW_SECONDS")]
)
@pytest.mark.parametrize("fault", [Fault(hangs=True), Fault(drips=20)])
def test_when_a_paid_call_hangs_or_drips_then_it_ends_and_its_outcome_is_unknown(
    service, ideogram, monkeypatch, model, limit, fault
):
    monkeypatch.setattr(provider, limit, 0.5)
    service.fail(fault, on="POST")
    started = time.monotonic()
    with pytest.raises(errors.OutcomeUnknown):
        submit(ideogram, request_for(model))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (wire.status(401, {"error": "key"}), errors.AuthenticationFailed),
        (wire.status(404, {"error": "unknown"}), errors.UnexpectedResponse),
        (wire.status(429, {"error": "slow"}), errors.RateLimited),
        (wire.status(500), errors.ProviderUnavailable),
        (wire.html(503), errors.ProviderUnavailable),
        (wire.html(200), errors.UnexpectedResponse),
        (wire.status(200, {"status": "paused"}), errors.UnexpectedResponse),
        (wire.status(200, {"status": "completed"}), errors.UnexpectedResponse),
        (
            wire.status(200, {"status": "completed", "data": []}),
            errors.UnexpectedResponse,
        ),
        (wire.status(200, {"status": "failed"}), errors.ProviderFailed),
        (Fault(cuts=True), errors.ProviderUnavailable),
        (Fault(cuts_body=True), errors.ProviderUnavailable),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_when_a_poll_fails_then_the_work_is_not_lost_by_it(
    service, ideogram, fault, error
):
    handle = submit(ideogram, request_for()).handle
    service.fail(fault, on="GET /v2/generations/")
    with pytest.raises(errors.ProviderError) as got:
        ideogram.poll(handle)
    assert type(got.value) is error
    assert ideogram.poll(handle).images


def test_when_work_fails_then_so_does_the_job(service, ideogram):
    handle = submit(ideogram, request_for()).handle
    service.works[handle.external_id].is_failed = True
    with pytest.raises(errors.ProviderFailed) as got:
        ideogram.poll(handle)
    assert "internal" in got.value.detail


@pytest.mark.parametrize(
    "name", ["https://evil.test/x", "../../v1/keys", "", "a b", 7, None, "x" * 300]
)
def test_when_a_generation_has_a_strange_name_then_nobody_is_asked_about_it(
    service, ideogram, name
):
    service.fail(wire.status(200, {"generation_id": name}))
    with pytest.raises(errors.UnexpectedResponse):
        submit(ideogram, request_for())
    handle = JobHandle(provider="ideogram", external_id=str(name or ""))
    asked = len(service.calls)
    if name not in {7, None}:
        with pytest.raises(errors.UnexpectedResponse):
            ideogram.poll(handle)
        assert len(service.calls) == asked


def test_when_v2_answers_at_once_then_the_pictures_are_taken(service, ideogram):
    answer = submit(ideogram, request_for(num_images=2))
    work = service.works[answer.handle.external_id]
    told = {"generation_id": "abc", "seed": 3, "data": work.data}
    del work.data[0]["seed"]
    service.fail(wire.status(200, told))
    result = submit(ideogram, request_for(num_images=2))
    assert len(result.images) == 2
    assert result.images[0].seed == 3
    assert result.provider_request_id == "abc"
    assert result.cost == Cost(usd_micros=120_000, is_exact=False)


KEY = FakeIdeogram.KEY


@pytest.mark.parametrize(
    "said",
    [KEY, [KEY], {"data": KEY}, {"data": [KEY]}, {"generation_id": f" {KEY}"}],
)
@pytest.mark.parametrize("model", [V45, V3])
def test_when_an_answer_echoes_the_key_then_no_error_tells_it(
    service, ideogram, model, said
):
    service.fail(wire.status(200, said), times=2)
    calls = [lambda: submit(ideogram, request_for(model)), ideogram.check]
    for call in calls:
        with pytest.raises(errors.UnexpectedResponse) as got:
            call()
        assert KEY not in repr(vars(got.value))


@pytest.mark.parametrize("seed", [None, -1, 2**63, "5", 1.5])
def test_when_a_seed_is_none_then_the_one_of_all_counts(service, ideogram, seed):
    finish(ideogram, request_for(V3))
    (name,) = service.pictures
    url = f"/pictures/{name}.png"
    service.fail(wire.status(200, {"seed": 8, "data": [told(url, seed=seed)]}))
    assert submit(ideogram, request_for(V3)).images[0].seed == 8


# Pictures


def v1_answer(*pictures):
    return wire.status(200, {"created": "now", "data": list(pictures)})


def told(url, **more):
    return {"url": url, "seed": 1, "prompt": "p", "is_image_safe": True} | more


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/p.png",
        "http://ideogram.ai/p.png",
        "https://ideogram.ai.evil.test/p.png",
        "https://notideogram.ai/p.png",
        "https://169.254.169.254/p.png",
        "https://ideogram.ai:8443/p.png",
    ],
)
def test_when_a_picture_lies_elsewhere_then_it_is_not_fetched(service, ideogram, url):
    service.fail(v1_answer(told(url)))
    with pytest.raises(errors.UnexpectedResponse):
        submit(ideogram, request_for(V3))


@pytest.mark.parametrize(
    "host", ["cdn.example.org", "ideogram.ai", "pictures.ideogram.ai"]
)
def test_when_a_host_is_named_then_pictures_may_lie_there_but_at_no_private_address(
    service, monkeypatch, host
):
    ideogram = connected(service, result_hosts=("cdn.example.org",))
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: real("127.0.0.1", *rest, **more),
    )
    service.fail(v1_answer(told(f"https://{host}/p.png")))
    with pytest.raises(errors.UnexpectedResponse) as got:
        submit(ideogram, request_for(V3))
    assert "private" in got.value.detail, "the host itself was refused"
    ideogram.close()


@pytest.mark.parametrize("model", [V45, V3])
def test_when_a_picture_has_expired_then_the_others_are_delivered(
    service, ideogram, model
):
    service.fail(wire.status(404), on="GET /pictures/")
    assert len(finish(ideogram, request_for(model, num_images=3)).images) == 2
    service.fail(wire.status(404), on="GET /pictures/", times=3)
    with pytest.raises(errors.UnexpectedResponse):
        finish(ideogram, request_for(model, num_images=3))


@pytest.mark.parametrize("content", [b"<html>", b"\x89PNG broken", b"x" * 4_000_000])
def test_when_a_picture_is_corrupt_then_its_bytes_come_as_they_are(
    service, ideogram, content
):
    service.fail(Fault(reply=Reply(body=content)), on="GET /pictures/")
    result = finish(ideogram, request_for(V3))
    assert result.images[0].content.read() == content


@pytest.mark.parametrize("model", [V45, V3])
def test_when_a_picture_is_empty_then_it_is_none(service, ideogram, model):
    empty = Fault(reply=Reply(body=b""))
    service.fail(empty, on="GET /pictures/")
    assert len(finish(ideogram, request_for(model, num_images=2)).images) == 1
    service.fail(empty, on="GET /pictures/")
    with pytest.raises(errors.UnexpectedResponse):
        finish(ideogram, request_for(model))


def test_when_a_picture_is_huge_then_it_is_refused(service, ideogram):
    huge = Fault(reply=Reply(body=b"x" * (MAX_PICTURE_BYTES + 1)))
    service.fail(huge, on="GET /pictures/")
    with pytest.raises(errors.UnexpectedResponse):
        finish(ideogram, request_for(V3))


@pytest.mark.parametrize("url", [None, "", 5])
def test_when_a_safe_picture_has_no_address_then_that_makes_no_sense(
    service, ideogram, url
):
    service.fail(v1_answer(told(url)))
    with pytest.raises(errors.UnexpectedResponse):
        submit(ideogram, request_for(V3))


def test_when_withheld_and_broken_pictures_meet_then_the_broken_one_is_told(
    service, ideogram
):
    service.fail(v1_answer(told(None, is_image_safe=False), told("/pictures/gone.png")))
    with pytest.raises(errors.UnexpectedResponse):
        submit(ideogram, request_for(V3, num_images=2))


@pytest.mark.parametrize(("asked", "given"), [(2, 1), (1, 2)])
def test_when_another_count_comes_then_it_is_told_as_it_is(
    service, ideogram, asked, given
):
    finish(ideogram, request_for(V3, num_images=given))
    names = list(service.pictures)[-given:]
    service.fail(v1_answer(*(told(f"/pictures/{name}.png") for name in names)))
    result = submit(ideogram, request_for(V3, num_images=asked))
    assert (len(result.images), result.refused) == (given, 0)
    assert result.cost.usd_micros == 60_000 * given


def test_when_a_paid_picture_cannot_be_fetched_at_first_then_it_is_tried_again(
    service, ideogram
):
    service.fail(wire.status(503), on="GET /pictures/", times=2)
    assert submit(ideogram, request_for(V3)).images
    assert len(service.calls_to("POST")) == 1


def test_when_a_paid_picture_cannot_be_fetched_then_the_call_is_not_sent_again(
    service, ideogram
):
    service.fail(wire.status(503), on="GET /pictures/", times=3)
    with pytest.raises(errors.ProviderFailed) as got:
        submit(ideogram, request_for(V3))
    assert not isinstance(got.value, errors.Transient)


def test_when_accepted_work_cannot_be_fetched_then_it_is_asked_for_again(
    service, ideogram
):
    handle = submit(ideogram, request_for()).handle
    service.fail(wire.status(503), on="GET /pictures/")
    with pytest.raises(errors.ProviderUnavailable):
        ideogram.poll(handle)
    assert ideogram.poll(handle).images


# The connection


def test_when_a_connection_is_tried_then_nothing_is_billed(service, ideogram):
    report = ideogram.check()
    assert (report.num_models, report.balance, report.models) == (None, "", ())
    assert service.calls[-1].query == {"dry_run": "true"}
    assert service.billed_micros == 0
    assert service.objections == []


def test_when_its_key_is_refused_then_the_trial_says_so(service):
    ideogram = IdeogramProvider(Access(base_url=service.url, api_key="wrong-key-3"))
    with pytest.raises(errors.AuthenticationFailed) as got:
        ideogram.check()
    assert "wrong-key-3" not in repr(vars(got.value))
    ideogram.close()


def test_when_its_account_is_empty_then_the_trial_says_so(service, ideogram):
    service.fail(wire.status(402, {"error": "no credit"}))
    with pytest.raises(errors.QuotaExhausted):
        ideogram.check()


def test_when_the_service_is_away_then_the_trial_says_so(service, ideogram):
    service.stop()
    with pytest.raises(errors.ProviderUnavailable):
        ideogram.check()


def test_when_not_connected_then_the_catalogue_is_told_and_nothing_drawn():
    ideogram = IdeogramProvider()
    assert ideogram.catalog()
    assert not ideogram.availability().is_available
    with pytest.raises(errors.NotConfigured):
        submit(ideogram, request_for())
    ideogram.close()


# Webhooks

RING = "https://magicshot.test/webhooks/ideogram"


@pytest.fixture
def rung(service):
    """A connection with a webhook, and accepted work it will hear of."""
    ideogram = connected(service, webhook_url=RING)
    handle = submit(ideogram, request_for()).handle
    yield ideogram, handle.external_id
    ideogram.close()


def keys_asked(service):
    return len(service.calls_to("GET /v1/.well-known/jwks.json"))


def test_when_a_webhook_is_wanted_then_its_address_is_sent(service, rung):
    _, fields, _ = sent(service)
    assert (fields["webhook_url"], fields["async"]) == (RING, "true")
    assert service.rings == {rung[1]: RING}
    assert service.objections == []


def test_when_a_webhook_rings_then_it_names_the_work_also_twice(service, rung):
    ideogram, name = rung
    headers, body = service.webhook(name)
    for _ in range(2):
        assert ideogram.read_webhook(headers, body).external_id == name
    assert keys_asked(service) == 1


@pytest.mark.parametrize("ago", [-299, 299])
def test_when_a_webhook_is_minutes_off_then_it_is_taken(service, rung, ago):
    ideogram, name = rung
    assert ideogram.read_webhook(*service.webhook(name, ago=ago)).external_id == name


@pytest.mark.parametrize("ago", [-310, 310, 86_400])
def test_when_a_webhook_is_stale_then_it_is_refused(service, rung, ago):
    ideogram, name = rung
    with pytest.raises(errors.AuthenticationFailed):
        ideogram.read_webhook(*service.webhook(name, ago=ago))


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("timestamp", lambda old: str(int(old) + 1)),
        ("timestamp", lambda old: ""),
        ("timestamp", lambda old: "soon"),
        ("timestamp", lambda old: "²"),
        ("timestamp", lambda old: "-5"),
        ("user-id", lambda old: "user-2"),
        ("generation-id", lambda old: "another"),
        ("key-id", lambda old: ""),
        ("signature", lambda old: ""),
        ("signature", lambda old: "no hex"),
        ("signature", lambda old: "\ud800"),
        ("signature", lambda old: "00" * 64),
        ("signature", lambda old: old[:-2]),
    ],
)
def test_when_a_header_is_forged_then_the_webhook_is_refused(
    service, rung, header, text
):
    ideogram, name = rung
    headers, body = service.webhook(name)
    name = f"x-ideogram-webhook-{header}"
    with pytest.raises(errors.AuthenticationFailed):
        ideogram.read_webhook(headers | {name: text(headers[name])}, body)
    del headers[name]
    with pytest.raises(errors.AuthenticationFailed):
        ideogram.read_webhook(headers, body)


def test_when_one_byte_of_the_body_differs_then_the_webhook_is_refused(service, rung):
    ideogram, name = rung
    headers, body = service.webhook(name)
    for forged in (body + b" ", json.dumps(json.loads(body)).encode(), b""):
        with pytest.raises(errors.AuthenticationFailed):
            ideogram.read_webhook(headers, forged)


@pytest.mark.parametrize("body", [b"[]", b"no json", b'{"generation_id": 5}', b"{}"])
def test_when_a_signed_webhook_names_other_work_then_it_is_refused(
    service, rung, monkeypatch, body
):
    ideogram, name = rung
    headers, _ = service.webhook(name)
    message = webhooks.signed_message(headers, body)
    headers["x-ideogram-webhook-signature"] = service._signing_key.sign(message).hex()
    with pytest.raises(errors.AuthenticationFailed) as got:
        ideogram.read_webhook(headers, body)
    assert "two generations" in got.value.detail


def test_when_keys_are_rotated_then_the_new_ones_are_fetched_once(service, rung):
    ideogram, name = rung
    ideogram.read_webhook(*service.webhook(name))
    service.rotate_keys()
    for _ in range(2):
        assert ideogram.read_webhook(*service.webhook(name)).external_id == name
    assert keys_asked(service) == 2


def test_when_key_ids_are_made_up_then_the_service_is_not_bothered(service, rung):
    ideogram, name = rung
    headers, body = service.webhook(name)
    ideogram.read_webhook(headers, body)
    for k in range(5):
        with pytest.raises(errors.AuthenticationFailed):
            ideogram.read_webhook(
                headers | {"x-ideogram-webhook-key-id": f"made-up-{k}"}, body
            )
    assert keys_asked(service) == 2
    assert ideogram.read_webhook(headers, body).external_id == name


@pytest.mark.parametrize(
    "fault",
    [
        wire.status(500),
        wire.html(200),
        wire.status(200, {"keys": 5}),
        wire.status(200, {"keys": [7, {}, {"crv": "Ed25519", "x": "short"}]}),
        wire.status(200, {"keys": [{"crv": "Ed25519", "x": "é"}]}),
        Fault(cuts=True),
    ],
)
def test_when_the_keys_cannot_be_had_then_nothing_is_believed(service, rung, fault):
    ideogram, name = rung
    service.fail(fault, on="GET /v1/.well-known/", times=2)
    for _ in range(4):
        with pytest.raises(errors.AuthenticationFailed):
            ideogram.read_webhook(*service.webhook(name))
    assert keys_asked(service) == 2, "it was asked as often as strangers ring"


def test_when_the_keys_grow_old_then_they_are_fetched_again_or_kept(
    service, rung, monkeypatch
):
    ideogram, name = rung
    monkeypatch.setattr(webhooks, "KEYS_SECONDS", 0)
    ideogram.read_webhook(*service.webhook(name))
    service.fail(wire.status(500), on="GET /v1/.well-known/")
    for _ in range(3):
        assert ideogram.read_webhook(*service.webhook(name)).external_id == name
    assert keys_asked(service) == 2


# The catalogue


def test_when_somebody_looks_for_ideogram_then_the_current_one_is_found():
    found = [spec for spec in SPECS.values() if "ideogram" in spec.aliases]
    assert [spec.provider_model_id for spec in found] == [V45]
    assert found[0].enabled
    assert found[0].price_credits == 6


def test_when_a_model_has_no_known_price_then_it_is_not_enabled():
    for spec in SPECS.values():
        assert 200 <= spec.order <= 249
        assert (spec.price_credits is None) == (not spec.costs)
        if spec.price_credits is None:
            assert not spec.enabled


EXCLUSIVE = {"style_codes", "style_preset", "palette_colors"}
INIT = given_as(ImageRole.INIT, picture((256, 320)))
MASK = mask_of((256, 320))
GUIDES = [given_as(role, picture((256, 256))) for role in ImageRole]


@st.composite
def admitted(draw):
    """A request that the catalogue's capabilities admit."""
    spec = draw(st.sampled_from(sorted(SPECS.values(), key=lambda each: each.order)))
    able = spec.capabilities
    operation = draw(st.sampled_from(able.operations))
    count = draw(st.integers(1, able.max_images))
    images = []
    if operation is not Operation.TEXT_TO_IMAGE:
        images.append(INIT)
    if operation is Operation.INPAINT:
        images.append(MASK)
    for role, most in (
        (ImageRole.REFERENCE, able.max_reference_images),
        (ImageRole.STYLE, able.max_style_images),
    ):
        guide = next(each for each in GUIDES if each.role is role)
        images += [guide] * draw(st.integers(0, most))
    width, height = 256, 320
    if operation not in able.sized_by_image:
        size = draw(st.sampled_from(able.sizes))
        width, height = size.width, size.height
    words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
    texts = words.filter(str.strip) | st.sampled_from([POSTER, '"A" "B"'])
    strength = able.strength and draw(
        st.none() | st.floats(able.strength.minimum, able.strength.maximum)
    )
    seeds = st.none() | st.integers(0, able.max_seed - count + 1)
    return GenerationRequest(
        provider_model_id=spec.provider_model_id,
        operation=operation,
        prompt=draw(texts) if able.reads_prompt(operation) else "",
        negative_prompt=draw(st.just("") | words) if able.has_negative_prompt else "",
        width=width,
        height=height,
        num_images=count,
        seed=draw(seeds) if able.has_seed else None,
        strength=strength,
        images=tuple(draw(st.permutations(images))),
        options=tuple(draw(options_of(able, operation))),
    )


@st.composite
def options_of(draw, able, operation):
    chosen = []
    for spec in able.options_of(operation):
        if not draw(st.booleans()):
            continue
        if spec.values:
            value = draw(st.sampled_from(spec.values))
        elif spec.numbers:
            value = str(draw(st.floats(spec.numbers.minimum, spec.numbers.maximum)))
        else:
            value = draw(st.from_regex(spec.pattern, fullmatch=True))
        if spec.allows(value):
            chosen.append(OptionValue(name=spec.name, value=value))
    return chosen


@pytest.fixture(scope="module")
def strict():
    with FakeIdeogram(looks=0, shrinks=True) as service:
        ideogram = connected(service, webhook_url=RING)
        yield service, ideogram
        ideogram.close()


@given(request=admitted())
@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(request=request_for("v1/ideogram-v3/remix", strength=0.99, images=(INIT,)))
@example(request=request_for(prompt="{a brace, and no more"))
def test_when_the_catalogue_admits_a_request_then_the_service_takes_it(strict, request):
    service, ideogram = strict
    service.pictures.clear()
    service.objections.clear()
    try:
        result = finish(ideogram, request)
    except errors.UnsupportedRequest as refusal:
        result = refusal
    assert service.objections == []
    if isinstance(result, errors.UnsupportedRequest):
        assert result.field in EXCLUSIVE, "a field that no other excludes"
    else:
        assert len(result.images) == request.num_images


def test_when_work_is_asked_for_too_early_then_it_is_pending_for_some_seconds(
    service, ideogram
):
    service.looks = 2
    answer = submit(ideogram, request_for())
    assert isinstance(answer, Accepted)
    assert answer.handle.provider == "ideogram"
    for _ in range(2):
        assert ideogram.poll(answer.handle) == Pending(next_poll_seconds=2.5)
    assert isinstance(ideogram.poll(answer.handle), GenerationResult)
    assert ideogram.cancel(answer.handle) is False
