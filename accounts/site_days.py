"""Days and months as the site counts them, in its time zone."""

import datetime as dt

from django.utils import timezone


def day_began(now: dt.datetime | None = None) -> dt.datetime:
    """Return the midnight before now, in the site's time zone."""
    local = timezone.localtime(now, timezone.get_default_timezone())
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def month_began(now: dt.datetime | None = None) -> dt.datetime:
    """Return the midnight before the first of this month, in the site's time zone."""
    return day_began(now).replace(day=1)
