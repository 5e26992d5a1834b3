"""Whatever is typed: one checked request, or an error for each field at fault."""

import datetime

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from generators import catalog
from generators.capabilities import MAX_SEED, ImageRole, Operation, Size
from generators.models import Connection, ImageModel
from generators.operations import Given
from generators.providers import registry
from generators.validation import RequestErrors, build_request, find_model

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(db) -> ImageModel:
    """A model with every control."""
    return catalog.find("fake")


@pytest.fixture
def plain_model(db) -> ImageModel:
    """A model with as few controls as can be."""
    row = catalog.find("fake-async")
    row.capabilities = {"sizes": [{"width": 64, "height": 64}]}
    return row


def attempt(build):
    """Return what was built and no errors, or nothing and the errors."""
    try:
        return build(), {}
    except RequestErrors as error:
        return None, error.errors


def refused(image_model, **given_fields) -> dict[str, str]:
    fields = {"prompt": "a red apple"} | given_fields
    with pytest.raises(RequestErrors) as got:
        build_request(image_model, **fields)
    return got.value.errors


def test_when_only_a_prompt_is_given_then_the_rest_are_the_models_defaults(model):
    request = build_request(model, prompt="  a red apple\n")
    assert request.prompt == "  a red apple\n", "stored untouched"
    assert request.provider_model_id == "synchronous"
    assert (request.width, request.height, request.num_images) == (256, 256, 1)
    assert (request.num_inference_steps, request.guidance_scale) == (8, 7.5)
    assert (request.seed, request.scheduler, request.negative_prompt) == (
        None,
        None,
        "",
    )


def test_when_everything_is_given_as_text_then_it_is_read(model):
    request = build_request(
        model,
        prompt="a red apple",
        num_images=" 5 ",
        size="384x256",
        seed="+7",
        num_inference_steps="12",
        guidance_scale=".5",
        negative_prompt="rain",
        scheduler="quick",
        operation="text-to-image",
    )
    assert (request.num_images, request.width, request.height) == (5, 384, 256)
    assert (request.seed, request.num_inference_steps) == (7, 12)
    assert (request.guidance_scale, request.scheduler) == (0.5, "quick")
    assert request.negative_prompt == "rain"
    assert request.operation is Operation.TEXT_TO_IMAGE


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("", "Describe"),
        (" \n\t ", "Describe"),
        (None, "Describe"),
        ("a" * 1_000_000, "1,000,000 characters long; this model reads at most 2,000"),
        ("a\0b", "NUL"),
        ("a\ud800b", "broken character"),
        ("\udfff", "broken character"),
        (5, "must be text"),
        (["a"], "must be text"),
        (b"a", "must be text"),
    ],
)
def test_when_the_prompt_is_bad_then_it_says_how(model, prompt, words):
    errors = refused(model, prompt=prompt)
    assert list(errors) == ["prompt"]
    assert words in errors["prompt"]


@pytest.mark.parametrize(
    "prompt", ["Apfel 🍎", "リンゴ", "a" * 2000, "\U0010ffff", "<b>"]
)
def test_when_the_prompt_is_unusual_but_text_then_it_passes(model, prompt):
    assert build_request(model, prompt=prompt).prompt == prompt


def str_id(value: object) -> str:
    is_huge = isinstance(value, int) and abs(value) > 2**64
    return "huge" if is_huge else ascii(value)[:20]


_NO_WHOLE_NUMBERS = [
    "x",
    "1e9",
    "0x10",
    "1.5",
    "1,000",
    "1_000",
    "\uff15",
    "\u0663",
    "\u00b2",
    "--1",
    "nan",
    "inf",
    float("nan"),
    float("inf"),
    float("-inf"),
    1.5,
    True,
    False,
    [1],
    {},
    b"1",
    "9" * 5000,
    10**5000,
    -(10**5000),
]


@pytest.mark.parametrize("value", [*_NO_WHOLE_NUMBERS, 0, -1, 9, "0", "9"], ids=str_id)
def test_when_the_count_is_bad_then_the_allowed_ones_are_named(model, value):
    errors = refused(model, num_images=value)
    assert list(errors) == ["num_images"]
    assert "from 1 to 8" in errors["num_images"]


@pytest.mark.parametrize("value", [*_NO_WHOLE_NUMBERS, 0, 51, "-3"], ids=str_id)
def test_when_the_steps_are_bad_then_the_allowed_ones_are_named(model, value):
    errors = refused(model, num_inference_steps=value)
    assert list(errors) == ["num_inference_steps"]
    assert "from 1 to 50" in errors["num_inference_steps"]


