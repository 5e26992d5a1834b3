"""What a card says and shows in each state of its job."""

import pytest

from generators import advice, failures
from generators.batches import Batch, Group
from generators.cards import JobCard
from generators.models import Generation, GenerationJob
from generators.providers import fake

Status = GenerationJob.Status
Phase = GenerationJob.Phase


@pytest.mark.parametrize(
    ("status", "phase", "progress", "is_shown"),
    [
        (Status.RUNNING, Phase.LOADING, 0.0, False),
        (Status.RUNNING, Phase.DRAWING, 0.0, False),
        (Status.RUNNING, Phase.DRAWING, 0.5, True),
        (Status.RUNNING, Phase.SAVING, 1.0, True),
        (Status.SUCCEEDED, Phase.SAVING, 1.0, False),
    ],
)
def test_the_preview_stays_until_the_picture_is_there(
    status, phase, progress, is_shown
):
    job = GenerationJob(status=status, phase=phase, progress=progress)
    assert JobCard(job=job).has_preview is is_shown


def job_of(slug="fake", **fields) -> GenerationJob:
    recipe = {"operation": "text-to-image"}
    return GenerationJob(
        image_model_slug=slug, image_model_label=slug.title(), recipe=recipe, **fields
    )


def done(seconds: float, credits: int, slug="fake") -> JobCard:
    status = Status.SUCCEEDED
    return JobCard(
        job=job_of(slug, status=status, model_seconds=seconds, settled_credits=credits)
    )


@pytest.mark.parametrize(
    ("seconds", "credits", "words"),
    [
        (12.4, 6, "12 s · 6 credits"),
        (0.01, 1, "1 s · 1 credit"),
        (None, 0, "1 s · free"),
    ],
)
def test_an_ended_job_says_how_long_it_took_and_what_it_cost(seconds, credits, words):
    assert done(seconds, credits).facts == words


@pytest.mark.parametrize("status", [Status.QUEUED, Status.FAILED, Status.CANCELED])
def test_what_delivered_nothing_says_no_price(status):
    assert JobCard(job=job_of(status=status, settled_credits=0)).facts == ""


def test_a_group_says_the_longest_time_and_the_whole_price_once_all_have_ended():
    cards = [done(3, 6), done(9, 6)]
    assert Group(label="x", cards=cards).facts == "9 s · 12 credits"
    drawing = JobCard(job=job_of(status=Status.RUNNING))
    assert Group(label="x", cards=[*cards, drawing]).facts == ""
    failed = JobCard(job=job_of(status=Status.FAILED))
    assert Group(label="x", cards=[*cards, failed]).facts == "9 s · 12 credits"
    assert Group(label="x", cards=[failed]).facts == ""


def test_jobs_lie_together_by_model_in_the_order_they_were_asked_for():
    cards = [done(1, 1, slug) for slug in ("a", "b", "b", "a")]
    batch = Batch(generation=Generation(prompt="a bird"), cards=cards)
    assert [(each.label, len(each.cards)) for each in batch.groups] == [
        ("A", 2),
        ("B", 2),
    ]
    assert (batch.is_comparison, batch.labels, batch.title) == (
        True,
        "2 models",
        "a bird",
    )
    alone = Batch(generation=Generation(prompt=" "), cards=cards[:1])
    assert (alone.is_comparison, alone.labels) == (False, "A")
    assert alone.title == "Draw from words"


TOLD = {
    "auth": ("Unavailable right now; your admin has been told.", ""),
    "quota": ("Unavailable right now; your admin has been told.", ""),
    "not-configured": ("Unavailable right now; your admin has been told.", ""),
    "gone": ("This model is no longer available.", "Your admin has been told."),
    "refuse": ("The model declined these words.", "Different words may work."),
    "down": ("The model could not be reached.", "That is usually over soon."),
    "breaks": (
        "The model's service broke while it drew.",
        "That is usually over soon.",
    ),
    "rate-limit": ("The model is too busy.", "It should have room again"),
    "timeout": ("It took too long.", ""),
    "unknown": (
        "Nobody could tell us whether it was made.",
        "It was asked for once and not again.",
    ),
    "invalid": ("The model could not use these settings.", ""),
    "empty": ("No picture came back.", "in the admin's log"),
}


@pytest.mark.parametrize("name", TOLD)
def test_each_failure_of_a_provider_has_words_of_its_own(name):
    error = fake._FAILURES[name](None)
    failure = failures.Failure.of(error)
    job = job_of(
        status=Status.FAILED,
        failure_kind=failure.kind,
        failure_message=failure.message,
    )
    told = advice.about(job, other_models=[])
    title, more = TOLD[name]
    assert told.title == title
    assert more in told.more
    assert len({each for each, _ in TOLD.values()}) == len(TOLD) - 2


def test_when_pictures_were_given_then_they_may_be_what_was_declined():
    failure = failures.Failure.of(fake._FAILURES["refuse"](None))
    job = job_of(
        status=Status.FAILED,
        failure_kind=failure.kind,
        failure_message=failure.message,
        num_inputs=1,
    )
    told = advice.about(job, other_models=[])
    assert told.title == "The model declined the words or a picture."
    assert told.step == advice.Step.EDIT
