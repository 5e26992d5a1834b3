"""The two sites that the same chaos is let loose on."""

import os
from collections.abc import Iterator

import pytest

from tests.chaos import servers
from tests.chaos.site import Site, running


@pytest.fixture(scope="session")
def kills() -> int:
    """How often each point kills: 2, or what ``CHAOS_KILLS`` says."""
    return int(os.environ.get("CHAOS_KILLS", "2"))


@pytest.fixture(scope="session")
def embedded(tmp_path_factory) -> Iterator[Site]:
    """A site on SQLite and the filesystem broker."""
    with running(tmp_path_factory.mktemp("embedded") / "home", {}) as site:
        yield site


@pytest.fixture(scope="session")
def redis_server() -> Iterator[servers.Redis]:
    """A Redis of our own."""
    with servers.running(servers.Redis()) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[servers.PostgreSQL]:
    """A PostgreSQL of our own."""
    with servers.running(servers.PostgreSQL()) as server:
        yield server


@pytest.fixture(scope="session")
def served(tmp_path_factory, redis_server, postgresql_server) -> Iterator[Site]:
    """A site on PostgreSQL and Redis."""
    environment = {
        "DATABASE_URL": postgresql_server.url,
        "BROKER_URL": f"{redis_server.url}/0",
        "CACHE_URL": f"{redis_server.url}/1",
    }
    with running(tmp_path_factory.mktemp("served") / "home", environment) as site:
        yield site


@pytest.fixture(scope="session")
def sites(request) -> list[Site]:
    """Both sites; with ``EMBEDDED`` set, as in ``make test EMBEDDED=1``, only one."""
    names = ["embedded"] if os.environ.get("EMBEDDED") else ["embedded", "served"]
    return [request.getfixturevalue(name) for name in names]
