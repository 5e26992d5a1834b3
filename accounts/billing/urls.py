"""Addresses of buying credits; each is 404 where nothing is sold."""

from django.urls import path

from accounts.billing import views, webhooks

app_name = "billing"
urlpatterns = [
    path("", views.buy, name="buy"),
    path("orders/", views.order_create, name="order-create"),
    path("orders/<uuid:public_id>/", views.order_detail, name="order-detail"),
    path("portal/", views.portal, name="portal"),
    path("top-up/", views.top_up_set, name="top-up-set"),
    path("webhook/", webhooks.webhook, name="webhook"),
]
