"""Maintenance of tables with columns that are filled by themselves, to which delta-rs does not commit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from brickyard.workspace.compute.gateway import log
from brickyard.workspace.compute.gateway.commits import add_commit
from brickyard.workspace.compute.gateway.copies import FILLING, through_copy
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.filling import MARK, by_name
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.snapshots import files_at, removal, snapshot

__all__ = ["changed", "is_filled", "repaired", "restored_to"]

Result = TypeVar("Result")


def changed(session: Session, place: Path, work: Callable[[Any], Result]) -> Result:
    """Have delta-rs change a table, or a copy of one that it would refuse; `work` is given the `DeltaTable`."""
    from deltalake import DeltaTable

    if not is_filled(place):
        return work(DeltaTable(place))
    return through_copy(place, session.staged, lambda copy, _: work(DeltaTable(copy)), plain=True, files=True)


def is_filled(place: Path) -> bool:
    """Whether the table's protocol has columns that are filled by themselves."""
    return not FILLING.isdisjoint(log.read(place).protocol.features)


def restored_to(place: Path, when: int | datetime) -> None:
    """Give a table the rows and columns of an earlier version; identity columns count on from where they are.

    Raises:
        SparkError: Files of the version are gone.
    """
    from deltalake import DeltaTable

    table = DeltaTable(place)
    table.load_as_version(when)
    then, said = snapshot(place, table.version()), {"version": table.version(), "timestamp": None}
    _need_files(place, then.files)
    while True:
        found = log.read(place)
        now = {add["path"]: add for add in files_at(place, found.version)}
        kept = {add["path"] for add in then.files}
        back = [{"add": {**add, "dataChange": True}} for add in then.files if add["path"] not in now]
        gone = [removal(add) for path, add in now.items() if path not in kept]
        metadata = _as_it_was(found, then.metadata).action()
        actions = [log.commit_info("RESTORE", said, found.version), metadata, *gone, *back]
        if add_commit(place, found.version + 1, actions):
            return


def _need_files(place: Path, files: list[dict[str, Any]]) -> None:
    missing = [add["path"] for add in files if not (place / unquote(add["path"])).exists()]
    if missing:
        text = f"{len(missing)} files of the version are gone, {missing[0]} first: VACUUM has removed them."
        raise SparkError("DELTA_FILE_NOT_FOUND_DETAILED", text, sql_state="42K03")


def _as_it_was(found: log.Metadata, then: dict[str, Any]) -> log.Metadata:
    """The metadata of an earlier version, with the last numbers of now."""
    fields = json.loads(then["schemaString"])["fields"]
    marks = {name: column.mark for name, column in by_name(found.fields).items() if column.mark is not None}
    for field in fields:
        if field["name"].lower() in marks and field["name"].lower() in by_name(fields):
            field["metadata"] = {**field["metadata"], MARK: marks[field["name"].lower()]}
    return replace(found, fields=fields, configuration=dict(then.get("configuration") or {}))


def repaired(place: Path, *, dry: bool) -> list[str]:
    """Take files that are gone out of a table's log; which they are."""
    while True:
        found = log.read(place)
        gone = [add for add in files_at(place, found.version) if not (place / unquote(add["path"])).exists()]
        actions = [log.commit_info("FSCK", {}, found.version), *map(removal, gone)]
        if dry or not gone or add_commit(place, found.version + 1, actions):
            return [add["path"] for add in gone]
