"""The catalogue follows the providers, and never undoes what an admin did."""

import datetime
import json
import subprocess
import sys

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from generators import catalog, prices
from generators.capabilities import Capabilities
from generators.models import ImageModel, ImageModelAlias
from generators.terms import CostRule, PriceRule, Terms
from tests import factories
from tests.fakes.shop import ABLE, spec

pytestmark = pytest.mark.django_db


def test_when_filled_then_each_offer_is_a_row_and_a_second_fill_does_nothing(shop):
    shop.shelf = (spec("brush", good_at=("oil", "ink"), sunset_date="2027-01-31"),)
    report = catalog.fill()
    assert (report.created, report.changed) == (["brush"], [])
    row = catalog.find("brush")
    assert (row.label, row.good_at, row.price.credits) == ("Brush", "oil, ink", 2)
    assert row.sunset_date == datetime.date(2027, 1, 31)
    assert row.enabled
    assert catalog.capabilities_of(row) == ABLE
    assert str(catalog.fill()) == "0 new, 0 changed, 0 retired, 0 problems"


def test_when_the_offer_changes_then_the_untouched_columns_follow(shop):
    catalog.fill()
    ImageModel.objects.update(label="My brush")
    shop.shelf = (spec("brush", label="Brush 2", price_credits=5, order=7),)
    assert catalog.fill().changed == ["brush"]
    row = catalog.find("brush")
    assert (row.label, row.price.credits, row.order) == ("My brush", 5, 7)


def test_when_the_offer_passes_by_the_admins_value_then_it_still_is_the_admins(shop):
    catalog.fill()
    factories.set_price("brush", 5)
    for price in (3, 5, 7):
        shop.shelf = (spec("brush", price_credits=price),)
        catalog.fill()
        assert catalog.find("brush").price.credits == 5


def test_when_the_admin_puts_a_price_back_then_it_follows_again(shop):
    catalog.fill()
    factories.set_price("brush", 5)
    shop.shelf = (spec("brush", price_credits=3),)
    catalog.fill()
    factories.set_price("brush", 2)
    catalog.fill()
    assert catalog.find("brush").price.credits == 3


def test_when_the_offer_changes_then_the_price_has_another_version(shop):
    catalog.fill()
    first = catalog.find("brush").price
    shop.shelf = (spec("brush", price_credits=3),)
    assert catalog.fill().changed == ["brush"]
    assert catalog.fill().changed == []
    second = catalog.find("brush").price
    assert [each.credits for each in second.image_model.prices.all()] == [3, 2]
    assert second.valid_from > first.valid_from
    assert (second.made_by, second.note) == (None, "From the catalogue.")


def test_when_only_the_costs_were_changed_then_the_credits_still_follow(shop):
    shop.shelf = (spec("brush", costs=(CostRule(usd=0.02),)),)
    catalog.fill()
    factories.set_price("brush", 2, costs=(CostRule(usd=0.01),))
    shop.shelf = (spec("brush", price_credits=4, costs=(CostRule(usd=0.04),)),)
    catalog.fill()
    terms = catalog.find("brush").price.terms
    assert terms == Terms(credits=4, costs=(CostRule(usd=0.01),))


def test_when_only_the_credits_were_changed_then_the_costs_still_follow(shop):
    shop.shelf = (spec("brush", costs=(CostRule(usd=0.02),)),)
    catalog.fill()
    factories.set_price("brush", 5)
    shop.shelf = (spec("brush", price_credits=4, costs=(CostRule(usd=0.04),)),)
    catalog.fill()
    terms = catalog.find("brush").price.terms
    assert terms == Terms(credits=5, costs=(CostRule(usd=0.04),))


def test_when_the_admin_wrote_rules_then_the_price_is_theirs(shop):
    catalog.fill()
    rules = (PriceRule(credits=9, max_pixels=100),)
    factories.set_price("brush", 2, rules=rules)
    shop.shelf = (spec("brush", price_credits=4),)
    catalog.fill()
    assert catalog.find("brush").price.terms == Terms(credits=2, rules=rules)


def test_when_the_admin_put_a_price_down_for_later_then_it_is_waited_for(shop):
    catalog.fill()
    row = catalog.find("brush")
    tomorrow = timezone.now() + datetime.timedelta(days=1)
    prices.add(row, Terms(credits=9), valid_from=tomorrow)
    shop.shelf = (spec("brush", price_credits=4),)
    catalog.fill()
    assert catalog.find("brush").price.credits == 2
    assert [each.credits for each in row.prices.all()] == [9, 2]


