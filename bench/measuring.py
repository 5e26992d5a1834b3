"""The measurements, one function each. All run on one fresh site after another."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from bench.figures import Figure, Goal, p50, p95
from bench.journeys import Person, memory, seconds_to_answer
from generators.models import GenerationJob
from tests.e2e.site import ROOT, Site, free_port

LITELLM_START_SECONDS, LITELLM_MIB = 9.6, 330.0
"""LiteLLM 1.106.2, one worker, measured on the same kind of machine in November 2026."""

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
        posts = [_timed(lambda: session.post(url, timeout=30)) for _ in range(40)]
        process.terminate()
    return start, posts[5:]


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _start(home: Path) -> tuple[Site, float]:
    site = Site(home, SIGN_UP_CREDITS="100000")
    took = seconds_to_answer(f"{site.url}/healthz")
    return site.ready(), took


def starts(home: Path) -> tuple[Figures, Goals, Site]:
    """Start a fresh site, draw at once, stop it, start it again; leave it running."""
    alone = json.loads(bare("draw", "1"))["first"]
    bare_start, _ = bare_server()
    began = time.perf_counter()
    first, cold = _start(home)
    person = Person(first)
    job = ended(person.press("a red apple", model="spark").job_id)
    to_picture = time.perf_counter() - began
    assert job.num_delivered == 1, job.failure_message
    first.stop()
    site, second = _start(home)
    figures = [
        Figure(
            name=name,
            value=took,
            unit="s",
            bare=bare_start,
            bare_name="bare Django and uvicorn",
        )
        for name, took in (
            ("cold start: fresh data folder to the first answer", cold),
            ("second start", second),
        )
    ]
    figures.append(
        Figure(
            name="fresh data folder to the first picture, sign-up included",
            value=to_picture,
            unit="s",
            bare=alone,
            bare_name="bare diffusers script",
        )
    )
    mapped = Path(f"/proc/{site.child('web').pid}/maps").read_text()
    resident = site.child("web").memory_info().rss / 2**20
    has_torch = "libtorch" in mapped
    figures.append(
        Figure(
            name="web process, resident when idle",
            value=resident,
            unit="MiB",
            bare=LITELLM_MIB,
            bare_name="LiteLLM",
        )
    )
    goal = Goal(
        name="G10",
        wanted="no torch in the web process; start and idle RSS at most 0.5x LiteLLM's",
        measured=f"torch {'loaded' if has_torch else 'not loaded'}; "
        f"{figures[1].value:.1f} s of {LITELLM_START_SECONDS} s "
        f"({figures[1].value / LITELLM_START_SECONDS:.2f}x); "
        f"{resident:.0f} of {LITELLM_MIB:.0f} MiB ({resident / LITELLM_MIB:.2f}x)",
        is_met=not has_torch
        and figures[1].value <= 0.5 * LITELLM_START_SECONDS
        and resident <= 0.5 * LITELLM_MIB,
    )
    first_goal = Goal(
        name="first picture",
        wanted="a fresh site with nothing loaded: under 15 s on two cores",
        measured=f"{to_picture:.1f} s from the start of the command",
        is_met=to_picture < 15,
    )
    return figures, [goal, first_goal], site


def presses(person: Person, home: Path, count: int) -> tuple[Figures, Goals]:
    """Press, wait, press again: placeholder, start, and the cost beyond the model."""
    drawn = json.loads(bare("draw", str(count + 1)))["each"]
    _, posts = bare_server()
    delays = json.loads(bare("wake", str(home / "bare-broker"), str(count)))
    placeholder, started, beyond, model, wall = [], [], [], [], []
    for number in range(count):
        press = person.press("a red apple", model="spark", seed=number)
        job = ended(press.job_id)
        assert job.started_at
        assert job.finished_at
        assert job.model_seconds
        placeholder.append(press.placeholder_seconds)
        started.append((job.started_at - job.created_at).total_seconds())
        wall.append((job.finished_at - job.started_at).total_seconds())
        model.append(job.model_seconds)
        beyond.append(
            (job.finished_at - job.created_at).total_seconds() - job.model_seconds
        )
        time.sleep(0.3)
    figures = []
    for name, values, yardstick, bare_name in (
        ("press to placeholder", placeholder, posts, "bare Django POST, one row"),
        ("press to start", started, delays, "bare Celery over files, delay to start"),
        ("press to picture beyond the model's own time", beyond, None, ""),
        ("seconds a picture, the model's own", model, drawn, "bare diffusers"),
    ):
        for kind, share in (("p50", p50), ("p95", p95)):
            figures.append(
                Figure(
                    name=f"{name}, {kind}",
                    value=share(values) * 1000,
                    unit="ms",
                    bare=share(yardstick) * 1000 if yardstick else None,
                    bare_name=bare_name,
                )
            )
    over = p50(wall) - p50(drawn)
    return figures, [
        Goal(
            name="G7",
            wanted="press to start, idle site, embedded queue: p95 at most 150 ms",
            measured=f"{p95(started) * 1000:.0f} ms",
            is_met=p95(started) <= 0.150,
        ),
        Goal(
            name="G11",
            wanted="our job beside the bare pipeline: at most 5 % or 100 ms more; "
            "equal pixels",
            measured=f"{over * 1000:+.0f} ms ({over / p50(drawn):+.0%}); pixels: "
            "tests/generators/pipelines",
            is_met=over <= max(0.1, 0.05 * p50(drawn)),
        ),
    ]


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
