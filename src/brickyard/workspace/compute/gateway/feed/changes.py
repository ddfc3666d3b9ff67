"""UPDATE, DELETE and MERGE of a table that records its changes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.gateway.feed.assembled import Action
from brickyard.workspace.compute.gateway.feed.commit import Changes
from brickyard.workspace.compute.gateway.feed.marks import aim, marked
from brickyard.workspace.compute.gateway.feed.recording import record
from brickyard.workspace.compute.gateway.feed.shadow import shadow_of, text_of
from brickyard.workspace.compute.gateway.feed.stars import Spelled, spelled
from brickyard.workspace.compute.gateway.lengths import limits
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor, splice
from brickyard.workspace.compute.gateway.statements.assignments import cast_values

__all__ = ["change"]


def change(session: Session, place: Path, sql: str, *, evolves: bool = False) -> dict[str, int]:
    """Run the statement, and record which rows it changes.

    Args:
        session: The session that runs it.
        place: The table.
        sql: The statement; names in it are resolved.
        evolves: Whether a MERGE adds the source's columns to the table.

    Returns:
        How many rows were updated, deleted and inserted, as the history of Sail's own commits says it.
    """
    what = Cursor(sql).peek()
    fields = session.schema_of(place).fields
    columns = [field.name for field in fields]
    merge = spelled(sql, session, columns, evolves=evolves) if what == "MERGE" else Spelled(sql, [])
    probe = session.rewriter().probe
    text = cast_values(merge.sql, fields, probe, limits(place)) if probe is not None else merge.sql
    with shadow_of(session, place, new=merge.new) as shadow:
        text = marked(text, shadow.columns)
        aimed = aim(Cursor(text))[0]
        text = splice(text, [dataclasses.replace(aimed, text=text_of(session, shadow.root))])
        session.sail.execute(session.key, base_pb2.Plan(root=session.with_text(text)))
        said = {"operation": what, "operationParameters": {}, "isolationLevel": "Serializable"}
        recorded = record(session, shadow, lambda found: {**said, "operationMetrics": metrics(what, found)})
    return {key: int(value) for key, value in metrics(what, recorded).items()}


def metrics(what: str, recorded: Changes) -> dict[str, str]:
    """The metrics of a commit, under Delta's names."""
    rows = recorded.rows
    files = {
        "AddedFiles": len(recorded.added),
        "RemovedFiles": len(recorded.removed),
        "AddedBytes": _size(recorded.added),
        "RemovedBytes": _size(recorded.removed),
        "AddedChangeFiles": len(recorded.changed),
    }
    if what == "MERGE":
        names = {
            "numTargetRowsUpdated": rows.get("update", 0),
            "numTargetRowsDeleted": rows.get("delete", 0),
            "numTargetRowsInserted": rows.get("insert", 0),
            "numTargetRowsCopied": rows.get(None, 0),
            "numTargetFilesAdded": files["AddedFiles"],
            "numTargetFilesRemoved": files["RemovedFiles"],
            "numTargetBytesAdded": files["AddedBytes"],
            "numTargetBytesRemoved": files["RemovedBytes"],
            "numTargetChangeFilesAdded": files["AddedChangeFiles"],
            "numOutputRows": sum(count for kind, count in rows.items() if kind != "delete"),
        }
    else:
        changed = {"UPDATE": ("numUpdatedRows", "update"), "DELETE": ("numDeletedRows", "delete")}[what]
        names = {
            changed[0]: rows.get(changed[1], 0),
            "numCopiedRows": rows.get(None, 0),
            **{f"num{name}": count for name, count in files.items()},
        }
    return {name: str(count) for name, count in names.items()}


def _size(files: list[Action]) -> int:
    return sum(int(file["size"]) for file in files)
