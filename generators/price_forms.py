"""What an admin types to make a version of a price."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from django import forms
from django.http import QueryDict
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.models import User
from generators import prices
from generators.capabilities import Capabilities
from generators.models import ImageModel, Price
from generators.terms import (
    MOST_CREDITS,
    CostRule,
    PriceRule,
    RuleT,
    SettingsRule,
    Terms,
    checked_rules,
)

LONGEST_RULES: Final = 20_000


class MomentWidget(UnfoldAdminTextInputWidget):  # type: ignore[misc]
    """The browser's own way to choose a day and a time."""

    input_type = "datetime-local"

    def format_value(self, value: Any) -> Any:
        """Return a moment as the browser writes it."""
        return f"{value:%Y-%m-%dT%H:%M}" if isinstance(value, dt.datetime) else value


class VersionForm(forms.Form):
    """A version of the price of one or several image models: credits, and from when."""

    credits = forms.IntegerField(
        min_value=0,
        max_value=MOST_CREDITS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Whole credits of a picture by the usual settings. 0 is free.",
    )
    valid_from = forms.DateTimeField(
        required=False,
        label="Begins",
        widget=MomentWidget,
        help_text="By the site's clock. Empty: at once.",
    )
    note = forms.CharField(
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text="Why; for admins alone.",
    )

    def add(self, image_model: ImageModel, terms: Terms, made_by: User) -> Price | None:
        """Make the version; on a refusal note it beside its field and return nothing."""
        try:
            return prices.add(
                image_model,
                terms,
                valid_from=self.cleaned_data["valid_from"],
                made_by=made_by,
                note=self.cleaned_data["note"],
            )
        except prices.CannotPrice as refusal:
            self.add_error("valid_from", refusal.user_message)
            return None


class RulesField(forms.CharField):
    """Rules as JSON, a line each."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 8, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        """Write what is kept; what was typed is shown as it was."""
        if not isinstance(value, Sequence) or isinstance(value, str):
            return value
        lines = ",\n  ".join(json.dumps(each, ensure_ascii=False) for each in value)
        return f"[\n  {lines}\n]" if lines else ""


class PriceForm(VersionForm):
    """A version of one image model's price, with all its terms.

    ``able`` is what the model can do; ``terms`` are those of today, if there are any.
    """

    field_order = ("credits", "rules", "costs", "valid_from", "note")

    rules = RulesField(required=False, max_length=LONGEST_RULES)
    costs = RulesField(required=False, max_length=LONGEST_RULES, label="What you pay")

    def __init__(
        self, typed: QueryDict | None, *, able: Capabilities, terms: Terms | None
    ) -> None:
        super().__init__(typed, initial=_initial(terms))
        self.able = able
        choice = _choice_words(able)
        self.fields["rules"].help_text = (
            "What certain settings cost, as a list of rules of which the first that holds "
            f'counts, such as [{{"credits": 20{choice}, "credits_per_extra_megapixel": 4, '
            '"credits_per_input_image": 1}]. A rule may also ask for "operations" and '
            '"max_pixels". All other settings cost as much more or less as they cost you.'
        )
        self.fields["costs"].help_text = (
            "US dollars of a picture by its settings, in the same way, such as "
            f'[{{"usd": 0.2{choice}}}, {{"usd": 0.05, "usd_per_extra_megapixel": 0.01}}]. '
            "Empty where it costs you nothing or you do not know."
        )

    def clean_rules(self) -> tuple[PriceRule, ...]:
        """Take only rules that can count, in whole credits."""
        return self._rules("rules", PriceRule)

    def clean_costs(self) -> tuple[CostRule, ...]:
        """Take only rules that can count."""
        return self._rules("costs", CostRule)

    @property
    def terms(self) -> Terms:
        """Return what was typed, once it is valid."""
        named = ("credits", "rules", "costs")
        return Terms(**{name: self.cleaned_data[name] for name in named})

    def _rules(self, name: str, kind: type[RuleT]) -> tuple[RuleT, ...]:
        typed = _parsed(self.cleaned_data[name])
        try:
            return checked_rules(kind, typed, able=self.able, path=name)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


class SeveralForm(VersionForm):
    """The same credits for several image models; their rules and costs stay."""

    is_switched_on = forms.BooleanField(
        required=False,
        label="Switch them on",
        widget=UnfoldBooleanSwitchWidget,
        help_text="So that people can choose them.",
    )

    def terms_of(self, image_model: ImageModel) -> Terms:
        """Return the new terms of one of them."""
        credits = self.cleaned_data["credits"]
        if image_model.price is None:
            return Terms(credits=credits)
        return replace(image_model.price.terms, credits=credits)

    def clean(self) -> dict[str, Any]:
        """Refuse to switch on what has no price yet."""
        cleaned = super().clean() or {}
        if cleaned.get("is_switched_on") and cleaned.get("valid_from"):
            words = "Their price does not begin now: switch them on when it has begun."
            self.add_error("is_switched_on", words)
        return cleaned


def _initial(terms: Terms | None) -> dict[str, Any]:
    if terms is None:
        return {}
    rules = {"rules": terms.rules, "costs": terms.costs}
    kept = {name: [_brief(each) for each in of_it] for name, of_it in rules.items()}
    return {"credits": terms.credits, **kept}


def _brief(rule: SettingsRule) -> dict[str, Any]:
    """Return a rule without what says nothing, amounts first."""
    told, (first, *rest) = rule.to_json(), rule.amounts()
    ordered = {name: told[name] for name in (first, *rest)} | told
    return {name: each for name, each in ordered.items() if each or name == first}


def _choice_words(able: Capabilities) -> str:
    """Return a condition that fits the model, for an example."""
    for option in able.options:
        if option.values:
            chosen = {"name": option.name, "value": option.values[-1]}
            return f', "options": [{json.dumps(chosen)}]'
    return ""


def _parsed(text: str) -> object:
    """Read JSON that somebody typed, whatever it is."""
    if not text:
        return []
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        words = f"This is no JSON: line {error.lineno} does not read: {error.msg}."
        raise forms.ValidationError(words) from None
    except (ValueError, RecursionError):  # endless numbers, endless brackets
        raise forms.ValidationError("This is no JSON that could be meant.") from None
