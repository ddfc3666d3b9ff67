"""The tables that a new workspace begins with are kept, and made by MLflow where they cannot be."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from brickyard.workspace.registry.tables import kept_tables, make_tables


def everything(path: Path) -> list[object]:
    """Every table and index, and what the tables hold."""
    with closing(sqlite3.connect(path)) as connection:
        found = sorted(connection.execute("SELECT type, name FROM sqlite_master").fetchall())
        rows = [connection.execute(f'SELECT * FROM "{name}"').fetchall() for kind, name in found if kind == "table"]
    return [*found, *map(str, rows)]


@pytest.mark.parametrize("damage", [slice(0, None), slice(5000, 10_000)], ids=["empty", "other bytes"])
def test_what_is_kept_is_made_again_where_it_is_damaged(damage: slice, tmp_path: Path) -> None:
    make_tables(f"sqlite:///{tmp_path / 'first.db'}")
    kept = kept_tables()
    whole = kept.read_bytes()
    lost = b"" if damage.stop is None else b"\xff" * (damage.stop - damage.start)
    kept.write_bytes(whole[: damage.start] + lost + whole[damage.start + len(lost or whole) :])
    make_tables(f"sqlite:///{tmp_path / 'second.db'}")
    first, second = everything(tmp_path / "first.db"), everything(tmp_path / "second.db")
    assert first == second and len(first) > 100


def test_they_are_made_where_nothing_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BRICKYARD_CACHE", str(tmp_path / "file" / "cache"))
    make_tables(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert not (tmp_path / "mlflow.db").exists()  # by MLflow, then


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE experiments (name TEXT)")
        connection.execute("INSERT INTO experiments VALUES ('mine')")
    before = everything(path)
    make_tables(f"sqlite:///{path}")
    assert everything(path) == before
