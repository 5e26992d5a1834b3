"""The admin's lists count and search no further than they must."""

import uuid

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import admin_lists, ledger
from accounts.admin_lists import AtLeast, BoundedPaginator, matching
from accounts.models import CreditEntry, Group, User, Wallet
from gallery.models import Image, StoredFile
from generators.models import Generation, GenerationJob, JobEvent
from tests import factories
from tests.gallery.making import make_image

pytestmark = pytest.mark.django_db
LARGE = (
    User,
    Wallet,
    CreditEntry,
    Generation,
    GenerationJob,
    JobEvent,
    Image,
    StoredFile,
)


@pytest.fixture
def boss(client, staff):
    """A client signed in as a superuser."""
    client.force_login(staff)
    return client


def page(model):
    """Return the address of a table's list."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def found(model, words):
    """Return the rows that a search for words finds."""
    fields = admin.site.get_model_admin(model).search_fields
    return list(model.objects.filter(matching(model, fields, words)))


def test_when_rows_are_many_then_they_are_counted_up_to_a_bound(
    boss, monkeypatch, alice, bob
):
    monkeypatch.setattr(admin_lists, "COUNTED_TO", 2)
    paginator = BoundedPaginator(User.objects.order_by("pk"), 1)
    assert (paginator.count, str(paginator.count)) == (2, "2+")
    assert paginator.num_pages == 2
    html = boss.get(page(User)).content.decode()
    assert "2+" in html
    bob.delete()
    assert str(BoundedPaginator(User.objects.order_by("pk"), 1).count) == "2"


def test_when_a_number_may_be_higher_then_it_says_so():
    assert str(AtLeast(10_000)) == "10,000+"
    assert AtLeast(10_000) + 1 == 10_001


@pytest.mark.parametrize("model", LARGE)
def test_when_a_list_is_opened_then_no_count_is_without_a_bound(boss, alice, model):
    ledger.wallet_of(alice)
    factories.make_job(alice)
    make_image(alice)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert boss.get(page(model)).status_code == 200
    table = f'FROM "{model._meta.db_table}"'
    counts = [
        each["sql"]
        for each in queries
        if "COUNT(" in each["sql"].upper() and table in each["sql"]
    ]
    assert counts
    assert all(" LIMIT " in sql for sql in counts)


def test_when_somebodys_address_is_typed_then_what_is_theirs_is_found(alice, bob):
    job = factories.make_job(alice)
    factories.make_job(bob)
    image = make_image(alice)
    wallet = ledger.wallet_of(alice)
    entries = list(CreditEntry.objects.filter(wallet=wallet))
    for words in ("alice", "ALICE@example.org", "Ali"):
        assert found(GenerationJob, words) == [job]
        assert found(Generation, words) == [job.generation]
        assert found(Image, words) == [image]
        assert found(Wallet, words) == [wallet]
        assert found(CreditEntry, words) == entries
        assert found(User, words) == [alice]
    for words in ("lice", "alice bob", "alice@example.com", "%", "_lice"):
        assert found(GenerationJob, words) == []


def test_when_a_number_is_typed_then_its_row_is_found(alice):
    job = factories.make_job(alice)
    JobEvent.objects.create(job=job, name="claim")
    assert found(GenerationJob, str(job.public_id)) == [job]
    assert found(GenerationJob, f"alice {job.public_id}") == [job]
    assert found(JobEvent, str(job.public_id)) == list(job.events.all())
    assert found(GenerationJob, str(uuid.uuid4())) == []
    file = make_image(alice).file
    assert found(StoredFile, file.content_hash[:12].upper()) == [file]


def test_when_a_group_or_a_name_is_typed_then_it_is_found(alice):
    group = Group.objects.create(name="The Class")
    wallet = ledger.wallet_of_group(group)
    alice.name = "Alice Liddell"
    alice.save()
    assert found(Group, "class") == [group]
    assert found(Wallet, "the") == found(Wallet, "class") == [wallet]
    assert found(User, "alice") == [alice]
    assert found(User, "Liddell") == []


def test_when_an_entrys_reference_is_typed_then_it_is_found(boss, alice):
    ledger.grant(ledger.wallet_of(alice), 5, reference="cs_test_17")
    entry = CreditEntry.objects.get(reference="cs_test_17")
    listed = boss.get(page(CreditEntry), {"q": " cs_test_17 "}).context["cl"]
    assert list(listed.queryset) == [entry]
    assert list(boss.get(page(CreditEntry), {"q": ""}).context["cl"].queryset)
    none = boss.get(page(CreditEntry), {"q": "cs_test_18"}).context["cl"]
    assert list(none.queryset) == []


def test_when_jobs_are_filtered_by_where_they_are_then_ended_ones_are_left_out(
    boss, alice
):
    waiting, ended = factories.make_job(alice), factories.make_job(alice)
    ended.status = GenerationJob.Status.CANCELED
    GenerationJob.objects.filter(pk=ended.pk).update(
        status=ended.status, settled_credits=0, finished_at=ended.created_at
    )
    for query in ("lane__exact=remote", "phase__exact=waiting"):
        listed = boss.get(f"{page(GenerationJob)}?{query}").context["cl"]
        assert list(listed.queryset) == [waiting]
    listed = boss.get(f"{page(GenerationJob)}?status__exact=canceled").context["cl"]
    assert list(listed.queryset) == [ended]
    assert boss.get(page(GenerationJob)).context["cl"].queryset.count() == 2
