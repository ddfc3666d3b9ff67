"""What happens when another writer was first: try again, or say which kind of conflict it is.

Source: https://docs.databricks.com/aws/en/optimizations/isolation-level (conflicts under WriteSerializable).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import grpc

from brickyard.workspace.compute.gateway.commits import actions_since, latest
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.filling import MARK, START
from brickyard.workspace.compute.gateway.sail import UNREADY

__all__ = ["TRIES", "conflict", "settled"]

Result = TypeVar("Result")
#: What Sail says when its commit's number is taken, and when it reads a log that is just being made.
LOST = "Failed to commit transaction:"
TRIES = 20
RETRY = "Please retry the operation."


def settled(place: Path, attempt: Callable[[], Result]) -> Result:
    """Run a transaction; again where only rows were added meanwhile, which no transaction conflicts with.

    Raises:
        SparkError: DELTA_CONCURRENT_APPEND and its kin: another transaction has changed what this one has read.
    """
    for last in [False] * (TRIES - 1) + [True]:
        before = latest(place)
        try:
            return attempt()
        except grpc.RpcError as error:
            said = str(error.details())
            if LOST not in said and UNREADY not in said:
                raise
            found = conflict(place, before)
            if found is not None:
                raise found from error
            if last:
                raise
    raise AssertionError("unreachable")


def conflict(place: Path, before: int, *, blind: bool = False, again: bool = True) -> SparkError | None:
    """The first commit after `before` that a transaction cannot live with.

    Args:
        place: The table.
        before: The version that the transaction has read.
        blind: Whether it has read nothing but the columns.
        again: Whether it will be run again: then it reads what others have added.
    """
    for version, actions in actions_since(place, before):
        kinds = {kind for action in actions for kind in action if not _only_counts(place, version, action)}
        info: dict[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
        error = _changed(kinds, place.name) or (None if blind else _read(info, version, kinds, place.name, again))
        if error is not None:
            return error
    return None


def _only_counts(place: Path, version: int, action: dict[str, Any]) -> bool:
    """Whether an action changes nothing but the last numbers of identity columns, which are counted on from."""
    from deltalake import DeltaTable

    if "metaData" not in action:
        return False
    before = DeltaTable(place, version=version - 1)
    fields = [json.loads(text)["fields"] for text in (before.schema().to_json(), action["metaData"]["schemaString"])]
    for field in (*fields[0], *fields[1]):
        field["metadata"].pop(MARK, None)
    same = dict(before.metadata().configuration) == (action["metaData"].get("configuration") or {})
    return same and fields[0] == fields[1] and any(START in field["metadata"] for field in fields[0])


def _changed(kinds: set[str], table: str) -> SparkError | None:
    if "protocol" in kinds:
        return _raised("DELTA_PROTOCOL_CHANGED", "ProtocolChangedException", "The protocol version has been changed.")
    if "metaData" in kinds:
        text = f"The metadata of the Delta table {table} has been changed by a concurrent update."
        return _raised("DELTA_METADATA_CHANGED", "MetadataChangedException", text)
    return None


def _read(info: dict[str, Any], version: int, kinds: set[str], table: str, again: bool) -> SparkError | None:
    where, operation = f"table {table} (committed at version {version})", info.get("operation", "WRITE")
    if {"add", "remove"} <= kinds or ("add" in kinds and not again and not info.get("isBlindAppend")):
        text = f"Transaction conflict detected. A concurrent {operation} added data to {where}."
        return _raised("DELTA_CONCURRENT_APPEND.WITHOUT_HINT", "ConcurrentAppendException", text)
    if "remove" in kinds:
        text = f"Transaction conflict detected. A concurrent {operation} deleted data from {where}."
        return _raised("DELTA_CONCURRENT_DELETE_READ.WITHOUT_HINT", "ConcurrentDeleteReadException", text)
    return None


def _raised(condition: str, name: str, text: str) -> SparkError:
    return SparkError(condition, f"{text} {RETRY}", kind=f"io.delta.exceptions.{name}", sql_state="2D521")
