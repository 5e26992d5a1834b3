"""Where a person's credits went: the statement, as a file too, and a job's receipt."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import ledger, monthly_credits
from accounts.csv_file import csv_lines
from accounts.models import User, Wallet
from accounts.quotas import rules_of
from accounts.receipts import receipts_of
from accounts.requests import is_htmx, person
from accounts.sign_in import sign_in_required
from accounts.statement import Jobs, all_lines, statement_page
from gallery.browser_time import in_browser_time
from gallery.models import Image
from gallery.pages import read_key
from generators.models import GenerationJob
from generators.quota_checks import quota_lines
from generators.statement import describe, rows_of_file, why_given_back
from generators.usage import usage_of


@sign_in_required
@require_safe
@in_browser_time
def statement(request: HttpRequest) -> HttpResponse:
    """Show what moved the balance, newest first; htmx gets only the lines.

    To whom their group pays for, what their own jobs took of the group's credits.
    """
    user = person(request)
    rules = rules_of(user)
    wallet = monthly_credits.renew(user, rules)
    before = read_key(request.GET.get("before", ""))
    page = statement_page(wallet, before=before, jobs=_jobs_shown(user, wallet))
    context: dict[str, object] = {"lines": describe(page.lines), "older": page.older}
    if is_htmx(request):
        return render(request, "generators/partials/_statement_page.html", context)
    used = usage_of(user, rules)
    own = ledger.wallet_of(user)
    context |= {"wallet": wallet, "own": own, "quotas": quota_lines(used)}
    return render(request, "generators/statement.html", context)


@sign_in_required
@require_safe
def statement_file(request: HttpRequest) -> HttpResponse:
    """Send every entry as CSV, oldest first."""
    user = person(request)
    wallet = ledger.paying_wallet(user)
    lines = all_lines(wallet, jobs=_jobs_shown(user, wallet))
    name = f"magicshot-credits-{timezone.now():%Y-%m-%d}.csv"
    return HttpResponse(
        "".join(csv_lines(rows_of_file(lines))),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


@sign_in_required
@require_safe
@in_browser_time
def job_receipt(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Show what one of one's own jobs cost, and why."""
    user = person(request)
    rows = GenerationJob.objects.select_related("generation", "price")
    job = get_object_or_404(rows, owner=user, public_id=public_id)
    context = {
        "job": job,
        "receipt": receipts_of([public_id])[public_id],
        "images": Image.objects.visible_to(user)
        .kept()
        .filter(job_id=public_id)
        .for_page(),
        "why": why_given_back(job) if job.is_ended else "",
    }
    return render(request, "generators/receipt.html", context)


def _jobs_shown(user: User, wallet: Wallet) -> Jobs | None:
    """Return the ids of one's own jobs where others spend the same credits."""
    if wallet.group_id is None:
        return None
    own = GenerationJob.objects.filter(owner=user, wallet=wallet)
    return own.values_list("public_id", flat=True)
