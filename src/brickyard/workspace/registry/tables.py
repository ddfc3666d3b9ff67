"""MLflow's tables as its migrations leave them: dozens of steps that always end in the same, so that is kept.

It is in a directory of the user (`BRICKYARD_CACHE`, else `brickyard` in the cache directory), by the version of MLflow.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import tempfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

__all__ = ["kept_tables", "make_tables"]

_log = logging.getLogger(__name__)


def make_tables(uri: str) -> None:
    """Make the tables in a file that has none; what cannot be kept, or is in PostgreSQL, is left to MLflow.

    Args:
        uri: MLflow's database, as SQLAlchemy's URL.
    """
    url = make_url(uri)
    if url.get_backend_name() != "sqlite" or url.database is None:
        return
    try:
        made = Path(url.database).absolute()
        if made.exists() and _has_tables(made):
            return
        kept = kept_tables()
        if not _is_whole(kept):
            _keep(kept)
        with closing(_opened(kept)) as source, closing(sqlite3.connect(made)) as target:
            source.backup(target)
    except (OSError, RuntimeError, sqlite3.Error) as error:  # RuntimeError: there is no home directory
        _log.warning("MLflow makes its tables step by step: %s", error)


def kept_tables() -> Path:
    """The file that is kept for the installed version of MLflow."""
    base = os.environ.get("XDG_CACHE_HOME")
    own = os.environ.get("BRICKYARD_CACHE") or (Path(base) if base else Path.home() / ".cache") / "brickyard"
    return Path(own) / f"mlflow-{version('mlflow')}.db"


def _is_whole(kept: Path) -> bool:
    if not kept.exists():
        return False
    try:
        with closing(_opened(kept)) as connection:
            return _has_tables(kept) and bool(connection.execute("PRAGMA quick_check").fetchone() == ("ok",))
    except sqlite3.Error:
        return False


def _keep(kept: Path) -> None:
    """Have MLflow make its tables in a file beside, which then takes its name."""
    from mlflow.store.db.utils import _initialize_tables

    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as directory:
        new = Path(directory) / kept.name
        engine = create_engine(f"sqlite:///{new}", poolclass=NullPool)
        _initialize_tables(engine)
        engine.dispose()
        new.replace(kept)


def _opened(kept: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{kept.as_uri()}?mode=ro", uri=True)


def _has_tables(path: Path) -> bool:
    with closing(_opened(path)) as connection:
        return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,))
