"""The catalogue files together: no dead defaults, no name twice, every promise kept."""

import datetime as dt

import pytest
from django.utils import timezone

from generators import catalog, catalog_filling, provider_matrix
from generators.capabilities import Operation
from generators.contracts import GenerationRequest
from generators.models import ImageModel
from generators.pricing import defaults_of, price_of
from generators.providers import registry


def _specs():
    return [
        spec
        for slug in registry.remote_slugs()
        for spec in registry.get(slug).catalog()
    ]


def test_when_a_model_is_on_by_default_then_it_is_alive_and_has_a_price():
    today = timezone.localdate()
    for spec in _specs():
        if spec.enabled and not spec.retired:
            assert spec.price_credits is not None, spec.slug
            if spec.sunset_date is not None:
                assert dt.date.fromisoformat(spec.sunset_date) > today, spec.slug


def test_when_a_model_goes_then_its_successor_is_alive():
    of_slug = {spec.slug: spec for spec in _specs()}
    for spec in of_slug.values():
        if spec.retired or spec.sunset_date:
            if spec.retired:
                assert spec.successor, f"{spec.slug} leads nowhere"
            if spec.successor:
                assert not of_slug[spec.successor].retired, spec.slug


def test_when_names_are_taken_together_then_none_is_there_twice():
    names = [name for spec in _specs() for name in (spec.slug, *spec.aliases)]
    assert sorted(names) == sorted(set(names))


@pytest.mark.django_db
def test_when_the_catalogue_is_filled_then_nothing_is_wrong_in_it():
    report = catalog_filling.fill()
    assert report.problems == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["flux", "imagen", "ideogram", "stable-diffusion", "dall-e", "dall-e-3"]
)
def test_when_a_famous_name_is_asked_for_then_it_is_found_or_explained(name):
    row = catalog.find(name)
    state = catalog.lifecycle_of(row)
    assert state in {"live", "sunset"} or row.successor is not None


@pytest.mark.django_db
def test_when_nothing_is_chosen_then_the_price_is_the_catalogues():
    for row in ImageModel.objects.filter(provider__in=registry.remote_slugs()):
        able = catalog.capabilities_of(row)
        if row.price_credits is None or row.retired or able.usual_size() is None:
            continue
        if able.operations[0] != "text-to-image":
            continue
        size = able.usual_size()
        usual = GenerationRequest(
            provider_model_id=row.provider_model_id,
            prompt="an owl",
            width=size.width,
            height=size.height,
            options=defaults_of(able, Operation.TEXT_TO_IMAGE),
        )
        assert price_of(row, usual) == row.price_credits, row.slug


def test_when_the_document_is_read_then_its_table_is_of_today():
    text = provider_matrix.PATH.read_text(encoding="utf-8")
    assert provider_matrix.written(text) == text, "run manage.py provider_matrix"


def test_when_a_model_does_nothing_without_a_mask_then_its_line_says_so():
    lines = provider_matrix.PATH.read_text(encoding="utf-8").splitlines()
    for spec in _specs():
        if all(each.needs_mask for each in spec.capabilities.operations):
            [line] = [each for each in lines if f"| `{spec.slug}` |" in each]
            assert "needs a mask" in line


def test_when_words_are_read_by_some_operations_then_the_model_has_them():
    for spec in _specs():
        able = spec.capabilities
        assert set(able.prompted or ()) <= set(able.operations), spec.slug
