"""What an admin fills in about a flagged press."""

from collections.abc import Iterable
from typing import Any, Final

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from gallery.models import Image
from generators.moderation import Decision, Fate

LONGEST_REASON: Final = 300
LONGEST_WARNING: Final = 500


def reason_field() -> forms.CharField:
    """Return the field that every act of moderation has."""
    return forms.CharField(
        max_length=LONGEST_REASON,
        widget=UnfoldAdminTextInputWidget,
        help_text="For the audit log; the person does not read it.",
    )


class ReasonForm(forms.Form):
    """Why."""

    reason = reason_field()


class DecisionForm(forms.Form):
    """What becomes of a press that was flagged, and of who pressed.

    ``may_erase`` and ``may_stop`` offer what this admin has the right to; ``seen`` marks
    the press as it stands on the page.
    """

    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    fate = forms.ChoiceField(label="Decision", widget=UnfoldAdminRadioSelectWidget)
    pictures = forms.MultipleChoiceField(
        required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    warning = forms.CharField(
        required=False,
        max_length=LONGEST_WARNING,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="They read it on their next visit. Empty: they are not warned.",
    )
    is_stopped = forms.BooleanField(
        required=False,
        label="Stop the person",
        widget=UnfoldBooleanSwitchWidget,
        help_text="Signs them out and lets them in no more, until somebody sets them "
        "active again.",
    )
    reason = reason_field()

    def __init__(
        self,
        typed: Any = None,
        *,
        pictures: Iterable[Image],
        seen: str,
        may_erase: bool,
        may_stop: bool,
    ) -> None:
        super().__init__(typed)
        named = [
            (str(image.public_id), _name(number, image))
            for number, image in enumerate(pictures, start=1)
        ]
        self._set_choices("fate", _fates(bool(named), may_erase=may_erase))
        self._set_choices("pictures", named)
        self.initial["seen"] = seen
        self.initial["pictures"] = [key for key, _ in named]
        if not named:
            del self.fields["pictures"]
        if not may_stop:
            del self.fields["is_stopped"]

    def clean(self) -> dict[str, Any]:
        """Refuse decisions that contradict themselves, or do nothing."""
        cleaned = super().clean() or {}
        fate = cleaned.get("fate")
        is_more = bool(cleaned.get("warning") or cleaned.get("is_stopped"))
        if fate == Fate.DISMISS and is_more:
            self.add_error("fate", "Nothing is wrong with it, so warn and stop nobody.")
        if fate == Fate.LEAVE and not is_more:
            self.add_error("fate", "Write a warning or stop the person, or dismiss it.")
        if fate in {Fate.TRASH, Fate.ERASE} and not cleaned.get("pictures"):
            self.add_error("pictures", "Choose the pictures that this is for.")
        return cleaned

    def decision(self) -> Decision:
        """Return what was decided; the form is valid."""
        cleaned = self.cleaned_data
        return Decision(
            seen=cleaned["seen"],
            fate=Fate(cleaned["fate"]),
            pictures=cleaned.get("pictures", ()),
            warning=cleaned["warning"],
            is_stopped=bool(cleaned.get("is_stopped")),
            reason=cleaned["reason"],
        )

    def _set_choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices


def _fates(has_pictures: bool, *, may_erase: bool) -> list[tuple[str, str]]:
    fates = [
        (Fate.DISMISS.value, "Nothing is wrong with it: dismiss it"),
        (Fate.LEAVE.value, "Leave the pictures; warn or stop the person"),
    ]
    if has_pictures:
        fates.append((Fate.TRASH.value, "Put the pictures into their owner's trash"))
        if may_erase:
            fates.append((Fate.ERASE.value, "Delete the pictures and files for ever"))
    return fates


def _name(number: int, image: Image) -> str:
    return f"Picture {number}{' (in the trash)' if image.trashed_at else ''}"
