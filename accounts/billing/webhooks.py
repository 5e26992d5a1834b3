"""Where Stripe sends its news."""

import json
import logging
import time

import stripe
from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import sending
from accounts.billing import events
from accounts.billing.client import is_on

MAX_BYTES = 1_000_000
TOLERANCE_SECONDS = 300
LAST_SECOND = 2**33
"""In the year 2242."""

logger = logging.getLogger(__name__)


class Refused(Exception):
    """What arrived is not fresh news that Stripe signed."""


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Keep news and answer at once: 200, also for what is known; 400 for the rest."""
    if not is_on() or not settings.STRIPE_WEBHOOK_SECRET:
        raise Http404
    body = request.read(MAX_BYTES + 1)  # a length may be missing, or a lie
    if len(body) > MAX_BYTES:
        return HttpResponse(status=413)
    try:
        event = _verified(body, request.headers.get("Stripe-Signature", ""))
        with transaction.atomic():
            if events.keep(event):
                transaction.on_commit(lambda: sending.send(sending.STRIPE_EVENTS))
    except events.WrongMode:
        logger.warning("News of the other mode was refused: check the webhook's keys.")
        return HttpResponse("This site's keys are of the other mode.", status=400)
    except Refused as error:
        logger.warning("A webhook was refused: %s", error)
        return HttpResponse(str(error), status=400)
    return HttpResponse(status=200)


def _verified(body: bytes, signature: str) -> stripe.Event:
    """Return the event of a body that Stripe signed just now. Raises ``Refused``."""
    try:
        event: stripe.Event = stripe.Webhook.construct_event(
            body, signature, settings.STRIPE_WEBHOOK_SECRET, TOLERANCE_SECONDS
        )
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        raise Refused("The signature does not hold.") from None
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise Refused("The body is no event.") from None
    # The SDK looks only for what is too old.
    if _signed_at(signature) > time.time() + TOLERANCE_SECONDS:
        raise Refused("It is stamped in the future.")
    if not _is_whole(event):
        raise Refused("The body is no event.")
    return event


def _signed_at(signature: str) -> int:
    stamps = (part.partition("=") for part in signature.split(","))
    return next(int(value) for name, _, value in stamps if name == "t")


def _is_whole(event: stripe.Event) -> bool:
    """Say whether it has what we read of it; the signature does not promise that."""
    try:
        texts = (event.id, event.type, event.data.object["id"])
        created, livemode = event.created, event.livemode
    except (AttributeError, KeyError, TypeError, json.JSONDecodeError):
        return False
    is_dated = isinstance(created, int) and 0 <= created <= LAST_SECOND
    return is_dated and isinstance(livemode, bool) and all(map(_is_name, texts))


def _is_name(text: object) -> bool:
    return isinstance(text, str) and len(text) <= 255 and text.isprintable()
