"""The tables that a new workspace begins with are those of the installed MLflow."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from brickyard.workspace.registry.tables import make_tables

ROOT = Path(__file__).resolve().parents[3]


def everything(path: Path) -> dict[str, list[object]]:
    """Every index and table as it was declared, constraints in any order; of a table, its columns and rows as well."""
    with closing(sqlite3.connect(path)) as connection:
        found = {}
        for kind, name, text in connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
            found[name] = [kind, sorted(line.strip(", \t") for line in (text or "").splitlines())]
            if kind == "table":
                found[name] += connection.execute(f'PRAGMA table_xinfo("{name}")').fetchall()
                found[name] += connection.execute(f'SELECT * FROM "{name}"').fetchall()
        return found


def test_they_are_those_of_mlflows_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
    import mlflow_tables

    mlflow_tables.made(tmp_path / "theirs.db")
    make_tables(f"sqlite:///{tmp_path / 'ours.db'}")
    found = everything(tmp_path / "ours.db")
    assert found == everything(tmp_path / "theirs.db"), "run `python scripts/mlflow_tables.py`"
    assert len(found) > 100


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE experiments (name TEXT)")
        connection.execute("INSERT INTO experiments VALUES ('mine')")
    before = everything(path)
    make_tables(f"sqlite:///{path}")
    assert everything(path) == before
