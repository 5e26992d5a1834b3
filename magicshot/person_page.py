"""The admin's page on one person: all that staff may know, and what they may do."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST, require_safe

from accounts import audit, requests
from accounts.admin_forms import CreditsForm
from accounts.admin_pages import may_change_person
from accounts.impersonation import may_look_as
from accounts.models import AuditEntry, User, Wallet
from accounts.sign_in import sign_out_everywhere
from magicshot import person_tables


@require_safe
def person_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one person, each part to those who may look at its table."""
    may = request.user.has_perm
    if not may("accounts.view_user"):
        raise PermissionDenied
    person = get_object_or_404(User.objects.select_related("group"), pk=pk)
    wallet = Wallet.objects.filter(user=person).first()
    context = admin.site.each_context(request) | {
        "title": f"About {person.get_full_name()}",
        "subtitle": person.email,
        "person": person,
        "wallet": wallet if may("accounts.view_wallet") else None,
        "group_wallet": _group_wallet(person) if may("accounts.view_wallet") else None,
        "form": CreditsForm() if may("accounts.change_wallet") else None,
        "facts": _facts(person),
        "may_change": _may_change(request, person),
        "may_look": may_look_as(request.user, person),
        "tables": _tables(request, person, wallet),
    }
    return TemplateResponse(request, "admin/magicshot/person.html", context)


@require_POST
def sign_person_out(request: HttpRequest, pk: int) -> HttpResponse:
    """End all sessions of a person; their next page asks them to sign in."""
    person = get_object_or_404(User, pk=pk)
    if not _may_change(request, person):
        raise PermissionDenied
    with transaction.atomic():
        num_devices = sign_out_everywhere(person)
        audit.record(
            AuditEntry.Action.SIGN_OUT,
            person,
            actor=requests.person(request),
            before={"devices": num_devices},
            after={"devices": 0},
        )
    messages.success(request, f"{person} is signed out everywhere.")
    return redirect("admin-person", pk)


def _may_change(request: HttpRequest, person: User) -> bool:
    may = request.user.has_perm("accounts.change_user")
    return may and may_change_person(request, person)


def _group_wallet(person: User) -> Wallet | None:
    """Return the wallet that pays instead of their own, if one does."""
    if person.group is None or not person.group.shares_credits:
        return None
    return Wallet.objects.filter(group=person.group).first()


def _facts(person: User) -> list[str]:
    """Return what of them an admin should know at once, in few words."""
    rights = "superuser" if person.is_superuser else "staff" if person.is_staff else ""
    is_verified = EmailAddress.objects.filter(
        user=person, email__iexact=person.email, verified=True
    ).exists()
    has_factor = Authenticator.objects.filter(user=person).exists()
    facts = (
        "" if person.is_active else "stopped: not active",
        rights,
        f"group {person.group}" if person.group else "no group",
        "address confirmed" if is_verified else "address not confirmed",
        "two-step sign-in" if has_factor else "no two-step sign-in",
    )
    return [fact for fact in facts if fact]


def _tables(request: HttpRequest, person: User, wallet: Wallet | None) -> list[Any]:
    may = request.user.has_perm
    tables = [person_tables.rules_table(person)]
    if may("generators.view_generationjob"):
        tables.append(person_tables.jobs_table(person))
    if wallet is not None and may("accounts.view_creditentry"):
        tables.append(person_tables.statement_table(wallet))
    if may("usersessions.view_usersession"):
        tables.append(person_tables.devices_table(person))
    if may("accounts.view_auditentry"):
        tables.append(person_tables.audit_table(person))
    return tables
