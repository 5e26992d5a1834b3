"""Addresses of the Create page and its live parts."""

from django.urls import path

from generators import credit_views, job_views, views, webhooks

app_name = "generators"
urlpatterns = [
    path("", views.create, name="create"),
    path("generations/", views.generation_create, name="generation-create"),
    path("generations/earlier/", views.generation_list, name="generation-list"),
    path(
        "generations/<uuid:public_id>/",
        views.generation_detail,
        name="generation-detail",
    ),
    path("model-controls/", views.model_controls, name="model-controls"),
    path("press-price/", views.press_price, name="press-price"),
    path("jobs/<uuid:public_id>/", job_views.job_card, name="job-card"),
    path("jobs/<uuid:public_id>/cancel/", job_views.job_cancel, name="job-cancel"),
    path("jobs/<uuid:public_id>/retry/", job_views.job_retry, name="job-retry"),
    path("jobs/<uuid:public_id>/preview/", job_views.job_preview, name="job-preview"),
    path(
        "jobs/<uuid:public_id>/receipt/", credit_views.job_receipt, name="job-receipt"
    ),
    path("credits/", credit_views.statement, name="statement"),
    path("credits/statement.csv", credit_views.statement_file, name="statement-file"),
    path("hooks/<uuid:public_id>/", webhooks.webhook, name="webhook"),
    path("events/", job_views.job_events, name="events"),
]
