"""Rules that somebody typed are taken only if each can count; the one at fault is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.capabilities import (
    Capabilities,
    Operation,
    OptionSpec,
    OptionValue,
    Size,
)
from generators.contracts import GenerationRequest
from generators.terms import (
    MOST_CREDITS,
    MOST_RULES,
    CostRule,
    PriceRule,
    checked_rules,
    rule_for,
)

QUALITY = OptionSpec(
    name="quality",
    label="Quality",
    values=("low", "high"),
    operations=(Operation.TEXT_TO_IMAGE, Operation.INPAINT),
)
GROW = OptionSpec(name="grow", label="Grow", max_chars=9)
MODE = OptionSpec(
    name="mode", label="Mode", values=("a",), operations=(Operation.UPSCALE,)
)
ABLE = Capabilities(
    operations=(Operation.TEXT_TO_IMAGE, Operation.INPAINT, Operation.UPSCALE),
    sizes=(Size(width=64, height=64),),
    options=(QUALITY, GROW, MODE),
)
HIGH = {"options": [{"name": "quality", "value": "high"}]}
INPAINT = {"operations": ["inpaint"]}


def check(*rules, kind=PriceRule):
    return checked_rules(kind, list(rules), able=ABLE, path="rules")


def test_when_rules_are_right_then_they_are_kept_in_order():
    high, inpaint, rest = check(
        {"credits": 20, **HIGH}, {"credits": 9, **INPAINT}, {"credits": 5}
    )
    assert high.options == (OptionValue(name="quality", value="high"),)
    assert inpaint.operations == (Operation.INPAINT,)
    assert (rest.credits, rest.max_pixels) == (5, None)
    assert check() == ()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (3, "rules[0]: expected an object"),
        ({}, "rules[0].credits: is missing"),
        ({"credits": "5"}, "rules[0].credits: expected a whole number"),
        ({"credits": 1.5}, "rules[0].credits: expected a whole number"),
        ({"credits": True}, "rules[0].credits: expected a whole number"),
        ({"credits": -1}, "rules[0].credits: expected 0 to 1000000000"),
        ({"credits": MOST_CREDITS + 1}, "rules[0].credits: expected 0 to 1000000000"),
        ({"credits": 10**40}, "rules[0].credits: expected 0 to 1000000000"),
        (
            {"credits": 1, "credits_per_input_image": -1},
            "rules[0].credits_per_input_image: expected 0 to",
        ),
        (
            {"credits": 1, "credits_per_extra_megapixel": 0.5},
            "rules[0].credits_per_extra_megapixel: expected a whole number",
        ),
        ({"credits": 1, "colour": 2}, "rules[0]: unknown colour"),
        ({"credits": 1, "usd": 2}, "rules[0]: unknown usd"),
        (
            {"credits": 1, "operations": ["paint"]},
            "rules[0].operations[0]: expected one",
        ),
        (
            {"credits": 1, "operations": ["outpaint"]},
            "rules[0].operations: it does no outpaint, but text-to-image",
        ),
        ({"credits": 1, "max_pixels": 0}, "rules[0].max_pixels: expected 1 or more"),
        (
            {"credits": 1, "options": [{"name": "size", "value": "2K"}]},
            "rules[0].options: the model lets nobody choose a 'size'",
        ),
        (
            {"credits": 1, "options": [{"name": "grow", "value": "\ud800"}]},
            "rules[0].options: the model lets nobody choose a 'grow'",
        ),
        (
            {"credits": 1, "options": [{"name": "quality", "value": "best"}]},
            "rules[0].options: quality is never 'best', but one of low, high",
        ),
        (
            {"credits": 1, "options": HIGH["options"] * 2},
            "rules[0].options: asks for two values of one option",
        ),
        (
            {"credits": 1, "operations": ["upscale"], **HIGH},
            "rules[0]: no operation has all these options",
        ),
        (
            {
                "credits": 1,
                "options": [*HIGH["options"], {"name": "mode", "value": "a"}],
            },
            "rules[0]: no operation has all these options",
        ),
    ],
)
def test_when_a_rule_could_never_count_then_the_field_is_named(rule, words):
    with pytest.raises(ValueError, match="rules") as refusal:
        check(rule)
    assert str(refusal.value).startswith(words)


@pytest.mark.parametrize("value", [{}, 3, None, "[]", {"credits": 1}])
def test_when_it_is_no_list_then_it_says_so(value):
    with pytest.raises(ValueError, match="rules: expected a list of rules"):
        checked_rules(PriceRule, value, able=ABLE, path="rules")


def test_when_there_are_very_many_rules_then_they_are_refused():
    with pytest.raises(ValueError, match=f"at most {MOST_RULES} rules"):
        check(*[{"credits": 1}] * (MOST_RULES + 1))


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({}, {}),
        ({}, HIGH),
        (HIGH, HIGH | INPAINT),
        ({"operations": ["inpaint", "upscale"]}, INPAINT),
        ({"operations": ["inpaint", "upscale", "text-to-image"]}, {}),
        ({"max_pixels": 100}, {"max_pixels": 100}),
        ({"max_pixels": 100}, {"max_pixels": 99} | HIGH),
    ],
)
def test_when_an_earlier_rule_covers_a_later_one_then_both_are_named(earlier, later):
    with pytest.raises(ValueError, match="never counts") as refusal:
        check(
            {"credits": 3, "max_pixels": 9},
            {"credits": 1, **earlier},
            later | {"credits": 2},
        )
    assert str(refusal.value).startswith("rules[2]: never counts, for rules[1] holds")


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (HIGH, INPAINT),
        (HIGH | INPAINT, HIGH),
        ({"max_pixels": 99}, {"max_pixels": 100}),
        ({"max_pixels": 99}, {}),
        (INPAINT, {}),
    ],
)
def test_when_rules_only_overlap_then_the_first_that_holds_counts(earlier, later):
    assert len(check({"credits": 1, **earlier}, {"credits": 2, **later})) == 2


RULES = st.builds(
    PriceRule,
    credits=st.integers(0, 9),
    operations=st.sets(st.sampled_from(ABLE.operations)).map(tuple),
    options=st.sampled_from(
        [(), *((OptionValue(name="quality", value=value),) for value in QUALITY.values)]
    ),
    max_pixels=st.none() | st.sampled_from([1, 4, 9]),
)


@given(first=RULES, second=RULES, side=st.integers(1, 4), data=st.data())
def test_when_a_rule_covers_another_then_the_other_never_counts_behind_it(
    first, second, side, data
):
    request = GenerationRequest(
        provider_model_id="m",
        prompt="",
        width=side,
        height=side,
        operation=data.draw(st.sampled_from(ABLE.operations)),
        options=data.draw(st.sampled_from([(), second.options, first.options])),
    )
    if first.covers(second, ABLE):
        assert rule_for([first, second], request) is not second or first == second


def test_when_costs_are_dollars_then_they_may_be_broken_numbers():
    (rule,) = check({"usd": 0.035, **HIGH}, kind=CostRule)
    assert rule.usd == 0.035
    with pytest.raises(ValueError, match=r"rules\[0\].usd: expected 0 to 10000"):
        check({"usd": 10_001}, kind=CostRule)
