"""An account that leaves is gone: from tables, files, sessions and logs."""

import errno
import itertools
import logging
import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings as site
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import audit, deletions, ledger, ledger_audit
from accounts.models import AuditEntry, CreditEntry, Deletion, Invitation, User, Wallet
from accounts.models.audit import FORGOTTEN
from gallery import retention
from gallery.disk import DurableFileSystemStorage
from gallery.models import Image, StoredFile, Tag
from generators import cost_report, estimates, jobs, reconciler
from generators.clock import before
from generators.contracts import Lane
from generators.models import Generation, GenerationJob, JobEvent, PromptVerdict
from magicshot.leaving import deletion, tasks
from tests import factories
from tests.accounts.test_sign_in import sign_in
from tests.gallery.making import make_image
from tests.gallery.test_storage import files_on_disk, paths
from tests.generators.test_key_canary import dump
from tests.magicshot.leaving.belongings import drawn, furnish
from tests.magicshot.leaving.test_exports import export_of

pytestmark = pytest.mark.django_db(transaction=True)
Status = GenerationJob.Status
WORD = "gazebo"
ADDRESS = "carol.canary@example.org"
PASSWORD = "carol's password"


@pytest.fixture
def carol(db) -> User:
    """Somebody with one of everything, all of it bearing her word."""
    user = User.objects.create_user(ADDRESS, PASSWORD, name=f"Carol {WORD}")
    furnish(user, WORD)
    return user


def after_days(user: User, days: float = site.DELETION_DAYS + 0.1):
    """Travel to when the account is due, if it was asked to be deleted now."""
    deletions.ask(user, by=user)
    return time_machine.travel(timezone.now() + timedelta(days=days))


def leave(user: User) -> None:
    """Ask for it, and let the days pass."""
    with after_days(user):
        tasks.delete_due_accounts()


def is_gone(user: User) -> bool:
    return not User.objects.filter(pk=user.pk).exists()


def everything_on_disk() -> bytes:
    """Return the bytes of all files of the site, its pictures' too."""
    roots = (Path(site.MEDIA_ROOT), Path(site.MAGICSHOT_HOME))
    found = itertools.chain.from_iterable(root.rglob("*") for root in roots)
    return b"".join(path.read_bytes() for path in found if path.is_file())


def test_nothing_of_them_is_found_anywhere_afterwards(carol, staff, caplog):
    caplog.set_level(logging.DEBUG)
    Client().force_login(carol)
    sign_in(half_way := Client(), ADDRESS, PASSWORD)  # it waits for the second step
    assert half_way.session.keys()
    Client().post(reverse("account_login"), {"login": ADDRESS, "password": "wrong"})
    page = ContentType.objects.get_for_model(User)
    LogEntry.objects.log_actions(staff.pk, [carol], CHANGE, f"Wrote to {ADDRESS}")
    assert LogEntry.objects.get(content_type=page).object_repr == ADDRESS
    export_of(carol)
    hers = Image.objects.filter(owner=carol, kind=Image.Kind.UPLOADED).get()
    bytes_of_hers = Path(site.MEDIA_ROOT, hers.file.path).read_bytes()
    for canary in (WORD, ADDRESS, f"{WORD}.other"):
        assert canary.encode() in dump()
    assert WORD.encode() in everything_on_disk()
    assert bytes_of_hers in everything_on_disk()
    leave(carol)
    assert is_gone(carol)
    for canary in (WORD, ADDRESS, f"{WORD}.other", "carol"):
        assert canary.encode() not in dump()
        assert canary.encode() not in everything_on_disk()
        assert canary not in caplog.text
    assert files_on_disk() == set()
    assert bytes_of_hers not in everything_on_disk()
    for model in (Image, StoredFile, Tag, PromptVerdict, Invitation, Authenticator):
        assert not model._default_manager.exists(), model
    for model in (EmailAddress, Session, UserSession, Deletion):
        assert not model._default_manager.exists(), model


