"""Versions of prices: the latest that has begun is in force, and none is ever changed."""

import datetime as dt
import threading

import pytest
from django.db import IntegrityError, connections, transaction
from django.db.models import F
from django.utils import timezone

from generators import catalog, jobs, prices, reconciler
from generators.models import Connection, GenerationJob, ImageModel, Price
from generators.models.prices import PriceChanged
from generators.prices import CannotPrice
from generators.terms import MOST_CREDITS, CostRule, PriceRule, Terms
from tests import factories
from tests.fakes.shop import spec

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell")]
SOON = dt.timedelta(hours=1)


@pytest.fixture
def paid():
    return catalog.find(factories.PAID)


@pytest.fixture
def unpriced(shop):
    shop.shelf = (spec("brush", price_credits=None),)
    catalog.fill()
    return catalog.find("brush")


def credits_of(image_model):
    image_model.refresh_from_db()
    return image_model.price and image_model.price.credits


def let_time_pass(image_model, time=2 * SOON):
    """Move all versions into the past, as if so much time had gone by."""
    image_model.prices.update(valid_from=F("valid_from") - time)


def test_when_a_version_is_made_for_now_then_it_is_in_force_at_once(paid, staff):
    rules = (PriceRule(credits=9, max_pixels=100),)
    terms = Terms(credits=7, rules=rules, costs=(CostRule(usd=0.05),))
    made = prices.add(paid, terms, made_by=staff, note="Dearer")
    assert paid.price == made, "also on the row at hand"
    assert credits_of(paid) == 7
    found = Price.objects.get(pk=made.pk)
    assert found.terms == terms
    assert (found.made_by, found.note) == (staff, "Dearer")
    assert abs(found.valid_from - timezone.now()) < dt.timedelta(minutes=1)


def test_when_versions_follow_at_once_then_each_has_a_moment_of_its_own(paid):
    made = [prices.add(paid, Terms(credits=n)) for n in range(5)]
    moments = [each.valid_from for each in made]
    assert moments == sorted(set(moments))
    assert credits_of(paid) == 4


def test_when_a_version_is_to_come_then_it_begins_at_its_time(paid):
    old = paid.price
    prices.add(paid, Terms(credits=7), valid_from=timezone.now() + SOON)
    prices.begin_due()
    assert credits_of(paid) == old.credits
    let_time_pass(paid)
    reconciler.reconcile()
    assert credits_of(paid) == 7


def test_when_several_are_due_then_the_latest_begins_and_none_goes_back(paid):
    now = timezone.now()
    prices.add(paid, Terms(credits=9), valid_from=now + SOON)
    prices.add(paid, Terms(credits=8), valid_from=now + SOON / 2)
    let_time_pass(paid)
    prices.begin_due()
    assert credits_of(paid) == 9
    prices.begin_due()
    assert credits_of(paid) == 9
    prices.add(paid, Terms(credits=1))
    prices.begin_due()
    assert credits_of(paid) == 1, "what is made for now replaces what began before"


def test_when_a_row_was_saved_with_an_older_version_then_that_is_put_right(paid):
    stale = catalog.find(factories.PAID)
    newer = prices.add(paid, Terms(credits=7))
    stale.save()  # all columns, as the admin's form does
    prices.begin_due()
    paid.refresh_from_db()
    assert paid.price == newer


def test_when_none_is_due_then_the_database_is_asked_once(
    paid, django_assert_num_queries
):
    prices.add(paid, Terms(credits=7), valid_from=timezone.now() + SOON)
    with django_assert_num_queries(1):
        prices.begin_due()


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (-SOON, prices.OVER),
        (dt.timedelta(seconds=-1), prices.OVER),
        (dt.timedelta(days=4000), prices.TOO_FAR),
    ],
)
def test_when_the_moment_makes_no_sense_then_no_version_is_made(paid, when, words):
    with pytest.raises(CannotPrice) as refusal:
        prices.add(paid, Terms(credits=7), valid_from=timezone.now() + when)
    assert refusal.value.user_message == words
    assert paid.prices.count() == 1


