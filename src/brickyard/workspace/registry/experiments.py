"""Experiments as objects of the workspace tree: found by their path, without loading MLflow's server."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, create_engine, inspect, text

from brickyard.workspace.registry.trash import TRASH

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["MAKING", "ExperimentNode", "Experiments"]

#: A file beside the database, there while its tables are made for the first time: one by one, and changed often.
MAKING = "mlflow.making"
_TABLE = "experiments"
_COLUMNS = "experiment_id, name, creation_time, last_update_time"
_BELOW = text(f"SELECT {_COLUMNS} FROM {_TABLE} WHERE lifecycle_stage = 'active' AND substr(name, 1, :length) = :start")
_DELETED = text(
    f"SELECT experiment_id FROM {_TABLE} WHERE name = :start || CAST(experiment_id AS VARCHAR(20)) || :path"
    " ORDER BY last_update_time DESC, experiment_id DESC"
)
_AT = text(f"SELECT {_COLUMNS} FROM {_TABLE} WHERE lifecycle_stage = 'active' AND name = :name")


@dataclass(frozen=True)
class ExperimentNode:
    """An experiment that is not deleted; times are epoch milliseconds."""

    id: str
    path: str
    created_at: int | None
    modified_at: int | None


class Experiments:
    """Reads the tables of MLflow's server, which has the experiments.

    Args:
        directory: Where its database is, unless that is beside the workspace's.
        database: The workspace's database.
    """

    def __init__(self, directory: Path, database: Store) -> None:
        self._directory = directory
        self._database = database
        self._made = False

    def at(self, path: str) -> ExperimentNode | None:
        """The experiment of a path, if there is one."""
        if not self._is_made():
            return None
        with self._engine.connect() as connection:
            row = connection.execute(_AT, {"name": path}).first()
        return None if row is None else ExperimentNode(str(row[0]), *row[1:])

    def stored_name(self, path: str) -> str:
        """What the server calls the experiment of a path: of those with this path that were deleted, the last."""
        if self.at(path) is not None or not self._is_made():
            return path
        with self._engine.connect() as connection:
            row = connection.execute(_DELETED, {"start": f"{TRASH}/", "path": path}).first()
        return path if row is None else f"{TRASH}/{row[0]}{path}"

    def below(self, folder: str) -> list[ExperimentNode]:
        """All experiments in a folder and the folders in it, by path."""
        if not self._is_made():
            return []
        start = folder.rstrip("/") + "/"
        with self._engine.connect() as connection:
            rows = connection.execute(_BELOW, {"start": start, "length": len(start)}).all()
        return sorted((ExperimentNode(str(row[0]), *row[1:]) for row in rows), key=lambda node: node.path)

    def inside(self, folder: str) -> list[ExperimentNode]:
        """The experiments directly in a folder."""
        return [node for node in self.below(folder) if posixpath.dirname(node.path) == folder]

    def close(self) -> None:
        """Give the database's connections back."""
        if "_engine" in self.__dict__:
            self._engine.dispose()

    @cached_property
    def _engine(self) -> Engine:
        return create_engine(self._database.address("mlflow", self._directory))

    def _is_made(self) -> bool:
        """Whether the server has all of its tables; until then it has no experiment, and a killed one starts anew."""
        making = self._directory / MAKING
        if not self._made and not making.exists():  # a file that may be deleted is not even opened
            self._made = inspect(self._engine).has_table(_TABLE) and not making.exists()
        return self._made
