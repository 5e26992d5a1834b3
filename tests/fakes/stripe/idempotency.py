"""Idempotency keys: the same request twice is carried out once."""

from dataclasses import dataclass
from typing import Any

from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.requests import Request
from tests.fakes.stripe.store import Store
from tests.fakes.wire import Reply

KEPT_SECONDS = 86_400
LONGEST = 255


@dataclass(kw_only=True)
class _Use:
    request_id: str
    path: str
    params: Any
    began: int
    reply: Reply | None = None


class Keys:
    """What was asked under each key, and answered. Call it with the lock held."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._uses: dict[tuple[bool, str], _Use] = {}

    def begin(self, request: Request) -> Reply | None:
        """Take the key, or return the answer that was given under it.

        Raise ``Refused`` where it was used for something else, or is in use.
        """
        key = request.idempotency_key
        if key is None:
            return None
        if len(key) > LONGEST:
            raise self._misused(f"Idempotency keys have at most {LONGEST} characters.")
        now = self._store.clock.now()
        use = self._uses.get((request.is_live, key))
        if use is None or use.began + KEPT_SECONDS <= now:
            self._uses[request.is_live, key] = _Use(
                request_id=request.id,
                path=request.path,
                params=request.params,
                began=now,
            )
            return None
        return self._again(use, request, key)

    def _again(self, use: _Use, request: Request, key: str) -> Reply:
        other = f"Try using a key other than '{key}' if you meant to execute"
        if use.path != request.path:
            raise self._misused(
                "Keys for idempotent requests can only be used for the same endpoint "
                f"they were first used for ('{use.path}'). {other} a different request."
            )
        if use.params != request.params:
            raise self._misused(
                "Keys for idempotent requests can only be used with the same "
                f"parameters they were first used with. {other} a different request."
            )
        if use.reply is None:
            raise Refused(
                "There is currently another in-progress request using this Idempotent "
                "Key (that probably means you submitted twice, and the other request "
                f"is still going through): {key}. Please try again later.",
                status=409,
                code="idempotency_key_in_use",
            )
        headers = {"Idempotent-Replayed": "true", "Original-Request": use.request_id}
        return Reply(
            status=use.reply.status,
            json=use.reply.json,
            headers={**use.reply.headers, **headers},
        )

    def _misused(self, message: str) -> Refused:
        return Refused(message, kind="idempotency_error")

    def end(self, request: Request, reply: Reply | None) -> None:
        """Keep the answer under the key, or with None forget that it was used."""
        key = request.idempotency_key
        if key is None:
            return
        if reply is None:
            self._uses.pop((request.is_live, key), None)
        else:
            self._uses[request.is_live, key].reply = reply
