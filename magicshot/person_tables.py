"""What an admin sees of one person, as tables. None holds a prompt or a picture."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import capfirst

from accounts.admin_audit_log import changes_of, target_name
from accounts.admin_pages import text_lines
from accounts.admin_tables import Table, moment
from accounts.models import AuditEntry, Quota, User, Wallet
from accounts.quotas import Said, explain
from accounts.statement import statement_page
from accounts.templatetags.browsers import browser
from generators.models import GenerationJob
from generators.statement import describe
from generators.usage import Used, usage_of

JOBS: Final = 20
LINES: Final = 10
DEVICES: Final = 10
LINK: Final = '<a class="text-link" href="{}">{}</a>'
_TONES: Final = {
    GenerationJob.Status.SUCCEEDED: "text-green-700 dark:text-green-400",
    GenerationJob.Status.FAILED: "text-red-600 dark:text-red-500",
    GenerationJob.Status.UNKNOWN: "text-orange-600 dark:text-orange-400",
}


def rules_table(person: User) -> Table:
    """Return each quota that says anything of them: what counts, why, and what is used."""
    used = usage_of(person)
    rows = [_rule_row(name, said, used) for name, said in explain(person).items()]
    return Table(
        title="Rules in force",
        columns=("Of", "Limit", "Because of", "Instead of", "Used#"),
        rows=rows,
        empty="None: nothing limits them but their credits.",
    )


def jobs_table(person: User) -> Table:
    """Return their newest jobs: when, by which model, how they ended, at what price."""
    jobs = GenerationJob.objects.filter(owner=person).order_by("-id")[:JOBS]
    lists = reverse("admin:generators_generationjob_changelist")
    return Table(
        title="Newest jobs",
        columns=("When", "Model", "Outcome", "Pictures#", "Credits#"),
        rows=[_job_row(job) for job in jobs],
        empty="They have not asked for a picture yet.",
        more=f"{lists}?owner__id__exact={person.pk}",
    )


def devices_table(person: User) -> Table:
    """Return where they are signed in now, the newest few."""
    known = UserSession.objects.filter(user=person).order_by("-id")[: 3 * DEVICES]
    keys = [row.session_key for row in known]
    alive = set(
        Session.objects.filter(
            session_key__in=keys, expire_date__gt=timezone.now()
        ).values_list("session_key", flat=True)
    )
    rows = [
        (browser(row.user_agent), row.ip, moment(row.created_at))
        for row in known
        if row.session_key in alive
    ]
    return Table(
        title="Signed-in devices",
        columns=("Browser", "Address", "Signed in"),
        rows=rows[:DEVICES],
        empty="They are signed in nowhere.",
    )


def statement_table(wallet: Wallet) -> Table:
    """Return the newest lines of a wallet."""
    lines = describe(statement_page(wallet).lines[:LINES])
    entries = reverse("admin:accounts_creditentry_changelist")
    return Table(
        title="Newest credits",
        columns=("When", "What", "Why", "Credits#", "Balance#"),
        rows=[
            (
                moment(each.line.entry.created_at),
                each.title_now,
                each.why or (each.job.image_model_label if each.job else ""),
                f"{each.line.entry.amount:+d}",
                each.line.balance,
            )
            for each in lines
        ],
        empty="Nothing has moved yet.",
        more=f"{entries}?wallet__id__exact={wallet.pk}",
    )


def audit_table(person: User) -> Table:
    """Return the newest acts of admins and money that concern them.

    Every press of a look is one, and would leave no room for others: the log has them.
    """
    acts = AuditEntry.objects.exclude(action=AuditEntry.Action.LOOK_ACT)
    entries = acts.filter(person=person)[:LINES]
    url = reverse("admin:accounts_auditentry_changelist")
    return Table(
        title="What was done to them",
        columns=("When", "Who", "Did what", "Changed", "Why"),
        rows=[
            (
                moment(entry.created_at),
                entry.actor_name,
                _act_words(entry),
                changes_of(entry),
                entry.reason,
            )
            for entry in entries
        ],
        empty="Nothing.",
        more=f"{url}?person__id__exact={person.pk}",
    )


def _act_words(entry: AuditEntry) -> str:
    """Return what was done; to what, where that is not the person."""
    words = entry.get_action_display()
    if entry.target_type == User._meta.label_lower:
        return words
    return f"{words} ({target_name(entry)})"


def _rule_row(
    name: str, said: Sequence[Said], used: Mapping[str, Used]
) -> tuple[object, ...]:
    first, *others = said
    column: Any = Quota._meta.get_field(name)
    instead = ((each.words, each.rule.scope_words) for each in others)
    found = used.get(name)
    return (
        capfirst(column.verbose_name),
        first.words,
        first.rule.scope_words,
        text_lines("{} ({})", instead) or "-",
        found.used if found and first.is_limit else "-",
    )


def _job_row(job: GenerationJob) -> tuple[object, ...]:
    status = GenerationJob.Status(job.status)
    words = f"{status.label}, {job.failure_kind}" if job.failure_kind else status.label
    url = reverse("admin:generators_generationjob_change", args=[job.pk])
    return (
        format_html(LINK, url, moment(job.created_at)),
        job.image_model_label,
        format_html('<span class="{}">{}</span>', _TONES.get(status, ""), words),
        f"{job.num_delivered} of {job.num_images}",
        "-" if job.settled_credits is None else job.settled_credits,
    )
