"""The pages of one's own data: take it along, delete the account, or keep it."""

import uuid
from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.reauthentication import (
    is_reauthentication_required,
)
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.formats import time_format
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts import deletions, ledger
from accounts.models import User
from accounts.requests import person
from accounts.sign_in import sign_in_required
from gallery.browser_time import in_browser_time
from gallery.models import Image
from magicshot.leaving import exports, sending
from magicshot.leaving.forms import DeleteAccountForm


@sign_in_required
@require_safe
@never_cache
@in_browser_time
def your_data(request: HttpRequest) -> HttpResponse:
    """Show the export as it stands, and the way out."""
    return render(request, "leaving/your_data.html", _export_of(person(request)))


@sign_in_required
@require_POST
@in_browser_time
def export_create(request: HttpRequest) -> HttpResponse:
    """Ask for everything of one's own; a second press shows the one under way."""
    try:
        exports.ask(person(request))
    except exports.TooSoon as refusal:
        at = time_format(timezone.localtime(refusal.again_at), "H:i")
        messages.info(request, f"That one is new. You can make another from {at}.")
    return redirect("leaving:your-data")


@sign_in_required
@require_safe
@never_cache
@in_browser_time
def export_state(request: HttpRequest) -> HttpResponse:
    """Show how far the export is: what the page asks for while it is under way."""
    context = _export_of(person(request))
    return render(request, "leaving/partials/_export.html", context)


@sign_in_required
@require_safe
@reauthentication_required  # type: ignore[untyped-decorator]
def export_proof(request: HttpRequest) -> HttpResponse:
    """Come back to the page with a fresh proof, to download what is there."""
    messages.info(request, "Thank you. Press Download now.")
    return redirect("leaving:your-data")


@sign_in_required
@require_safe
def export_download(request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
    """Send one's own zip, piece by piece, after a fresh proof."""
    ready = exports.ready_ones(person(request))
    export = get_object_or_404(ready, public_id=public_id)
    if is_reauthentication_required(request, app="magicshot"):
        return redirect("leaving:export-proof")
    return sending.send(request, export)


@sign_in_required
@reauthentication_required  # type: ignore[untyped-decorator]
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@in_browser_time
def account_delete(request: HttpRequest) -> HttpResponse:
    """Say what goes and what stays, and delete the account if it is really meant."""
    user = person(request)
    if user.deletion_due_at is not None:
        return redirect("leaving:your-data")
    form = DeleteAccountForm(user, request.POST or None)
    if form.is_valid():
        try:
            deletions.ask(user, by=user)
            return redirect("leaving:your-data")
        except deletions.CannotDelete as refusal:
            form.add_error(None, refusal.user_message)
    context = {"form": form} | _what_goes(user)
    status = 422 if form.is_bound else 200
    return render(request, "leaving/account_delete.html", context, status=status)


@sign_in_required
@require_POST
def account_keep(request: HttpRequest) -> HttpResponse:
    """Keep the account after all."""
    if deletions.keep(person(request)):
        messages.success(request, "Good. Your account stays.")
    return redirect("leaving:your-data")


def _export_of(user: User) -> dict[str, Any]:
    export = exports.of(user)
    return {
        "export": export,
        "again_at": exports.pause_after(export),
        "days_offered": exports.DAYS_OFFERED,
    }


def _what_goes(user: User) -> dict[str, Any]:
    return {
        "num_pictures": Image.objects.filter(owner=user).count(),
        "credits": ledger.wallet_of(user).balance,
        "days": settings.DELETION_DAYS,
        "refusal": deletions.refusal(user),
    }
