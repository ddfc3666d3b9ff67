from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from brickyard.workspace.store import Owner, Store
from tests.support.postgresql import Cluster, Unavailable

Place = Path | str
Opener = Callable[..., Store]


@pytest.fixture(scope="session")
def session_cluster() -> Iterator[Cluster]:
    """A PostgreSQL server, started when the first test needs it."""
    try:
        cluster = Cluster()
    except Unavailable as reason:
        pytest.skip(f"POSTGRESQL IS NOT TESTED: {reason}")
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(session_cluster: Cluster) -> Iterator[Cluster]:
    """The server, running again after a test that stopped it."""
    yield session_cluster
    session_cluster.start()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return tmp_path / "workspace.db"
    cluster: Cluster = request.getfixturevalue("session_cluster")
    return cluster.database()


@pytest.fixture
def opened(place: Place) -> Iterator[Opener]:
    """Open the database; what is opened with it is closed with the test."""
    stores = []

    def opener(owner: Owner | None = None) -> Store:
        stores.append(Store(place, owner))
        return stores[-1]

    yield opener
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Opener) -> Store:
    """An empty database, with its tables."""
    return opened()
