"""Start a fake Stripe and a demo site that sells credits through it.

The site has a data folder of its own, `build/demo-billing`. Its checkout page is the
fake's: nothing is charged. Ctrl-C stops everything.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / "build" / "demo-billing"

sys.path.insert(0, str(ROOT))

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
        _offer()
        fake.webhooks.url = f"{settings.SITE_URL}/billing/webhook/"
        print("Stripe is a fake here: nothing is charged. Credits are in the menu.")
        call_command("run")


def _offer() -> None:
    """Put the offers on sale at this fake, which remembers nothing of an earlier one."""
    from accounts.billing import offers
    from accounts.models import Customer, Offer, TopUp

    TopUp.objects.all().delete()
    Offer.objects.update(active=False)
    Customer.objects.update(livemode=True)  # of an earlier fake: not asked for again
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
