"""CREATE TABLE ... LIKE and CLONE.

A clone shares the files of its source by hard links, shallow or deep: it takes no space, and it lives on when the
source is changed, vacuumed or dropped. Files of Delta tables never change.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals, writes
from brickyard.workspace.compute.gateway.commits import add_commit
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.describe import target
from brickyard.workspace.compute.gateway.writes import NewTable

__all__ = ["Clone", "clone", "read_clone", "schema_like"]

COLUMNS = (
    "source_table_size",
    "source_num_of_files",
    "num_removed_files",
    "num_copied_files",
    "removed_files_size",
    "copied_files_size",
)
MAPPED = "delta.columnMapping."


@dataclass(frozen=True)
class Clone:
    """What is cloned: the place of a table, and the version; None for the last."""

    source: Path
    version: int | None
    shallow: bool


def read_clone(cursor: Cursor, session: Session) -> Clone:
    """Read `[SHALLOW | DEEP] CLONE t [VERSION AS OF n]`."""
    shallow = cursor.take("SHALLOW")
    cursor.take("DEEP")
    cursor.expect("CLONE")
    place, _ = target(cursor, session)
    version = int(cursor.number()) if cursor.take("VERSION", "AS", "OF") else None
    return Clone(place, version, shallow)


def clone(session: Session, new: NewTable, what: Clone) -> Any:
    """Make the table; the counts that Databricks gives.

    Raises:
        SparkError: DELTA_VERSION_NOT_FOUND, or that a table has the name already.
    """
    counts: list[int] = []

    def fill(place: Path) -> None:
        counts.extend(_copy(what, place, new.properties))

    writes.create(session, new, fill)
    size, files = counts
    copied = (0, 0) if what.shallow else (files, size)
    row = (size, files, 0, copied[0], 0, copied[1])
    return literals.rows(dict.fromkeys(COLUMNS, pa.int64()), [row])


def _copy(what: Clone, place: Path, properties: dict[str, str]) -> tuple[int, int]:
    """Link the files and write version 0; bytes and number of the files."""
    from deltalake import DeltaTable

    last = DeltaTable(what.source).version()
    if what.version is not None and not 0 <= what.version <= last:
        text = f"Cannot time travel Delta table to version {what.version}. Available versions: [0, {last}]."
        raise SparkError("DELTA_VERSION_NOT_FOUND", text, sql_state="22003")
    shutil.copytree(what.source, place, copy_function=_link)
    copy = DeltaTable(place)
    if what.version not in (None, last):
        copy.restore(what.version)
    actions = _actions(DeltaTable(place))
    shutil.rmtree(place / "_delta_log")
    (place / "_delta_log").mkdir()
    for action in actions:
        if "metaData" in action:
            action["metaData"] |= {"id": str(uuid.uuid4()), "createdTime": int(time.time() * 1000)}
            action["metaData"]["configuration"] |= {k: v for k, v in properties.items() if k.startswith("delta.")}
    said = {"source": str(what.source), "sourceVersion": str(last if what.version is None else what.version)}
    info = {"timestamp": int(time.time() * 1000), "operation": "CLONE", "operationParameters": said}
    add_commit(place, 0, [{"commitInfo": info | {"isBlindAppend": False}}, *actions])
    added = [action["add"] for action in actions if "add" in action]
    return sum(int(one["size"]) for one in added), len(added)


def _link(source: str, copy: str) -> None:
    """Link a data file; a file of the log is small, and is copied."""
    if "_delta_log" not in Path(source).parts:
        with contextlib.suppress(OSError):  # another disk
            os.link(source, copy)
            return
    shutil.copy2(source, copy)


def _actions(table: Any) -> list[dict[str, Any]]:
    """Protocol, metadata and files of a table, as a checkpoint has them."""
    import pyarrow.parquet as pq

    table.create_checkpoint()
    log = Path(table.table_uri.removeprefix("file://")) / "_delta_log"
    rows = pq.read_table(log / f"{table.version():020d}.checkpoint.parquet").to_pylist(maps_as_pydicts="strict")
    kinds = ("protocol", "metaData", "add")
    return [{kind: _plain(row[kind])} for kind in kinds for row in rows if row.get(kind)]


def _plain(action: dict[str, Any]) -> dict[str, Any]:
    """An action without what it does not say; parsed copies of its texts are not in the log's JSON."""
    return {key: value for key, value in action.items() if value is not None and not key.endswith("_parsed")}


def schema_like(place: Path) -> tuple[Any, tuple[str, ...]]:
    """The columns of a table as a `deltalake.Schema`, and its partition columns."""
    from deltalake import DeltaTable, Schema

    table = DeltaTable(place)
    wire = json.loads(table.schema().to_json(), object_hook=_unmapped)
    return Schema.from_json(json.dumps(wire)), tuple(table.metadata().partition_columns)


def _unmapped(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not key.startswith(MAPPED)}
