"""Addresses of accounts beside allauth's own."""

from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("invitation/<slug:token>/", views.accept_invitation, name="invitation-accept"),
]
