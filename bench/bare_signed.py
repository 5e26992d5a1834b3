"""Bare Django on PostgreSQL: a signed-in POST that commits one row, and nothing else.

``python -m bench.bare_signed prepare COUNT`` makes the tables of ``DATABASE_URL`` and
so many people, and prints a session of each; ``serve PORT`` answers.
"""

import os
import sys
from urllib.parse import urlsplit

from django.conf import settings

urlpatterns: list[object] = []
BACKEND = "django.contrib.auth.backends.ModelBackend"


def configure() -> None:
    """Set Django up with sessions, sign-in, the CSRF check and a connection pool."""
    url = urlsplit(os.environ["DATABASE_URL"])
    settings.configure(
        SECRET_KEY="bench",  # noqa: S106
        ALLOWED_HOSTS=["localhost"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "HOST": url.hostname,
                "PORT": url.port,
                "USER": url.username,
                "PASSWORD": url.password,
                "NAME": url.path.strip("/"),
                "OPTIONS": {"pool": {"min_size": 0, "max_size": 16}},
            }
        },
    )
    import django

    django.setup()


def prepare(count: int) -> None:
    """Make tables and people; print a session key of each."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE row (id bigserial PRIMARY KEY, owner integer)")
    for number in range(count):
        user = User.objects.create(username=f"p{number}")
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = BACKEND
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        print(session.session_key)


def serve(port: int) -> None:
    """Answer until a signal ends it."""
    import uvicorn
    from django.core.asgi import get_asgi_application

    uvicorn.run(get_asgi_application(), host="localhost", port=port, log_level="error")


def _urls() -> list[object]:
    from django.db import connection, transaction
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    def answer(request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            owner = request.user.pk  # loads session and person
            assert owner
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("INSERT INTO row (owner) VALUES (%s)", [owner])
        return HttpResponse("ok")

    return [path("", answer)]


if __name__ == "__main__":
    configure()
    match sys.argv[1:]:
        case ["prepare", count]:
            prepare(int(count))
        case ["serve", port]:
            urlpatterns += _urls()
            serve(int(port))
