"""Celery's entry points of leaving. A message only says: look."""

from celery import shared_task, signals

from accounts import deletions
from magicshot.leaving import building, deletion, exports


@shared_task(name=exports.TASK)
def build_exports() -> None:
    """Build the exports that wait, unless this process builds already."""
    building.build_waiting()


@shared_task(name="magicshot.look_after_exports")
def look_after_exports() -> None:
    """Remove exports whose days are over, and build those that were forgotten."""
    exports.take_back_from_lost_workers()
    exports.remove_old()
    building.build_waiting()


@shared_task(name="magicshot.delete_due_accounts")
def delete_due_accounts() -> None:
    """Warn people a day before, delete accounts that are due, and sweep after them."""
    deletions.warn()
    deletion.run_due()
    exports.sweep()


@signals.worker_shutting_down.connect
def hand_exports_back(**_: object) -> None:
    """Let another worker go on, instead of making the stop wait."""
    building.stop()
