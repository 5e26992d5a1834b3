"""A site that was set up before the squashed migrations goes on with all it holds."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.site import ROOT, clean_environment, manage

APPS = ("accounts", "gallery", "generators")
MAKE_OLD_SITE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "magicshot.settings"
sys.path.insert(0, sys.argv[1])
from django.conf import settings
settings.MIGRATION_MODULES = {app: "old_" + app for app in sys.argv[2].split(",")}
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
generators = ("generators", "0005_quotas_rules_and_approvals")
call_command("migrate", *generators, verbosity=0)
for app in ("account", "sessions", "mfa", "usersessions"):
    call_command("migrate", app, verbosity=0)
state = MigrationExecutor(connection).loader.project_state([generators]).apps
rows = state.get_model("generators", "ImageModel").objects
rows.all().delete()
costs = [{"usd": 0.05}]
for slug, columns in {
    "paid": {"price_credits": 6, "costs": costs, "enabled": True},
    "free": {"price_credits": 0, "enabled": True},
    "bare": {"price_credits": None},
    "huge": {"price_credits": 2_000_000_000},
}.items():
    rows.create(slug=slug, provider="x", provider_model_id=slug, **columns)
"""


def tables_of(home: Path) -> dict[str, set[tuple[object, ...]]]:
    with sqlite3.connect(home / "db.sqlite3") as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: {row[1:] for row in database.execute(f"PRAGMA table_info({name})")}
            for (name,) in names.fetchall()
        }


@pytest.mark.timeout(240)
def test_when_a_site_has_the_old_migrations_then_it_goes_on_and_keeps_its_prices(
    tmp_path: Path,
):
    old, new = tmp_path / "old", tmp_path / "new"
    for app in APPS:
        copied = tmp_path / "modules" / f"old_{app}"
        squashed = shutil.ignore_patterns("*squashed*", "__pycache__")
        shutil.copytree(ROOT / app / "migrations", copied, ignore=squashed)
    subprocess.run(
        [sys.executable, "-c", MAKE_OLD_SITE, tmp_path / "modules", ",".join(APPS)],
        cwd=ROOT,
        env=clean_environment(old, {}),
        check=True,
    )
    for home in (old, new):
        migrated = manage("migrate", home=home)
        assert migrated.returncode == 0, migrated.stderr
        assert manage("migrate", "--check", home=home).returncode == 0
    with sqlite3.connect(old / "db.sqlite3") as database:
        found = database.execute(
            "SELECT model.slug, price.credits FROM generators_imagemodel AS model "
            "LEFT JOIN generators_price AS price ON price.id = model.price_id "
            "WHERE model.provider = 'x'"
        )
        prices = dict(found.fetchall())
    assert prices == {"paid": 6, "free": 0, "bare": None, "huge": 10**9}
    ignored = {"sqlite_sequence"}
    old_tables, new_tables = tables_of(old), tables_of(new)
    assert old_tables.keys() ^ new_tables.keys() <= ignored
    for name in new_tables.keys() - ignored:
        assert {row[:3] for row in old_tables[name]} == {
            row[:3] for row in new_tables[name]
        }, name