def test_when_two_would_begin_at_one_moment_then_the_second_is_refused(paid):
    when = timezone.now() + SOON
    prices.add(paid, Terms(credits=7), valid_from=when)
    with pytest.raises(CannotPrice) as refusal:
        prices.add(paid, Terms(credits=8), valid_from=when)
    assert refusal.value.user_message == prices.TAKEN
    other = catalog.find(factories.LOCAL)
    prices.add(other, Terms(credits=8), valid_from=when)
    with pytest.raises(IntegrityError), transaction.atomic():
        Price.objects.create(image_model=paid, credits=1, valid_from=when)


@pytest.mark.parametrize("credits", [-1, MOST_CREDITS + 1])
def test_when_credits_are_no_amount_then_the_database_refuses_them(paid, credits):
    with pytest.raises(IntegrityError), transaction.atomic():
        prices.add(paid, Terms(credits=credits))


def test_when_a_version_is_there_then_it_is_never_changed(paid):
    price = paid.price
    price.credits = 1
    with pytest.raises(PriceChanged):
        price.save()
    assert Price.objects.get(pk=price.pk).credits != 1


def test_when_a_version_has_not_begun_then_it_can_be_withdrawn(paid):
    later = prices.add(paid, Terms(credits=7), valid_from=timezone.now() + SOON)
    assert prices.withdraw(later)
    assert not prices.withdraw(later), "it is gone"
    assert paid.prices.count() == 1


def test_when_a_version_has_begun_then_it_stays(paid):
    later = prices.add(paid, Terms(credits=7), valid_from=timezone.now() + SOON)
    let_time_pass(paid)
    assert not prices.withdraw(later), "though nobody has put it in force yet"
    assert not prices.withdraw(paid.price)
    assert paid.prices.count() == 2


def test_when_no_version_has_begun_then_the_model_cannot_be_enabled(unpriced):
    prices.add(unpriced, Terms(credits=7), valid_from=timezone.now() + SOON)
    rows = ImageModel.objects.filter(pk=unpriced.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(enabled=True)
    let_time_pass(unpriced)
    prices.begin_due()
    assert rows.update(enabled=True) == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(price=None)


def test_when_a_job_was_reserved_then_it_keeps_the_version_it_was_reserved_by(
    paid, alice
):
    first = factories.make_job(alice)
    dearer = factories.set_price(factories.PAID, 9)
    second = factories.make_job(alice)
    first.refresh_from_db()
    assert (first.price, first.price_credits) == (paid.price, paid.price.credits)
    assert (second.price, second.price_credits) == (dearer, 9)


def test_when_a_price_rises_while_a_job_waits_then_it_costs_what_was_set_aside(alice):
    job = factories.make_job(alice, num_images=2)
    factories.set_price(factories.PAID, 9)
    assert jobs.run_next(job.lane, worker="test")
    job.refresh_from_db()
    assert job.settled_credits == 2 * job.price_credits == 4


def test_when_an_image_model_goes_then_its_versions_go_and_jobs_stay(studio, alice):
    way = Connection.objects.create(provider="studio", label="Own")
    row = ImageModel.objects.create(
        slug="own", provider="studio", provider_model_id="own", connection=way
    )
    price = prices.add(row, Terms(credits=1))
    job = factories.make_waiting_jobs([alice], [row], "remote")[0]
    GenerationJob.objects.filter(pk=job.pk).update(price=price)
    way.delete()
    job.refresh_from_db()
    assert (job.image_model, job.price) == (None, None)
    assert not Price.objects.filter(pk=price.pk).exists()


def test_when_an_admin_goes_then_their_versions_stay(paid, bob):
    price = prices.add(paid, Terms(credits=7), made_by=bob)
    bob.delete()
    assert Price.objects.get(pk=price.pk).made_by is None
    assert credits_of(paid) == 7


@pytest.mark.django_db(transaction=True)
def test_when_many_make_versions_at_once_then_the_last_to_begin_is_in_force(paid):
    problems = []

    def make(credits):
        try:
            prices.add(paid, Terms(credits=credits))
            prices.begin_due()
        except Exception as error:  # noqa: BLE001 (it is told below)
            problems.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=make, args=(n,)) for n in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert problems == []
    assert paid.prices.count() == 9
    newest = paid.prices.latest("valid_from")
    assert credits_of(paid) == newest.credits
