"""How fast a fresh site is there, and what its idle web process holds."""

import json
import os
import secrets
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.figures import Figure, Goal
from bench.journeys import Person, seconds_to_answer
from bench.measuring import Figures, Goals, bare, bare_server, ended
from tests.e2e.site import Site, free_port


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway to compare with: seconds to the first answer, and MiB when idle."""

    name: str
    seconds: float
    mib: float


QUOTED = Gateway(name="LiteLLM, measured apart", seconds=9.6, mib=330.0)
"""LiteLLM 1.106.2, one worker, on the same kind of machine in November 2026."""


def litellm() -> Gateway:
    """Start the LiteLLM whose program ``BENCH_LITELLM`` names; else quote it."""
    program = os.environ.get("BENCH_LITELLM")
    if not program:
        return QUOTED
    port = free_port()
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as settings:
        settings.write("model_list: []\n")
        settings.flush()
        options = f"--config {settings.name} --host 127.0.0.1 --port {port}"
        with subprocess.Popen(
            [program, *options.split(), "--num_workers", "1", "--telemetry", "False"],
            env={
                **os.environ,
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                "LITELLM_MASTER_KEY": f"sk-{secrets.token_hex(16)}",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            took = seconds_to_answer(f"http://127.0.0.1:{port}/health/liveliness")
            family = psutil.Process(process.pid)
            held = [family, *family.children(recursive=True)]
            mib = sum(each.memory_info().rss for each in held) / 2**20
            process.terminate()
    return Gateway(name="LiteLLM, in this run", seconds=took, mib=mib)


def starts(home: Path) -> tuple[Figures, Goals, Site]:
    """Start a fresh site, draw at once, stop it, start it again; leave it running."""
    alone = json.loads(bare("draw", "1"))["first"]
    bare_start, _ = bare_server()
    began = time.perf_counter()
    first, cold = _start(home)
    job = ended(Person(first).press("a red apple", model="spark").job_id)
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
    picture = Figure(
        name="fresh data folder to the first picture, sign-up included",
        value=to_picture,
        unit="s",
        bare=alone,
        bare_name="bare diffusers script",
    )
    goal = Goal(
        name="first picture",
        wanted="a fresh site with nothing loaded: under 15 s on two cores",
        measured=f"{to_picture:.1f} s from the start of the command",
        is_met=to_picture < 15,
    )
    weight, lean = _web_process(site, second, litellm())
    return [*figures, picture, weight], [lean, goal], site


def _start(home: Path) -> tuple[Site, float]:
    site = Site(home, SIGN_UP_CREDITS="100000")
    took = seconds_to_answer(f"{site.url}/healthz")
    return site.ready(), took


def _web_process(site: Site, started: float, peer: Gateway) -> tuple[Figure, Goal]:
    """Weigh the idle web process and hold it, and its start, against a gateway."""
    web = site.child("web")
    has_torch = "libtorch" in Path(f"/proc/{web.pid}/maps").read_text()
    mib = web.memory_info().rss / 2**20
    figure = Figure(
        name="web process, resident when idle",
        value=mib,
        unit="MiB",
        bare=peer.mib,
        bare_name=peer.name,
    )
    return figure, Goal(
        name="G10",
        wanted="no torch in the web process; start and idle RSS at most 0.5x LiteLLM's",
        measured=f"torch {'loaded' if has_torch else 'not loaded'}; {started:.1f} s of "
        f"{peer.seconds:.1f} s ({started / peer.seconds:.2f}x); {mib:.0f} of "
        f"{peer.mib:.0f} MiB ({mib / peer.mib:.2f}x; {peer.name})",
        is_met=not has_torch
        and started <= 0.5 * peer.seconds
        and mib <= 0.5 * peer.mib,
    )
