"""The bare Django site of the yardstick: one answer, and one row a POST."""

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path


def answer(request: HttpRequest) -> HttpResponse:
    """Commit one row for a POST, and answer."""
    if request.method == "POST":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS row (value INTEGER)")
            cursor.execute("INSERT INTO row VALUES (1)")
    return HttpResponse("ok")


urlpatterns = [path("", answer)]
