"""The admin's pages on money: offers, what came, and Stripe's news."""

import pytest
from django.contrib.auth.models import Permission

from accounts import checks
from accounts.models import Offer, Order, Purchase, StripeEvent, User
from tests.fakes.stripe import BROKEN

pytestmark = pytest.mark.django_db
ADD = "/admin/accounts/offer/add/"


@pytest.fixture
def desk(shop, client, staff):
    client.force_login(staff)
    return client


def typed(**changes):
    return {
        "kind": "pack",
        "name": "Handful",
        "credits": "100",
        "price": "5.00",
        "currency": "USD",
        "active": "on",
        "order": "1",
    } | changes


@pytest.mark.django_db(transaction=True)
def test_a_new_offer_gets_its_price_at_stripe(desk, shop):
    assert desk.post(ADD, typed()).status_code == 302
    assert desk.post(ADD, typed(kind="plan", name="Painter")).status_code == 302
    pack, plan = Offer.objects.order_by("id")
    assert (pack.amount, pack.currency, pack.livemode) == (500, "usd", False)
    prices = {each["id"]: each for each in shop.fake.all("price")}
    assert prices[pack.stripe_price]["unit_amount"] == 500
    assert prices[pack.stripe_price]["recurring"] is None
    assert prices[plan.stripe_price]["recurring"]["interval"] == "month"
    assert "$5.00" in desk.get("/admin/accounts/offer/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_when_stripe_does_not_take_it_then_saving_again_does(desk, shop):
    shop.fake.fail(BROKEN, times=3)
    assert desk.post(ADD, typed()).status_code == 302
    offer = Offer.objects.get()
    assert offer.stripe_price == ""
    page = desk.get("/admin/accounts/offer/").content.decode()
    assert "not at Stripe yet" in page
    assert "Save it again" in page
    shop.fake.forgive()
    assert "Handful" not in shop.browser.get("/billing/").content.decode()
    desk.post(
        f"/admin/accounts/offer/{offer.pk}/change/", {"active": "on", "order": "1"}
    )
    offer.refresh_from_db()
    assert offer.stripe_price
    assert "Handful" in shop.browser.get("/billing/").content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("credits", "0"),
        ("credits", "-5"),
        ("credits", "1.5"),
        ("credits", "9" * 30),
        ("credits", ""),
        ("price", "0"),
        ("price", "0.49"),
        ("price", "-5"),
        ("price", "5.001"),
        ("price", "1000000.00"),
        ("price", "1e400"),
        ("price", "NaN"),
        ("currency", "dollar"),
        ("currency", "$"),
        ("currency", ""),
        ("name", ""),
        ("kind", "gift"),
    ],
)
def test_nonsense_is_refused_and_nothing_is_made(desk, shop, field, value):
    answer = desk.post(ADD, typed(**{field: value}))
    assert answer.status_code == 200
    assert not Offer.objects.exists()
    assert not shop.fake.all("price")


@pytest.mark.django_db(transaction=True)
def test_a_currency_that_stripe_does_not_know_is_told(desk, shop):
    answer = desk.post(ADD, typed(currency="xxx"), follow=True)
    assert answer.status_code == 200
    assert "Stripe did not take the price" in answer.content.decode()


def test_what_was_sold_stays_what_it_was(desk, shop):
    offer = shop.offer()
    address = f"/admin/accounts/offer/{offer.pk}/change/"
    desk.post(address, typed(credits="999", price="1.00", name="Other", active=""))
    offer.refresh_from_db()
    assert (offer.credits, offer.amount, offer.name) == (100, 500, "Handful")
    assert not offer.active
    assert desk.post(f"/admin/accounts/offer/{offer.pk}/delete/").status_code == 403


def test_money_is_seen_and_not_changed(desk, shop):
    shop.bought(shop.offer())
    for name, row in (
        ("purchase", Purchase.objects.get()),
        ("order", Order.objects.get()),
        ("customer", shop.wallet.customers.get()),
        ("stripeevent", StripeEvent.objects.first()),
    ):
        base = f"/admin/accounts/{name}/"
        assert desk.get(base).status_code == 200
        assert desk.get(f"{base}{row.pk}/change/").status_code == 200
        assert desk.get(f"{base}add/").status_code == 403
        assert desk.post(f"{base}{row.pk}/delete/").status_code == 403


def test_failed_news_warns_and_can_be_handled_again(desk, shop):
    order = shop.order(shop.offer())
    session_id = order.stripe_id
    shop.fake.pay(session_id)
    Offer.objects.update(amount=400)
    shop.hear()
    failed = StripeEvent.objects.get(status=StripeEvent.Status.FAILED)
    assert failed.told == "amount: Stripe says 500, expected 400"
    Offer.objects.update(amount=500)
    action = {"action": "handle_again", "_selected_action": [failed.pk]}
    desk.post("/admin/accounts/stripeevent/", action)
    shop.hear()
    assert shop.wallet.balance == 100


def test_failed_news_that_was_seen_to_is_put_away(desk, shop):
    shop.fake.pay(shop.order(shop.offer()).stripe_id)
    Offer.objects.update(amount=400)
    shop.hear()
    failed = StripeEvent.objects.get(status=StripeEvent.Status.FAILED)
    others = StripeEvent.objects.exclude(pk=failed.pk).values_list("pk", flat=True)
    chosen = [failed.pk, *others]
    before = StripeEvent.objects.filter(status=StripeEvent.Status.HANDLED).count()
    desk.post(
        "/admin/accounts/stripeevent/",
        {"action": "ignore", "_selected_action": chosen},
    )
    failed.refresh_from_db()
    assert failed.status == StripeEvent.Status.IGNORED
    kept = StripeEvent.objects.filter(status=StripeEvent.Status.HANDLED)
    assert kept.count() == before


def test_staff_without_the_right_do_not_handle_news(desk, shop, bob):
    shop.bought(shop.offer())
    bob.is_staff = True
    bob.save()
    rights = Permission.objects.filter(codename="view_stripeevent")
    User.objects.get(pk=bob.pk).user_permissions.set(rights)
    desk.force_login(bob)
    event = StripeEvent.objects.first()
    action = {"action": "handle_again", "_selected_action": [event.pk]}
    desk.post("/admin/accounts/stripeevent/", action)
    event.refresh_from_db()
    assert event.status != StripeEvent.Status.WAITING


def test_where_nothing_is_sold_the_admin_does_not_mention_money(client, staff):
    client.force_login(staff)
    page = client.get("/admin/").content.decode()
    assert "Stripe" not in page
    assert "Offers" not in page


@pytest.mark.parametrize(
    ("key", "secret", "found"),
    [
        ("", "", []),
        ("sk_test_a", "whsec_a", []),
        ("sk_test_a", "", ["accounts.W002"]),
        ("pk_test_a", "whsec_a", ["accounts.E004"]),
        ("sk_test_a", "abc", ["accounts.E005"]),
    ],
)
def test_settings_that_cannot_work_are_named(settings, key, secret, found):
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET = key, secret
    assert [each.id for each in checks.check_payments(None)] == found
