"""The page answers, to each what they have the rights to see, and tells no prompt."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import ledger
from accounts.admin_navigation import GROUPS
from accounts.models import Quota, StripeEvent, User
from generators import wake
from generators.connections import set_key
from generators.models import Connection, GenerationJob, PromptVerdict
from magicshot.dashboard import attention, kept_figures
from tests.gallery.making import make_image
from tests.generators.test_stuck_jobs import held, late, lost, unknown
from tests.magicshot.dashboard.conftest import INDEX, PROMPT, content, failed, texts

Kind = GenerationJob.FailureKind
pytestmark = pytest.mark.django_db


@pytest.fixture
def world(make_ended, alice, bob, monkeypatch):
    """Something of everything."""
    monkeypatch.setattr(wake, "ring", lambda lane, **_: True)
    Quota.objects.create(credits_per_month=6)
    make_ended(alice, actual_usd_micros=90_000, settled_credits=1200)
    make_ended(bob, num_delivered=3)
    make_ended(bob, **failed(Kind.PROVIDER_DOWN))
    make_image(alice, prompt=PROMPT)
    connection = Connection(provider="openai", label="Confidential", breaker="open")
    set_key(connection, "KEYOFTHEBILL")
    connection.save()
    Quota.objects.all().delete()
    for make in (unknown, lost, held, late):
        make(alice)
    Quota.objects.create(credits_per_month=6)


def test_when_a_superuser_looks_then_every_question_is_answered(boss, world):
    for query in ("", "?days=1", "?days=30", "?days=7", "?days=x"):
        words = texts(boss.get(INDEX + query).content.decode())
        for told in (
            "Pictures 4 from 3 jobs that ended",
            "Success 66.7 % 1 failed, 0 canceled",
            "Credits taken 1,205",
            "Succeeded 2 Failed 1 Unknown 1",
            "alice@example.org 1,200 credits",
            "brush 1,205 credits 4 pictures",
            "Provider cost $0.0900 100 % of it told",
            "Income 1,205 credits",
            "Waiting, remote",
            "Drawing, remote",
            "Provider down 1 job",
            "Lost its worker",
            "Waits for long",
            "Outcome unknown",
            "Waits for your yes",
            "Near a limit alice@example.org",
            "in 1 file",
            "Confidential",
        ):
            assert told in words, (query, told)


def test_when_a_span_is_chosen_then_the_switch_shows_it(boss, world):
    month, today = boss.get(INDEX), boss.get(INDEX + "?days=1")
    assert "The last 30 days" in month.content.decode()
    assert today.context["span"].days == 1
    assert len(today.context["blocks"]["outcomes"].columns) == 24
    assert len(month.context["blocks"]["outcomes"].columns) == 30


def test_when_people_wrote_words_then_none_is_on_the_page(boss, world, settings):
    for seen in (False, True):
        settings.STAFF_SEES_PROMPTS = seen
        html = boss.get(INDEX).content.decode()
        assert PROMPT not in html
        assert "KEYOFTHEBILL" not in html


@pytest.mark.parametrize(
    ("rights", "there", "missing"),
    [
        (
            ("view_generationjob",),
            ("Jobs by outcome", "Failures", "What people were charged"),
            ("Credits by person", "Provider cost", "Storage", "Near a", "Confidential"),
        ),
        (
            ("view_generationjob", "view_user"),
            ("Credits by person", "alice@example.org 1,200 credits"),
            ("Provider cost", "Storage", "Near a limit", "Confidential"),
        ),
        (
            ("view_generationjob", "view_connection"),
            ("Provider cost", "Confidential"),
            ("Credits by person", "Storage"),
        ),
        (
            ("view_connection",),
            ("Confidential", "Now"),
            ("Jobs by outcome", "Provider cost", "alice@"),
        ),
        (("view_storedfile",), ("Storage", "in 1 file"), ("alice@", "Jobs by")),
        (
            ("view_storedfile", "view_image", "view_user"),
            ("Storage", "alice@example.org"),
            ("Jobs by", "Near a"),
        ),
        (
            ("view_quota", "view_user"),
            ("none of them yet",),
            ("alice@", "Near a limit"),
        ),
        (
            ("view_quota", "view_user", "view_generationjob"),
            ("Near a limit",),
            ("Confidential",),
        ),
    ],
)
def test_when_rights_are_few_then_only_their_part_is_shown(
    helper_with, world, rights, there, missing
):
    words = texts(helper_with(*rights).get(INDEX).content.decode())
    for told in there:
        assert told in words
    for told in missing:
        assert told not in words


def test_when_staff_have_no_rights_then_a_friendly_page_says_so(helper_with, world):
    response = helper_with().get(INDEX)
    assert response.status_code == 200
    words = texts(response.content.decode())
    assert "Welcome, hal" in words
    assert "Ask a superuser" in words
    assert "alice@" not in words


def test_when_the_site_is_new_then_the_page_says_so(boss):
    words = texts(boss.get(INDEX).content.decode())
    for told in (
        "Nothing needs a hand.",
        "Nothing in 30 days.",
        "Nobody has been charged anything.",
        "Nobody has used 80 % of a quota.",
        "No provider is connected",
        "Provider cost $0.00 none told, none estimated",
        "0 bytes in 0 files",
    ):
        assert told in words


def test_when_something_needs_a_hand_then_a_line_leads_there(boss, world):
    notices = noticed(boss)
    jobs = reverse("admin:generators_generationjob_changelist")
    assert notices == {
        "1 connection does not work": reverse("admin:generators_connection_changelist"),
        "1 job lost its worker": f"{jobs}?status__exact=running",
        "1 job waits for long": f"{jobs}?status__exact=queued",
        "1 job has no known outcome": f"{jobs}?status__exact=unknown",
        "1 job waits for your yes": f"{jobs}?phase__exact=approval",
    }
    for address in notices.values():
        assert boss.get(address).status_code == 200


@pytest.fixture
def news_and_case(alice, settings):
    """One of Stripe's news that failed, and a press that a rule flagged."""
    settings.STRIPE_SECRET_KEY = "sk_test_of_the_tests"
    StripeEvent.objects.create(
        stripe_id="evt_1",
        type="invoice.paid",
        object_id="in_1",
        livemode=False,
        status=StripeEvent.Status.FAILED,
        happened_at=timezone.now(),
    )
    PromptVerdict.objects.create(
        owner=alice, action="flag", state="open", rule="r", prompt=PROMPT
    )


