"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from generators.admin_costs import costs
from magicshot.dashboard.views import act
from magicshot.health import health
from magicshot.person_page import person_page, sign_person_out
from magicshot.setup import set_up

handler400 = "magicshot.finishing.bad_request"
handler500 = "magicshot.finishing.broken"
urlpatterns = [
    path("healthz", health, name="health"),
    path("admin/costs/", admin.site.admin_view(costs), name="admin-costs"),
    path(
        "admin/dashboard/jobs/<int:pk>/<slug:slug>/",
        admin.site.admin_view(act),
        name="dashboard-act",
    ),
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
    path("billing/", include("accounts.billing.urls")),
    path("setup/", set_up, name="setup"),
    path("your-data/", include("magicshot.leaving.urls")),
    path("", include("generators.urls")),
    path("", include("gallery.urls")),
]
