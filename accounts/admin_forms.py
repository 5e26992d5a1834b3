"""Forms of the admin's pages on people and credits."""

import uuid

from django import forms
from unfold.forms import UserCreationForm
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import MAX_CREDITS, User


class NewPersonForm(UserCreationForm):  # type: ignore[misc]
    """Makes a person by e-mail address, with or without a password."""

    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        """Keep addresses in lower case, as sign-in looks for them."""
        return str(self.cleaned_data["email"]).lower()


class CreditsForm(forms.Form):
    """How many credits to give, or with a minus to take, and why.

    ``press`` marks one press of the button, so that a second one changes nothing.
    """

    credits = forms.IntegerField(
        min_value=-MAX_CREDITS,
        max_value=MAX_CREDITS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Credits to give. A minus before the number takes them away.",
    )
    reason = forms.CharField(
        max_length=120,
        widget=UnfoldAdminTextInputWidget,
        help_text="Kept in the ledger for ever, so name nobody. Who gave them stands in "
        "the history.",
    )
    press = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def clean_reason(self) -> str:
        """Refuse an address: the ledger outlives accounts, and holds nobody's name."""
        reason: str = self.cleaned_data["reason"]
        if "@" in reason:
            raise forms.ValidationError("Say why without an e-mail address.")
        return reason

    def clean_credits(self) -> int:
        """Refuse an adjustment that changes nothing."""
        credits: int = self.cleaned_data["credits"]
        if not credits:
            raise forms.ValidationError("Give or take at least 1 credit.")
        return credits


class LookForm(forms.Form):
    """Why an admin wants to look at the site as somebody."""

    reason = forms.CharField(
        max_length=300,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
        help_text="They read it, with your name and the time.",
    )
