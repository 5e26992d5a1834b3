"""The picker's cards: grouped, recent ones first, troubled and retired ones explained."""

import html
import re

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from generators import catalog
from generators.models import Connection, ImageModel, ImageModelAlias
from generators.picker import Picker, recent_slugs
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def way(db) -> Connection:
    """A connection to a remote provider that works."""
    row = Connection.objects.create(provider="google", label="ours", check_passed=True)
    ImageModel.objects.filter(provider="google", retired=False).update(enabled=True)
    return row


def picker(*recent: str) -> Picker:
    return Picker(choices=catalog.choices(), chosen=[], recent=recent)


def group(label: str, *recent: str):
    return next(each for each in picker(*recent).groups if each.label == label)


def page_of(client, user) -> str:
    client.force_login(user)
    return html.unescape(client.get("/").content.decode())


def test_cards_stand_under_their_provider_in_the_catalogues_order():
    groups = picker().groups
    assert [each.image_model.slug for each in group("Test pictures").entries] == [
        "fake",
        "fake-async",
        "fake-studio",
        "fake-enlarge",
    ]
    assert groups[-1].label == "Unavailable"
    assert not groups[-1].is_open
    entries = [entry for each in groups for entry in each.entries]
    assert len(entries) == len({entry.image_model.pk for entry in entries})


def test_when_nothing_is_connected_then_remote_models_say_who_can_add_a_key():
    reasons = {each.reason for each in group("Unavailable").entries}
    assert "Not connected yet. Your admin can add a key." in reasons


def test_when_there_are_many_then_those_used_lately_come_first(way, alice):
    for slug in ("fake", "fake-local", "fake"):
        factories.make_job(alice, model=slug)
    assert recent_slugs(alice) == ["fake", "fake-local"]
    groups = picker(*recent_slugs(alice)).groups
    assert groups[0].label == "Recent"
    assert [each.image_model.slug for each in groups[0].entries] == [
        "fake",
        "fake-local",
    ]
    assert "fake" not in {
        each.image_model.slug for each in group("Test pictures", "fake").entries
    }


def test_when_there_are_few_then_nothing_moves():
    ImageModel.objects.filter(provider__in=["local-upscale", "local-style"]).delete()
    assert "Recent" not in {each.label for each in picker("fake-local").groups}


def test_when_a_service_worked_last_then_its_cards_have_a_green_dot(way, client, alice):
    assert not any(each.is_well for each in picker().entries), "nothing is known yet"
    Connection.objects.update(last_success_at=timezone.now())
    told = {each.provider for each in picker().entries if each.is_well}
    assert told == {"Google"}
    assert "Its service works" in page_of(client, alice)
    Connection.objects.update(breaker=Connection.Breaker.OPEN)
    assert not any(each.is_well for each in picker().entries)


def test_when_a_service_has_trouble_then_its_cards_say_that_jobs_wait(
    way, client, alice
):
    assert not any(each.trouble for each in picker().entries)
    Connection.objects.update(breaker=Connection.Breaker.OPEN)
    told = [each for each in picker().entries if each.trouble]
    assert {each.image_model.provider for each in told} == {"google"}
    assert "Its service has trouble, jobs wait" in page_of(client, alice)
    slug = told[0].image_model.slug
    page = html.unescape(client.get(f"/?image_model={slug}").content.decode())
    assert "its service has trouble just now, its jobs wait." in page


def test_when_a_key_is_refused_then_the_card_says_that_the_admin_knows(way):
    Connection.objects.update(check_passed=False, checked_at="2026-11-26T00:00:00Z")
    reasons = {
        each.reason
        for each in group("Unavailable").entries
        if each.image_model.provider == "google"
    }
    assert reasons == {"Unavailable right now; your admin has been told."}


def test_every_card_holds_the_names_it_is_found_by(client, alice):
    row = ImageModel.objects.get(slug="fake-studio")
    ImageModelAlias.objects.create(image_model=row, name="old-name")
    page = page_of(client, alice)
    names = re.search(r'data-value="fake-studio" data-names="([^"]+)"', page)
    assert names is not None
    assert {"fake-studio", "studio", "atelier", "old-name"} <= set(names[1].split())


def test_when_a_model_was_retired_then_its_successor_can_be_chosen(client, alice):
    old = ImageModel.objects.get(slug="fake-async")
    old.retired, old.successor = True, ImageModel.objects.get(slug="fake")
    old.save()
    [gone] = [each for each in picker().gone if each.image_model == old]
    assert gone.successor == old.successor
    ImageModel.objects.filter(slug="fake").update(sunset_date="2020-01-31")
    [gone] = [each for each in picker().gone if each.image_model == old]
    assert gone.successor is None, "one that cannot be chosen is only named"
    page = page_of(client, alice)
    assert "retired; Test card takes over" in page
    assert 'data-pick="fake"' not in page


@pytest.mark.parametrize(
    "name", ["flux", "imagen", "ideogram", "stable diffusion", "dall-e"]
)
def test_the_famous_names_are_in_the_picker(client, alice, name):
    page = page_of(client, alice)
    cards = re.findall(r"<li[^>]*(?:data-value|data-gone).*?</li>", page, re.S)
    plain = [re.sub(r"[^a-z0-9]+", " ", card.lower()) for card in cards]
    words = re.sub(r"[^a-z0-9]+", " ", name)
    assert any(words in card for card in plain)


def test_when_there_are_more_models_then_the_database_is_asked_no_more_often(
    client, alice
):
    page_of(client, alice)
    with CaptureQueriesContext(connection) as few:
        client.get("/")
    row = ImageModel.objects.get(slug="fake")
    for number in range(40):
        row.pk, row.slug = None, f"more-{number}"
        row.provider_model_id = row.slug
        row.save()
    cache.clear()
    client.get("/")  # measures the new ones once a minute
    with CaptureQueriesContext(connection) as many:
        client.get("/")
    assert len(many) <= len(few)
