"""Bare scripts of the same work, each in a process of its own: the yardsticks.

``python -m bench.bare draw COUNT`` draws with diffusers alone and prints JSON;
``serve PORT`` answers with bare Django under uvicorn, a POST committing one row;
``wake BROKER_URL COUNT`` sends bare Celery tasks, over files or a server, and prints
their delays.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

STARTED = time.perf_counter()
SPARK = Path(__file__).parents[1] / "models" / "spark"


def draw(count: int) -> dict[str, Any]:
    """Draw with the pipeline alone; return seconds to the first and for each."""
    import torch
    from diffusers import DiffusionPipeline

    torch.set_num_threads(1)  # as the engine draws models as small as this
    told = json.loads((SPARK / "magicshot.json").read_text())
    loader: Any = DiffusionPipeline  # it has no types
    pipeline = loader.from_pretrained(SPARK, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    each = []
    first = 0.0
    for seed in range(count):
        began = time.perf_counter()
        pipeline(
            "a red apple",
            num_inference_steps=told["num_inference_steps"],
            guidance_scale=told["guidance_scale"],
            width=told["width"],
            height=told["height"],
            generator=torch.Generator().manual_seed(seed),
        )
        each.append(time.perf_counter() - began)
        first = first or time.perf_counter() - STARTED
    return {"first": first, "each": each[1:]}


def serve(port: int) -> None:
    """Serve one page, and one POST that commits one row, with nothing else."""
    import django
    import uvicorn
    from django.conf import settings

    settings.configure(
        SECRET_KEY="bench",  # noqa: S106
        ALLOWED_HOSTS=["localhost"],
        ROOT_URLCONF="bench.bare_urls",
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
        },
    )
    django.setup()
    from django.core.asgi import get_asgi_application

    uvicorn.run(get_asgi_application(), host="localhost", port=port, log_level="error")


def wake(broker: str, count: int) -> list[float]:
    """Return the delays from send to start of bare Celery tasks, in seconds.

    ``broker`` is the address of a server, or filesystem:// and a folder.
    """
    from celery import Celery
    from celery.contrib.testing.worker import start_worker

    files = broker.startswith("filesystem://")
    app = Celery("bare", broker="filesystem://localhost" if files else broker)
    if files:
        app.conf.broker_transport_options = _folders(Path(urlsplit(broker).path))
    app.conf.task_default_queue = "bare"
    delays: list[float] = []

    @app.task(name="bare.note", ignore_result=True)
    def note(sent: float) -> None:
        delays.append(time.time() - sent)

    with start_worker(app, pool="threads", perform_ping_check=False):
        for number in range(count):
            note.delay(time.time())
            while len(delays) <= number:
                time.sleep(0.01)
            time.sleep(0.13)
    return delays


def _folders(home: Path) -> dict[str, object]:
    for name in ("messages", "taken"):
        (home / name).mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(home / "messages"),
        "data_folder_out": str(home / "messages"),
        "processed_folder": str(home / "taken"),
        "control_folder": str(home / "control"),
        "polling_interval": 0.05,
    }


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["draw", count]:
            print(json.dumps(draw(int(count))))
        case ["serve", port]:
            serve(int(port))
        case ["wake", broker, count]:
            print(json.dumps(wake(broker, int(count))))
