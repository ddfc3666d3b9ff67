"""The changes of a table as a query for Sail: over files of changes, and files that came or went as a whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway import log
from brickyard.workspace.compute.gateway.commits import actions_since, latest, times
from brickyard.workspace.compute.gateway.errors import UNSUPPORTED, SparkError, unsupported
from brickyard.workspace.compute.gateway.feed.assembled import Action, add_fields, assemble
from brickyard.workspace.compute.gateway.feed.bounds import Bounds
from brickyard.workspace.compute.gateway.feed.setting import ENABLED, is_on
from brickyard.workspace.compute.gateway.mapped_columns import PHYSICAL
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.places import Places

__all__ = ["table_of_changes"]

TYPE, VERSION, TIME, MICROS = "_change_type", "_commit_version", "_commit_timestamp", "__brickyard_micros"
CHANGES, WHOLE = "changes", "whole"
#: A table that is made of links to the files of others asks for nothing that writers must know.
FOR_READERS = frozenset({"columnMapping", "deletionVectors", "timestampNtz", "typeWidening", "variantType"})


@dataclass
class Found:
    """Files of the range, each with its version and, where the file does not say it, the kind of its rows."""

    changes: list[Action] = field(default_factory=list)
    whole: list[Action] = field(default_factory=list)


def table_of_changes(place: Path, bounds: Bounds, directory: Path, places: Places) -> str:
    """A query, in brackets, for the changes of a table.

    Args:
        place: The table.
        bounds: The versions.
        directory: Where to keep what the query reads; it is made once.
        places: Gives Sail a path for each place.

    Raises:
        SparkError: DELTA_MISSING_CHANGE_DATA, or that the range is wrong.
    """
    versions = bounds.versions(place)
    metadata = _metadata(place)
    key = f"{metadata['id']} {versions} {latest(place)} {place}"
    home = directory / hashlib.sha256(key.encode()).hexdigest()[:32]
    if not home.is_dir():
        found = _found(place, versions)
        keys = _fields(metadata)[1]
        _assemble(home / CHANGES, place, metadata, found.changes, keys[1:])
        _assemble(home / WHOLE, place, metadata, found.whole, keys)
    columns = ", ".join(quote(one["name"]) for one in json.loads(metadata["schemaString"])["fields"])
    said = f"{columns}, {TYPE}, {VERSION}, timestamp_micros({MICROS}) AS {TIME}"
    parts = [f"SELECT {said} FROM delta.{quote(places.text(home / name))}" for name in (CHANGES, WHOLE)]
    return f"({' UNION ALL '.join(parts)})"


def _metadata(place: Path) -> Action:
    action: Action = log.read(place).action()["metaData"]
    return action


def _fields(metadata: Action) -> tuple[list[Action], list[Action]]:
    def named(name: str, kind: str) -> Action:
        return {"name": name, "type": kind, "nullable": True, "metadata": {}}

    return [named(TYPE, "string")], [named(TYPE, "string"), named(VERSION, "long"), named(MICROS, "long")]


def _assemble(home: Path, place: Path, metadata: Action, files: list[Action], keys: list[Action]) -> None:
    """A table of files, partitioned by what is not in them."""
    inside = [] if keys[0]["name"] == TYPE else _fields(metadata)[0]
    wide = add_fields(metadata, [*inside, *keys], relaxed=True)
    properties = {
        key: value for key, value in wide["configuration"].items() if not key.startswith("delta.constraints.")
    }
    properties.pop(ENABLED, None)
    partitions = [*wide["partitionColumns"], *(key["name"] for key in keys)]
    assemble(
        home, _protocol(place), {**wide, "configuration": properties, "partitionColumns": partitions}, place, files
    )


def _protocol(place: Path) -> Action:
    from deltalake import DeltaTable

    found = DeltaTable(place).protocol()
    needed = sorted(FOR_READERS.intersection(found.reader_features or ()))
    if found.min_reader_version < 3:
        return {
            "minReaderVersion": found.min_reader_version,
            "minWriterVersion": max(2, 5 * (found.min_reader_version > 1)),
        }
    return {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": needed, "writerFeatures": needed}


def _found(place: Path, versions: range) -> Found:
    """The files of the versions.

    Raises:
        SparkError: DELTA_MISSING_CHANGE_DATA.
    """
    found, at = Found(), dict(times(place))
    for version, actions in _commits(place, versions):
        said = {VERSION: str(version), MICROS: str(at[version] * 1000)}
        changes = [action["cdc"] for action in actions if "cdc" in action]
        if changes:
            found.changes += [_with(file, said) for file in changes]
            continue
        for kind, change in (("add", "insert"), ("remove", "delete")):
            files = [action[kind] for action in actions if kind in action and action[kind].get("dataChange", True)]
            found.whole += [_with(file, {TYPE: change, **said}) for file in files]
        _refuse_vectors(actions, version)
    return found


def _with(file: Action, values: dict[str, str]) -> Action:
    if file.get("partitionValues") is None:
        raise unsupported("changes of files whose partitions the log does not say", "Compare two versions.")
    kept = {key: file[key] for key in ("path", "size", "deletionVector") if file.get(key) is not None}
    return {**kept, "partitionValues": {**file["partitionValues"], **values}, "modificationTime": 0}


def _refuse_vectors(actions: list[Action], version: int) -> None:
    """A commit may delete rows of a file and leave it: that the file went and came is not the change."""
    gone = {action["remove"]["path"] for action in actions if "remove" in action}
    if any("add" in action and action["add"]["path"] in gone for action in actions):
        raise unsupported(
            f"the changes of version {version}, which deletes rows by deletion vectors", "Compare two versions."
        )


def _need_columns(schema: str, columns: Mapping[str, str], versions: range) -> None:
    """Refuse a range in which mapped columns were renamed or dropped.

    Raises:
        SparkError: DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA.
    """
    if all(columns.get(physical) == name for physical, name in _mapped_columns(schema).items()):
        return
    text = (
        f"Retrieving table changes between version {versions.start} and {versions.stop - 1} failed because of an "
        "incompatible data schema: columns were renamed or dropped. Read the versions before and after it separately."
    )
    condition = "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA"
    raise SparkError(condition, text, kind=UNSUPPORTED, sql_state="0AKDC")


def _mapped_columns(schema: str) -> dict[str, str]:
    """The names of columns, by those that they have in the files, where these are others."""
    fields = json.loads(schema)["fields"]
    return {field["metadata"][PHYSICAL]: field["name"] for field in fields if PHYSICAL in field["metadata"]}


def _commits(place: Path, versions: range) -> Iterator[tuple[int, list[Action]]]:
    """Each commit, if the table recorded its changes."""
    from deltalake import DeltaTable

    if not versions:
        return
    table = DeltaTable(place, version=versions.start)
    on = is_on(table.metadata().configuration)
    columns = _mapped_columns(DeltaTable(place).schema().to_json())
    _need_columns(table.schema().to_json(), columns, versions)
    for version, actions in actions_since(place, versions.start - 1):
        if version not in versions:
            return
        changed: list[dict[str, Any]] = [action["metaData"] for action in actions if "metaData" in action]
        for one in changed:
            _need_columns(one["schemaString"], columns, versions)
        on = is_on(changed[0].get("configuration") or {}) if changed else on
        if not on:
            raise _missing(versions, version)
        yield version, actions


def _missing(versions: range, version: int) -> SparkError:
    text = (
        f"Error getting change data for range [{versions.start} , {versions.stop - 1}] as change data was not\n"
        f"recorded for version [{version}]. If you've enabled change data feed on this table,\n"
        "use `DESCRIBE HISTORY` to see when it was first enabled.\n"
        "Otherwise, to start recording change data, use `ALTER TABLE table_name SET TBLPROPERTIES\n"
        f"({ENABLED}=true)`."
    )
    return SparkError("DELTA_MISSING_CHANGE_DATA", text, sql_state="KD002")
