"""Waits for a job from the command line, with workers of our own where none run."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable

from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone

from generators import jobs
from generators.models import GenerationJob
from magicshot import processes
from magicshot.supervisor import Supervisor

LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 3.0
"""On a shared broker, how long another machine's worker may take to claim a job."""

CANCEL_SECONDS = 10.0

News = Callable[[GenerationJob], None]


def wait_for(
    job: GenerationJob, *, on_news: News, on_line: Callable[[str, str], None]
) -> GenerationJob:
    """Return a job once it ended, with workers of our own if nobody else runs it.

    ``on_news`` is told the job at each look, ``on_line`` what our workers print. Ctrl-C
    cancels the job and waits a little for its end.
    """
    return asyncio.run(_wait_for(job.pk, on_news, on_line))


async def _wait_for(
    job_id: int, on_news: News, on_line: Callable[[str, str], None]
) -> GenerationJob:
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted.set)
    async with contextlib.AsyncExitStack() as stack:
        began = time.monotonic()
        has_workers = False
        leave_at: float | None = None
        while True:
            job = await GenerationJob.objects.aget(pk=job_id)
            on_news(job)
            if job.is_ended or (leave_at and time.monotonic() > leave_at):
                return job
            if interrupted.is_set() and leave_at is None:
                leave_at = time.monotonic() + CANCEL_SECONDS
                await sync_to_async(jobs.cancel_job)(job)
            if not has_workers and await _is_forsaken(job, time.monotonic() - began):
                with contextlib.suppress(processes.AlreadyRunning):
                    await stack.enter_async_context(_own_workers(on_line))
                    has_workers = True
            await asyncio.sleep(LOOK_SECONDS)


async def _is_forsaken(job: GenerationJob, waited_seconds: float) -> bool:
    """Say whether no worker seems to serve this job's lane.

    The embedded broker belongs to this data folder, whose lock tells the rest.
    """
    if settings.BROKER_URL.startswith("filesystem:"):
        return True
    if waited_seconds < PATIENCE_SECONDS or job.status != job.Status.QUEUED:
        return False
    busy = GenerationJob.objects.filter(
        lane=job.lane,
        status=GenerationJob.Status.RUNNING,
        lease_expires_at__gt=timezone.now(),
    )
    return not await busy.aexists()


@contextlib.asynccontextmanager
async def _own_workers(on_line: Callable[[str, str], None]) -> AsyncIterator[None]:
    is_stopping = False

    def write(name: str, line: str) -> None:
        if line and not is_stopping:
            on_line(name, line)

    with processes.hold(settings.MAGICSHOT_HOME, what="the generate command"):
        supervisor = Supervisor(processes.workers(), write=write)
        running = asyncio.create_task(supervisor.run())
        try:
            yield
        finally:
            is_stopping = True
            supervisor.stop()
            await running
