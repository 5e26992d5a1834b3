"""``python -m bench``: measure, and write docs/benchmarks.md."""

import datetime as dt
import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure, Goal

COUNT = int(os.environ.get("BENCH_COUNT", "30"))
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/13")
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def main() -> None:
    """Run every measurement on fresh sites and write the page."""
    with tempfile.TemporaryDirectory(prefix="magicshot-bench-") as folder:
        home = Path(folder) / "home"
        os.environ["MAGICSHOT_HOME"] = str(home)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicshot.settings")
        import django

        django.setup()
        _measure(home)


def _measure(home: Path) -> None:
    from bench import (
        admin_at_scale,
        measuring,
        presses,
        remote_load,
        servers,
        starts,
        submits,
    )
    from bench.journeys import Person

    figures, goals, site = starts.starts(home)
    try:
        person = Person(site, "bob@example.org")
        for more_figures, more_goals in (
            presses.presses(person, home, COUNT),
            measuring.cancels(person, max(3, COUNT // 5)),
        ):
            figures += more_figures
            goals += more_goals
        figures += measuring.memories(site)
    finally:
        site.stop()
    if measuring.answers(REDIS):
        more_figures, more_goals = presses.presses_with_redis(home, REDIS, COUNT)
        figures += more_figures
        goals += more_goals
        if servers.has_postgres():
            for measure in (submits.submits, remote_load.remote_load):
                more_figures, more_goals = measure(REDIS)
                figures += more_figures
                goals += more_goals
    more_figures, more_goals = admin_at_scale.admin_at_scale()
    figures += more_figures
    goals += more_goals
    goals += measuring.switches()
    PAGE.write_text(_page(figures, goals))
    print(PAGE.read_text())


def _page(figures: Sequence[Figure], goals: Sequence[Goal]) -> str:
    machine = f"{os.cpu_count()} cores, {platform.machine()}"
    python = platform.python_version()
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"Written by `make bench` on {dt.datetime.now(dt.UTC):%d %B %Y, %H:%M} UTC: "
            f"{machine}, Python {python}, SQLite and the embedded queue, "
            f"{COUNT} presses. The load is the machine's one-minute average at that "
            "figure: above the number of cores, other work took its share. Only the "
            "ratios, to a bare script of the same work in the same run, say something "
            "on another machine.",
            "",
            "| what | ours | bare | ratio | load | note |",
            "| --- | --- | --- | --- | --- | --- |",
            *(figure.row for figure in figures),
            "",
            "## Goals",
            "",
            "| goal | wanted | measured | |",
            "| --- | --- | --- | --- |",
            *(goal.row for goal in goals),
            "",
            "LiteLLM is 1.106.2 with one worker. `BENCH_LITELLM=path/to/litellm make "
            "bench` starts it in the same run; otherwise its figures of November 2026 "
            "(9.6 s to the first answer, 330 MiB idle, same kind of machine) stand in.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
