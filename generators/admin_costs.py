"""The admin's page on what remote models cost."""

from typing import Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from generators import cost_report
from generators.margins import credit_usd

RIGHTS: Final = ("generators.view_connection", "generators.view_generationjob")
SPANS: Final = (1, 7, 30, 90)


def costs(request: HttpRequest) -> HttpResponse:
    """Show the daily sums of some days, and what may have been paid for nothing."""
    if not request.user.has_perms(RIGHTS):
        raise PermissionDenied
    asked = request.GET.get("days", "")
    days = next((span for span in SPANS if str(span) == asked), 7)
    context = admin.site.each_context(request) | {
        "title": "Costs",
        "report": cost_report.report(days),
        "spans": SPANS,
        "parted_percent": cost_report.PARTED_PERCENT,
        "is_worth_known": credit_usd() is not None,
    }
    return TemplateResponse(request, "admin/generators/costs.html", context)