@pytest.mark.parametrize(
    "value", [*_NO_WHOLE_NUMBERS, -1, 2**63, str(2**63)], ids=str_id
)
def test_when_the_seed_is_bad_then_the_allowed_ones_are_named(model, value):
    errors = refused(model, seed=value)
    assert list(errors) == ["seed"]
    assert f"from 0 to {MAX_SEED}" in errors["seed"]


def test_when_the_seed_of_the_last_picture_would_be_too_large_then_it_is_refused(model):
    assert build_request(model, prompt="a", seed=MAX_SEED).seed == MAX_SEED
    assert build_request(model, prompt="a", seed=MAX_SEED - 3, num_images=4)
    errors = refused(model, seed=MAX_SEED - 2, num_images=4)
    assert f"from 0 to {MAX_SEED - 3}" in errors["seed"]


@pytest.mark.parametrize(
    "value",
    [
        "x",
        "1e1",
        "0x1",
        "7,5",
        "nan",
        "inf",
        "\u0663",
        True,
        20.1,
        -0.1,
        10**400,
        "9" * 400,
        float("nan"),
        float("inf"),
        [7],
        ".",
    ],
    ids=str_id,
)
def test_when_the_guidance_is_bad_then_the_allowed_range_is_named(model, value):
    errors = refused(model, guidance_scale=value)
    assert list(errors) == ["guidance_scale"]
    assert "from 0 to 20" in errors["guidance_scale"]


@pytest.mark.parametrize(
    "value",
    [
        "0x0",
        "256",
        "256x",
        "256*256",
        "-256x256",
        "\u0662\u0665\u0666x\u0662",
        "9999999x1",
        "257x256",
        (256,),
        (256, 256, 256),
        (256.0, 256),
        ("256", "256"),
        (True, True),
        256,
        {},
        (10**5000, 1),
        Size(width=1, height=1),
    ],
    ids=lambda each: (
        str(each)[:16] if not isinstance(each, tuple) else f"tuple{len(each)}"
    ),
)
def test_when_the_size_is_bad_then_the_sizes_are_named(model, value):
    errors = refused(model, size=value)
    assert list(errors) == ["size"]
    assert "256x256 or 384x256 or 256x384 or 512x512" in errors["size"]


@pytest.mark.parametrize(
    "value",
    [
        "384x256",
        "384 x 256",
        "384X256",
        " 384\u00d7256 ",
        (384, 256),
        [384, 256],
        Size(width=384, height=256),
    ],
)
def test_when_the_size_is_written_in_another_way_then_it_is_read(model, value):
    request = build_request(model, prompt="a", size=value)
    assert (request.width, request.height) == (384, 256)


def test_when_the_model_takes_free_sizes_then_those_in_range_pass(model):
    model.capabilities["size_range"] = {
        "minimum": 64,
        "maximum": 1024,
        "step": 8,
        "max_pixels": 262_144,
    }
    request = build_request(model, prompt="a", size="640x128")
    assert (request.width, request.height) == (640, 128)
    for bad in ("644x128", "1024x512", "32x64", "2048x64"):
        assert "steps of 8" in refused(model, size=bad)["size"]


def test_when_the_model_lacks_a_control_then_setting_it_is_refused_by_name(plain_model):
    errors = refused(
        plain_model,
        num_images=2,
        seed=1,
        num_inference_steps=5,
        guidance_scale=1,
        negative_prompt="rain",
        scheduler="quick",
        operation="inpaint",
    )
    assert set(errors) == {
        "num_images",
        "seed",
        "num_inference_steps",
        "guidance_scale",
        "negative_prompt",
        "scheduler",
        "operation",
    }
    blank = dict.fromkeys(set(errors) - {"operation", "num_images"}, " ")
    request = build_request(plain_model, prompt="a", **blank)
    assert (request.seed, request.num_inference_steps) == (None, None)


def test_when_the_scheduler_is_unknown_then_the_known_are_named(model):
    assert "steady, quick" in refused(model, scheduler="slow")["scheduler"]


@pytest.mark.parametrize("name", ["", " ", None])
def test_when_no_model_is_named_then_one_is_to_be_chosen(name):
    with pytest.raises(RequestErrors) as got:
        find_model(name)
    assert got.value.errors == {"image_model": "Choose a model."}


