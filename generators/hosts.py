"""Addresses and host names as an admin types them: what is let in, and in which form."""

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

PRIVATE_ENDINGS: Final = (".home.arpa", ".internal", ".lan", ".local", ".localhost")
_NAME: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


def checked_hosts(text: str) -> str:
    """Return names of hosts, separated by commas, in their usual form.

    Raises ``ValueError`` naming the one that is none. A leading dot stands for every
    host below; a name of a single part would stand for a whole country.
    """
    hosts = (each.strip().lower().rstrip(".") for each in re.split(r"[,\s]+", text))
    return ", ".join(dict.fromkeys(_checked_host(host) for host in hosts if host))


def checked_address(text: str) -> str:
    """Return the address of a service without its last slash.

    Raises ``ValueError``. Private hosts are allowed: whoever may set one up may reach it.
    Link-local ones are not: nobody serves pictures there, but clouds give out secrets.
    """
    address = text.strip().rstrip("/")
    if not address:
        return ""
    parts = _parts(address)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("Write a whole address, such as https://api.example.com.")
    if parts.username is not None or parts.password is not None:
        raise ValueError("The address must hold no name and no password.")
    if parts.query or parts.fragment:
        raise ValueError("The address must end before any ? or #.")
    if any(char.isspace() or not char.isprintable() for char in address):
        raise ValueError("The address must hold no spaces.")
    if _is_link_local(parts.hostname):
        raise ValueError(
            "Link-local addresses, such as a cloud's metadata, are refused."
        )
    labels = parts.hostname.rstrip(".").split(".")
    if not all(0 < len(label) <= 63 for label in labels):
        raise ValueError("The address holds no name of a host.")
    return address


def origin(address: str) -> tuple[str, str, int | None]:
    """Return what decides who gets a key: scheme, host and port."""
    parts = urlsplit(address)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or usual


def is_private(host: str) -> bool:
    """Say whether a host is of a network of one's own, by how it is written alone."""
    if _is_number(host):
        return _is_private_number(host)
    return "." not in host or host.endswith(PRIVATE_ENDINGS)


def _parts(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _checked_host(host: str) -> str:
    if "/" in host:
        raise ValueError(
            f"{host}: only the name of the host, without https:// or a path."
        )
    if _is_number(host):
        return _checked_number(host)
    labels = host.removeprefix(".").split(".")
    if len(labels) < 2 or not all(_NAME.fullmatch(label) for label in labels):
        raise ValueError(f"{host} is not the name of a host, such as cdn.example.com.")
    return host


def _is_number(host: str) -> bool:
    """Say whether it is an address in figures, in any of the forms resolvers take."""
    last = host.rpartition(".")[2]
    return ":" in host or last.isdecimal() or last.startswith("0x")


def _is_private_number(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:  # a form that only resolvers take
        return False


def _is_link_local(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_link_local)


def _checked_number(host: str) -> str:
    try:
        is_public = ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        raise ValueError(f"{host} is not the name of a host.") from None
    if not is_public:
        raise ValueError(f"{host} is a private address: no picture comes from there.")
    return host
