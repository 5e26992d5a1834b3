"""What the dashboard has done by the clock."""

from celery import shared_task

from magicshot.dashboard import kept_figures


@shared_task(name="magicshot.keep_figures")
def keep_figures() -> None:
    """Write finished days down, and make the page's figures before anybody looks."""
    kept_figures.renew()