def test_when_the_model_is_unknown_then_the_list_is_pointed_to():
    for name in ("nope", "a\0b", "x" * 5000, "\ud800", 5, [], True):
        with pytest.raises(RequestErrors) as got:
            find_model(name)
        assert list(got.value.errors) == ["image_model"]
        words = got.value.errors["image_model"]
        assert words.endswith("is not a model of this site. Choose one from the list.")
        assert len(words) < 150


def test_when_found_by_slug_or_alias_then_it_is_the_same(model):
    assert find_model(" fake ") == find_model("test-card") == model


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"enabled": False}, "switched off"),
        ({"retired": True}, "has been retired. Choose another model."),
        ({"sunset_date": datetime.date(2020, 5, 12)}, "ended on 12 May 2020"),
        ({"provider": "gone"}, "not part of this site"),
        ({"capabilities": {"sizes": "big"}}, "settings on this site are not complete"),
        ({"capabilities": {}}, "settings on this site are not complete"),
    ],
)
def test_when_the_model_cannot_be_used_then_it_says_why(model, change, words):
    ImageModel.objects.filter(pk=model.pk).update(**change)
    model.refresh_from_db()
    errors = refused(model)
    assert list(errors) == ["image_model"]
    assert words in errors["image_model"]
    assert "fake-async" not in errors["image_model"], "people know no slugs"


def test_when_it_has_a_successor_then_that_is_named(model):
    model.retired, model.successor = True, catalog.find("fake-async")
    assert refused(model) == {
        "image_model": "Test card has been retired. Choose Test card, polled instead."
    }


def test_when_nothing_can_be_used_then_it_says_so(model, settings):
    settings.FAKE_PROVIDER = False
    ImageModel.objects.exclude(provider=registry.FAKE).delete()
    assert "No model can be used now" in refused(model)["image_model"]


def test_when_sampling_then_no_prompt_is_needed(model):
    model.capabilities["operations"] = ["sample"]
    assert build_request(model, prompt="", operation="sample").prompt == ""


@pytest.fixture
def studio(db) -> ImageModel:
    """A model with options, and operations on pictures."""
    return catalog.find("fake-studio")


def given_picture(role, width=256, height=256) -> Given:
    return Given(role=role, size=Size(width=width, height=height))


START, MASK = given_picture(ImageRole.INIT), given_picture(ImageRole.MASK)
REFERENCE = given_picture(ImageRole.REFERENCE)


def options_of(request) -> dict[str, str]:
    return {each.name: each.value for each in request.options}


def test_when_options_are_left_blank_then_their_defaults_are_filled_in(studio):
    request = build_request(studio, prompt="a", options={"quality": " "})
    assert options_of(request) == {"quality": "medium", "creativity": "5"}


def test_when_options_are_given_then_they_are_read_in_their_own_way(studio):
    given_options = {
        "quality": "high",
        "creativity": " 7.50 ",
        "palette": "#ff8800, #00ff00",
    }
    request = build_request(studio, prompt="a", options=given_options)
    assert options_of(request) == {
        "quality": "high",
        "creativity": "7.5",
        "palette": "#ff8800, #00ff00",
    }


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("quality", "best", "low, medium, high"),
        ("quality", 5, "must be text"),
        ("creativity", "11", "from 0 to 10"),
        ("creativity", "nan", "from 0 to 10"),
        ("palette", "red", "like #ff8800"),
        ("palette", "#" * 500, "500 characters long"),
        ("palette", "#ff8800\0", "NUL"),
        ("sparkle", "on", "has no such option"),
        ("expand_left", "64", "has no such option"),  # of another operation
    ],
)
def test_when_an_option_is_bad_then_it_is_refused_by_name(studio, name, value, words):
    errors = refused(studio, options={name: value})
    assert list(errors) == [f"option_{name}"]
    assert words in errors[f"option_{name}"]


def test_when_a_needed_option_is_missing_then_it_is_asked_for(db):
    model = catalog.find("fake-enlarge")
    errors = refused(model, prompt="", pictures=[START])
    assert errors == {"option_look": "Choose one."}
    request = build_request(
        model, prompt="", pictures=[START], options={"look": "true"}
    )
    assert request.operation is Operation.UPSCALE


def test_when_the_model_takes_smaller_seeds_then_larger_ones_are_refused(studio):
    most = 2**31 - 1
    assert build_request(studio, prompt="a", seed=most).seed == most
    assert f"0 to {most - 1}" in refused(studio, seed=most, num_images=2)["seed"]


