"""Tells a site what happened: signed, in the background, again until it answers 2xx."""

import heapq
import http.client
import itertools
import json
import random
import threading
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from stripe import WebhookSignature

from tests.fakes.stripe.store import Document, Store

SECRET = "whsec_fake_8c1f27d0b6e94a53"
ATTEMPTS = 300
LONGEST_PAUSE = 5.0
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One attempt to tell of an event: ``status`` is None where nobody answered."""

    event_id: str | None
    event_type: str | None
    status: int | None
    body: bytes = b""

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Webhooks:
    """The endpoint of the account, and switches for how badly it is told.

    ``duplicate`` sends each event so many times; ``delay`` is in seconds, ``reorder``
    at most so many more, drawn anew for each; ``drop`` is True or event types that are
    never sent; ``at_once`` is how many are sent at the same time. ``types`` are those
    that the endpoint wants, None for all. What is not taken comes again after
    ``retry_seconds``, doubled each time up to 5, so often as ``attempts`` says.
    """

    def __init__(self, store: Store) -> None:
        self.url: str | None = None
        self.secret = SECRET
        self.types: Collection[str] | None = None
        self.duplicate = 1
        self.delay = 0.0
        self.reorder = 0.0
        self.drop: bool | Collection[str] = False
        self.at_once = 1
        self.retry_seconds = 0.2
        self.attempts = ATTEMPTS
        self.timeout_seconds = TIMEOUT_SECONDS
        self.deliveries: list[Delivery] = []
        self.dropped: list[str] = []
        self._store = store
        self._held: list[Document] | None = None
        self._due: list[tuple[float, int, int, Document]] = []
        self._turn = itertools.count()
        self._sending = 0
        self._changed = threading.Condition()
        self._is_running = False

    def start(self) -> None:
        """Begin to send."""
        self._is_running = True
        threading.Thread(target=self._work, daemon=True).start()

    def stop(self) -> None:
        """Send nothing more."""
        with self._changed:
            self._is_running = False
            self._due.clear()
            self._changed.notify_all()

    def tell(self, event: Document) -> None:
        """Take an event in; what happens to it, the switches say."""
        if self.url is None or (
            self.types is not None and event["type"] not in self.types
        ):
            return
        event["pending_webhooks"] = 1
        if self.drop is True or (self.drop and event["type"] in self.drop):
            self.dropped.append(event["id"])
            return
        with self._changed:
            for _ in range(self.duplicate):
                if self._held is not None:
                    self._held.append(event)
                else:
                    self._put(event)

    def _put(self, event: Document, *, attempt: int = 0, wait: float = 0) -> None:
        wait += self.delay + random.uniform(0, self.reorder)  # noqa: S311 (no secret)
        due = time.monotonic() + wait
        heapq.heappush(self._due, (due, next(self._turn), attempt, event))
        self._changed.notify_all()

    def hold(self) -> None:
        """Keep events back, for ``release``."""
        with self._changed:
            self._held = []

    @property
    def held(self) -> list[str]:
        """Return the types of what is held, in order."""
        with self._changed:
            return [event["type"] for event in self._held or []]

    def release(
        self, order: str | Iterable[str] | None = None, *, seed: int = 0
    ) -> None:
        """Send what was held, and hold no more.

        ``order`` is as it happened without, "reversed", "random" (by ``seed``), or
        event types in the order wanted; types that it does not name come last.
        """
        with self._changed:
            events, self._held = self._held or [], None
            if order == "reversed":
                events.reverse()
            elif order == "random":
                random.Random(seed).shuffle(events)  # noqa: S311 (no secret)
            elif order is not None:
                wanted = list(order)
                places = {name: place for place, name in enumerate(wanted)}
                events.sort(key=lambda event: places.get(event["type"], len(wanted)))
            for event in events:
                self._put(event)

    def wait(self, seconds: float = 10) -> bool:
        """Wait until nothing is to be sent; answer whether that came about."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._due and not self._sending, seconds
            )

    def resend(self, event_id: str) -> Delivery:
        """Send an event once more, now, from the calling thread."""
        return self._send(self._store.documents[event_id])

    def send_raw(
        self, body: bytes, *, signature: str | None = None, **headers: str
    ) -> Delivery:
        """Send any body, now, under any signature or none."""
        if signature is not None:
            headers["Stripe-Signature"] = signature
        return self._post(body, headers)

    def sign(
        self, body: bytes, *, secret: str | None = None, at: float | None = None
    ) -> str:
        """Return the signature header of a body, as at a time in epoch seconds."""
        moment = int(time.time() if at is None else at)
        signed: str = WebhookSignature.generate_signature_header(
            body.decode(), secret or self.secret, moment
        )
        return signed

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._is_running:
                    return
                if not self._is_due():
                    self._changed.wait(self._seconds_to_next())
                    continue
                _, _, attempt, event = heapq.heappop(self._due)
                self._sending += 1
            threading.Thread(
                target=self._try, args=(event, attempt), daemon=True
            ).start()

    def _is_due(self) -> bool:
        is_time = bool(self._due) and self._due[0][0] <= time.monotonic()
        return is_time and self._sending < self.at_once

    def _seconds_to_next(self) -> float | None:
        if not self._due or self._sending >= self.at_once:
            return None
        return max(self._due[0][0] - time.monotonic(), 0)

    def _try(self, event: Document, attempt: int) -> None:
        delivery = self._send(event)
        with self._changed:
            self._sending -= 1
            is_over = delivery.is_taken or attempt + 1 >= self.attempts
            if not is_over and self._is_running:
                pause = min(self.retry_seconds * 2 ** min(attempt, 10), LONGEST_PAUSE)
                self._put(event, attempt=attempt + 1, wait=pause)
            self._changed.notify_all()

    def _send(self, event: Document) -> Delivery:
        with self._store.lock:
            body = json.dumps(event | {"pending_webhooks": 1}, indent=2).encode()
        headers = {"Stripe-Signature": self.sign(body)}
        delivery = self._post(body, headers, event)
        if delivery.is_taken:
            with self._store.lock:
                event["pending_webhooks"] = 0
        return delivery

    def _post(
        self, body: bytes, headers: dict[str, str], event: Document | None = None
    ) -> Delivery:
        parts = urlsplit(self.url or "http://127.0.0.1:9/taken-away")
        assert parts.scheme == "http", f"webhooks go to http addresses: {self.url}"
        line = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=self.timeout_seconds
        )
        always = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        status, said = None, b""
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                # A site may refuse a body that is too large before it has it all.
                line.request("POST", path or "/", body, always | headers)
            answer = line.getresponse()
            status, said = answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            pass  # nobody answered, which is told by the missing status
        finally:
            line.close()
        delivery = Delivery(
            event_id=event["id"] if event else None,
            event_type=event["type"] if event else None,
            status=status,
            body=said,
        )
        self.deliveries.append(delivery)
        return delivery
