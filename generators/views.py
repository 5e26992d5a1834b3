"""The Create page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def create(request: HttpRequest) -> HttpResponse:
    """Show the Create page, or the landing page to a stranger."""
    return render(request, "generators/landing.html")
