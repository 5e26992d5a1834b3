"""The costs by day: sums that add up, marks where they part, and what was paid in vain."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from generators import cost_report, jobs, queue, reconciler
from generators.clock import before
from generators.contracts import Lane
from generators.models import Connection, Generation, GenerationJob, JobEvent
from tests.fakes import studio as fakes
from tests.fakes.wire import Fault, status

Status = GenerationJob.Status
Kind = GenerationJob.FailureKind
PROMPT = "xylophone under moonlight"
PAGE = reverse("admin-costs")
pytestmark = pytest.mark.usefixtures("bell")


@pytest.fixture
def press(alice):
    return Generation.objects.create(owner=alice, prompt=PROMPT)


@pytest.fixture
def ended(press):
    """Make a job that ended some days ago."""

    def make(*, estimated=None, actual=None, days=0, **columns):
        usual = {
            "image_model_label": "Brush",
            "provider": "studio",
            "lane": Lane.REMOTE,
            "status": Status.SUCCEEDED,
            "num_delivered": 1,
            "settled_credits": 5,
            "finished_at": timezone.now() - timedelta(days=days),
        }
        return GenerationJob.objects.create(
            generation=press,
            owner=press.owner,
            image_model_slug="brush",
            recipe={"prompt": PROMPT},
            width=64,
            height=64,
            price_credits=5,
            estimated_usd_micros=estimated,
            actual_usd_micros=actual,
            **(usual | columns),
        )

    return make


def failed(kind=Kind.REFUSED, **columns):
    columns = {"num_delivered": 0, "settled_credits": 0} | columns
    return {"status": Status.FAILED, "failure_kind": kind} | columns


def test_when_jobs_ended_then_each_model_has_a_line_a_day(ended):
    ended(estimated=50_000, actual=50_000, num_delivered=2, settled_credits=10)
    ended(estimated=50_000)
    ended(estimated=30_000, image_model_label="Letter")
    ended(estimated=70_000, days=1)
    ended(estimated=70_000, days=9)
    ended(estimated=None, lane=Lane.LOCAL, image_model_label="Spark")
    found = cost_report.report(days=7)
    assert [(line.image_model, line.sums.num_jobs) for line in found.lines] == [
        ("Brush", 2),
        ("Letter", 1),
        ("Brush", 1),
    ]
    today = found.lines[0].sums
    assert (today.num_pictures, today.credits) == (3, 15)
    assert (today.estimated_words, today.actual_words) == ("$0.1000", "$0.0500")
    assert today.told_words == "1 of 2 jobs"
    assert today.difference_words == "0.0 %"
    assert (found.total.num_jobs, found.total.estimated) == (4, 200_000)
    assert found.lines[0].day - found.lines[2].day == timedelta(days=1)


def test_when_days_are_counted_then_by_the_sites_clock(ended, settings):
    settings.TIME_ZONE = "Pacific/Auckland"
    late = timezone.localtime().replace(hour=0, minute=5)
    ended(estimated=1, finished_at=late)
    ended(estimated=2, finished_at=late - timedelta(minutes=10))
    (line,) = cost_report.report(days=1).lines
    assert (line.day, line.sums.estimated) == (late.date(), 1)


@pytest.mark.parametrize(
    ("estimated", "actual", "words", "is_parted"),
    [
        (100_000, 110_000, "+10.0 %", False),
        (100_000, 110_100, "+10.1 %", True),
        (100_000, 89_000, "-11.0 %", True),
        (100_000, 0, "-100.0 %", True),
        (0, 5_000, "not estimated", True),
        (0, 0, "-", False),
        (None, 5_000, "-", False),
        (100_000, None, "-", False),
    ],
)
def test_when_estimate_and_actual_part_then_the_line_is_marked(
    ended, estimated, actual, words, is_parted
):
    ended(estimated=estimated, actual=actual)
    (line,) = cost_report.report(days=1).lines
    assert (line.sums.difference_words, line.sums.is_parted) == (words, is_parted)


def test_when_only_some_were_told_then_only_these_are_compared(ended):
    ended(estimated=100_000, actual=150_000)
    ended(estimated=900_000)
    (line,) = cost_report.report(days=1).lines
    assert line.sums.difference_words == "+50.0 %"
    assert line.sums.estimated == 1_000_000


def test_when_nothing_was_delivered_then_no_estimate_is_due(ended):
    ended(estimated=100_000, **failed())
    ended(estimated=100_000, actual=90_000, **failed())
    (line,) = cost_report.report(days=1).lines
    assert (line.sums.estimated, line.sums.actual) == (100_000, 90_000)


def test_when_a_paid_call_has_no_answer_then_the_job_is_listed_with_its_cost(
    studio, alice, caplog
):
    way = fakes.connect(studio)
    studio.fail(Fault(cuts=True), on="POST")
    job = fakes.submit(alice, "studio-brush", PROMPT)
    jobs.run_next(Lane.REMOTE, worker="test")
    job.refresh_from_db()
    assert job.status == Status.UNKNOWN
    reason = job.events.get(name="doubt").note
    assert reason.startswith("ConnectionError")
    assert reason in caplog.text
    assert PROMPT not in caplog.text
    assert studio.KEY not in caplog.text
    assert cost_report.report(days=1).unknown == []
    GenerationJob.objects.update(deadline_at=before(1))
    reconciler.reconcile()
    (loss,) = cost_report.report(days=1).unknown
    assert (loss.job, loss.connection, loss.usd_words) == (job, way.label, "$0.0500")
    Connection.objects.all().delete()
    (loss,) = cost_report.report(days=1).unknown
    assert loss.connection == "deleted"


def test_when_an_outcome_became_known_then_it_is_no_loss(ended):
    for names in (("doubt", "accept", "fail"), ("claim", "fail")):
        job = ended(estimated=1, **failed(Kind.TIMED_OUT))
        JobEvent.objects.bulk_create(JobEvent(job=job, name=name) for name in names)
    done = ended(estimated=1)
    JobEvent.objects.create(job=done, name="doubt")
    assert cost_report.report(days=1).unknown == []


def test_when_somebody_gave_an_unknown_job_up_then_it_is_listed_too(ended):
    job = ended(estimated=1, status=Status.CANCELED, num_delivered=0, settled_credits=0)
    JobEvent.objects.create(job=job, name="doubt")
    assert [loss.job for loss in cost_report.report(days=1).unknown] == [job]


def test_when_a_price_was_told_and_the_job_failed_then_it_is_listed(studio, alice):
    fakes.connect(studio)
    fakes.submit(alice, "studio-letter", PROMPT)
    jobs.run_next(Lane.REMOTE, worker="test")
    GenerationJob.objects.update(next_action_at=before(1))
    studio.fail(status(422, {"error": "no"}), on="GET")
    jobs.run_next(Lane.REMOTE, worker="test")
    (loss,) = cost_report.report(days=1).paid_in_vain
    assert (loss.usd_words, loss.provider_label) == ("$0.0500", "The studio")
    assert queue.claim_next(Lane.REMOTE) is None


def test_when_only_our_own_list_has_the_price_then_none_was_told(studio, alice):
    fakes.connect(studio)
    studio.is_listed = True
    fakes.submit(alice, "studio-letter", PROMPT)
    fakes.submit(alice, "studio-brush", PROMPT)
    while jobs.run_next(Lane.REMOTE, worker="test"):
        pass
    GenerationJob.objects.update(next_action_at=before(1))
    studio.fail(status(422, {"error": "no"}), on="GET")
    jobs.run_next(Lane.REMOTE, worker="test")
    found = cost_report.report(days=1)
    assert (found.total.num_jobs, found.total.actual) == (2, None)
    assert found.paid_in_vain == []


@pytest.mark.parametrize(
    "fault", [{"withholds": True}, {"picture": b"<html>" + b" " * 1000}]
)
def test_when_an_answer_cost_money_and_holds_no_picture_then_it_is_listed(
    studio, alice, fault
):
    fakes.connect(studio)
    for name, value in fault.items():
        setattr(studio, name, value)
    job = fakes.submit(alice, "studio-brush", PROMPT)
    jobs.run_next(Lane.REMOTE, worker="test")
    (loss,) = cost_report.report(days=1).paid_in_vain
    assert (loss.job, loss.usd_words) == (job, "$0.0500")
    assert loss.job.status == Status.FAILED


@pytest.mark.parametrize("usd", [-0.05, 1e30])
@pytest.mark.parametrize("model", ["studio-brush", "studio-letter"])
def test_when_a_service_tells_a_senseless_cost_then_only_that_is_dropped(
    studio, alice, usd, model, caplog
):
    fakes.connect(studio)
    studio.usd, studio.polls = usd, 0
    job = fakes.submit(alice, model, PROMPT)
    jobs.run_next(Lane.REMOTE, worker="test")
    GenerationJob.objects.filter(finished_at=None).update(next_action_at=before(1))
    jobs.run_next(Lane.REMOTE, worker="test")
    job.refresh_from_db()
    assert (job.status, job.num_delivered) == (Status.SUCCEEDED, 1)
    assert job.actual_usd_micros is None
    assert "senseless cost" in caplog.text


@pytest.fixture
def busy(ended, studio):
    """Days with all there is to tell."""
    ended(estimated=53_000, actual=53_000)
    ended(estimated=100_000, actual=150_000, image_model_label="Letter")
    ended(estimated=40_000, actual=40_000, **failed())
    lost = ended(estimated=60_000, **failed(Kind.TIMED_OUT))
    JobEvent.objects.create(job=lost, name="doubt")


def test_when_a_credit_is_worth_something_then_each_model_has_its_margin(
    ended, settings
):
    settings.CREDIT_USD = "0.02"
    ended(estimated=50_000, actual=30_000, days=1)
    ended(estimated=40_000)
    ended(estimated=None)  # free for all that is known: it counts for nothing
    ended(estimated=100_000, actual=90_000, image_model_label="Letter")
    ended(estimated=90_000, actual=60_000, image_model_label="Letter", **failed())
    ended(estimated=90_000, **failed())
    brush, letter = cost_report.report(days=7).models
    assert (brush.image_model, brush.sums.costed_credits) == ("Brush", 10)
    assert (brush.sums.worth_words, brush.sums.cost_words) == ("$0.2000", "$0.0700")
    assert brush.sums.margin.words == "65 %"
    assert letter.sums.margin.words == "loss 50 %", "what failed was paid for too"


def test_when_no_cost_is_known_then_there_is_no_margin(ended, settings):
    settings.CREDIT_USD = "0.02"
    ended(estimated=None)
    found = cost_report.report(days=1)
    assert (found.models, found.total.margin) == ([], None)


@pytest.mark.parametrize(("worth", "is_told"), [("", False), ("0.001", True)])
def test_when_the_worth_of_a_credit_is_told_then_page_and_command_show_margins(
    client, staff, busy, settings, worth, is_told
):
    settings.CREDIT_USD = worth
    client.force_login(staff)
    out = io.StringIO()
    call_command("cost_report", stdout=out)
    for text in (client.get(PAGE).content.decode(), out.getvalue()):
        assert ("Margins" in text) == is_told
        assert ("loss 2900 %" in text) == is_told


def test_when_the_page_is_opened_then_it_tells_sums_and_nobodys_words(
    client, staff, busy
):
    client.force_login(staff)
    for days in ("", "1", "7", "30", "90", "nonsense", "-1", "9" * 30):
        response = client.get(PAGE, {"days": days})
        assert response.status_code == 200
        html = response.content.decode()
        assert "xylophone" not in html
    for words in ("$0.0930", "$0.1500", "+50.0 %", "The studio", "$0.0600", "deleted"):
        assert words in html


def test_when_nothing_ended_then_the_page_says_so(client, staff):
    client.force_login(staff)
    assert "No remote job ended" in client.get(PAGE).content.decode()


def test_when_strangers_open_it_then_they_see_nothing(client, alice):
    assert client.get(PAGE).status_code == 302
    client.force_login(alice)
    assert client.get(PAGE, follow=True).status_code == 403


def test_when_the_page_is_full_then_the_database_is_asked_as_often(
    client, staff, busy, ended, django_assert_max_num_queries
):
    client.force_login(staff)
    for number in range(30):
        ended(estimated=1, days=number % 6, image_model_label=f"Model {number}")
    with django_assert_max_num_queries(12):
        client.get(PAGE)


def test_when_it_is_printed_then_it_tells_the_same(busy):
    out = io.StringIO()
    call_command("cost_report", "--days", "3", stdout=out)
    text = out.getvalue()
    for words in ("$0.0930", "+50.0 %", "<- check", "Ended without a known outcome"):
        assert words in text
    assert "xylophone" not in text
    (marked,) = (
        line
        for line in text.splitlines()
        if line.endswith("<- check") and "Letter" in line
    )
    assert "$0.1500" in marked


def test_when_nothing_ended_then_that_is_printed(db):
    out = io.StringIO()
    call_command("cost_report", stdout=out)
    assert "known outcome: none" in out.getvalue()


@pytest.mark.parametrize("days", ["0", "-1", "99999"])
def test_when_the_days_make_no_sense_then_the_command_refuses(db, days):
    with pytest.raises(CommandError, match="--days"):
        call_command("cost_report", f"--days={days}")


def test_when_a_jobs_page_is_opened_then_it_tells_both_costs(client, staff, ended):
    client.force_login(staff)
    job = ended(estimated=53_000, actual=51_234)
    address = reverse("admin:generators_generationjob_change", args=[job.pk])
    html = client.get(address).content.decode()
    assert "$0.0530" in html
    assert "$0.0512" in html
