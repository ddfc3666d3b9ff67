"""Commits to tables that record their changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from brickyard.workspace.clock import now
from brickyard.workspace.compute.gateway.commits import add_commit, latest
from brickyard.workspace.compute.gateway.conflicts import conflict
from brickyard.workspace.compute.gateway.feed.assembled import Action
from brickyard.workspace.compute.gateway.snapshots import removal

__all__ = ["Changes", "commit"]

ENGINE = "Brickyard (Sail)"


@dataclass(frozen=True)
class Changes:
    """What a commit is made of.

    Args:
        rows: How many rows the shadow has of each kind: `update`, `delete`, `insert`, and None for those left alone.
        removed: The table's files that are gone.
        added: Files of rows.
        changed: Files of changes.
    """

    rows: dict[str | None, int] = field(default_factory=dict)
    removed: list[Action] = field(default_factory=list)
    added: list[Action] = field(default_factory=list)
    changed: list[Action] = field(default_factory=list)


def commit(place: Path, version: int, changes: Changes, said: Action, metadata: Action | None = None) -> None:
    """Add a commit after those of writers who only added rows meanwhile.

    Args:
        place: The table.
        version: The version that was read.
        changes: The files.
        said: What the history is to say.
        metadata: That of the table from then on, if it changes.

    Raises:
        SparkError: DELTA_CONCURRENT_APPEND and its kin.
    """
    timestamp = now()
    actions: list[Action] = [] if metadata is None else [{"metaData": metadata}]
    actions += [removal(file) for file in changes.removed]
    actions += [{"add": {**file, "dataChange": True}} for file in changes.added]
    kept = ("path", "partitionValues", "size")
    actions += [{"cdc": {key: file[key] for key in kept} | {"dataChange": False}} for file in changes.changed]
    while True:
        number = latest(place) + 1
        found = conflict(place, version, blind=bool(said.get("isBlindAppend")), again=False)
        if found is not None:
            raise found
        info = {"timestamp": timestamp, "readVersion": version, "isBlindAppend": False, "engineInfo": ENGINE} | said
        if add_commit(place, number, [{"commitInfo": info}, *actions]):
            return
