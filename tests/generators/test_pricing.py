"""What a request costs: the operator by rules, the person by price, never less than 1."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators import pricing
from generators.capabilities import Capabilities, Operation, OptionSpec, Size
from generators.contracts import CostRule, GenerationRequest, OptionValue
from generators.cost_words import usd_words
from generators.models import ImageModel

SQUARE = Size(width=1024, height=1024)
QUALITY = OptionSpec(
    name="quality", label="Quality", values=("low", "medium", "high"), default="medium"
)
ABLE = Capabilities(sizes=(SQUARE, Size(width=2048, height=1024)), options=(QUALITY,))
HIGH = (OptionValue(name="quality", value="high"),)


def make(*rules, price=5, able=ABLE):
    return ImageModel(
        label="M",
        price_credits=price,
        costs=[rule.to_json() for rule in rules],
        capabilities=able.to_json(),
    )


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
    model = make(CostRule(usd=0.2, options=HIGH), CostRule(usd=0.05))
    assert pricing.price_of(model, ask()) == 5


def test_when_settings_are_dearer_then_it_costs_as_much_more():
    model = make(CostRule(usd=0.2, options=HIGH), CostRule(usd=0.05))
    assert pricing.price_of(model, ask("high")) == 20


def test_when_settings_are_cheaper_then_it_costs_as_much_less_and_never_nothing():
    low = (OptionValue(name="quality", value="low"),)
    model = make(CostRule(usd=0.001, options=low), CostRule(usd=0.05))
    assert pricing.price_of(model, ask("low")) == 1


def test_when_credits_are_not_whole_then_they_are_rounded_up():
    model = make(CostRule(usd=0.051, options=HIGH), CostRule(usd=0.05), price=5)
    assert pricing.price_of(model, ask("high")) == 6


def test_when_an_amount_is_a_tenth_then_it_is_not_rounded_up_for_a_computers_tenth():
    model = make(CostRule(usd=0.3, options=HIGH), CostRule(usd=0.1), price=10)
    assert pricing.price_of(model, ask("high")) == 30


def test_when_a_picture_is_larger_then_each_megapixel_begun_counts():
    model = make(CostRule(usd=0.05, usd_per_extra_megapixel=0.01))
    assert pricing.price_of(model, ask(width=2048)) == 6
    assert pricing.price_of(model, ask(width=2049)) == 7
    assert pricing.price_of(model, ask(width=64, height=64)) == 5


def test_when_pictures_are_given_then_each_counts():
    model = make(CostRule(usd=0.05, usd_per_input_image=0.02))
    assert pricing.price_of(model, ask(), num_inputs=2) == math.ceil(5 * 9 / 5)


def test_when_several_rules_hold_then_the_first_counts():
    small = CostRule(usd=0.01, max_pixels=1024 * 1024)
    inpaint = CostRule(usd=0.04, operations=(Operation.INPAINT,))
    model = make(inpaint, small, CostRule(usd=0.02), price=1)
    assert pricing.estimate_of(model, ask(operation=Operation.INPAINT)) == 40_000
    assert pricing.estimate_of(model, ask()) == 10_000
    assert pricing.estimate_of(model, ask(width=2048)) == 20_000


@pytest.mark.parametrize("rules", [(), (CostRule(usd=0.05, options=HIGH),)])
def test_when_no_rule_says_then_each_picture_costs_the_price(rules):
    model = make(*rules)
    assert pricing.price_of(model, ask(width=2048)) == 5
    assert pricing.estimate_of(model, ask()) is None


def test_when_a_model_is_free_then_every_setting_is():
    model = make(CostRule(usd=0.2, options=HIGH), CostRule(usd=0.05), price=0)
    assert pricing.price_of(model, ask("high", width=2048), num_inputs=3) == 0


def test_when_the_usual_costs_nothing_then_each_picture_costs_the_price():
    model = make(CostRule(usd=0.2, options=HIGH), CostRule(usd=0))
    assert pricing.price_of(model, ask("high")) == 5


def test_when_a_model_has_no_price_then_it_says_so():
    with pytest.raises(ValueError, match="no price"):
        pricing.price_of(make(price=None), ask())


def test_when_several_pictures_are_asked_for_then_the_estimate_is_of_all():
    assert pricing.estimate_of(make(CostRule(usd=0.053)), ask(num_images=3)) == 159_000


AMOUNTS = st.floats(min_value=0, max_value=100, allow_nan=False).map(
    lambda amount: round(amount, 6)
)
POSITIVE = AMOUNTS.filter(lambda amount: amount > 0)


@given(base=st.integers(1, 10_000), usual=POSITIVE, own=POSITIVE)
def test_when_anything_is_paid_for_then_it_costs_a_credit_at_least(base, usual, own):
    model = make(CostRule(usd=own, options=HIGH), CostRule(usd=usual), price=base)
    price = pricing.price_of(model, ask("high"))
    assert price >= 1
    exact = base * Fraction(str(own)) / Fraction(str(usual))
    assert exact <= price < exact + 1


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
        pricing.price_of(
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
