"""A stateful fake of Stripe on loopback, driven by the real SDK.

::

    with StripeFake() as stripe:
        client = stripe.client()            # or StripeClient(stripe.KEY,
                                            #   base_addresses={"api": stripe.url})
        stripe.webhooks.url = "http://127.0.0.1:8000/stripe/webhook/"
        price = stripe.price(500, currency="eur", name="100 credits")
        session = client.v1.checkout.sessions.create({...})
        stripe.pay(session.id)
        assert stripe.webhooks.wait()

It speaks one API version, that of the SDK, and refuses what Stripe refuses: parameters
that the SDK's own types do not know, wrong ids, wrong modes, an idempotency key for
another request. What Stripe knows and the fake does not do is answered with 501.

**Whose it is**: ``url``, ``KEY``, ``LIVE_KEY`` (sees only live objects),
``WEBHOOK_SECRET``, ``client(key, **options)``, ``clock.advance(days=…)``.

**What is there**: ``price(500, every="month")`` and ``customer(email)`` return ids,
``card(customer)`` saves one; ``get(id)``, ``all("charge")``, ``events("invoice.paid")``
return copies; ``requests`` is what the API was asked (``method``, ``path``, ``params``
as strings, ``headers``).

**What people do**: ``pay(session, promotion=…)``, ``decline(session, decline_code)``,
``pay_by_transfer(session)`` then ``settle_transfer(session, succeeds=…)``,
``expire(session)``; ``refund(of, amount)``, ``settle_refund(refund, succeeds=False)``,
``dispute(of, is_inquiry=…)``, ``close_dispute(dispute, won=…)`` where ``of`` is a charge,
payment intent, invoice or session; ``advance(subscription, paid=…)``,
``retry(invoice, paid=…)``, ``cancel(subscription, at_period_end=…)``,
``give_up(subscription)``. A browser does the same on ``session.url``, on the portal's
address, and on ``/desk``, which plays the bank.

**Switches**: ``set_card(customer_or_card, Card.DECLINED, "insufficient_funds")``,
``pages.transfers = Transfers.SUCCEED``, ``store.tax_percent = 20`` (for sessions with
automatic tax), ``store.promotions["HALF"] = 50``.

**Faults of the API**: ``fail(RATE_LIMITED, times=2, on="POST /v1/refunds")``, also
``BROKEN``, ``UNAVAILABLE``, ``CUT`` (carried out, then cut), ``LOST`` (cut before),
``slow(seconds)``; ``forgive()`` takes them back.

**Webhooks**, on ``webhooks``: ``url``, ``types``, ``duplicate = 3``, ``delay = 0.5``,
``reorder = 0.5``, ``drop = {"invoice.paid"}`` or True, ``at_once = 20``;
``hold()``, ``held``, ``release("reversed")`` (or "random", or a list of types);
``wait()`` until all is sent; ``resend(event_id)``; ``deliveries`` (``event_id``,
``event_type``, ``status``, ``body``). ``send(forge("invoice.paid", {...}), secret=…,
at=…)`` sends what never happened; ``webhooks.send_raw(body, signature=…)`` anything.
"""

from tests.fakes.stripe.cards import Card
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.fake import StripeFake
from tests.fakes.stripe.fulfilling import Transfers
from tests.fakes.stripe.server import (
    BROKEN,
    CUT,
    LOST,
    RATE_LIMITED,
    UNAVAILABLE,
    ApiFault,
    slow,
)

__all__ = [
    "BROKEN",
    "CUT",
    "LOST",
    "RATE_LIMITED",
    "UNAVAILABLE",
    "ApiFault",
    "Card",
    "Refused",
    "StripeFake",
    "Transfers",
    "slow",
]
