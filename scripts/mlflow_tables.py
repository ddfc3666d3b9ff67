"""Write the tables of the installed MLflow, as its migrations make them, for `brickyard.workspace.registry.tables`."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from brickyard.workspace.registry.tables import statements


def made(path: Path) -> str:
    """Have MLflow make its tables in a new file; the statements that make the same."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow.store.db.utils import _initialize_tables
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{path}")
    _initialize_tables(engine)
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump()) + "\n"


def main() -> None:
    """Write the file, in place of that of another version."""
    for old in statements().parent.glob("mlflow-*.sql"):
        old.unlink()
    with tempfile.TemporaryDirectory() as directory:
        text = made(Path(directory) / "mlflow.db")
    statements().write_text(f"-- Written by `python scripts/mlflow_tables.py`; do not edit.\n{text}", encoding="utf-8")


if __name__ == "__main__":
    main()