def test_the_audit_log_says_which_account_went_and_no_more(carol):
    key = carol.pk
    leave(carol)
    entry = AuditEntry.objects.get(action=AuditEntry.Action.DELETE)
    assert (entry.actor_id, entry.actor_name) == (None, audit.THE_SITE)
    assert (entry.target_type, entry.target_pk) == ("accounts.user", str(key))
    assert (entry.target_text, entry.person_id) == (FORGOTTEN, key)
    assert (entry.before, entry.after, entry.reason) == ({}, {}, "")


def test_what_is_kept_adds_up_and_names_nobody(carol):
    wallet = ledger.wallet_of(carol)
    figures = ("num_images", "num_delivered", "settled_credits", "price_credits")
    figures = (*figures, "image_model_label", "status", "actual_usd_micros", "width")
    kept = list(GenerationJob.objects.order_by("pk").values(*figures))
    measured = estimates._measured(GenerationJob.objects.first().image_model_id)
    costs = cost_report.report(days=30)
    entries = CreditEntry.objects.filter(wallet=wallet).count()
    leave(carol)
    assert list(GenerationJob.objects.order_by("pk").values(*figures)) == kept
    assert estimates._measured(GenerationJob.objects.first().image_model_id) == measured
    assert cost_report.report(days=45).total == costs.total
    for job in GenerationJob.objects.select_related("generation"):
        assert job.owner is None
        assert job.generation.owner is None
        assert job.generation.prompt == ""
        assert job.handle is None
        assert set(job.recipe) <= {"operation", "num_inference_steps"}
        assert not job.failure_message + job.failure_detail + job.provider_request_id
    assert set(JobEvent.objects.values_list("note", flat=True)) == {""}
    wallet.refresh_from_db()
    assert (wallet.user, wallet.balance, wallet.reserved) == (None, 0, 0)
    assert CreditEntry.objects.filter(wallet=wallet).count() == entries + 1
    assert ledger_audit.audit() == []


def test_what_others_keep_by_the_same_content_stays_theirs(alice, bob):
    hers, shared = make_image(alice, 1), make_image(alice, 2)
    his = make_image(bob, 2)
    assert his.file == shared.file
    leave(alice)
    assert list(Image.objects.all()) == [his]
    assert files_on_disk() == paths(his.file)
    assert files_on_disk().isdisjoint(paths(hers.file))
    his.file.refresh_from_db()
    assert his.file.ref_count == 1


def test_other_accounts_lose_nothing(carol, bob, settings):
    settings.SESSION_COOKIE_AGE = 60 * 24 * 3600
    furnish(bob, "walrus")
    other = Client()
    other.force_login(bob)
    before_it = {
        model: model._default_manager.filter(owner=bob).count()
        for model in (Image, Tag, GenerationJob, Generation, PromptVerdict)
    }
    leave(carol)
    for model, count in before_it.items():
        assert model._default_manager.filter(owner=bob).count() == count
    assert "_auth_user_id" in other.session
    assert Authenticator.objects.filter(user=bob).exists()
    assert Invitation.objects.get().email == bob.email
    assert JobEvent.objects.filter(job__owner=bob).exclude(note="").exists()


def test_not_before_its_day(carol):
    with after_days(carol, days=site.DELETION_DAYS - 0.1):
        tasks.delete_due_accounts()
    carol.refresh_from_db()
    assert carol.is_active
    assert Image.objects.filter(owner=carol).count() == 7


def test_running_it_again_changes_nothing(carol, bob):
    make_image(bob, 77)
    leave(carol)
    entries = CreditEntry.objects.count()
    with time_machine.travel(timezone.now() + timedelta(days=30)):
        for _ in range(3):
            tasks.delete_due_accounts()
    assert CreditEntry.objects.count() == entries
    assert Image.objects.count() == 1


# Jobs that have not ended


def test_waiting_jobs_are_canceled_and_their_credits_counted(alice):
    job = factories.make_job(alice)
    leave(alice)
    assert is_gone(alice)
    job.refresh_from_db()
    assert (job.status, job.settled_credits) == (Status.CANCELED, 0)
    assert ledger_audit.audit() == []


