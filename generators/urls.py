"""Addresses of the Create page and its live parts."""

from django.urls import path

from generators import views

app_name = "generators"
urlpatterns = [
    path("", views.create, name="create"),
]
