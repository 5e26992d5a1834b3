"""How long things take, told from what they took."""

import pytest

from generators import cards, catalog, estimates, queue
from generators.clock import Now, before
from generators.contracts import Lane
from generators.models import GenerationJob
from tests import factories

pytestmark = pytest.mark.django_db


def took(user, seconds, *, num_images=1, model=factories.LOCAL):
    """Leave a job of the past that took so long."""
    job = factories.make_job(user, model=model, num_images=num_images)
    GenerationJob.objects.filter(pk=job.pk).update(
        status="succeeded",
        settled_credits=1,
        finished_at=Now(),
        model_seconds=seconds,
        num_delivered=num_images,
    )


def test_nothing_measured_means_no_promise(alice):
    job = factories.make_job(alice, model=factories.LOCAL)
    assert estimates.usual_seconds(job.image_model) is None
    assert estimates.Outlook().seconds_left(job) is None
    assert estimates.Outlook().waiting_words(job) == "next"


def test_the_usual_time_is_the_median_a_picture_of_the_latest(alice):
    for seconds in (100, 100, 100):
        took(alice, seconds)
    for seconds in [2.0] * 10 + [3.0] * 9 + [50.0]:
        took(alice, 4 * seconds, num_images=4)
    model = catalog.find(factories.LOCAL)
    assert estimates.usual_seconds(model) == 2.5


def with_recipe(job, *, steps, side):
    """Make a job one of so many steps and pixels a side."""
    job.recipe = job.recipe | {"num_inference_steps": steps}
    job.width = job.height = side
    job.save()
    return job


def test_the_time_of_other_settings_is_told_in_proportion(alice):
    took(alice, 1.0)
    with_recipe(GenerationJob.objects.get(), steps=1, side=256)
    job = factories.make_job(alice, model=factories.LOCAL)
    outlook = estimates.Outlook()
    assert outlook.usual_seconds(with_recipe(job, steps=20, side=256)) == 20
    assert outlook.usual_seconds(with_recipe(job, steps=20, side=512)) == 80
    next_one = with_recipe(
        factories.make_job(alice, model=factories.LOCAL), steps=1, side=256
    )
    assert outlook.seconds_left(next_one) == pytest.approx(81)


def test_the_time_of_the_same_settings_counts_alone(alice):
    took(alice, 1.0)
    with_recipe(GenerationJob.objects.get(), steps=1, side=256)
    took(alice, 5.0)
    latest = GenerationJob.objects.latest("pk")
    with_recipe(latest, steps=20, side=256)
    assert estimates.Outlook().usual_seconds(latest) == 5


def test_the_pickers_time_is_that_of_the_usual_settings(alice):
    took(alice, 1.0)
    with_recipe(GenerationJob.objects.get(), steps=1, side=256)
    model = catalog.find(factories.LOCAL)
    steps = {"minimum": 1, "maximum": 50, "default": 20}
    model.capabilities = model.capabilities | {"num_inference_steps": steps}
    size = catalog.capabilities_of(model).usual_size()
    expected = 20 * size.width * size.height / 256**2
    assert estimates.usual_seconds(model) == pytest.approx(expected)


def test_a_waiting_job_counts_the_work_ahead_of_it(alice, bob):
    took(alice, 10.0)
    jobs = [factories.make_job(alice, model=factories.LOCAL) for _ in range(2)]
    last = factories.make_job(alice, model=factories.LOCAL, num_images=2)
    assert estimates.Outlook().seconds_left(jobs[0]) == pytest.approx(10)
    assert estimates.Outlook().seconds_left(last) == pytest.approx(40)
    assert estimates.Outlook().waiting_words(last) == "3rd, ~40 s"
    queue.claim_next(Lane.LOCAL)
    assert estimates.Outlook().seconds_left(last) == pytest.approx(40, abs=1)
    assert estimates.Outlook().waiting_words(last) == "2nd, ~40 s"


def test_many_jobs_are_looked_at_as_quickly_as_one(alice, django_assert_num_queries):
    took(alice, 10.0)
    jobs = [factories.make_job(alice, model=factories.LOCAL) for _ in range(5)]
    outlook = estimates.Outlook()
    with django_assert_num_queries(3):  # the line, what runs, the model's usual time
        words = [outlook.waiting_words(job) for job in jobs]
    assert words[::4] == ["next, ~10 s", "5th, ~50 s"]


def test_a_running_job_is_told_by_its_own_progress(alice):
    took(alice, 10.0)
    job = factories.make_job(alice, model=factories.LOCAL)
    queue.claim_next(Lane.LOCAL)
    rows = GenerationJob.objects.filter(pk=job.pk)
    rows.update(started_at=before(400), drawing_since=before(4))
    assert estimates.Outlook().seconds_left(rows.get()) == pytest.approx(6, abs=0.5)
    card = cards.JobCard(job=rows.get())
    assert card.started_seconds_ago == pytest.approx(4, abs=0.5)  # not the earlier try
    rows.update(progress=0.5)
    assert estimates.Outlook().seconds_left(rows.get()) == pytest.approx(4, abs=0.5)
    rows.update(progress=0, drawing_since=before(60))
    assert estimates.Outlook().seconds_left(rows.get()) == 0


def test_an_ended_or_postponed_job_has_no_time_left(alice):
    took(alice, 10.0)
    assert estimates.Outlook().seconds_left(GenerationJob.objects.get()) is None
    job = factories.make_job(alice, model=factories.LOCAL)
    GenerationJob.objects.filter(pk=job.pk).update(next_action_at=Now())
    job.refresh_from_db()
    assert estimates.Outlook().seconds_left(job) is None
    assert estimates.Outlook().waiting_words(job) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (8.6, "9 s"),
        (21, "20 s"),
        (88, "90 s"),
        (170, "3 min"),
        (7300, "2 h"),
    ],
)
def test_times_are_rounded_as_people_say_them(seconds, words):
    assert estimates._round(seconds) == words
