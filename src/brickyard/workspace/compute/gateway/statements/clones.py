"""CREATE TABLE ... LIKE and CLONE.

A clone shares the files of its source by hard links, shallow or deep: it takes no space, and it lives on when the
source is changed, vacuumed or dropped. Files of Delta tables never change.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from brickyard.workspace.clock import now
from brickyard.workspace.compute.gateway import literals, writes
from brickyard.workspace.compute.gateway.commits import add_commit, latest, moment, need_time
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.properties import need_removable
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.snapshots import files_at, link, removal, snapshot
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.describe import target
from brickyard.workspace.compute.gateway.table_keys import exchange
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
    """What is cloned: the place of a table, and its version."""

    source: Path
    version: int
    shallow: bool


def read_clone(cursor: Cursor, session: Session) -> Clone:
    """Read `[SHALLOW | DEEP] CLONE t [VERSION AS OF n | TIMESTAMP AS OF '...']`.

    Raises:
        SparkError: DELTA_VERSION_NOT_FOUND, DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION.
    """
    shallow = cursor.take("SHALLOW")
    cursor.take("DEEP")
    cursor.expect("CLONE")
    place, table = target(cursor, session, rows=False)
    if table is not None and table.policies:
        what = f"A {'shallow' if shallow else 'deep'} clone"
        raise table.policies.refused(str(table.name), "TABLE_CLONE_SOURCE_NOT_SUPPORTED", what)
    return Clone(place, _version(cursor, place, session.zone), shallow)


def _version(cursor: Cursor, place: Path, zone: str) -> int:
    from deltalake import DeltaTable

    table = DeltaTable(place)
    last = table.version()
    if cursor.take("TIMESTAMP", "AS", "OF"):
        text = cursor.string()
        at = moment(text, zone)
        need_time(place, text, zone)
        if at.timestamp() * 1000 < min(commit["timestamp"] for commit in table.history()):
            text = f"The provided timestamp ({text}) is before the earliest version available to this table."
            raise SparkError("DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION", text, sql_state="42816")
        table.load_as_version(at)
        return table.version()
    if not cursor.take("VERSION", "AS", "OF"):
        return last
    version = int(cursor.number())
    if not 0 <= version <= last:
        text = f"Cannot time travel Delta table to version {version}. Available versions: [0, {last}]."
        raise SparkError("DELTA_VERSION_NOT_FOUND", text, sql_state="22003")
    return version


def clone(session: Session, new: NewTable, what: Clone, existing: Path | None = None) -> Any:
    """Make the table; the counts that Databricks gives.

    Args:
        session: The session that makes it.
        new: What it is to be.
        what: What is cloned.
        existing: The place of the table that it replaces.

    Raises:
        SparkError: That a table has the name already; DELTA_CONCURRENT_WRITE.
    """
    counts: list[dict[str, int]] = []

    def before() -> None:
        if existing is not None:
            exchange(session, new.name, [])

    def fill(place: Path) -> None:
        counts.append(_copy(what, place, new.properties, before))

    if existing is None:
        writes.create(session, new, fill)
    else:
        fill(existing)
    return literals.rows(dict.fromkeys(COLUMNS, pa.int64()), [[counts[0].get(name, 0) for name in COLUMNS]])


def _copy(what: Clone, place: Path, properties: dict[str, str], before: Callable[[], None]) -> dict[str, int]:
    """Link the files and commit them as the table's; how many they are, and how large."""
    actions = _actions(what)
    for action in actions:
        if "metaData" in action:
            action["metaData"] |= {"id": str(uuid.uuid4()), "createdTime": now()}
            action["metaData"]["configuration"] |= {k: v for k, v in properties.items() if k.startswith("delta.")}
    added = {action["add"]["path"]: action["add"] for action in actions if "add" in action}
    (place / "_delta_log").mkdir(parents=True, exist_ok=True)
    for path in added:
        link(what.source / unquote(path), place / unquote(path))
    last = latest(place)
    removed = [] if last < 0 else [add for add in files_at(place, last) if add["path"] not in added]
    said = {"source": str(what.source), "sourceVersion": str(what.version), "isShallow": str(what.shallow).lower()}
    info = {"timestamp": now(), "operation": "CLONE", "operationParameters": said}
    if removed:
        need_removable(place)
    gone = [removal(add) for add in removed]
    before()
    if not add_commit(place, last + 1, [{"commitInfo": info | {"isBlindAppend": False}}, *gone, *actions]):
        text = "A concurrent transaction has written new data since the current transaction read the table."
        raise SparkError("DELTA_CONCURRENT_WRITE", text, sql_state="2D521")
    size, copied = _size(added.values()), {} if what.shallow else added
    return {
        "source_table_size": size,
        "source_num_of_files": len(added),
        "num_removed_files": len(removed),
        "removed_files_size": _size(removed),
        "num_copied_files": len(copied),
        "copied_files_size": _size(copied.values()),
    }


def _size(files: Iterable[dict[str, Any]]) -> int:
    return sum(int(file["size"]) for file in files)


def _actions(what: Clone) -> list[dict[str, Any]]:
    """Protocol, metadata and files of a table at a version; of a deep clone, which files COPY INTO has loaded, too."""
    found = snapshot(what.source, what.version)
    marks = [] if what.shallow else [{"txn": mark} for mark in found.transactions]
    files = [{"add": file} for file in found.files]
    return [{"protocol": found.protocol}, {"metaData": found.metadata}, *marks, *files]


def schema_like(place: Path) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """The columns of a table, as the schema's JSON has them, and its partition columns."""
    from deltalake import DeltaTable

    table = DeltaTable(place)
    wire = json.loads(table.schema().to_json(), object_hook=_unmapped)
    return wire["fields"], tuple(table.metadata().partition_columns)


def _unmapped(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not key.startswith(MAPPED)}
