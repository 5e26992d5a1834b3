"""A site that sells by the fake Stripe, and a person who buys there."""

import json

from django.test import Client
from stripe import WebhookSignature

from accounts import ledger
from accounts.billing import events, offers
from accounts.models import Offer, Order, User, Wallet
from tests.fakes.stripe import StripeFake


class Shop:
    """Alice before the shop; her presses go through the site's own addresses."""

    def __init__(self, fake: StripeFake, buyer: User) -> None:
        self.fake = fake
        self.buyer = buyer
        self.browser = Client()
        self.browser.force_login(buyer)

    @property
    def wallet(self) -> Wallet:
        """The buyer's wallet as it is now."""
        return Wallet.objects.get(pk=ledger.wallet_of(self.buyer).pk)

    def offer(
        self,
        kind: str = Offer.Kind.PACK,
        *,
        credits: int = 100,
        amount: int = 500,
        currency: str = "usd",
    ) -> Offer:
        """Put something on sale."""
        offer = Offer.objects.create(
            kind=kind, name="Handful", credits=credits, amount=amount, currency=currency
        )
        offers.publish(offer)
        offer.refresh_from_db()
        return offer

    def press_buy(self, offer: Offer, *, keeps_card: bool = False):
        """Press Buy; return the answer."""
        fields = {"offer": offer.pk} | ({"keeps_card": "on"} if keeps_card else {})
        return self.browser.post("/billing/orders/", fields)

    def order(self, offer: Offer, *, keeps_card: bool = False) -> Order:
        """Press Buy; return the order that came of it."""
        answer = self.press_buy(offer, keeps_card=keeps_card)
        assert answer.status_code == 200, answer.content.decode()
        order = Order.objects.filter(offer=offer, customer__wallet=self.wallet)
        return order.latest("id")

    def bought(self, offer: Offer, *, keeps_card: bool = False) -> Order:
        """Buy, pay, and let Stripe's news arrive."""
        order = self.order(offer, keeps_card=keeps_card)
        self.fake.pay(order.stripe_id)
        self.hear()
        order.refresh_from_db()
        return order

    def hear(self, *, times: int = 1) -> None:
        """Deliver everything that Stripe has to tell, and handle it."""
        for event in self.fake.events():
            for _ in range(times):
                assert deliver(self.browser, event).status_code == 200
        events.handle_waiting()


def deliver(browser: Client, event):
    """Send one event of the fake's to the site, signed; return the answer."""
    body = json.dumps(event)
    signature = WebhookSignature.generate_signature_header(
        body, StripeFake.WEBHOOK_SECRET
    )
    return browser.post(
        "/billing/webhook/",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": signature},
    )
