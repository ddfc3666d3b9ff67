"""MLflow's tables as its migrations leave them: dozens of steps, which take two seconds and always end in the same."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import make_url

__all__ = ["make_tables", "statements"]


def make_tables(uri: str) -> None:
    """Make the tables in a file that has none; those of another version, or in PostgreSQL, are left to MLflow.

    Args:
        uri: MLflow's database, as SQLAlchemy's URL.
    """
    url, found = make_url(uri), statements()
    if url.get_backend_name() != "sqlite" or url.database is None or not found.exists():
        return
    with closing(sqlite3.connect(url.database)) as connection:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            connection.executescript(found.read_text(encoding="utf-8"))


def statements() -> Path:
    """The file for the installed version of MLflow, in one transaction; `scripts/mlflow_tables.py` writes it."""
    return Path(__file__).with_name(f"mlflow-{version('mlflow')}.sql")
