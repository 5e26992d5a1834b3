"""Prices from before they had versions are kept, on the way there and on the way back."""

import io

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from generators import catalog, prices
from generators.models import GenerationJob, ImageModel, Price
from generators.terms import CostRule, Terms
from tests import factories

BEFORE = ("generators", "0005_quotas_rules_and_approvals")
COSTS = [CostRule(usd=0.05, usd_per_input_image=0.01).to_json()]


@pytest.fixture
def before(transactional_db):
    """The tables as they were, with the prices of a site that knew no versions."""
    call_command("migrate", *BEFORE, verbosity=0)
    rows = MigrationExecutor(connection).loader.project_state(BEFORE).apps
    yield rows.get_model("generators", "ImageModel").objects
    call_command("migrate", verbosity=0)


def test_when_migrated_there_and_back_then_no_price_is_lost(before):
    before.all().delete()
    for slug, columns in {
        "paid": {"price_credits": 6, "costs": COSTS, "enabled": True},
        "free": {"price_credits": 0, "enabled": True},
        "bare": {"price_credits": None},
        "gone": {"price_credits": None, "enabled": True, "retired": True},
        "huge": {"price_credits": 2_000_000_000},
    }.items():
        before.create(slug=slug, provider="x", provider_model_id=slug, **columns)
    call_command("migrate", "generators", "0006_prices", verbosity=0)
    rows = {row.slug: row for row in ImageModel.objects.filter(provider="x")}
    paid = rows["paid"]
    assert paid.price.terms == Terms(
        credits=6, costs=(CostRule(usd=0.05, usd_per_input_image=0.01),)
    )
    assert rows["free"].price.credits == 0
    assert (rows["bare"].price, rows["gone"].price) == (None, None)
    assert rows["huge"].price.credits == 10**9
    assert [rows[slug].enabled for slug in ("paid", "free", "gone")] == [True] * 3
    prices.add(paid, Terms(credits=8, costs=(CostRule(usd=0.07),)))
    call_command("migrate", *BEFORE, verbosity=0)
    held = {row.slug: row for row in before.filter(provider="x")}
    assert (held["paid"].price_credits, held["free"].price_credits) == (8, 0)
    assert held["paid"].costs == [CostRule(usd=0.07).to_json()]
    assert held["bare"].price_credits is None
    assert held["paid"].enabled


def test_when_migrated_then_jobs_stay_as_they_are_with_no_version_told(before, alice):
    call_command("migrate", verbosity=0)
    catalog.fill()
    job = factories.make_waiting_jobs([alice], [catalog.find("fake")], "remote")[0]
    call_command("migrate", *BEFORE, verbosity=0)
    call_command("migrate", verbosity=0)
    found = GenerationJob.objects.get(pk=job.pk)
    assert (found.price, found.price_credits) == (None, 0)
    assert Price.objects.filter(image_model__slug="fake").count() == 1


def test_when_there_are_a_million_jobs_then_their_table_is_not_written_anew(
    transactional_db,
):
    out = io.StringIO()
    call_command("sqlmigrate", "generators", "0006_prices", stdout=out)
    of_jobs = [
        line
        for line in out.getvalue().splitlines()
        if "generators_generationjob" in line
    ]
    assert any(line.startswith("ALTER TABLE") for line in of_jobs), of_jobs
    assert not any("INSERT INTO" in line or "new__" in line for line in of_jobs)
