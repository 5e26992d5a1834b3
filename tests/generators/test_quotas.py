"""What the admin allows: at the next press, the most specific first, with the rule named."""

import datetime as dt
import html
import uuid

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.urls import reverse
from django.utils import timezone

from accounts import ledger, ledger_audit, quotas
from accounts.models import NO_LIMIT, CreditEntry, Group, Quota
from accounts.site_days import day_began
from generators import catalog, jobs, queue, quota_checks, usage
from generators.capabilities import Operation, OptionValue
from generators.contracts import GenerationRequest, Lane
from generators.models import GenerationJob
from generators.refusals import QuotaReached
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell")]
HTMX = {"HX-Request": "true"}
Status = GenerationJob.Status


@pytest.fixture
def group(alice):
    group = Group.objects.create(name="Design")
    alice.group = group
    alice.save()
    return group


def everybody(**limits):
    return Quota.objects.create(**limits)


def ended(job, delivered):
    """End a job as a worker would have, with so many pictures delivered."""
    GenerationJob.objects.filter(pk=job.pk).update(
        status=Status.SUCCEEDED if delivered else Status.CANCELED,
        lease_token=None,
        finished_at=timezone.now(),
        num_delivered=delivered,
        settled_credits=delivered * job.price_credits,
    )


def refused(user, *models, **options):
    ledger.wallet_of(user)
    entries = CreditEntry.objects.count()
    made = GenerationJob.objects.count()
    with pytest.raises(QuotaReached) as caught:
        factories.submit(user, "a red apple", *models, **options)
    assert CreditEntry.objects.count() == entries, "nothing is charged"
    assert GenerationJob.objects.count() == made, "nothing is kept"
    return caught.value


def test_without_quotas_nothing_is_limited(alice):
    assert quotas.rules_of(alice) == {}
    factories.submit(alice, num_images=4)


def test_of_several_quotas_the_most_specific_counts(alice, bob, group):
    everybody(images_per_day=1, images_per_month=50, longest_side=512)
    Quota.objects.create(group=group, images_per_day=2, longest_side=NO_LIMIT)
    Quota.objects.create(user=alice, images_per_day=3)
    Quota.objects.create(user=bob, credits_per_day=9)
    rules = quotas.rules_of(alice)
    assert {name: rule.limit for name, rule in rules.items()} == {
        "images_per_day": 3,
        "images_per_month": 50,
    }
    assert rules["images_per_day"].whose == "your"
    assert rules["images_per_month"].whose == "this site's"
    Quota.objects.filter(user=alice).delete()
    rule = quotas.rules_of(alice)["images_per_day"]
    assert (rule.limit, rule.whose) == (2, "your group's (Design)")
    assert quotas.rules_of(bob)["images_per_day"].limit == 1


def test_the_fourth_picture_of_three_a_day_is_refused_by_name(alice):
    Quota.objects.create(user=alice, images_per_day=3)
    factories.submit(alice, num_images=2)
    factories.submit(alice)
    refusal = refused(alice)
    assert refusal.rule == "images_per_day"
    assert refusal.resets_at == day_began() + dt.timedelta(days=1)
    assert str(refusal).startswith(
        "Your limit is 3 pictures a day: you have used 3 and this takes 1. "
        "It starts anew at 00:00 UTC on "
    )
    assert str(refusal).endswith("Ask your admin for more.")


def test_what_was_not_delivered_does_not_count(alice):
    Quota.objects.create(user=alice, images_per_day=3, credits_per_day=6)
    ended(factories.make_job(alice, num_images=3), 0)
    ended(factories.make_job(alice, num_images=3), 2)
    assert usage.usage_of(alice)["images_per_day"].used == 2
    assert usage.usage_of(alice)["credits_per_day"].used == 4
    factories.submit(alice)
    assert refused(alice).rule in {"images_per_day", "credits_per_day"}


def test_a_new_day_and_a_new_month_start_anew(alice):
    Quota.objects.create(user=alice, images_per_day=1, images_per_month=2)
    with time_machine.travel("2026-11-29T23:59:00Z", tick=False):
        factories.submit(alice)
        assert refused(alice).rule == "images_per_day"
    with time_machine.travel("2026-11-30T00:00:01Z", tick=False):
        factories.submit(alice)
    with time_machine.travel("2026-11-30T12:00:00Z", tick=False):
        Quota.objects.update(images_per_day=None)
        refusal = refused(alice)
        assert refusal.rule == "images_per_month"
        assert refusal.resets_at == dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
        assert "1 December, in 12 h" in str(refusal)
    with time_machine.travel("2026-12-01T00:00:01Z", tick=False):
        factories.submit(alice)


