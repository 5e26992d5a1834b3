"""What a request costs: the operator by rules, the person by price, never less than 1."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators import pricing
from generators.capabilities import (
    Capabilities,
    Operation,
    OptionSpec,
    OptionValue,
    Size,
)
from generators.contracts import GenerationRequest
from generators.cost_words import usd_words
from generators.terms import MOST_CREDITS, CostRule, PriceRule, Terms

SQUARE = Size(width=1024, height=1024)
QUALITY = OptionSpec(
    name="quality", label="Quality", values=("low", "medium", "high"), default="medium"
)
ABLE = Capabilities(sizes=(SQUARE, Size(width=2048, height=1024)), options=(QUALITY,))
HIGH = (OptionValue(name="quality", value="high"),)


def make(*costs, price=5, rules=()):
    return Terms(credits=price, rules=rules, costs=costs)


def credits(terms, request, *, num_inputs=0):
    return pricing.credits_of(terms, ABLE, request, num_inputs=num_inputs)


def usd(terms, request):
    return pricing.usd_of(terms, request, num_inputs=0)


def ask(quality="medium", *, width=1024, height=1024, **fields):
    return GenerationRequest(
        provider_model_id="m",
        prompt="x",
        width=width,
        height=height,
        options=(OptionValue(name="quality", value=quality),),
        **fields,
    )


def test_when_settings_are_the_usual_ones_then_it_costs_the_price():
    terms = make(CostRule(usd=0.2, options=HIGH), CostRule(usd=0.05))
    assert credits(terms, ask()) == 5


def test_when_settings_are_dearer_then_it_costs_as_much_more():
    terms = make(CostRule(usd=0.2, options=HIGH), CostRule(usd=0.05))
    assert credits(terms, ask("high")) == 20


def test_when_settings_are_cheaper_then_it_costs_as_much_less_and_never_nothing():
    low = (OptionValue(name="quality", value="low"),)
    terms = make(CostRule(usd=0.001, options=low), CostRule(usd=0.05))
    assert credits(terms, ask("low")) == 1


def test_when_credits_are_not_whole_then_they_are_rounded_up():
    terms = make(CostRule(usd=0.051, options=HIGH), CostRule(usd=0.05), price=5)
    assert credits(terms, ask("high")) == 6


def test_when_an_amount_is_a_tenth_then_it_is_not_rounded_up_for_a_computers_tenth():
    terms = make(CostRule(usd=0.3, options=HIGH), CostRule(usd=0.1), price=10)
    assert credits(terms, ask("high")) == 30


def test_when_a_picture_is_larger_then_each_megapixel_begun_counts():
    terms = make(CostRule(usd=0.05, usd_per_extra_megapixel=0.01))
    assert credits(terms, ask(width=2048)) == 6
    assert credits(terms, ask(width=2049)) == 7
    assert credits(terms, ask(width=64, height=64)) == 5


def test_when_pictures_are_given_then_each_counts():
    terms = make(CostRule(usd=0.05, usd_per_input_image=0.02))
    assert credits(terms, ask(), num_inputs=2) == math.ceil(5 * 9 / 5)


def test_when_several_rules_hold_then_the_first_counts():
    small = CostRule(usd=0.01, max_pixels=1024 * 1024)
    inpaint = CostRule(usd=0.04, operations=(Operation.INPAINT,))
    terms = make(inpaint, small, CostRule(usd=0.02), price=1)
    assert usd(terms, ask(operation=Operation.INPAINT)) == Fraction("0.04")
    assert usd(terms, ask()) == Fraction("0.01")
    assert usd(terms, ask(width=2048)) == Fraction("0.02")


@pytest.mark.parametrize("rules", [(), (CostRule(usd=0.05, options=HIGH),)])
def test_when_no_rule_says_then_each_picture_costs_the_price(rules):
    terms = make(*rules)
    assert credits(terms, ask(width=2048)) == 5
    assert usd(terms, ask()) is None


def test_when_a_model_is_free_then_every_setting_is():
    terms = make(CostRule(usd=0.2, options=HIGH), CostRule(usd=0.05), price=0)
    assert credits(terms, ask("high", width=2048), num_inputs=3) == 0


def test_when_the_usual_costs_nothing_then_each_picture_costs_the_price():
    terms = make(CostRule(usd=0.2, options=HIGH), CostRule(usd=0))
    assert credits(terms, ask("high")) == 5


def test_when_a_rule_holds_then_it_says_the_price_whatever_it_costs():
    rule = PriceRule(
        credits=20,
        credits_per_extra_megapixel=3,
        credits_per_input_image=2,
        options=HIGH,
    )
    terms = make(CostRule(usd=0.05, usd_per_extra_megapixel=0.01), rules=(rule,))
    assert credits(terms, ask("high")) == 20
    assert credits(terms, ask("high", width=2048), num_inputs=2) == 27
    assert credits(terms, ask("medium")) == 5
    assert credits(terms, ask("medium", width=2048)) == 6, "else it follows the costs"


def test_when_several_prices_hold_then_the_first_counts():
    small = PriceRule(credits=1, max_pixels=1024 * 1024)
    inpaint = PriceRule(credits=9, operations=(Operation.INPAINT,))
    terms = make(rules=(inpaint, small, PriceRule(credits=2)))
    assert credits(terms, ask(operation=Operation.INPAINT)) == 9
    assert credits(terms, ask()) == 1
    assert credits(terms, ask(width=2048)) == 2


def test_when_settings_are_absurdly_dear_then_the_price_still_fits_its_column():
    dear = CostRule(usd=10_000, options=HIGH)
    terms = make(dear, CostRule(usd=0.000001), price=MOST_CREDITS)
    assert credits(terms, ask("high")) == MOST_CREDITS
    rule = PriceRule(credits=MOST_CREDITS, credits_per_input_image=MOST_CREDITS)
    assert credits(make(rules=(rule,)), ask(), num_inputs=9) == MOST_CREDITS


@pytest.mark.parametrize(
    ("terms", "depends"),
    [
        (make(), False),
        (make(CostRule(usd=1)), False),
        (make(CostRule(usd=1, options=HIGH), CostRule(usd=2)), True),
        (make(CostRule(usd=1, usd_per_input_image=1)), True),
        (make(CostRule(usd=1, usd_per_extra_megapixel=1)), True),
        (make(rules=(PriceRule(credits=3, options=HIGH),)), True),
    ],
)
def test_when_settings_may_change_the_price_then_that_is_known(terms, depends):
    assert pricing.depends_on_settings(terms) == depends


AMOUNTS = st.floats(min_value=0, max_value=100, allow_nan=False).map(
    lambda amount: round(amount, 6)
)
POSITIVE = AMOUNTS.filter(lambda amount: amount > 0)


@given(base=st.integers(1, 10_000), usual=POSITIVE, own=POSITIVE)
def test_when_anything_is_paid_for_then_it_costs_a_credit_at_least(base, usual, own):
    terms = make(CostRule(usd=own, options=HIGH), CostRule(usd=usual), price=base)
    price = credits(terms, ask("high"))
    assert price >= 1
    exact = base * Fraction(str(own)) / Fraction(str(usual))
    assert price == min(math.ceil(exact), MOST_CREDITS)


@given(
    base=st.integers(0, 1000),
    usual=POSITIVE,
    costs=st.tuples(AMOUNTS, AMOUNTS).map(sorted),
    sides=st.tuples(st.integers(64, 4096), st.integers(64, 4096)).map(sorted),
    inputs=st.tuples(st.integers(0, 16), st.integers(0, 16)).map(sorted),
)
def test_when_it_costs_the_operator_more_then_the_person_pays_no_less(
    base, usual, costs, sides, inputs
):
    less, more = (
        credits(
            make(
                CostRule(
                    usd=cost,
                    usd_per_extra_megapixel=0.01,
                    usd_per_input_image=0.003,
                    options=HIGH,
                ),
                CostRule(usd=usual),
                price=base,
            ),
            ask("high", width=side, height=1024),
            num_inputs=number,
        )
        for cost, side, number in zip(costs, sides, inputs, strict=True)
    )
    assert less <= more


@pytest.mark.parametrize(
    ("micros", "words"),
    [
        (None, "-"),
        (0, "$0.0000"),
        (53_000, "$0.0530"),
        (1_234_567_890, "$1,234.5679"),
        (10**15, "$1,000,000,000.0000"),
    ],
)
def test_when_money_is_told_then_cents_have_two_more_places(micros, words):
    assert usd_words(micros) == words
