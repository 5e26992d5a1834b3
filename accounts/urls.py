"""Addresses of accounts beside allauth's own."""

from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("invitation/<slug:token>/", views.accept_invitation, name="invitation-accept"),
    path("look/stop/", views.stop_looking, name="look-stop"),
    path("notices/<int:pk>/dismiss/", views.dismiss_notice, name="notice-dismiss"),
]
