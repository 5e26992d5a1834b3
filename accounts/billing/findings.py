"""What may come of looking at an object of Stripe's."""


class NotOurs(Exception):
    """The object belongs to something else that uses the same Stripe account."""


class Suspicious(Exception):
    """The object does not fit what we asked for: nothing is granted, staff must look."""


def id_of(said: object) -> str:
    """Return the id of what Stripe names by its id or, expanded, whole; or empty."""
    return str(getattr(said, "id", said) or "")


def expect(what: str, found: object, wanted: object) -> None:
    """Raise ``Suspicious``, naming what differs, unless both are the same."""
    if found != wanted:
        raise Suspicious(f"{what}: Stripe says {found!r}, expected {wanted!r}")
