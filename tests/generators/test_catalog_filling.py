"""One entry that cannot be written harms no other, and no start."""

import errno

import pytest
from django.core.checks import run_checks

from generators import catalog
from generators.models import ImageModel
from magicshot import preparing
from tests.fakes.shop import spec

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "broken",
    [
        {"order": -1},
        {"price_credits": -1},
        {"order": 10**30},
        {"sunset_date": "one day"},
        {"label": None},
    ],
    ids=str,
)
def test_when_one_entry_cannot_be_written_then_the_others_are(shop, broken):
    shop.shelf = (spec("bad", **broken), spec("brush", aliases=("quill",)))
    report = catalog.fill()
    assert report.created == ["brush"]
    (problem,) = report.problems
    assert problem.startswith("shop: bad: ")
    assert catalog.find("quill").slug == "brush"
    assert not ImageModel.objects.filter(slug="bad").exists()


def test_when_a_known_entry_turns_bad_then_its_row_stays_as_it_was(shop):
    shop.shelf = (spec("brush"), spec("pen"))
    catalog.fill()
    before = ImageModel.objects.values().get(slug="brush")
    shop.shelf = (spec("brush", order=-1, aliases=("quill",)), spec("pen", label="P"))
    report = catalog.fill()
    assert (report.changed, report.retired) == (["pen"], [])
    assert ImageModel.objects.values().get(slug="brush") == before


def test_when_an_alias_cannot_be_written_then_the_other_still_finds_it(shop):
    shop.shelf = (spec("brush", aliases=("\ud800", "quill")),)
    report = catalog.fill()
    assert len(report.problems) == 1
    assert catalog.find("quill").catalog_entry["aliases"] == ["quill"]


@pytest.mark.parametrize(("price", "refused"), [(-1, True), (0, False)])
def test_when_the_price_is_no_amount_then_a_check_says_so(settings, price, refused):
    settings.LOCAL_MODEL_PRICE = price
    found = [each for each in run_checks() if each.id == "generators.E001"]
    assert bool(found) == refused


def test_when_an_offer_cannot_be_read_then_the_data_folder_is_not_blamed(shop):
    class Refused:
        def __iter__(self):
            raise PermissionError(errno.EACCES, "Permission denied", "/models/it")

    shop.shelf = Refused()
    with pytest.raises(PermissionError):
        preparing.prepare(static=False)
