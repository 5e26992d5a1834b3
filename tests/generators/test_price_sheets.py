"""What settings cost, which cost the operator most, and of which least is left."""

import time
from fractions import Fraction

import pytest
from django.core.checks import run_checks

from generators import catalog, margins
from generators.capabilities import (
    Capabilities,
    Operation,
    OptionSpec,
    OptionValue,
    Size,
    SizeRange,
)
from generators.models import ImageModel
from generators.price_sheets import MOST_LOOKED_AT, sheet_of
from generators.providers import registry
from generators.terms import CostRule, PriceRule, Terms

QUALITY = OptionSpec(
    name="quality", label="Quality", values=("low", "medium", "4K"), default="medium"
)
ABLE = Capabilities(
    operations=(Operation.TEXT_TO_IMAGE, Operation.INPAINT),
    sizes=(Size(width=1024, height=1024), Size(width=2048, height=1024)),
    sized_by_image=(Operation.INPAINT,),
    has_mask=True,
    max_reference_images=3,
    options=(QUALITY,),
)
DEAR = CostRule(
    usd=0.2,
    usd_per_extra_megapixel=0.05,
    options=(OptionValue(name="quality", value="4K"),),
)
USUAL = CostRule(usd=0.05, usd_per_input_image=0.01)
TERMS = Terms(credits=5, costs=(DEAR, USUAL))
TIMES = "×"  # noqa: RUF001 (the sign people read)
LARGEST = f"Inpaint, quality 4K, 5000 {TIMES} 5000"


def told(sheet):
    return {line.words: (line.credits, line.usd) for line in sheet.lines}


def test_when_settings_cost_differently_then_each_choice_has_a_line():
    sheet = sheet_of(ABLE, TERMS)
    assert (sheet.usual.credits, sheet.usual.usd) == (5, Fraction("0.05"))
    assert told(sheet) == {
        "Usual settings": (5, Fraction("0.05")),
        "Quality 4K": (20, Fraction("0.2")),
        "3 more pictures to use": (8, Fraction("0.08")),
        "Inpaint": (7, Fraction("0.07")),  # its start picture and its mask
        LARGEST: (135, Fraction("1.35")),
    }
    assert sheet.dearest.usd == Fraction("1.35")


def test_when_rules_undercut_the_costs_then_that_is_the_worst():
    cheap = PriceRule(credits=6, options=DEAR.options, operations=(Operation.INPAINT,))
    sheet = sheet_of(ABLE, Terms(credits=5, rules=(cheap,), costs=TERMS.costs))
    assert sheet.worst.words == LARGEST
    assert (sheet.worst.credits, sheet.worst.usd) == (6, Fraction("1.35"))


def test_when_a_bound_is_named_then_sizes_on_both_sides_are_looked_at():
    able = Capabilities(
        sizes=(Size(width=512, height=512),),
        size_range=SizeRange(minimum=64, maximum=4096, step=64, max_pixels=9_000_000),
    )
    small = CostRule(usd=0.01, max_pixels=1_000_000)
    sheet = sheet_of(able, Terms(credits=1, costs=(small, CostRule(usd=0.09))))
    assert told(sheet)[f"2944 {TIMES} 2944"] == (9, Fraction("0.09"))
    gap = PriceRule(credits=1, max_pixels=4_000_000)
    sheet = sheet_of(
        able, Terms(credits=1, rules=(gap,), costs=(small, CostRule(usd=0.09)))
    )
    assert sheet.worst.words == f"1984 {TIMES} 1984", (
        "more than a megapixel for one credit"
    )


def test_when_nothing_is_known_of_costs_then_the_dearest_is_the_persons():
    rule = PriceRule(credits=9, options=DEAR.options)
    sheet = sheet_of(ABLE, Terms(credits=5, rules=(rule,)))
    assert (sheet.dearest.credits, sheet.dearest.usd) == (9, None)
    assert told(sheet_of(ABLE, Terms(credits=5))) == {"Usual settings": (5, None)}


def test_when_a_model_is_free_and_costs_something_then_that_is_the_worst():
    sheet = sheet_of(ABLE, Terms(credits=0, costs=(USUAL,)))
    assert (sheet.worst.credits, sheet.worst.usd > 0) == (0, True)


def test_when_rules_name_very_many_choices_then_it_is_still_quick():
    options = tuple(
        OptionSpec(name=f"o{n}", label="O", values=tuple("abcdefgh"), default="a")
        for n in range(20)
    )
    named = tuple(
        PriceRule(credits=n, options=(OptionValue(name=f"o{n}", value="b"),))
        for n in range(20)
    )
    able = Capabilities(sizes=ABLE.sizes, options=options)
    began = time.monotonic()
    sheet = sheet_of(able, Terms(credits=5, rules=named))
    assert time.monotonic() - began < 10, MOST_LOOKED_AT
    assert sheet.usual.credits == 5


@pytest.mark.django_db
def test_when_the_reviewed_models_are_looked_at_then_all_pay_for_themselves(settings):
    settings.CREDIT_USD = "0.01"
    rows = ImageModel.objects.filter(provider__in=registry.remote_slugs())
    for row in rows.exclude(price=None).select_related("price"):
        sheet = sheet_of(catalog.capabilities_of(row), row.price.terms)
        if sheet.usual.margin is not None:
            assert not sheet.usual.margin.is_loss, row.slug
            assert not sheet.worst.margin.is_loss, (row.slug, sheet.worst)


@pytest.mark.parametrize(
    ("credits", "usd", "words", "is_loss"),
    [
        (6, "0.053", "11 %", False),
        (6, "0.06", "0 %", False),
        (6, "0.0601", "loss 1 %", True),
        (6, "0.12", "loss 100 %", True),
        (6, "0", "100 %", False),
        (0, "0.05", "all a loss", True),
        (0, "0", "-", False),
    ],
)
def test_when_a_credit_is_worth_something_then_the_margin_is_told(
    settings, credits, usd, words, is_loss
):
    settings.CREDIT_USD = "0.01"
    margin = margins.margin_of(credits, Fraction(usd))
    assert (margin.words, margin.is_loss) == (words, is_loss)


@pytest.mark.parametrize(
    "worth", ["", "nothing", "0", "-0.01", "nan", "inf", "1e9", "1e-99", "1e99999999"]
)
def test_when_the_worth_of_a_credit_is_not_known_then_there_is_no_margin(
    settings, worth
):
    settings.CREDIT_USD = worth
    assert margins.margin_of(6, Fraction(1)) is None
    assert margins.worth_words(6) == "-"
    found = [each for each in run_checks() if each.id == "generators.E002"]
    assert bool(found) == bool(worth)


def test_when_a_cost_is_not_known_then_there_is_no_margin(settings):
    settings.CREDIT_USD = "0.012"
    assert margins.margin_of(6, None) is None
    assert margins.worth_words(6) == "$0.0720"