NEWS = "1 piece of Stripe's news failed"
CASE = "1 flagged prompt waits for a decision"


def noticed(client):
    return {each.words: each.address for each in client.get(INDEX).context["notices"]}


def test_when_money_or_a_prompt_needs_a_hand_then_a_line_leads_there(
    boss, news_and_case, settings
):
    found = noticed(boss)
    assert found.keys() == {NEWS, CASE}
    for address in found.values():
        assert len(boss.get(address).context["cl"].result_list) == 1
    settings.STRIPE_SECRET_KEY = ""
    assert noticed(boss).keys() == {CASE}


@pytest.mark.parametrize(
    ("rights", "words"),
    [
        ((), set()),
        (("view_stripeevent",), {NEWS}),
        (("view_promptverdict",), {CASE}),
    ],
)
def test_when_rights_are_few_then_only_their_lines_are_there(
    helper_with, news_and_case, rights, words
):
    assert noticed(helper_with(*rights)).keys() == words


def test_whatever_has_a_badge_in_the_sidebar_is_a_line_of_the_page():
    warned = {page.address for _, pages in GROUPS for page in pages if page.badge}
    assert warned
    assert warned <= {source.address for source in attention.SOURCES}


def test_when_a_line_leads_somewhere_then_it_opens(boss, world):
    html = boss.get(INDEX).content.decode()
    addresses = set(re.findall(r'href="(/admin/[^"]+)"', content(html)))
    assert len(addresses) > 10
    for address in addresses:
        assert boss.get(address.replace("&amp;", "&")).status_code == 200, address


def test_when_rows_are_many_then_the_page_asks_no_more(
    boss, make_ended, world, django_assert_max_num_queries
):
    boss.get(INDEX)
    with django_assert_max_num_queries(24):  # nothing is added up
        boss.get(INDEX)
    for number in range(12):
        person = User.objects.create_user(f"p{number}@example.org")
        ledger.wallet_of(person)
        make_ended(person, image_model_slug=f"m{number}", **failed())
        make_image(person, shade=number)
    kept_figures.forget()
    with django_assert_max_num_queries(36):
        boss.get(INDEX)


def test_when_the_policy_is_strict_then_the_page_keeps_it(boss, world):
    response = boss.get(INDEX)
    policy = response.headers["Content-Security-Policy"].split("; ")
    assert "script-src 'self' 'unsafe-eval'" in policy
    own = content(response.content.decode())
    for mark in (" style=", "<script", "<style", " onclick="):
        assert mark not in own


def test_when_pictures_are_read_aloud_then_each_says_its_sums(boss, world):
    html = boss.get(INDEX).content.decode()
    labels = re.findall(r'role="img" aria-label="([^"]+)"', html)
    assert labels == [
        "Jobs by outcome: 2 succeeded, 1 failed, 1 unknown, 1 being drawn, 2 waiting.",
        "Provider cost: $0.0900 cost.",
        "Credits taken: 1,205 credits.",
    ]
    assert html.count("As a table") == len(labels)
