"""What an admin types about a connection. Its key goes in, and never comes out again."""

from typing import Any, Final

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldBooleanSwitchWidget

from generators import connections, hosts
from generators.models import Connection
from generators.providers import registry
from generators.providers.base import RemoteProvider

LONGEST_KEY: Final = 20_000
"""A service account's file is a key too."""

KEPT: Final = "A key is kept. Type another to replace it."
NO_KEY: Final = "It is encrypted before it is kept, and never shown again."
IN_CLEAR: Final = (
    "Use https, or the key could be read on its way. Only a server of your own network, "
    "such as 192.168.1.20 or server.lan, may be asked by http."
)
MOVED: Final = "The address changed. Type the key that belongs there, or remove it."


def remote_provider(slug: str) -> RemoteProvider | None:
    """Return a provider that is reached through connections, unbound."""
    if slug not in registry.remote_slugs():
        return None
    provider = registry.get(slug)
    return provider if isinstance(provider, RemoteProvider) else None


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """One connection; its words are those of its provider.

    ``given_provider`` is set by the admin's page for a connection that is being added.
    """

    given_provider = ""

    key = forms.CharField(
        required=False,
        max_length=LONGEST_KEY,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )
    remove_key = forms.BooleanField(
        required=False, label="Remove the kept key", widget=UnfoldBooleanSwitchWidget
    )

    class Meta:
        model = Connection
        fields = (
            "provider",
            "label",
            "enabled",
            "base_url",
            "account",
            "max_concurrency",
            "max_per_minute",
            "result_hosts",
        )
        widgets = {"provider": forms.HiddenInput}
        labels = {
            "max_concurrency": "Jobs at a time",
            "max_per_minute": "Calls a minute",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._was_at = self.instance.base_url
        slug = self.instance.provider or self.given_provider
        self.of_provider = remote_provider(slug)
        self._set("provider", initial=slug, disabled=self.instance.pk is not None)
        if self.of_provider is not None:
            self._speak_of(self.of_provider)
        is_kept = bool(self.instance.encrypted_key)
        self._set("key", help_text=KEPT if is_kept else NO_KEY)
        if is_kept:
            self.fields["key"].widget.attrs["placeholder"] = "•" * 12

    def clean_provider(self) -> str:
        """Take only what this site reaches through connections."""
        slug: str = self.cleaned_data["provider"]
        self.of_provider = remote_provider(slug)
        if self.of_provider is None:
            raise forms.ValidationError("This site has no such provider.")
        return slug

    def clean_key(self) -> str:
        """Refuse a key that no request could carry."""
        key: str = self.cleaned_data["key"]
        if not (key.isascii() and key.isprintable()):
            raise forms.ValidationError("A key holds plain letters and signs only.")
        return key

    def clean_base_url(self) -> str:
        """Take an address that a key may be sent to."""
        address = _checked(hosts.checked_address, self.cleaned_data["base_url"])
        usual = self.of_provider.base_urls if self.of_provider else ()
        if not address and not usual:
            raise forms.ValidationError("Say where the server is.")
        scheme, host, _ = hosts.origin(address)
        if scheme == "http" and not hosts.is_private(host):
            raise forms.ValidationError(IN_CLEAR)
        return address

    def clean_result_hosts(self) -> str:
        """Take names of hosts alone."""
        return _checked(hosts.checked_hosts, self.cleaned_data["result_hosts"])

    def clean(self) -> dict[str, Any]:
        """Keep a key from going where it was not meant to go."""
        cleaned = super().clean() or {}
        key, is_removed = cleaned.get("key"), cleaned.get("remove_key")
        if key and is_removed:
            self.add_error("remove_key", "Type another key or remove it, not both.")
        elif self._keeps_key(key, is_removed) and self._has_moved(cleaned):
            self.add_error("key", MOVED)
        elif not key and self._lacks_key():
            self.add_error("key", "This service asks for a key.")
        return cleaned

    def save(self, commit: bool = True) -> Connection:
        """Write the key down, encrypted by the newest of the site's own keys."""
        if key := self.cleaned_data.get("key"):
            connections.set_key(self.instance, key)
        elif self.cleaned_data.get("remove_key"):
            connections.set_key(self.instance, "")
        else:
            connections.encrypt_anew(self.instance)
        row: Connection = super().save(commit=commit)
        return row

    def _speak_of(self, provider: RemoteProvider) -> None:
        if self.instance.pk is None:
            self._set("label", initial=_free_label(provider))
            self._set("max_concurrency", initial=provider.max_concurrency)
        usual = " or ".join(provider.base_urls)
        told = f"Empty for {usual}." if usual else "Where the server is, such as "
        told += "" if usual else "http://192.168.1.20:8080/v1."
        self._set("base_url", help_text=f"{told} A private address is allowed here.")
        self._set("account", help_text=provider.account_words)

    def _set(self, name: str, **values: Any) -> None:
        """Change a field that this page may have left out."""
        if (field := self.fields.get(name)) is not None:
            for attribute, value in values.items():
                setattr(field, attribute, value)

    def _keeps_key(self, key: str | None, is_removed: bool | None) -> bool:
        return bool(self.instance.encrypted_key) and not key and not is_removed

    def _has_moved(self, cleaned: dict[str, Any]) -> bool:
        usual = next(iter(self.of_provider.base_urls), "") if self.of_provider else ""
        now = cleaned.get("base_url", self._was_at) or usual
        return hosts.origin(now) != hosts.origin(self._was_at or usual)

    def _lacks_key(self) -> bool:
        """Say whether a new connection needs a key that is not there."""
        needs = self.of_provider is not None and self.of_provider.needs_key
        return needs and self.instance.pk is None and "key" not in self.errors


def _checked(check: Any, text: str) -> str:
    try:
        return str(check(text))
    except ValueError as error:
        raise forms.ValidationError(str(error)) from None


def _free_label(provider: RemoteProvider) -> str:
    """Return the provider's own name, with a number where it is taken."""
    rows = Connection.objects.filter(provider=provider.slug)
    taken = set(rows.values_list("label", flat=True))
    names = (provider.label, *(f"{provider.label} {n}" for n in range(2, 1000)))
    return next(name for name in names if name not in taken)
