"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from generators.admin_costs import costs
from magicshot.health import health
from magicshot.person_page import person_page, sign_person_out
from magicshot.setup import set_up

handler400 = "magicshot.finishing.bad_request"
urlpatterns = [
    path("healthz", health, name="health"),
    path("admin/costs/", admin.site.admin_view(costs), name="admin-costs"),
    path(
        "admin/people/<int:pk>/",
        admin.site.admin_view(person_page),
        name="admin-person",
    ),
    path(
        "admin/people/<int:pk>/sign-out/",
        admin.site.admin_view(sign_person_out),
        name="admin-person-sign-out",
    ),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("accounts/", include("accounts.urls")),
    path("setup/", set_up, name="setup"),
    path("", include("generators.urls")),
    path("", include("gallery.urls")),
]