@pytest.mark.parametrize(
    ("pictures", "wanted", "operation"),
    [
        ([], None, Operation.TEXT_TO_IMAGE),
        ([REFERENCE], None, Operation.TEXT_TO_IMAGE),
        ([START], None, Operation.IMAGE_TO_IMAGE),
        ([START, REFERENCE], "outpaint", Operation.OUTPAINT),
        ([START, MASK], None, Operation.INPAINT),
    ],
)
def test_what_is_asked_follows_from_the_pictures(studio, pictures, wanted, operation):
    request = build_request(studio, prompt="a", pictures=pictures, operation=wanted)
    assert request.operation is operation


@pytest.fixture
def connected(db):
    """The reviewed models, with a connection for each of their providers."""
    for slug in ("black-forest-labs", "stability", "ideogram"):
        Connection.objects.create(provider=slug, label=slug, check_passed=True)


LONG = Given(role=ImageRole.INIT, size=Size(width=2100, height=300))
STYLE = Given(role=ImageRole.STYLE)
NO_SIDE = {f"expand_{side}": "0" for side in ("left", "right", "top", "bottom")}


@pytest.mark.parametrize(
    ("slug", "typed", "field"),
    [
        (
            "flux-expand",
            {"pictures": [LONG], "options": NO_SIDE},
            "option_expand_right",
        ),
        (
            "stability-outpaint",
            {"pictures": [LONG], "options": NO_SIDE},
            "option_expand_right",
        ),
        ("stable-image-core", {"seed": "0"}, "seed"),
        ("stability-style-transfer", {"pictures": [START]}, "style_images"),
        ("stability-upscale-creative", {"pictures": [START], "prompt": ""}, "prompt"),
        ("ideogram-4-5", {"pictures": [LONG]}, "init_image"),
        (
            "ideogram-3",
            {"options": {"style_codes": "0a1b2c3d"}, "pictures": [STYLE]},
            "option_style_codes",
        ),
        (
            "ideogram-3",
            {"options": {"palette": "ember", "palette_colors": "#ff6600"}},
            "option_palette_colors",
        ),
    ],
)
def test_when_only_the_provider_refuses_it_then_so_does_the_press_by_its_field(
    connected, slug, typed, field
):
    assert list(refused(catalog.find(slug), **typed)) == [field]


@pytest.mark.parametrize(
    ("slug", "pictures"),
    [
        ("flux-expand", [START]),
        ("stability-outpaint", [START]),
        ("stability-style-transfer", [START, STYLE]),
        ("stable-image-core", []),
        ("ideogram-4-5", [START]),
        ("ideogram-3", [STYLE]),
    ],
)
def test_when_nothing_but_pictures_is_chosen_then_the_provider_takes_it(
    connected, slug, pictures
):
    assert build_request(
        catalog.find(slug), prompt="a", pictures=pictures, num_images=2
    )


REFERENCES = [REFERENCE] * 4
WRONG_PICTURES = [
    ("fake-enlarge", [], "init_image", "Add a picture to start from."),
    ("fake", [START], "init_image", "cannot start from a picture"),
    ("fake", [MASK, START], "mask_image", "takes no mask"),
    ("fake", [REFERENCE], "reference_images", "uses no reference pictures"),
    ("fake-studio", [MASK], "init_image", "A mask needs a picture"),
    ("fake-studio", REFERENCES, "reference_images", "4 pictures; this model takes at"),
    ("fake-studio", [START, START], "init_image", "Only one is allowed"),
    (
        "fake-studio",
        [given_picture(ImageRole.INIT, 256, 63)],
        "init_image",
        "at least 64 pixels",
    ),
    (
        "fake-studio",
        [given_picture(ImageRole.INIT, 3000, 3000)],
        "init_image",
        "at most 4.2 megapixels",
    ),
    (
        "fake-studio",
        [START, given_picture(ImageRole.MASK, 256, 255)],
        "mask_image",
        "The mask is 256 × 255 and the start picture 256 × 256",  # noqa: RUF001
    ),
]


@pytest.mark.parametrize(("slug", "pictures", "field", "words"), WRONG_PICTURES)
def test_when_pictures_do_not_fit_then_their_field_says_so(
    db, slug, pictures, field, words
):
    errors = refused(catalog.find(slug), pictures=pictures, options={"look": "true"})
    assert words in errors[field]


def test_when_the_operation_is_named_then_its_pictures_must_fit_it(studio):
    errors = refused(studio, operation="inpaint", pictures=[START])
    assert errors == {"mask_image": "Add a mask that shows in white what to repaint."}
    errors = refused(studio, operation="text-to-image", pictures=[START])
    assert list(errors) == ["init_image"]


