"""Rows written to a table that records its changes; Sail writes to none (0.7.2)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import base_pb2, relations_pb2

from brickyard.workspace.compute.gateway.checks import matching
from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.feed.assembled import Action
from brickyard.workspace.compute.gateway.feed.commit import Changes, commit
from brickyard.workspace.compute.gateway.feed.recording import record
from brickyard.workspace.compute.gateway.feed.shadow import KIND, OLD, Shadow, quiet, shadow_of, text_of, without_feed
from brickyard.workspace.compute.gateway.feed.staging import moved, written
from brickyard.workspace.compute.gateway.mapped_columns import MODE
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.snapshots import heading, snapshot

__all__ = ["append", "overwrite", "redefine", "replace_recorded"]


def append(session: Session, rows: relations_pb2.Relation, place: Path) -> None:
    """Append rows that fit the table; that they came is what its files say."""
    version, table = heading(place)
    changes = Changes(added=_files(session, rows, place, without_feed(table.protocol), quiet(table.metadata)))
    commit(place, version, changes, _described("Append", changes, table.metadata))


def overwrite(session: Session, rows: relations_pb2.Relation, place: Path) -> None:
    """Replace all rows by others that fit the table; its files say this too."""
    version, table = heading(place)
    added = _files(session, rows, place, without_feed(table.protocol), quiet(table.metadata))
    changes = Changes(removed=snapshot(place, version).files, added=added)
    commit(place, version, changes, _described("Overwrite", changes, table.metadata))


def redefine(session: Session, rows: relations_pb2.Relation, place: Path, partitions: tuple[str, ...]) -> None:
    """Replace rows and columns."""
    version, table = heading(place)
    if table.metadata["configuration"].get(MODE, "none") != "none":
        raise unsupported("overwriteSchema of a table with column mapping and the change data feed", "Drop the table.")
    staged = session.staged()
    try:
        session.write(rows, staged, "overwrite", partitions=partitions)
        made = snapshot(staged, 0)
        added = moved(made.files, staged, place)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    columns = {key: made.metadata[key] for key in ("schemaString", "partitionColumns")}
    changes = Changes(removed=snapshot(place, version).files, added=added)
    metadata = {**table.metadata, **columns}
    commit(place, version, changes, _described("Overwrite", changes, metadata), metadata)


def replace_recorded(
    session: Session,
    place: Path,
    fill: Callable[[Path], relations_pb2.Relation],
    where: Callable[[relations_pb2.Relation, Path], str | None],
    new: Iterable[Action],
) -> None:
    """Delete the rows that match a condition, and append others.

    Args:
        session: The session that writes.
        place: The table.
        fill: Gives the new rows as they fit the table at a place.
        where: The condition, of the rows that fit the table at a place; None for nothing.
        new: Columns that the table is to have besides.
    """
    with shadow_of(session, place, new=new) as shadow:
        rows = fill(shadow.root)
        condition = where(rows, place)
        if condition is None:
            return
        text = f"UPDATE {text_of(session, shadow.root)} SET {KIND} = 'delete' WHERE {condition}"
        session.sail.execute(session.key, base_pb2.Plan(root=session.with_text(text)))
        _insert(session, matching(rows, condition), shadow)
        record(session, shadow, lambda found: _described("Overwrite", found, shadow.metadata, condition))


def _files(
    session: Session, rows: relations_pb2.Relation, place: Path, protocol: Action, metadata: Action
) -> list[Action]:
    staged = session.staged()
    try:
        return moved(written(session, rows, staged, protocol, metadata), staged, place)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _insert(session: Session, rows: relations_pb2.Relation, shadow: Shadow) -> None:
    from pyspark.sql.connect.types import pyspark_types_to_proto_types

    marked = relations_pb2.Relation()
    marked.with_columns.input.CopyFrom(rows)
    kind: Any = marked.with_columns.aliases.add(name=[KIND])
    kind.expr.literal.string = "insert"
    before: Any = marked.with_columns.aliases.add(name=[OLD])
    before.expr.literal.null.CopyFrom(pyspark_types_to_proto_types(session.schema_of(shadow.root)[OLD].dataType))
    session.write(marked, shadow.root, "append")


def _described(mode: str, changes: Changes, metadata: Action, condition: str | None = None) -> Action:
    said = {"mode": mode, "partitionBy": json.dumps(list(metadata["partitionColumns"]))}
    metrics = {
        "numFiles": len(changes.added),
        "numOutputRows": changes.rows.get("insert", _records(changes.added)),
        "numOutputBytes": _size(changes.added),
    }
    if mode != "Append":
        metrics |= {"numRemovedFiles": len(changes.removed), "numRemovedBytes": _size(changes.removed)}
    if condition is not None:
        said["predicate"] = condition
        metrics |= {
            "numCopiedRows": changes.rows.get(None, 0),
            "numDeletedRows": changes.rows.get("delete", 0),
            "numAddedChangeFiles": len(changes.changed),
        }
    counts = {name: str(count) for name, count in metrics.items()}
    told = {"operation": "WRITE", "operationParameters": said, "operationMetrics": counts}
    return {**told, "isBlindAppend": mode == "Append", "isolationLevel": "Serializable"}


def _size(files: list[Action]) -> int:
    return sum(int(file["size"]) for file in files)


def _records(files: list[Action]) -> int:
    return sum(int(json.loads(file.get("stats") or "{}").get("numRecords", 0)) for file in files)