def test_when_a_price_is_offered_no_more_then_the_model_is_switched_off(shop):
    catalog.fill()
    shop.shelf = (spec("brush", price_credits=None),)
    catalog.fill()
    row = catalog.find("brush")
    assert not row.enabled
    assert row.price.credits == 2, "no version is ever taken away"
    shop.shelf = (spec("brush", price_credits=3),)
    catalog.fill()
    row = catalog.find("brush")
    assert (row.enabled, row.price.credits) == (True, 3)


def test_when_a_model_has_no_price_then_its_row_is_not_enabled(shop):
    shop.shelf = (spec("brush", price_credits=None),)
    catalog.fill()
    assert not catalog.find("brush").enabled
    shop.shelf = (spec("brush", price_credits=0),)
    catalog.fill()
    assert catalog.find("brush").enabled


def test_when_the_admin_disabled_it_then_no_fill_enables_it(shop):
    catalog.fill()
    ImageModel.objects.update(enabled=False)
    shop.shelf = (spec("brush", label="Brush 2"),)
    catalog.fill()
    assert not catalog.find("brush").enabled


def test_when_a_model_vanishes_then_it_is_retired_until_it_comes_back(shop):
    catalog.fill()
    shop.shelf = ()
    assert catalog.fill().retired == ["brush"]
    assert catalog.find("brush").retired
    assert catalog.choices() == []
    shop.shelf = (spec("brush"),)
    catalog.fill()
    assert not catalog.find("brush").retired


def test_when_the_provider_cannot_be_asked_then_its_rows_stay(shop):
    catalog.fill()
    shop.is_open = False
    report = catalog.fill()
    assert report.retired == []
    assert "shop: The site's settings for this model do not work." in report.problems[0]
    (choice,) = catalog.choices()
    assert not choice.is_usable
    assert choice.availability.reason == "The shop is shut."


def test_when_an_admin_added_a_row_by_hand_then_it_is_never_retired(shop):
    ImageModel.objects.create(slug="own", provider="shop", provider_model_id="own")
    catalog.fill()
    assert not catalog.find("own").retired


def test_when_two_providers_use_one_slug_then_both_have_a_row(shop):
    ImageModel.objects.create(slug="brush", provider="else", provider_model_id="b")
    ImageModelAlias.objects.create(
        name="brush-shop", image_model=ImageModel.objects.get()
    )
    catalog.fill()
    assert ImageModel.objects.get(provider="shop").slug == "brush-2"


def test_when_aliases_are_offered_then_they_find_it_and_stay_removed(shop):
    shop.shelf = (spec("brush", aliases=("pen", "quill")), spec("pen"))
    report = catalog.fill()
    assert catalog.find("quill").slug == "brush"
    assert catalog.find("pen").slug == "pen"
    assert report.problems == ["brush: the alias pen is taken"]
    ImageModelAlias.objects.filter(name="quill").delete()
    catalog.fill()
    with pytest.raises(ImageModel.DoesNotExist):
        catalog.find("quill")


def test_when_a_successor_is_offered_then_it_is_linked_unless_the_admin_chose(shop):
    shop.shelf = (spec("old", successor="new"), spec("new"), spec("other"))
    catalog.fill()
    assert catalog.find("old").successor == catalog.find("new")
    ImageModel.objects.filter(slug="old").update(successor=catalog.find("other"))
    catalog.fill()
    assert catalog.find("old").successor == catalog.find("other")
    shop.shelf = (spec("old", successor="nowhere"), spec("new"), spec("x"))
    catalog.fill()
    ImageModel.objects.filter(slug="old").update(successor=catalog.find("new"))
    assert "old: no successor nowhere" in catalog.fill().problems


_PRICES = st.integers(0, 3)
_OFFER = st.fixed_dictionaries(
    {
        "label": st.sampled_from(["A", "B"]),
        "price_credits": st.none() | _PRICES,
        "enabled": st.booleans(),
        "retired": st.booleans(),
        "sunset_date": st.sampled_from([None, "2027-01-01"]),
    }
)
_ADMIN = st.one_of(
    st.sampled_from(["A", "B", "C"]).map(lambda value: {"label": value}),
    _PRICES.map(lambda value: {"price_credits": value}),
    st.booleans().map(lambda value: {"enabled": value}),
    st.booleans().map(lambda value: {"retired": value}),
)


def _held(row, name):
    if name == "price_credits":
        return row.price and row.price.credits
    return getattr(row, name)