def test_when_the_picture_follows_its_start_then_so_does_its_size(studio):
    start = given_picture(ImageRole.INIT, 300, 200)
    request = build_request(studio, prompt="a", pictures=[start])
    assert (request.width, request.height) == (300, 200)
    grown = build_request(
        studio,
        prompt="a",
        pictures=[start],
        operation="outpaint",
        options={"expand_left": "10", "expand_right": "20"},
    )
    assert (grown.width, grown.height) == (330, 200)
    errors = refused(studio, pictures=[start], size="256x256")
    assert list(errors) == ["size"]


def test_when_a_strength_is_given_then_it_counts_for_a_start_picture_only(studio):
    assert build_request(studio, prompt="a").strength is None
    assert build_request(studio, prompt="a", pictures=[START]).strength == 0.6
    request = build_request(studio, prompt="a", pictures=[START], strength="0.25")
    assert request.strength == 0.25
    assert list(refused(studio, strength="0.25")) == ["strength"]
    assert "from 0 to 1" in refused(studio, pictures=[START], strength="2")["strength"]
    assert list(refused(catalog.find("fake"), strength=1)) == ["strength"]


def test_when_no_words_are_read_then_none_are_needed_and_none_taken(studio):
    fields = {"operation": "remove-background", "pictures": [START]}
    assert build_request(studio, prompt="", **fields).prompt == ""
    assert "needs no words" in refused(studio, prompt="a cat", **fields)["prompt"]


_TYPED = st.none() | st.text(max_size=30) | st.integers() | st.floats() | st.booleans()
_GARBAGE = st.recursive(
    _TYPED | st.binary(max_size=5) | st.sampled_from(_NO_WHOLE_NUMBERS[:-2]),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each),
    max_leaves=5,
)
_NEARLY_RIGHT = {
    "prompt": st.text(max_size=2100) | st.just("an apple"),
    "num_images": st.integers(-1, 10) | st.integers(-1, 10).map(str),
    "size": st.sampled_from(["256x256", "512x512", "384x256", "1x1"]),
    "seed": st.integers(-5, MAX_SEED + 5),
    "num_inference_steps": st.integers(0, 60).map(str),
    "guidance_scale": st.floats(-1, 21),
    "negative_prompt": st.text(max_size=50),
    "scheduler": st.sampled_from(["steady", "quick", "slow", ""]),
    "operation": st.sampled_from(Operation),
}
_ANYTHING = st.fixed_dictionaries(
    {"prompt": _NEARLY_RIGHT["prompt"] | _GARBAGE},
    optional={
        name: _GARBAGE | nearly
        for name, nearly in _NEARLY_RIGHT.items()
        if name != "prompt"
    },
)


@rules(
    max_examples=400,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(fields=_ANYTHING)
def test_when_anything_is_given_then_it_fits_the_model_or_is_refused(model, fields):
    able = catalog.capabilities_of(model)
    request, errors = attempt(lambda: build_request(model, **fields))
    assert (request is None) == bool(errors)
    assert set(errors) <= set(_NEARLY_RIGHT)
    assert all(0 < len(text.encode()) < 400 for text in errors.values())
    if request is None:
        return
    assert able.takes(Size(width=request.width, height=request.height))
    assert 1 <= request.num_images <= able.max_images
    assert (
        request.seed is None or 0 <= request.seed + request.num_images - 1 <= MAX_SEED
    )
    assert 1 <= request.num_inference_steps <= 50
    assert isinstance(request.num_inference_steps, int)
    assert 0 <= request.guidance_scale <= 20
    assert request.operation in able.operations
    assert request.scheduler in {None, "steady", "quick"}
    assert request.prompt.strip()
    assert len(request.prompt) <= able.max_prompt_chars
    request.prompt.encode()
    assert "\0" not in request.prompt + request.negative_prompt


@rules(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(name=_GARBAGE)
def test_when_any_name_is_given_then_it_is_a_model_or_an_error(model, name):
    found, errors = attempt(lambda: find_model(name))
    assert isinstance(found, ImageModel) or list(errors) == ["image_model"]


def test_when_a_request_passes_then_the_adapter_takes_it_too(model):
    request = build_request(model, prompt="a", num_images=2, seed=1, scheduler="quick")
    provider = registry.get(registry.FAKE)
    assert len(provider.submit(request, on_progress=lambda p: True).images) == 2
