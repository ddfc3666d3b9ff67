"""Files written to a private table, and moved to the one that they are for."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import unquote

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.commits import latest
from brickyard.workspace.compute.gateway.feed.assembled import Action, assemble
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.snapshots import snapshot

__all__ = ["moved", "written"]


def written(
    session: Session, rows: relations_pb2.Relation, place: Path, protocol: Action, metadata: Action
) -> list[Action]:
    """Make a private table of rows; its files.

    Args:
        session: The session that writes.
        rows: The rows, resolved; they fit the columns.
        place: Where the table is to be.
        protocol: What it asks of writers.
        metadata: Its columns and properties.
    """
    assemble(place, protocol, metadata, place, [])
    session.write(rows, place, "append")
    return [file for file in snapshot(place, latest(place)).files if not _is_empty(file)]


def _is_empty(file: Action) -> bool:
    return '"numRecords":0,' in str(file.get("stats", "")).replace(" ", "")


def moved(files: list[Action], source: Path, target: Path, directory: str = "") -> list[Action]:
    """Move files from one table to another, there into a directory; what they are from then on."""
    found = [{**file, "path": f"{directory}{file['path']}"} for file in files]
    for file, here in zip(files, found, strict=True):
        goal = target / unquote(here["path"])
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source / unquote(file["path"]), goal)
    return found
