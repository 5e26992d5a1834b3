"""Celery's entry points. A message only says: look."""

import socket

from celery import shared_task

from gallery import retention
from generators import jobs, reconciler, wake


@shared_task(name=wake.TASK)
def wake_lane(lane: str) -> None:
    """Run one due job of a lane, if there is one."""
    jobs.run_next(lane, worker=socket.gethostname())


@shared_task(name="generators.reconcile")
def reconcile() -> None:
    """Re-send what the queue forgot, and end what has died."""
    reconciler.reconcile()


@shared_task(name="generators.sweep")
def sweep() -> None:
    """Delete old trash and the files that no row knows."""
    retention.sweep()
