"""The form that deletes one's own account."""

from typing import Any

from django import forms

from accounts.models import User


class DeleteAccountForm(forms.Form):
    """Asks for the address, so that no slip of the finger deletes an account."""

    email = forms.EmailField(
        label="Your e-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        help_text="Type it to show that you mean it.",
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user

    def clean_email(self) -> str:
        """Refuse any other address, in any case of its letters."""
        email: str = self.cleaned_data["email"]
        if email.lower() != self._user.email.lower():
            raise forms.ValidationError(
                f"This is not the address of this account. Type {self._user.email}."
            )
        return email
