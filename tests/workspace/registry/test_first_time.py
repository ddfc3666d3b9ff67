"""MLflow's database is made whole, or made again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from brickyard.workspace.registry.tracking import first_time


def make(database: Path, table: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"CREATE TABLE {table} (i INT)")


def tables(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]


def test_what_was_interrupted_is_made_again_and_what_is_whole_stays(tmp_path: Path) -> None:
    database = tmp_path / "mlflow" / "mlflow.db"
    with pytest.raises(KeyboardInterrupt), first_time(database):
        make(database, "half")
        raise KeyboardInterrupt
    with first_time(database):
        assert not database.exists()
        make(database, "whole")
    with first_time(database):
        assert tables(database) == ["whole"]
    assert [one.name for one in database.parent.iterdir()] == ["mlflow.db"]
