"""Fixtures for tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.workspace.compute.compute_support import Lab
from tests.workspace.compute.engine_support import Engine


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A workspace whose compute is used directly; shared, so tests use names of their own in it."""
    lab = Lab(tmp_path_factory.mktemp("compute") / "lab")
    yield lab
    lab.close()


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine and its workspace; shared, so tests use names of their own in it."""
    with closing(Engine(tmp_path_factory.mktemp("engine"))) as engine:
        yield engine


@pytest.fixture(scope="module")
def own_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine and a workspace of the module's own, for what others would see."""
    with closing(Engine(tmp_path_factory.mktemp("own-engine"))) as engine:
        yield engine


@pytest.fixture(scope="module")
def client(engine: Engine) -> Iterator[Any]:
    """A session that the tests of a module share."""
    spark = engine.client()
    yield spark
    spark.stop()


@pytest.fixture
def spark(client: Any, request: pytest.FixtureRequest) -> Any:
    """The shared session in an empty schema of its own, main.sN."""
    name = f"s{abs(hash(request.node.nodeid)):x}"
    client.sql(f"CREATE SCHEMA main.{name}")
    client.sql(f"USE main.{name}")
    for view in [table.name for table in client.catalog.listTables() if table.isTemporary]:
        client.catalog.dropTempView(view)
    return client
