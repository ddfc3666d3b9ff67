"""Changes of a table that are made in a copy of it, and then committed to the table in one step.

An engine that writes to a table of counted columns by itself would give a number twice where two write at once (Sail
0.7.2), and delta-rs refuses tables whose columns are filled by themselves. In a copy there is no other writer, and its
columns can be ordinary ones. If another writer was first, all is done again from the version that it made.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from brickyard.workspace.compute.gateway import log
from brickyard.workspace.compute.gateway.commits import actions_since, add_commit
from brickyard.workspace.compute.gateway.conflicts import TRIES, conflict
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.filling import MARK, RULES, without_rules
from brickyard.workspace.compute.gateway.protocol import Protocol
from brickyard.workspace.compute.gateway.snapshots import files_at, link

__all__ = ["FILLING", "through_copy"]

Action = dict[str, Any]
Result = TypeVar("Result")


def through_copy(
    place: Path,
    staged: Callable[[], Path],
    work: Callable[[Path, log.Metadata], Result],
    *,
    plain: bool,
    files: bool,
    marks: Callable[[Path, log.Metadata], Mapping[str, int | None]] | None = None,
    told: Callable[[list[Action]], Action] = lambda infos: infos[-1],
) -> Result:
    """Change a table by way of a copy.

    Args:
        place: The table.
        staged: Gives a place for the copy.
        work: Changes the copy; told its place, and the metadata of the table that was copied.
        plain: Whether the copy's columns are ordinary ones, and its protocol that of such a table.
        files: Whether the copy has the table's rows; one without them is for appending.
        marks: The last numbers of identity columns when it is done, if they are not those that the engine wrote.
        told: What the history is to say, of what the copy's own commits say.

    Raises:
        SparkError: DELTA_CONCURRENT_APPEND and its kin, unless rows are only appended.
    """
    for _ in range(TRIES):
        found = log.read(place)
        with _copied(place, staged(), found, plain=plain, files=files) as copy:
            result = work(copy, found)
            actions = _made(copy, found, marks(copy, found) if marks else {}, told)
            if not actions or _commit(place, copy, found, actions):
                return result
        lost = conflict(place, found.version) if files else None
        if lost is not None:
            raise lost
    text = "A concurrent transaction has written new data since the current transaction read the table."
    raise SparkError("DELTA_CONCURRENT_WRITE", f"{text} Try the operation again.", sql_state="2D521")


@contextmanager
def _copied(place: Path, copy: Path, found: log.Metadata, *, plain: bool, files: bool) -> Iterator[Path]:
    """The copy; data files are hard links."""
    protocol, metadata = found.protocol.action(), found.action()
    if plain:
        protocol = _plain(found.protocol).action()
        metadata = replace(found, fields=[without_rules(field) for field in found.fields]).action()
    adds = [{"add": add} for add in files_at(place, found.version)] if files else []
    (copy / "_delta_log").mkdir(parents=True)
    try:
        for action in adds:
            path = unquote(action["add"]["path"])
            link(place / path, copy / path)
        add_commit(copy, 0, [log.commit_info("CLONE", {}, None), protocol, metadata, *adds])
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _plain(protocol: Protocol) -> Protocol:
    """The same without the features of columns that are filled by themselves."""
    made = Protocol()
    for feature in sorted(protocol.features - FILLING):
        made = made.supporting(feature)
    return made


FILLING = frozenset({"allowColumnDefaults", "generatedColumns", "identityColumns"})


def _made(
    copy: Path, found: log.Metadata, marks: Mapping[str, int | None], told: Callable[[list[Action]], Action]
) -> list[Action]:
    """What the copy's commits come to; empty if there were none."""
    infos: list[Action] = []
    files: dict[str, Action] = {}
    others: list[Action] = []
    metadata: Action | None = None
    for _, actions in actions_since(copy, 0):
        for action in actions:
            kind = next(iter(action))
            if kind in {"add", "remove"}:
                _follow(files, kind, action)
            elif kind == "commitInfo":
                infos.append(action["commitInfo"])
            elif kind == "metaData":
                metadata = action["metaData"]
            elif kind != "protocol":
                others.append(action)
    if not infos:
        return []
    info = {"commitInfo": {**told(infos), "readVersion": found.version}}
    return [info, *_metadata(metadata, found, marks), *others, *files.values()]


def _follow(files: dict[str, Action], kind: str, action: Action) -> None:
    """Note a file's last action; one that was added and removed again is none."""
    path = action[kind]["path"]
    before = files.pop(path, None)
    if not (kind == "remove" and before is not None and "add" in before):
        files[path] = action


def _metadata(written: Action | None, found: log.Metadata, marks: Mapping[str, int | None]) -> list[Action]:
    """The metadata of the copy, with the rules of the table's columns, if it is another."""
    import json

    after = replace(found, fields=[dict(field) for field in found.fields])
    if written is not None:
        rules = {field["name"]: field["metadata"] for field in found.fields}
        fields = json.loads(written["schemaString"])["fields"]
        after.fields = [{**one, "metadata": _rules(rules.get(one["name"], {})) | one["metadata"]} for one in fields]
        after.configuration = dict(written.get("configuration") or {})
    for field in after.fields:
        if field["name"] in marks:
            field["metadata"] = {key: value for key, value in field["metadata"].items() if key != MARK}
            field["metadata"] |= {} if marks[field["name"]] is None else {MARK: marks[field["name"]]}
    return [after.action()] if after.action() != found.action() else []


def _rules(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key in RULES}


def _commit(place: Path, copy: Path, found: log.Metadata, actions: list[Action]) -> bool:
    """Give the table the copy's new files, and commit; without them if another writer was first."""
    new = [place / unquote(action["add"]["path"]) for action in actions if "add" in action]
    new = [file for file in new if not file.exists()]
    for file in new:
        link(copy / file.relative_to(place), file)
    done = add_commit(place, found.version + 1, actions)
    for file in [] if done else new:
        file.unlink()
    return done
