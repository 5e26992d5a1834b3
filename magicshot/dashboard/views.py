"""Asks whether one job shall be helped, and does it."""

from typing import cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from accounts.admin_pages import QuickAdmin
from accounts.requests import person
from generators import admin_job_acts
from generators.models import GenerationJob
from magicshot.dashboard import acts, kept_figures
from magicshot.dashboard.acts import RIGHTS, Act

MOVED_ON = "Nothing was changed: the job has moved on. Look at it once more."


@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """Ask about one act on one job; on POST carry it out, if it still fits."""
    user = person(request)
    if not user.has_perms(RIGHTS):
        raise PermissionDenied
    chosen = acts.found(slug)
    if chosen is None:
        raise Http404
    job = get_object_or_404(GenerationJob.objects.select_related("owner"), pk=pk)
    if not chosen.fits(job, user):
        messages.warning(request, MOVED_ON)
        return redirect("admin:index")
    if request.method == "POST":
        _carry_out(request, chosen, job)
        return redirect("admin:index")
    context = admin.site.each_context(request) | {
        "title": f"{chosen.label}?",
        "act": chosen,
        "job": job,
    }
    return TemplateResponse(request, "admin/dashboard/act.html", context)


def _carry_out(request: HttpRequest, chosen: Act, job: GenerationJob) -> None:
    """Do it, as the list of jobs does, and say what became of it."""
    pages = cast(QuickAdmin, admin.site.get_model_admin(GenerationJob))
    is_done = admin_job_acts.carry_out(
        pages, request, job, act=chosen.carry_out, action=chosen.action
    )
    if is_done:
        kept_figures.forget()
        messages.success(request, chosen.done)
    else:
        messages.warning(request, MOVED_ON)