def test_a_job_that_a_worker_draws_is_waited_for(alice):
    job = factories.make_job(alice)
    make_image(alice)
    GenerationJob.objects.filter(pk=job.pk).update(
        status=Status.RUNNING, lease_token="00000000-0000-4000-8000-000000000000"
    )
    with after_days(alice):
        tasks.delete_due_accounts()
        job.refresh_from_db()
        assert job.cancel_requested_at is not None
        assert Image.objects.exists(), "nothing goes before its jobs have ended"
        alice.refresh_from_db()
        assert not alice.is_active
        GenerationJob.objects.filter(pk=job.pk).update(lease_expires_at=before(1))
        reconciler.reconcile()
        tasks.delete_due_accounts()
    assert is_gone(alice)
    assert ledger_audit.audit() == []


def test_a_paid_call_whose_end_is_not_known_is_waited_for_until_its_deadline(alice):
    job = factories.make_job(alice)
    rows = GenerationJob.objects.filter(pk=job.pk)
    rows.update(status=Status.UNKNOWN, deadline_at=before(-600))
    with after_days(alice):
        tasks.delete_due_accounts()
        job.refresh_from_db()
        assert job.status == Status.UNKNOWN
        rows.update(deadline_at=before(1))
        reconciler.reconcile()
        tasks.delete_due_accounts()
    assert is_gone(alice)
    job.refresh_from_db()
    assert (job.status, job.failure_message) == (Status.FAILED, "")
    assert ledger_audit.audit() == []


def test_a_picture_that_came_at_the_last_moment_goes_too(alice, monkeypatch):
    steps = deletion.steps()
    late = (*steps[:-1], lambda user: bool(make_image(user, 5)), steps[-1])
    with after_days(alice):
        with monkeypatch.context() as patched:
            patched.setattr(deletion, "steps", lambda: late)
            tasks.delete_due_accounts()
        assert not is_gone(alice)
        tasks.delete_due_accounts()
    assert is_gone(alice)
    assert files_on_disk() == set()


# Broken off at any point


class Stubborn(DurableFileSystemStorage):
    """A folder that lets nothing go."""

    def delete(self, name):
        raise PermissionError(errno.EACCES, "not allowed", name)


class Killed(BaseException):
    """The worker is gone; nothing catches it, as nothing catches SIGKILL."""


@pytest.mark.parametrize("count", range(len(deletion.steps()) + 1))
def test_when_it_is_killed_between_two_steps_then_the_next_pass_ends_it(
    carol, bob, monkeypatch, count
):
    his = make_image(bob, 11, prompt="his")

    def die(user):
        raise Killed

    cut = (*deletion.steps()[:count], die)
    with after_days(carol):
        with monkeypatch.context() as patched:
            patched.setattr(deletion, "steps", lambda: cut)
            with pytest.raises(Killed):
                tasks.delete_due_accounts()
        tasks.delete_due_accounts()
    assert is_gone(carol)
    assert files_on_disk() == paths(his.file)
    assert WORD.encode() not in dump()
    assert ADDRESS.encode() not in dump()
    assert ledger_audit.audit() == []
    assert not Deletion.objects.exists()


def test_when_files_cannot_be_removed_then_the_sweep_does_it_later(
    carol, monkeypatch, settings
):
    export_of(carol)
    default = settings.STORAGES["default"] | {"BACKEND": f"{__name__}.Stubborn"}
    with after_days(carol):
        settings.STORAGES = settings.STORAGES | {"default": default}
        tasks.delete_due_accounts()
        assert is_gone(carol)
        assert files_on_disk() != set()
        settings.STORAGES = settings.STORAGES | {
            "default": default | {"BACKEND": "gallery.disk.DurableFileSystemStorage"}
        }
    with time_machine.travel(timezone.now() + timedelta(days=20)):
        retention.sweep()
        tasks.delete_due_accounts()
    assert files_on_disk() == set()


# Coming back


