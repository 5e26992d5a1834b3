"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from magicshot.health import health

urlpatterns = [
    path("healthz", health, name="health"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("", include("generators.urls")),
]
