"""The statement, its file and the receipts, as their owner sees them and nobody else."""

import csv
import html
import io
import uuid

import pytest
from django.conf import settings as site
from django.urls import reverse

from accounts import ledger
from generators import endings, jobs
from generators.failures import Failure
from generators.models import GenerationJob
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell")]
STATEMENT = reverse("generators:statement")
FILE = reverse("generators:statement-file")
Status = GenerationJob.Status


@pytest.fixture
def page(client, alice):
    ledger.grant(ledger.wallet_of(alice), 50, reference="test", note="For the fair")
    client.force_login(alice)
    return client


def text_of(response):
    return html.unescape(response.content.decode())


def receipt(job):
    return reverse("generators:job-receipt", args=[job.public_id])


def canceled(user, prompt="a red apple", **options):
    job = factories.make_job(user, prompt, **options)
    jobs.cancel_job(job)
    job.refresh_from_db()
    return job


def failed(user, message):
    job = factories.make_job(user)
    rows = GenerationJob.objects.filter(pk=job.pk)
    rows.update(status=Status.RUNNING)
    kind = GenerationJob.FailureKind.REFUSED
    assert endings.fail(rows, job, Failure(kind=kind, message=message))
    job.refresh_from_db()
    return job


def test_the_statement_says_what_moved_and_why(page, alice):
    canceled(alice, "a blue whale")
    failed(alice, "The words were refused.")
    shown = text_of(page.get(STATEMENT))
    for words in (
        "For the fair",
        "a blue whale",
        "Set aside",
        "Given back · Test card · Canceled.",
        "Given back · Test card · The words were refused.",
    ):
        assert words in shown, words
    assert f"+{site.SIGN_UP_CREDITS}" in shown


def test_what_was_set_aside_is_taken_once_it_was_drawn(page, alice):
    job = factories.make_job(alice, "a drawn owl", num_images=2)
    assert "Set aside · Test card" in text_of(page.get(STATEMENT))
    GenerationJob.objects.filter(pk=job.pk).update(settled_credits=4)
    shown = text_of(page.get(STATEMENT))
    assert "Taken · Test card" in shown
    assert "Set aside · Test card" not in shown


def test_an_empty_statement_says_what_will_come(client, alice, settings):
    settings.SIGN_UP_CREDITS = 0
    client.force_login(alice)
    assert "Nothing has moved yet" in text_of(client.get(STATEMENT))


def test_older_lines_come_as_they_are_scrolled_to(page, alice, monkeypatch):
    monkeypatch.setattr("accounts.statement.PAGE_SIZE", 2)
    for number in range(3):
        canceled(alice, f"number {number}")
    shown = text_of(page.get(STATEMENT))
    assert "number 2" in shown
    assert "number 1" not in shown
    [address] = {part.split('"')[0] for part in shown.split('hx-get="')[1:]}
    more = text_of(page.get(address, headers={"HX-Request": "true"}))
    assert "number 1" in more
    assert "<html" not in more


@pytest.mark.parametrize("key", ["x", "-1", "9" * 30, "\u0661", ""])
def test_a_key_that_is_none_shows_the_newest(page, key):
    assert "For the fair" in text_of(page.get(STATEMENT, {"before": key}))


def test_the_file_has_all_of_it_and_no_formulas(page, alice):
    canceled(alice, '=HYPERLINK("http://evil", "win")')
    response = page.get(FILE)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="magicshot-credits-' in response["Content-Disposition"]
    content = response.content.decode()
    head, *rows = csv.reader(io.StringIO(content, newline=""))
    of_column = [dict(zip(head, row, strict=True)) for row in rows]
    assert [row["what"] for row in of_column] == [
        "added",
        "added",
        "set aside",
        "given back",
    ]
    assert of_column[2]["prompt"] == '\'=HYPERLINK("http://evil", "win")'
    assert of_column[-1]["balance"] == str(ledger.wallet_of(alice).balance)
    assert sum(int(row["credits"]) for row in of_column) == int(
        of_column[-1]["balance"]
    )


def test_a_receipt_tells_what_was_set_aside_taken_and_given_back(page, alice):
    job = factories.make_job(alice, "two foxes", num_images=2)
    assert "Still set aside" in text_of(page.get(receipt(job)))
    jobs.cancel_job(job)
    shown = text_of(page.get(receipt(job)))
    assert "two foxes" in shown
    assert "2 pictures at 2" in shown
    assert "Canceled." in shown
    assert "Still set aside" not in shown


def test_nobody_else_sees_a_receipt_or_a_statement(client, alice, bob, staff):
    job = canceled(alice, "my secret")
    assert client.get(STATEMENT).status_code == 302
    assert client.get(FILE).status_code == 302
    assert client.get(receipt(job)).status_code == 302
    for stranger in (bob, staff):
        client.force_login(stranger)
        assert client.get(receipt(job)).status_code == 404
        assert "my secret" not in text_of(client.get(STATEMENT))
        content = client.get(FILE).content.decode()
        assert "my secret" not in content
    unknown = reverse("generators:job-receipt", args=[uuid.uuid4()])
    assert client.get(unknown).status_code == 404


def test_nothing_can_be_posted_to_them(page, alice):
    job = canceled(alice)
    for address in (STATEMENT, FILE, receipt(job)):
        assert page.post(address).status_code == 405


def test_a_failed_tile_leads_to_its_receipt(page, alice):
    job = failed(alice, "The words were refused.")
    shown = text_of(page.get("/"))
    assert f'href="{receipt(job)}">Not charged</a>' in shown
