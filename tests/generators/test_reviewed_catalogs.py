"""The catalogue files together: no dead defaults, no name twice, every promise kept."""

import datetime as dt

import pytest
from django.utils import timezone

from generators import catalog, catalog_filling, provider_matrix
from generators.models import ImageModel
from generators.pricing import usual_request
from generators.providers import registry
from generators.quotes import quote
from generators.terms import CostRule, checked_rules


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
    of_slug = {spec.slug: spec for spec in _specs()}
    for row in ImageModel.objects.filter(slug__in=of_slug).exclude(price=None):
        able = catalog.capabilities_of(row)
        credits = quote(row, able, usual_request(able)).credits
        assert credits == of_slug[row.slug].price_credits, row.slug


def test_when_cost_rules_are_read_then_each_can_count():
    for spec in _specs():
        costs = [rule.to_json() for rule in spec.costs]
        able = spec.capabilities
        found = checked_rules(CostRule, costs, able=able, path=spec.slug)
        assert found == spec.costs


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
