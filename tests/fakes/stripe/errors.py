"""Stripe's errors: what an endpoint raises, and the JSON that becomes of it."""

from typing import Any

from tests.fakes.wire import Reply

DOCS = "https://stripe.com/docs/error-codes/"
LOGS = "https://dashboard.stripe.com/test/logs/"
NO_RETRY = {"Stripe-Should-Retry": "false"}


class Refused(Exception):
    """A request that is not carried out, or a card that is not charged."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        more: dict[str, Any] | None = None,
        is_checked_first: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.is_checked_first = is_checked_first
        """Before the endpoint ran: nothing is kept under the idempotency key."""
        self.error = {
            "type": kind,
            "message": message,
            "code": code,
            "param": param,
            "doc_url": DOCS + code.replace("_", "-") if code else None,
        } | (more or {})

    def reply(self, request_id: str) -> Reply:
        """Return the answer; what is not known is left out, as Stripe does."""
        error = {name: told for name, told in self.error.items() if told is not None}
        error["request_log_url"] = f"{LOGS}{request_id}"
        headers = NO_RETRY if self.status in (400, 401, 402, 404, 501) else {}
        return Reply(status=self.status, json={"error": error}, headers=headers)


def missing(kind: str, wanted: str, *, param: str, in_path: bool) -> Refused:
    """Return the refusal of an id that is nobody's: 404 in a path, 400 elsewhere."""
    return Refused(
        f"No such {kind}: '{wanted}'",
        status=404 if in_path else 400,
        code="resource_missing",
        param=param,
    )


def other_mode(kind: str, wanted: str, *, param: str, is_live: bool) -> Refused:
    """Return the refusal of a test object to a live key, or the reverse."""
    has, used = ("live", "test") if is_live else ("test", "live")
    return Refused(
        f"No such {kind}: '{wanted}'; a similar object exists in {has} mode, but a "
        f"{used} mode key was used to make this request.",
        status=404,
        code="resource_missing",
        param=param,
    )


def parameter(
    message: str, param: str, code: str | None = None, *, is_checked_first: bool = True
) -> Refused:
    """Return the refusal of a parameter, before anything was done."""
    return Refused(message, code=code, param=param, is_checked_first=is_checked_first)


def required(param: str) -> Refused:
    """Return the refusal of a request that lacks a parameter."""
    return parameter(f"Missing required param: {param}.", param, "parameter_missing")


def not_faked(what: str) -> Refused:
    """Return what the fake says to a wish that only the real Stripe fulfils."""
    return Refused(
        f"The fake of Stripe does not do {what}. Teach it, in tests/fakes/stripe.",
        status=501,
        kind="api_error",
        is_checked_first=True,
    )
