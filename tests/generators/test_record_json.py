"""Records survive the way through JSON, and bad JSON is named, field by field."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.capabilities import (
    Capabilities,
    ImageRole,
    NumberRange,
    Operation,
    Size,
    SizeRange,
)
from generators.contracts import GenerationRequest, InputImage, JobHandle, ModelSpec

_INTS = st.integers(0, 2**63 - 1)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_TEXT = st.text(max_size=20)
_SIZES = st.builds(Size, width=_INTS, height=_INTS)
_RANGES = st.none() | st.builds(
    NumberRange, minimum=_FLOATS, maximum=_FLOATS, default=_FLOATS, step=_FLOATS
)
_CAPABILITIES = st.builds(
    Capabilities,
    operations=st.lists(st.sampled_from(Operation), min_size=1).map(tuple),
    sizes=st.lists(_SIZES, max_size=3).map(tuple),
    size_range=st.none()
    | st.builds(SizeRange, minimum=_INTS, maximum=_INTS, step=_INTS, max_pixels=_INTS),
    default_size=st.none() | _SIZES,
    has_seed=st.booleans(),
    num_inference_steps=_RANGES,
    guidance_scale=_RANGES,
    schedulers=st.lists(_TEXT).map(tuple),
)
_REQUESTS = st.builds(
    GenerationRequest,
    provider_model_id=_TEXT,
    prompt=_TEXT,
    width=_INTS,
    height=_INTS,
    operation=st.sampled_from(Operation),
    seed=st.none() | _INTS,
    guidance_scale=st.none() | _FLOATS,
    scheduler=st.none() | _TEXT,
)
_HANDLES = st.builds(
    JobHandle, provider=_TEXT, external_id=_TEXT, next_poll_seconds=_FLOATS
)


@given(record=_CAPABILITIES | _REQUESTS | _HANDLES)
def test_when_a_record_goes_through_json_then_it_comes_back_equal(record):
    through = json.loads(json.dumps(record.to_json(), allow_nan=False))
    assert type(record).from_json(through) == record


def test_when_a_request_has_input_pictures_then_its_recipe_leaves_them_out():
    picture = InputImage(content=b"x", mime_type="image/png", role=ImageRole.INIT)
    request = GenerationRequest(
        provider_model_id="m", prompt="p", width=8, height=8, images=(picture,)
    )
    recipe = request.to_json()
    assert "images" not in recipe
    assert GenerationRequest.from_json(recipe).images == ()


_ENTRY = {
    "provider": "p",
    "provider_model_id": "m",
    "slug": "m",
    "label": "M",
    "description": "",
    "family": "remote",
    "capabilities": {"sizes": [{"width": 8, "height": 8}]},
}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"prize": 3}, "unknown prize"),
        ({"price_credits": "3"}, "price_credits: expected a whole number"),
        ({"price_credits": True}, "price_credits: expected a whole number"),
        ({"enabled": 1}, "enabled: expected true or false"),
        ({"label": None}, "label: expected text"),
        ({"aliases": "one"}, "aliases: expected a list"),
        ({"aliases": [1]}, r"aliases\[0\]: expected text"),
        ({"capabilities": []}, "capabilities: expected an object"),
        (
            {"capabilities": {"operations": ["dance"]}},
            r"capabilities.operations\[0\]: expected one of text-to-image",
        ),
        (
            {"capabilities": {"sizes": [{"width": 8}]}},
            r"capabilities.sizes\[0\].height: is missing",
        ),
        (
            {"capabilities": {"strength": {"minimum": float("nan")}}},
            "capabilities.strength.minimum: expected a number",
        ),
    ],
)
def test_when_json_is_wrong_then_the_field_is_named(change, named):
    with pytest.raises(ValueError, match=named):
        ModelSpec.from_json(_ENTRY | change)


def test_when_fields_are_left_out_then_they_take_their_defaults():
    spec = ModelSpec.from_json(_ENTRY)
    assert spec.price_credits is None
    assert spec.capabilities.max_images == 1


@pytest.mark.parametrize(
    ("prompted", "reads"),
    [(None, {True}), ((), {False}), ((Operation.INPAINT,), {True, False})],
)
def test_when_it_is_kept_as_json_then_what_reads_words_is_as_it_was(prompted, reads):
    able = Capabilities.from_json(Capabilities(prompted=prompted).to_json())
    assert able.prompted == prompted
    assert {able.reads_prompt(each) for each in Operation} == reads


_GARBAGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=8,
)


@given(value=_GARBAGE, field=st.sampled_from(sorted(_ENTRY)))
def test_when_json_is_garbage_then_it_is_a_value_error_or_a_record(value, field):
    for given_value in (value, _ENTRY | {field: value}):
        with contextlib.suppress(ValueError):
            assert isinstance(ModelSpec.from_json(given_value), ModelSpec)
