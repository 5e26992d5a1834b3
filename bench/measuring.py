"""What all measurements share, and the short ones: cancels, switches, memory."""

import subprocess
import sys
import time
import uuid
from collections.abc import Callable

from bench.figures import Figure, Goal, p50
from bench.journeys import Person, memory, seconds_to_answer
from generators.models import GenerationJob
from tests.e2e.site import ROOT, Site, free_port

Figures = list[Figure]
Goals = list[Goal]


def bare(*arguments: str) -> str:
    """Run one of the yardsticks and return what it prints."""
    ran = subprocess.run(
        [sys.executable, "-m", "bench.bare", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip().splitlines()[-1]


def ended(job_id: uuid.UUID, *, within: float = 180) -> GenerationJob:
    """Return a job once it ended."""
    return seen(job_id, lambda job: job.is_ended, within=within)


def seen(
    job_id: uuid.UUID, is_so: Callable[[GenerationJob], bool], *, within: float = 180
) -> GenerationJob:
    """Return a job once something is true of it."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        job = GenerationJob.objects.get(public_id=job_id)
        if is_so(job):
            return job
        time.sleep(0.02)
    raise TimeoutError(f"job {job_id} is still {job.status}")


def answers(url: str) -> bool:
    """Say whether a Redis server answers at an address."""
    import redis

    try:
        return bool(redis.Redis.from_url(url, socket_timeout=2).ping())
    except redis.RedisError:
        return False


def bare_server() -> tuple[float, list[float]]:
    """Return bare Django's start to the first answer, and its POSTs, in seconds."""
    import requests

    port = free_port()
    url = f"http://localhost:{port}/"
    with subprocess.Popen(
        [sys.executable, "-m", "bench.bare", "serve", str(port)], cwd=ROOT
    ) as process:
        start = seconds_to_answer(url)
        session = requests.Session()
        posts = [timed(lambda: session.post(url, timeout=30)) for _ in range(40)]
        process.terminate()
    return start, posts[5:]


def timed(act: Callable[[], object]) -> float:
    """Return the seconds that an act takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def cancels(person: Person, count: int) -> tuple[Figures, Goals]:
    """Cancel while it draws many steps; how long until it has stopped."""
    late, steps = [], []
    for number in range(count):
        press = person.press(
            "a red apple", model="spark", num_inference_steps=100, seed=number
        )
        seen(press.job_id, lambda job: job.progress > 0.05)
        person.cancel(press.job_id)
        job = ended(press.job_id)
        assert job.finished_at
        assert job.started_at
        assert job.cancel_requested_at
        late.append((job.finished_at - job.cancel_requested_at).total_seconds())
        drawn = (job.finished_at - job.started_at).total_seconds()
        steps.append(drawn / max(1.0, job.progress * 100))
    allowed = p50(steps) + 0.1
    figure = Figure(name="cancel to stopped, p50", value=p50(late) * 1000, unit="ms")
    return [figure], [
        Goal(
            name="G14",
            wanted="a cancel takes effect within one step and 100 ms",
            measured=f"p50 {p50(late) * 1000:.0f} ms; one step and 100 ms are "
            f"{allowed * 1000:.0f} ms",
            is_met=p50(late) <= allowed,
        )
    ]


def switches() -> Goals:
    """Run the simulation of three models and sixty shuffled jobs."""
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-k",
            "goal_12",
            "tests/generators/test_queue.py",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    last = ran.stdout.strip().splitlines()[-1]
    return [
        Goal(
            name="G12",
            wanted="3 models, 60 shuffled jobs: switches at most 0.25x of FIFO, "
            "no wait beyond FIFO's worst and 2 switches",
            measured=f"tests/generators/test_queue.py: {last}",
            is_met=ran.returncode == 0,
        )
    ]


def memories(site: Site) -> Figures:
    """Weigh each process after the work."""
    return [
        Figure(name=f"memory: {name}", value=mib, unit="MiB")
        for name, mib in memory(site).items()
    ]
