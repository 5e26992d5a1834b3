"""Puts our admin site in the place of Django's."""

from django.contrib.admin import apps


class AdminConfig(apps.AdminConfig):
    """Names the admin site that ``admin.site`` becomes."""

    default_site = "accounts.admin_site.AdminSite"
