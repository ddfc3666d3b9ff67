"""Commits that carry more than the engine's own: rows are written beside the table, and committed to it here.

The engine appends to a table that has the log's last protocol and metadata and no files. What it makes of it (files,
columns that were added) goes into one commit of the real table, together with what must be decided with it: which files
were loaded, or which transaction of the user's this was.

Source: https://github.com/delta-io/delta/blob/master/PROTOCOL.md (transaction identifiers).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from brickyard.workspace.clock import now
from brickyard.workspace.compute.gateway import commits, log
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.properties import need_removable
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.snapshots import files_at, removal
from brickyard.workspace.compute.gateway.turns import turn

__all__ = ["Commit", "begun", "committed", "moved", "transactions", "try_out"]

Action = dict[str, Any]
TRIES = 20


@dataclass(frozen=True)
class Commit:
    """What a commit is to be beside its files.

    Attributes:
        operation: Its name in the history.
        parameters: Its parameters there.
        metrics: Metrics there, beside those of the files.
        transactions: Names of transactions, with the version of each.
        replaces: Whether the table's files go.
    """

    operation: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    transactions: Mapping[str, int] = field(default_factory=dict)
    replaces: bool = False


def transactions(place: Path, names: Iterable[str]) -> dict[str, int]:
    """The last versions of the transactions of these names that were committed to a table."""
    from deltalake import DeltaTable

    if not begun(place):
        return {}
    table = DeltaTable(place)
    found = {name: table.transaction_version(name) for name in names}
    return {name: int(version) for name, version in found.items() if version is not None}


def committed(
    session: Session, place: Path, write: Callable[[Path], None], prepare: Callable[[], Commit | None]
) -> dict[str, int]:
    """Commit rows to a table, once; the metrics of the files that were added.

    Args:
        session: Whose write it is.
        place: The table.
        write: Appends the rows to the table at the place that it is given.
        prepare: What the commit is to be; None if, as the table is now, there is nothing to do. Asked again after a
            commit of another writer.

    Raises:
        SparkError: DELTA_CONCURRENT_WRITE, if other writers are always first.
    """
    with turn(session.places.mapper.data, place):
        for _ in range(TRIES):
            version = commits.latest(place)
            what = prepare()
            if what is None:
                return {}
            if what.replaces:
                need_removable(place)
            staged = session.staged()
            try:
                actions = _written(place, staged, write)
                found = moved(actions, staged, place)
                (place / "_delta_log").mkdir(parents=True, exist_ok=True)
            finally:
                shutil.rmtree(staged, ignore_errors=True)
            if commits.add_commit(place, version + 1, _commit(what, actions, found, place, version)):
                return found
    text = "Other transactions have written to the table again and again. Please retry the operation."
    raise SparkError("DELTA_CONCURRENT_WRITE", text, sql_state="2D521")


def try_out(session: Session, place: Path, write: Callable[[Path], None]) -> None:
    """Write rows beside a table, with all its checks, and throw them away."""
    staged = session.staged()
    try:
        _written(place, staged, write)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _written(place: Path, staged: Path, write: Callable[[Path], None]) -> list[Action]:
    """What the write has committed to a table of the same columns, without rows."""
    if not begun(place):
        write(staged)
        return _with_identity([action for _, actions in commits.actions_since(staged, -1) for action in actions], place)
    (staged / "_delta_log").mkdir(parents=True)
    commits.add_commit(staged, 0, [{"commitInfo": {"operation": "CREATE TABLE"}}, *_outline(place)])
    write(staged)
    return [action for _, actions in commits.actions_since(staged, 0) for action in actions]


def begun(place: Path) -> bool:
    """Whether a table has columns."""
    return commits.latest(place) >= 0 and not log.is_bare(place)


def _with_identity(actions: list[Action], place: Path) -> list[Action]:
    """The commits of a new table as those of one that had no columns yet, or was not there."""
    before = [one for _, found in commits.actions_since(place, -1) for one in found if "metaData" in one]
    for action in actions if before else ():
        if "metaData" in action:
            own = before[0]["metaData"]
            configuration = {**action["metaData"].get("configuration", {}), **own["configuration"]}
            action["metaData"] = {
                **own,
                "schemaString": action["metaData"]["schemaString"],
                "partitionColumns": action["metaData"]["partitionColumns"],
                "configuration": configuration,
            }
    return actions


def _outline(place: Path) -> list[Action]:
    """Protocol and metadata of a table."""
    from deltalake import DeltaTable

    protocol = DeltaTable(place).protocol()
    said: Action = {"minReaderVersion": protocol.min_reader_version, "minWriterVersion": protocol.min_writer_version}
    features = {"readerFeatures": protocol.reader_features, "writerFeatures": protocol.writer_features}
    said |= {key: list(value) for key, value in features.items() if value is not None}
    return [{"protocol": said}, log.read(place).action()]


def moved(actions: list[Action], staged: Path, place: Path) -> dict[str, int]:
    """Move the files into the table's directory, where nothing refers to them yet; their metrics."""
    added = {action["add"]["path"]: action["add"] for action in actions if "add" in action}
    for path in added:
        final = place / unquote(path)
        final.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(staged / unquote(path), final)
    written = [one["commitInfo"].get("operationMetrics") or {} for one in actions if "commitInfo" in one]
    rows = sum(int(metrics.get("numOutputRows", 0)) for metrics in written)
    size = sum(int(add["size"]) for add in added.values())
    return {"numFiles": len(added), "numOutputRows": rows, "numOutputBytes": size}


def _commit(what: Commit, actions: list[Action], found: dict[str, int], place: Path, version: int) -> list[Action]:
    at = now()
    info: Action = {
        "timestamp": at,
        "operation": what.operation,
        "operationParameters": dict(what.parameters),
        "isolationLevel": "WriteSerializable",
        "isBlindAppend": not what.replaces,
        "operationMetrics": {name: str(value) for name, value in found.items()} | dict(what.metrics),
    }
    info |= {"readVersion": version} if version >= 0 else {}
    changed = {kind: action for action in actions for kind in action if kind in {"protocol", "metaData"}}
    added = {action["add"]["path"]: action for action in actions if "add" in action}
    marks = [
        {"txn": {"appId": name, "version": number, "lastUpdated": at}} for name, number in what.transactions.items()
    ]
    gone = map(removal, files_at(place, version)) if what.replaces and begun(place) else ()
    return [{"commitInfo": info}, *changed.values(), *marks, *gone, *added.values()]