@pytest.mark.parametrize(
    ("now", "next_day", "next_month"),
    [
        ("2026-12-31T23:30:00Z", "2027-01-01", "2027-01-01"),
        ("2026-01-31T00:00:00Z", "2026-02-01", "2026-02-01"),
        ("2028-02-28T12:00:00Z", "2028-02-29", "2028-03-01"),
    ],
)
def test_days_and_months_end_where_the_calendar_says(alice, now, next_day, next_month):
    Quota.objects.create(user=alice, images_per_day=1, images_per_month=1)
    with time_machine.travel(now, tick=False):
        found = usage.usage_of(alice)
    assert found["images_per_day"].resets_at.date().isoformat() == next_day
    assert found["images_per_month"].resets_at.date().isoformat() == next_month


def test_credits_a_day_count_what_is_set_aside(alice):
    Quota.objects.create(user=alice, credits_per_day=5)
    factories.submit(alice, num_images=2)  # at 2 each
    refusal = refused(alice)
    assert refusal.rule == "credits_per_day"
    assert "you have used 4 and this takes 2" in str(refusal)


def test_jobs_that_wait_are_limited(alice):
    Quota.objects.create(user=alice, waiting_jobs=2)
    first = factories.make_job(alice)
    factories.make_job(alice)
    assert "Wait until one is done" in str(refused(alice))
    jobs.cancel_job(first)
    factories.make_job(alice)


def test_a_compared_press_counts_all_its_jobs(alice):
    Quota.objects.create(user=alice, waiting_jobs=1)
    assert refused(alice, factories.PAID, factories.PAID_POLLED).rule == "waiting_jobs"


def test_a_full_gallery_is_told(alice):
    from tests.gallery.making import make_image

    image = make_image(alice)
    image.file.__class__.objects.update(size=5_000_001)
    Quota.objects.create(user=alice, storage_mb=6)
    assert usage.usage_of(alice)["storage_mb"].used == 6
    assert "Delete some for ever" in str(refused(alice))
    Quota.objects.update(storage_mb=7)
    factories.submit(alice)


@pytest.mark.parametrize(
    ("quota", "field", "words"),
    [
        ({"longest_side": 200}, "size", "larger than your limit of 200 pixels"),
        (
            {"image_models": ["fake-async"]},
            "image_model",
            "Test card is not within your",
        ),
        ({"operations": ["upscale"]}, "operation", "To text to image is not within"),
        ({"images_per_day": 0}, "quota", "Your limit is 0 pictures a day"),
        ({"running_jobs": 0}, "quota", "You may have nothing drawn."),
    ],
)
def test_what_may_be_drawn_is_limited(alice, quota, field, words):
    Quota.objects.create(user=alice, **quota)
    refusal = refused(alice)
    assert refusal.field == field
    assert words in str(refusal)


def test_as_many_jobs_are_drawn_at_once_as_the_quota_says(alice, bob):
    Quota.objects.create(user=alice, running_jobs=1)
    own = [factories.make_job(alice) for _ in range(3)]
    other = factories.make_job(bob)
    first = queue.claim_next(Lane.REMOTE)
    second = queue.claim_next(Lane.REMOTE)
    assert [first.job.pk, second.job.pk] == [own[0].pk, other.pk]
    assert queue.claim_next(Lane.REMOTE) is None
    assert queue.num_due(Lane.REMOTE, limit=10) == 0
    assert first.was_tight, "whoever ends it rings for the next"
    ended(first.job, 1)
    assert queue.num_due(Lane.REMOTE, limit=10) == 2
    assert queue.claim_next(Lane.REMOTE).job.pk == own[1].pk


def test_a_quota_is_for_one_scope_and_once(alice, group):
    everybody()
    for bad in ({"user": alice, "group": group}, {}):
        with pytest.raises((ValidationError, IntegrityError)):
            Quota(**bad).full_clean()
    with pytest.raises(ValidationError, match="Expected a list"):
        Quota(user=alice, image_models="fake").full_clean()
    with pytest.raises(ValidationError):
        Quota(user=alice, images_per_day=-2).full_clean()


def test_a_refused_press_shows_the_rule_on_the_page(client, alice):
    Quota.objects.create(user=alice, images_per_day=1)
    factories.submit(alice)
    client.force_login(alice)
    fields = {"prompt": "a red apple", "image_model": "fake", "num_images": "1"}
    fields["client_token"] = str(uuid.uuid4())
    response = client.post("/generations/", fields, headers=HTMX)
    assert response.status_code == 422
    shown = html.unescape(response.content.decode())
    assert "Your limit is 1 picture a day: you have used 1" in shown


