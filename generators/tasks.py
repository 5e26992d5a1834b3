"""Celery's entry points. A message only says: look."""

import socket

from celery import shared_task, signals

from gallery import retention
from generators import health, jobs, reconciler, wake, warming
from generators.providers import registry
from generators.pulse import heart


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


@shared_task(name="generators.check_connections")
def check_connections() -> None:
    """Try again the connections that are not known to work: on one thread of many."""
    health.check_those_in_trouble()


@signals.worker_ready.connect
def look_for_forgotten_jobs(**_: object) -> None:
    """Find at once what waited while no worker was there."""
    reconciler.reconcile()


@signals.worker_shutting_down.connect
def hand_work_back(**_: object) -> None:
    """Let another worker go on with unpaid work, instead of making the stop wait."""
    heart.hand_back_all()


@signals.worker_shutdown.connect
def let_providers_go(**_: object) -> None:
    """End what providers hold, such as the child process of the local engine."""
    registry.close_all()


# Celery reads this module in its workers only: there the engines are warmed.
__all__ = ["check_connections", "reconcile", "sweep", "wake_lane", "warming"]
