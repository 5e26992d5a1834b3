"""Addresses of what people take with them, and of how they leave."""

from django.urls import path

from magicshot.leaving import views

app_name = "leaving"
urlpatterns = [
    path("", views.your_data, name="your-data"),
    path("export/", views.export_create, name="export-create"),
    path("export/state/", views.export_state, name="export-state"),
    path("export/proof/", views.export_proof, name="export-proof"),
    path(
        "export/<uuid:public_id>/download/",
        views.export_download,
        name="export-download",
    ),
    path("delete/", views.account_delete, name="account-delete"),
    path("keep/", views.account_keep, name="account-keep"),
]
