"""Start a fake Stripe and a demo site that sells credits through it.

The site has a data folder of its own, `build/demo-billing`. Its checkout page is the
fake's: nothing is charged. Ctrl-C stops everything.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / "build" / "demo-billing"

sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from tests.fakes.stripe import StripeFake

OFFERS = (
    ("pack", "Handful", 100, 500),
    ("pack", "Boxful", 500, 2000),
    ("pack", "Truckload", 2000, 6900),
    ("plan", "Painter", 300, 900),
    ("plan", "Studio", 1500, 3900),
)


def main() -> None:
    """Run until Ctrl-C."""
    from tests.fakes.stripe import StripeFake

    with StripeFake() as fake:
        os.environ |= {
            "STRIPE_API_URL": fake.url,
            "STRIPE_SECRET_KEY": fake.KEY,
            "STRIPE_WEBHOOK_SECRET": fake.WEBHOOK_SECRET,
        }
        os.environ.setdefault("MAGICSHOT_HOME", str(HOME))
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicshot.settings")
        import django

        django.setup()
        from django.conf import settings
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        _remind(fake)
        fake.webhooks.url = f"{settings.SITE_URL}/billing/webhook/"
        print("Stripe is a fake here: nothing is charged. Credits are in the menu.")
        call_command("run")


def _remind(fake: "StripeFake") -> None:
    """Tell this fake what an earlier one knew of the site; plans ended with that one."""
    from accounts.billing import offers
    from accounts.models import Customer, Offer, Order, Subscription

    for offer in Offer.objects.exclude(stripe_price=""):
        every = "month" if offer.kind == Offer.Kind.PLAN else None
        fake.price(
            offer.amount,
            currency=offer.currency,
            every=every,
            name=offer.name,
            id=offer.stripe_price,
        )
    for customer in Customer.objects.select_related("wallet__user"):
        email = customer.wallet.user.email if customer.wallet.user else ""
        fake.customer(email, id=customer.stripe_id)
    Subscription.objects.update(status=Subscription.Status.CANCELED)
    Order.objects.filter(status=Order.Status.OPEN).update(status=Order.Status.EXPIRED)
    if Offer.objects.exists():
        return
    for order, (kind, name, credits, amount) in enumerate(OFFERS):
        offers.publish(
            Offer.objects.create(
                kind=kind,
                name=name,
                credits=credits,
                amount=amount,
                currency="usd",
                order=order,
            )
        )


if __name__ == "__main__":
    main()
