"""The log of a Delta table, read and mended where Sail's commits differ from Databricks'.

Sources: the Delta protocol, https://github.com/delta-io/delta/blob/master/PROTOCOL.md (actions, commit files).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from brickyard.workspace import statistics
from brickyard.workspace.clock import now
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.stamps import latest

__all__ = [
    "actions_since",
    "add_commit",
    "commits_since",
    "latest",
    "moment",
    "need_time",
    "relax",
    "replace_first",
    "times",
]

Action = dict[str, Any]


def commits_since(place: Path, version: int) -> list[tuple[str, Action]]:
    """Operation and metrics of each commit after a version."""
    return [
        (action["commitInfo"].get("operation", ""), action["commitInfo"].get("operationMetrics") or {})
        for number in range(version + 1, latest(place) + 1)
        for action in _actions(_file(place, number))
        if "commitInfo" in action
    ]


def actions_since(place: Path, version: int) -> list[tuple[int, list[Action]]]:
    """Number and actions of each commit after a version."""
    return [(number, list(_actions(_file(place, number)))) for number in range(version + 1, latest(place) + 1)]


def moment(text: str, zone: str = "") -> datetime:
    """The time that a text of SQL means in a session.

    Args:
        text: The time.
        zone: The session's time zone; empty for the machine's.

    Raises:
        SparkError: DELTA_INVALID_TIMESTAMP_FORMAT.
    """
    try:
        found = datetime.fromisoformat(text.strip())
        known = ZoneInfo(zone) if zone else None
    except (ValueError, KeyError) as error:
        message = f"The provided timestamp {text} does not match the expected syntax yyyy-MM-dd HH:mm:ss[.SSS]."
        raise SparkError("DELTA_INVALID_TIMESTAMP_FORMAT", message, sql_state="22007") from error
    return found if found.tzinfo else found.replace(tzinfo=known) if known else found.astimezone()


def need_time(place: Path, text: str, zone: str = "") -> None:
    """Refuse time travel to after the table's last commit, where Sail would give the last version (0.7.2).

    Args:
        place: The table.
        text: The time; what is no time is left to the engine.
        zone: The session's time zone; empty for the machine's.

    Raises:
        SparkError: DELTA_TIMESTAMP_GREATER_THAN_COMMIT.
    """
    try:
        wanted, known = moment(text, zone), ZoneInfo(zone) if zone else None
    except SparkError:
        return
    last = latest(place)
    times = [one["commitInfo"].get("timestamp", 0) for one in _actions(_file(place, last)) if "commitInfo" in one]
    if times and wanted.timestamp() * 1000 >= times[0] + 1:
        at = datetime.fromtimestamp(times[0] / 1000, known).isoformat(sep=" ", timespec="milliseconds")
        message = (
            f"Timestamp {text} is after the table's latest version ({at}). Use one at or before it, or leave it out "
            "to read the latest version."
        )
        raise SparkError("DELTA_TIMESTAMP_GREATER_THAN_COMMIT", message, sql_state="42816")


def relax(place: Path, before: int) -> None:
    """Let new columns take nulls, as Databricks does when a DataFrame is written.

    Sail makes a column NOT NULL when the DataFrame's is (`range`, literals), would then refuse nulls later, and reads
    rows that are older than such a column as zero instead of null. Statistics that it would read wrongly go, too.

    Args:
        place: The table.
        before: Its last commit before the write, -1 if it is new.
    """
    last = latest(place)
    for number in range(last, before, -1):
        actions = list(_actions(_file(place, number)))
        changed = [action for action in actions if "metaData" in action and _relax(action["metaData"])]
        kept = _without_wrong_statistics(actions)
        if (changed or kept) and number == 0:
            replace_first(place, [_asking(action) for action in kept or actions])
        elif changed or kept:
            metadata = next(action for action in actions if "metaData" in action)
            again = [{"add": {**action["add"], "dataChange": False}} for action in kept if "add" in action]
            info = {"operation": "CHANGE COLUMNS", "operationParameters": {}, "timestamp": now()}
            if not add_commit(place, last + 1, [{"commitInfo": info}, metadata, *again]):
                relax(place, before)  # another writer was first, and may have changed the columns again
        if changed or kept:
            return


def _without_wrong_statistics(actions: list[Action]) -> list[Action]:
    """A commit without statistics, if it makes a table that is to have none; the metadata is changed in place."""
    for action in actions:
        metadata = action.get("metaData")
        if metadata and statistics.stop(metadata.setdefault("configuration", {}), _fields(metadata)):
            return statistics.stripped(actions)
    return []


def _fields(metadata: Action) -> list[Action]:
    fields: list[Action] = json.loads(metadata["schemaString"])["fields"]
    return fields


def _file(place: Path, number: int) -> Path:
    return place / "_delta_log" / f"{number:020d}.json"


def _actions(file: Path) -> Iterator[Action]:
    for line in file.read_text().splitlines():
        yield json.loads(line)


def _relax(metadata: Action) -> bool:
    """Make the columns nullable in place; whether anything changed."""
    schema = json.loads(metadata["schemaString"])
    before = json.dumps(schema)
    for field in schema["fields"]:
        field["nullable"] = True
        field["metadata"] = {key: value for key, value in field.get("metadata", {}).items() if not _fills(key)}
        _relax_type(field["type"])
    metadata["schemaString"] = json.dumps(schema)
    return bool(before != metadata["schemaString"])


def _asking(action: Action) -> Action:
    """An action, which asks writers for nothing that only columns of the other table need."""
    features = set(action.get("protocol", {}).get("writerFeatures") or ())
    left = features - {"allowColumnDefaults", "generatedColumns", "identityColumns"}
    if left == features:
        return action
    if left <= {"appendOnly", "invariants"} and action["protocol"]["minReaderVersion"] == 1:
        return {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}
    return {"protocol": {**action["protocol"], "writerFeatures": sorted(left)}}


def _fills(key: str) -> bool:
    """Whether it says how a column of another table, which rows are read from, is filled (Sail 0.7.2 keeps that)."""
    return key in {"CURRENT_DEFAULT", "delta.generationExpression"} or key.startswith("delta.identity.")


def _relax_type(kind: Any) -> None:
    """Nested fields, elements and values too."""
    if not isinstance(kind, dict):
        return
    for flag in ("containsNull", "valueContainsNull"):
        if flag in kind:
            kind[flag] = True
    for field in kind.get("fields", ()):
        field["nullable"] = True
        _relax_type(field["type"])
    for inner in ("elementType", "keyType", "valueType"):
        _relax_type(kind.get(inner))


def _text(actions: list[Action]) -> str:
    return "".join(json.dumps(action, separators=(",", ":")) + "\n" for action in actions)


def replace_first(place: Path, actions: list[Action]) -> None:
    """Write the first commit of a new table again, in one step."""
    file = _file(place, 0)
    draft = _draft(file, actions)
    file.with_suffix(".crc").unlink(missing_ok=True)  # optional, and it repeats the old schema
    file.with_name(f".{file.name}.crc").unlink(missing_ok=True)  # Hadoop's, of the bytes
    draft.replace(file)


def add_commit(place: Path, number: int, actions: list[Action]) -> bool:
    """Add a commit in one step; False if the number is taken by another writer."""
    draft = _draft(_file(place, number), actions)
    try:
        _file(place, number).hardlink_to(draft)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _draft(file: Path, actions: list[Action]) -> Path:
    draft = file.with_name(f".{file.name}.{uuid.uuid4().hex}.tmp")
    draft.write_text(_text(actions))
    return draft


def times(place: Path) -> list[tuple[int, int]]:
    """The number of each commit that is left, and when it was made, in milliseconds.

    A time is after that of the commit before, as Delta has it.
    """
    found: list[tuple[int, int]] = []
    for file in sorted(file for file in (place / "_delta_log").glob("*.json") if file.stem.isdigit()):
        infos = [action["commitInfo"] for action in _actions(file) if "commitInfo" in action]
        at = int(infos[0].get("timestamp", 0)) if infos else int(file.stat().st_mtime * 1000)
        found.append((int(file.stem), max(at, found[-1][1] + 1) if found else at))
    return found