def test_the_address_may_sign_up_again_and_finds_nothing_old(carol, settings):
    settings.SIGN_UP_CREDITS = 100
    leave(carol)
    visitor = Client()
    data = {"email": ADDRESS, "password1": PASSWORD}
    assert visitor.post(reverse("account_signup"), data).status_code == 302
    again = User.objects.get(email=ADDRESS)
    assert again.deletion_due_at is None
    for model in (Image, Tag, GenerationJob, Generation):
        assert not model._default_manager.filter(owner=again).exists()
    for name in ("gallery:gallery-list", "gallery:trash-list", "leaving:your-data"):
        assert WORD not in visitor.get(reverse(name)).content.decode()
    assert ledger.wallet_of(again).balance == 0, "the first credits come once"
    assert ledger.wallet_of(User.objects.create_user("dora@example.org")).balance == 100


def test_after_a_year_the_first_credits_come_again(carol):
    leave(carol)
    with time_machine.travel(timezone.now() + timedelta(days=14 + 366)):
        tasks.delete_due_accounts()
        again = User.objects.create_user(ADDRESS)
        assert ledger.wallet_of(again).balance == site.SIGN_UP_CREDITS


# Who may not leave, and who changed their mind


def test_the_only_superuser_stays(staff, alice):
    with pytest.raises(deletions.CannotDelete, match="only superuser"):
        deletions.ask(staff, by=staff)
    User.objects.filter(pk=alice.pk).update(is_superuser=True)
    deletions.ask(staff, by=staff)
    alice.refresh_from_db()
    with pytest.raises(deletions.CannotDelete):
        deletions.ask(alice, by=alice)


def test_who_became_the_only_superuser_meanwhile_stays(staff, alice, caplog):
    User.objects.filter(pk=alice.pk).update(is_superuser=True)
    with after_days(staff):
        User.objects.filter(pk=alice.pk).update(is_superuser=False)
        tasks.delete_due_accounts()
    staff.refresh_from_db()
    assert staff.is_active
    assert "the only superuser" in caplog.text
    assert "stan" not in caplog.text


def test_who_kept_the_account_loses_nothing(carol):
    with after_days(carol):
        assert deletions.keep(carol)
        assert not deletions.keep(carol)
        tasks.delete_due_accounts()
    carol.refresh_from_db()
    assert (carol.is_active, carol.deletion_due_at) == (True, None)
    assert not Deletion.objects.exists()


def test_what_has_begun_cannot_be_kept(carol):
    factories.make_job(carol)
    GenerationJob.objects.filter(finished_at=None).update(
        status=Status.UNKNOWN, deadline_at=before(-60)
    )
    with after_days(carol):
        tasks.delete_due_accounts()
        assert not deletions.keep(carol)
    carol.refresh_from_db()
    assert carol.deletion_due_at is not None


def test_staff_who_leave_are_in_no_note_of_the_ledger(alice, staff, client):
    User.objects.create_superuser("tess@example.org")
    client.force_login(staff)
    wallet = ledger.wallet_of(alice)
    address = reverse("admin:accounts_wallet_adjust_credits", args=[wallet.pk])
    form = client.get(address).content.decode()
    press = re.findall(r'name="press" value="([^"]+)"', form)
    data = {"credits": "5", "reason": "kindness", "press": press}
    assert client.post(address, data).status_code == 302
    leave(staff)
    assert is_gone(staff)
    assert b"stan@" not in dump()
    assert Wallet.objects.get(pk=wallet.pk).balance == site.SIGN_UP_CREDITS + 5


def test_one_account_that_breaks_keeps_no_other_waiting(alice, bob, monkeypatch):
    def break_for_alice(user):
        if user == alice:
            raise RuntimeError("broken")
        return True

    broken = (break_for_alice, *deletion.steps())
    monkeypatch.setattr(deletion, "steps", lambda: broken)
    deletions.ask(alice, by=alice)
    leave(bob)
    assert is_gone(bob)
    assert not is_gone(alice)


def test_jobs_are_claimed_by_nobody_afterwards(carol, bob):
    leave(carol)
    factories.make_job(bob)
    assert jobs.run_next(Lane.REMOTE, worker="test")
    assert not jobs.run_next(Lane.REMOTE, worker="test")
    assert drawn(bob, "a pear").num_delivered == 1
