"""Rows that the benchmark writes by SQL are as the tables want them, and add up."""

import pytest
from django.contrib import admin
from django.db import connection
from django.urls import reverse

from accounts.models import AuditEntry, CreditEntry, Offer, Purchase, User
from bench import many_rows
from gallery.models import Image
from generators.models import GenerationJob, PromptVerdict
from magicshot.dashboard.figures import figures
from magicshot.dashboard.spans import MONTH
from tests.magicshot.dashboard.conftest import INDEX

Status = GenerationJob.Status
JOBS = 1000
pytestmark = pytest.mark.django_db


@pytest.fixture
def filled(db):
    """A thousand jobs of a year."""
    is_sqlite = connection.vendor == "sqlite"
    dialect = many_rows.SQLITE if is_sqlite else many_rows.POSTGRES
    with connection.cursor() as cursor:
        for statement in many_rows.statements(JOBS, dialect):
            cursor.execute(statement)
    connection.check_constraints()


def test_when_rows_are_written_by_sql_then_they_are_those_of_a_year(filled):
    assert GenerationJob.objects.count() == JOBS
    assert CreditEntry.objects.count() == 2 * JOBS - many_rows.OPEN
    succeeded = GenerationJob.objects.filter(status=Status.SUCCEEDED)
    assert Image.objects.count() == succeeded.count()
    assert AuditEntry.objects.count() == JOBS
    assert PromptVerdict.objects.filter(state=PromptVerdict.State.OPEN).count() == 10
    assert Purchase.objects.filter(offer__kind=Offer.Kind.PACK).count() == JOBS // 20
    assert GenerationJob.objects.filter(finished_at=None).count() == many_rows.OPEN
    in_a_month = figures(MONTH).total.num_jobs + many_rows.OPEN
    assert in_a_month == pytest.approx(JOBS * 29.5 / many_rows.DAYS, abs=3)


def test_when_rows_are_many_then_every_page_of_the_benchmark_opens(filled, boss):
    person = User.objects.get(pk=1001)
    of_person = reverse("admin-person", args=[person.pk])
    addresses = [INDEX, f"/admin/accounts/user/{person.pk}/change/", of_person]
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        addresses.append(reverse(name))
    for address in addresses:
        assert boss.get(address).status_code == 200, address
    boss.force_login(person)
    assert boss.get("/credits/").status_code == 200
