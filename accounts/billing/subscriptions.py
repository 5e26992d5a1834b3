"""Plans: who pays one, and the credits that each paid month brings."""

import logging

import stripe
from django.db.models import Q

from accounts import audit
from accounts.billing import purchases
from accounts.billing.client import client, is_live
from accounts.billing.findings import NotOurs, Suspicious, expect, id_of
from accounts.billing.fresh import write_fresh
from accounts.billing.offers import offer_of_price
from accounts.models import AuditEntry, Customer, Offer, Purchase, Subscription

logger = logging.getLogger(__name__)

Status = Subscription.Status
LIVE = (Status.TRIALING, Status.ACTIVE, Status.PAST_DUE, Status.UNPAID, Status.PAUSED)
"""There is a plan, paid or not: another is not sold beside it."""

# The first payment and each renewal. Others (a change, by hand) bring no credits.
_BRINGS_CREDITS = frozenset({"subscription_create", "subscription_cycle"})


def live_subscriptions(customer: Customer) -> list[Subscription]:
    """Return the plans that a customer has now: one, unless two were bought elsewhere."""
    found = customer.subscriptions.filter(status__in=LIVE)
    return list(found.select_related("offer"))


def has_plan(customer: Customer) -> bool:
    """Say whether a customer has a plan now."""
    return customer.subscriptions.filter(status__in=LIVE).exists()


def subscription_changed(stripe_id: str) -> Subscription:
    """Write down how a subscription stands. Raises StripeError, NotOurs, Suspicious."""
    row = Subscription.objects.filter(stripe_id=stripe_id).first()
    row = row or _new(client().v1.subscriptions.retrieve(stripe_id))
    write_fresh(row, lambda: client().v1.subscriptions.retrieve(stripe_id), _write_down)
    row.refresh_from_db()
    return row


def _new(said: stripe.Subscription) -> Subscription:
    row, _ = Subscription.objects.get_or_create(
        stripe_id=said.id,
        defaults={
            "customer": customer_named(said.customer),
            "offer": _offer_of(said),
            "status": _status(said),
        },
    )
    return row


def invoice_changed(stripe_id: str) -> Purchase | None:
    """Give the credits of an invoice that is paid. Raises as ``subscription_changed``."""
    invoice = client().v1.invoices.retrieve(stripe_id)
    customer = customer_named(invoice.customer)
    parent = invoice.parent
    details = parent.subscription_details if parent else None
    if details is None or invoice.billing_reason not in _BRINGS_CREDITS:
        raise NotOurs
    if invoice.status != "paid":
        return None
    subscription = subscription_changed(id_of(details.subscription))
    expect("customer", subscription.customer_id, customer.pk)
    offer = _offer_on(invoice)
    payment = purchases.Payment(
        stripe_id=stripe_id,
        payment_intent=_intent_of(stripe_id),
        amount=invoice.amount_paid,
        currency=invoice.currency,
        made_at=purchases.moment(invoice.created),
    )
    return purchases.grant(customer, offer, payment)


def wind_down() -> None:
    """Let the plans of those who leave, or were stopped, end with the month paid for."""
    going = Subscription.objects.filter(
        Q(customer__wallet__user__is_active=False)
        | Q(customer__wallet__user__deletion_due_at__isnull=False),
        customer__livemode=is_live(),
        status__in=LIVE,
        ends_at_period_end=False,
    )
    for stripe_id in list(going.values_list("stripe_id", flat=True)):
        try:
            client().v1.subscriptions.update(stripe_id, {"cancel_at_period_end": True})
            subscription_changed(stripe_id)
        except (stripe.StripeError, NotOurs, Suspicious) as error:
            logger.warning("%s goes on for now: %s", stripe_id, type(error).__name__)


def customer_named(said: object) -> Customer:
    """Return the customer that an object of Stripe's names. Raises NotOurs."""
    found = Customer.objects.select_related("wallet").filter(
        stripe_id=id_of(said), livemode=is_live()
    )
    customer = found.first()
    if customer is None:
        raise NotOurs
    return customer


def _offer_of(said: stripe.Subscription) -> Offer:
    items = said["items"].data
    offer = offer_of_price(items[0].price.id) if items else None
    if offer is None or len(items) != 1 or items[0].quantity != 1:
        raise Suspicious(f"{said.id} pays for something that is no plan of this site.")
    return offer


def _status(said: stripe.Subscription) -> Status:
    try:
        return Status(said.status)
    except ValueError:  # a word that Stripe learned later
        raise Suspicious(f"{said.id} is {said.status!r}, which is unknown.") from None


def _write_down(row: Subscription, said: stripe.Subscription) -> None:
    before: dict[str, object] = {
        "status": row.status,
        "ends_at_period_end": row.ends_at_period_end,
    }
    row.offer = _offer_of(said)
    row.status = _status(said)
    row.ends_at_period_end = bool(said.cancel_at_period_end or said.cancel_at)
    row.period_ends_at = purchases.moment(said["items"].data[0].current_period_end)
    after = {"status": row.status, "ends_at_period_end": row.ends_at_period_end}
    if row.num_looks == 1:  # it is news altogether
        before = {}
    if before != after:
        person = row.customer.wallet.user
        action = AuditEntry.Action.SUBSCRIPTION
        audit.record(action, row, person=person, before=before, after=after)


def _offer_on(invoice: stripe.Invoice) -> Offer:
    """Return the plan whose month an invoice is for, as its line says.

    Lines that settle a change within a month are not another month.
    """
    months = [line for line in invoice.lines.data if not _settles_a_change(line)]
    expect("lines of months", len(months), 1)
    pricing = months[0].pricing
    price = pricing.price_details.price if pricing and pricing.price_details else ""
    offer = offer_of_price(id_of(price))
    if offer is None or offer.kind != Offer.Kind.PLAN:
        raise Suspicious(f"{invoice.id} is for something that is no plan of this site.")
    expect("quantity", months[0].quantity, 1)
    expect("currency", invoice.currency, offer.currency)
    return offer


def _settles_a_change(line: stripe.InvoiceLineItem) -> bool:
    of_item = line.parent.subscription_item_details if line.parent else None
    return bool(of_item and of_item.proration)


def _intent_of(invoice: str) -> str:
    """Return what an invoice was paid by; empty where nothing was left to pay."""
    paid = client().v1.invoice_payments.list({"invoice": invoice, "status": "paid"})
    for each in paid.data:
        if each.payment.payment_intent:
            return id_of(each.payment.payment_intent)
    return ""
