"""MLflow's database is made whole, or made again; nobody looks into it before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from brickyard.workspace.registry.experiments import Experiments
from brickyard.workspace.registry.tracking import first_time
from brickyard.workspace.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "workspace.db")
    yield opened
    opened.close()


@pytest.fixture
def experiments(store: Store, tmp_path: Path) -> Iterator[Experiments]:
    opened = Experiments(tmp_path / "mlflow", store)
    yield opened
    opened.close()


def run(directory: Path, *statements: str) -> None:
    with closing(sqlite3.connect(directory / "mlflow.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def tables(directory: Path) -> list[str]:
    with closing(sqlite3.connect(directory / "mlflow.db")) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]


# As MLflow begins, and what one of its later steps adds.
FIRST = "CREATE TABLE experiments (experiment_id INTEGER, name VARCHAR, lifecycle_stage VARCHAR)"
LATER = [f"ALTER TABLE experiments ADD COLUMN {one} BIGINT" for one in ("creation_time", "last_update_time")]
MADE = "INSERT INTO experiments VALUES (1, '/Shared/a', 'active', 2, 3)"


def test_what_was_interrupted_is_made_again_and_what_is_whole_stays(store: Store, tmp_path: Path) -> None:
    directory = tmp_path / "mlflow"
    with pytest.raises(KeyboardInterrupt), first_time(store, directory):
        run(directory, "CREATE TABLE half (i INT)")
        raise KeyboardInterrupt
    with first_time(store, directory):
        assert tables(directory) == []
        run(directory, "CREATE TABLE whole (i INT)")
    with first_time(store, directory):
        assert tables(directory) == ["whole"]
    assert {one.name for one in directory.iterdir()} == {"mlflow.db"}


def test_no_experiment_is_read_from_tables_that_are_being_made(
    store: Store, experiments: Experiments, tmp_path: Path
) -> None:
    directory = tmp_path / "mlflow"
    with first_time(store, directory):
        run(directory, FIRST)
        assert experiments.at("/Shared/a") is None and experiments.below("/") == []
        run(directory, *LATER, MADE)
    assert experiments.at("/Shared/a") == experiments.below("/Shared")[0]


def test_tables_that_a_killed_server_left_half_made_are_not_read(
    store: Store, experiments: Experiments, tmp_path: Path
) -> None:
    directory = tmp_path / "mlflow"
    with pytest.raises(KeyboardInterrupt), first_time(store, directory):
        run(directory, FIRST)
        raise KeyboardInterrupt
    assert experiments.at("/Shared/a") is None
    with first_time(store, directory):
        run(directory, FIRST, *LATER, MADE)
    assert experiments.at("/Shared/a") is not None