@rules(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(_OFFER | _ADMIN.map(lambda change: ("admin", change))))
def test_when_catalogue_and_admin_take_turns_then_the_admin_wins(shop, steps):
    ImageModel.objects.all().delete()
    shop.shelf = (spec("brush"),)
    catalog.fill()
    row = catalog.find("brush")
    theirs: dict[str, object] = {}
    for step in steps:
        if isinstance(step, dict):
            shop.shelf = (spec("brush", **step),)
            catalog.fill()
        else:
            ((name, value),) = step[1].items()
            row.refresh_from_db()
            if name == "price_credits":
                factories.set_price("brush", value)
            else:
                setattr(row, name, value)
                row.save(update_fields=[name])
            if value != row.catalog_entry.get(name):
                theirs[name] = value
            else:
                theirs.pop(name, None)  # put back: it follows the catalogue again
        row.refresh_from_db()
        assert row.price == row.prices.latest("valid_from")
        for name, value in theirs.items():
            assert _held(row, name) == value


def test_when_the_row_is_not_usable_then_the_choice_says_why(shop):
    catalog.fill()
    ImageModel.objects.update(capabilities={"sizes": [], "typo": 1})
    (choice,) = catalog.choices()
    assert not choice.is_usable
    assert "not complete" in choice.availability.reason
    assert choice.capabilities == Capabilities()


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, "live"),
        ({"retired": True}, "retired"),
        ({"sunset_date": datetime.date(2027, 1, 2)}, "sunset"),
        ({"sunset_date": datetime.date(2027, 1, 1)}, "ended"),
    ],
)
def test_when_asked_for_the_lifecycle_then_it_is_told_by_date(change, state):
    row = ImageModel(**change)
    assert catalog.lifecycle_of(row, datetime.date(2027, 1, 1)) == state


def test_when_listed_as_json_then_every_field_is_there(shop, capsys):
    shop.shelf = (spec("brush", aliases=("quill",)), spec("dear", price_credits=None))
    call_command("fill_catalog")
    assert "2 new" in capsys.readouterr().out
    call_command("models", "--json")
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry == {
        "slug": "brush",
        "label": "Brush",
        "provider": "shop",
        "provider_model_id": "brush",
        "family": "remote",
        "operations": ["text-to-image"],
        "enabled": True,
        "price": 2,
        "lifecycle": "live",
        "sunset_date": None,
        "successor": None,
        "aliases": ["quill"],
        "available": True,
        "reason": "",
    }
    call_command("models", "--json", "--all")
    both = json.loads(capsys.readouterr().out)
    assert [each["slug"] for each in both] == ["brush", "dear"]
    assert both[1]["price"] is None
    assert "switched off" in both[1]["reason"]


def test_when_listed_for_people_then_it_is_a_table(shop, capsys):
    call_command("models")
    assert "No models" in capsys.readouterr().out
    catalog.fill()
    shop.is_open = False
    ImageModel.objects.update(capabilities={"bad": 1})
    call_command("models", "--all")
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == [
        "SLUG",
        "LABEL",
        "PROVIDER",
        "FAMILY",
        "PRICE",
        "LIFECYCLE",
        "USABLE",
    ]
    assert row.startswith("brush  Brush  shop")
    assert "no: Its settings" in row
    call_command("fill_catalog")
    assert "shop: " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["MAGICSHOT_HOME", "DATABASE_URL"])
def test_when_the_environment_names_another_site_then_that_one_is_listed(
    tmp_path, name
):
    database = f"sqlite:///{tmp_path / 'other.sqlite3'}"
    values = {"MAGICSHOT_HOME": str(tmp_path / "home"), "DATABASE_URL": database}
    home = {"MAGICSHOT_HOME": str(tmp_path / "here"), "FAKE_PROVIDER": "1"}

    def manage(*arguments):
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=home | {name: values[name]},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    slugs = {each["slug"] for each in json.loads(manage("models", "--json"))}
    assert {"fake", "fake-async"} <= slugs
    assert (tmp_path / "other.sqlite3").exists() == (name == "DATABASE_URL")
    assert (tmp_path / "home").exists() == (name == "MAGICSHOT_HOME")


def test_when_the_site_is_fresh_then_its_catalogue_can_be_filled(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "fill_catalog"],
        env={"MAGICSHOT_HOME": str(tmp_path), "FAKE_PROVIDER": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Catalogue:")


@pytest.mark.django_db(transaction=True)
def test_when_migrated_back_to_nothing_then_the_fill_stays_quiet():
    call_command("migrate", "generators", "zero", verbosity=0)
    try:
        assert "generators_imagemodel" not in connection.introspection.table_names()
    finally:
        call_command("migrate", verbosity=0)
    assert catalog.find("fake").enabled
