"""The admin's page that begins a look at the site as somebody."""

from allauth.account.decorators import reauthentication_required
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts import impersonation, requests
from accounts.admin_forms import LookForm
from accounts.models import User
from accounts.sign_in import is_sign_in_old


@require_http_methods(["GET", "HEAD", "POST"])
def look_as(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Ask an admin who may for a fresh proof and a reason, then begin.

    Who has only just signed in has given the proof.
    """
    admin_user, person = requests.person(request), get_object_or_404(User, pk=pk)
    if not impersonation.may_look_as(admin_user, person):
        raise PermissionDenied
    response: HttpResponseBase = _ask(request, admin_user, person)
    return response


@reauthentication_required(enabled=is_sign_in_old)  # type: ignore[untyped-decorator]
def _ask(request: HttpRequest, admin_user: User, person: User) -> HttpResponseBase:
    form = LookForm(request.POST or None)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        impersonation.begin(request, admin=admin_user, person=person, reason=reason)
        return redirect("/")
    context = admin.site.each_context(request) | {
        "title": f"Look at the site as {person}",
        "person": person,
        "form": form,
        "minutes": int(impersonation.LONGEST.total_seconds() // 60),
    }
    template = "admin/accounts/user/look.html"
    return render(request, template, context, status=422 if form.is_bound else 200)