def test_what_is_left_is_shown_and_warned_of_at_80_percent(client, alice):
    Quota.objects.create(user=alice, images_per_day=5)
    client.force_login(alice)
    factories.submit(alice, num_images=3)
    assert "pictures a day left" not in html.unescape(client.get("/").content.decode())
    factories.submit(alice)
    shown = html.unescape(client.get("/").content.decode())
    assert "1 of 5 pictures a day left. It starts anew at 00:00 UTC" in shown
    page = html.unescape(client.get(reverse("generators:statement")).content.decode())
    assert "Pictures today" in page
    assert "4 of 5" in page


def test_a_model_that_is_not_allowed_cannot_be_chosen_and_says_why(client, alice):
    Quota.objects.create(user=alice, image_models=["fake-async"])
    client.force_login(alice)
    shown = html.unescape(client.get("/?image_model=fake").content.decode())
    assert "Test card is not within your quota. Ask your admin for it." in shown


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "1200 × 18 is larger"),  # noqa: RUF001
        (
            (OptionValue(name="upscale_factor", value="4"),),
            "2400 × 36 is larger",  # noqa: RUF001
        ),
    ],
)
def test_an_enlarged_picture_counts_with_its_larger_sides(alice, options, words):
    Quota.objects.create(user=alice, longest_side=1000)
    request = GenerationRequest(
        provider_model_id="x",
        prompt="",
        operation=Operation.UPSCALE,
        width=600,
        height=9,
        options=options,
    )
    with pytest.raises(QuotaReached, match=words):
        quota_checks.refuse_request(
            quotas.rules_of(alice), catalog.find(factories.PAID), request
        )


def test_a_model_that_is_gone_stays_in_a_quota_that_is_edited(client, staff, alice):
    quota = Quota.objects.create(user=alice, image_models=["long-gone"])
    client.force_login(staff)
    address = reverse("admin:accounts_quota_change", args=[quota.pk])
    assert "long-gone (gone)" in client.get(address).content.decode()
    typed = {"user": alice.pk, "image_models": ["long-gone"], "images_per_day": "5"}
    assert client.post(address, typed).status_code == 302
    quota.refresh_from_db()
    assert (quota.image_models, quota.images_per_day) == (["long-gone"], 5)


def test_days_begin_and_end_in_the_sites_time_zone(alice, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    timezone.get_default_timezone.cache_clear()
    try:
        Quota.objects.create(user=alice, images_per_day=1)
        with time_machine.travel("2026-10-24T22:30:00Z", tick=False):  # the 25th there
            found = usage.usage_of(alice)["images_per_day"]
        # An hour longer than other days: the clocks go back.
        assert found.resets_at == dt.datetime(2026, 10, 25, 23, tzinfo=dt.UTC)
    finally:
        timezone.get_default_timezone.cache_clear()


def test_a_deleted_group_takes_its_quota_and_leaves_its_people(alice, group):
    Quota.objects.create(group=group, images_per_day=1)
    job = factories.make_job(alice)
    group.delete()
    alice.refresh_from_db()
    assert alice.group is None
    assert quotas.rules_of(alice) == {}
    jobs.cancel_job(job)
    assert ledger_audit.audit() == []


def test_the_admin_sets_quotas_and_sees_those_in_force(client, staff, alice):
    client.force_login(staff)
    add = reverse("admin:accounts_quota_add")
    assert client.get(add).status_code == 200
    typed = {"user": alice.pk, "images_per_day": "3", "image_models": ["fake"]}
    assert client.post(add, typed).status_code == 302
    quota = Quota.objects.get()
    assert (quota.images_per_day, quota.image_models, quota.operations) == (
        3,
        ["fake"],
        None,
    )
    page = client.get(reverse("admin:accounts_user_change", args=[alice.pk]))
    shown = html.unescape(page.content.decode())
    assert "images per day: 3 (this person)" in shown
    again = client.post(add, typed)
    assert again.status_code == 200
    for address in ("quota", "group"):
        listed = client.get(reverse(f"admin:accounts_{address}_changelist"))
        assert listed.status_code == 200


def test_staff_may_not_change_what_staff_may_use(client, staff, alice, bob):
    from django.contrib.auth.models import Permission

    bob.is_staff = True
    bob.save()
    codes = ("view_quota", "change_quota", "add_quota", "delete_quota")
    bob.user_permissions.set(Permission.objects.filter(codename__in=codes))
    own = Quota.objects.create(user=bob, images_per_day=1)
    client.force_login(bob)
    address = reverse("admin:accounts_quota_change", args=[own.pk])
    assert (
        client.post(address, {"user": bob.pk, "images_per_day": "9"}).status_code == 403
    )
    own.refresh_from_db()
    assert own.images_per_day == 1
