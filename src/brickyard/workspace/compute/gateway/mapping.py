"""Column mapping: names of columns in the files that are not those of the table.

Source: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#column-mapping
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from brickyard.workspace import statistics
from brickyard.workspace.compute.gateway import checks, feed, log, protocol
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.filling import by_name
from brickyard.workspace.compute.gateway.mapped_columns import IDENTITY, LAST, PHYSICAL

__all__ = ["configure", "enable", "need_no_feed"]


def configure(metadata: log.Metadata, values: dict[str, str]) -> None:
    """Set properties of a table; the mode of column mapping changes its columns too."""
    mode = values.get(log.MAPPING)
    if mode is not None:
        enable(metadata, mode.lower())
    # the protocol's versions follow from the features
    own = {log.MAPPING, "delta.minReaderVersion", "delta.minWriterVersion"}
    for name in protocol.features_in(values):
        metadata.require(name)
    checks.need_plain_values(values)
    kept = {key: value for key, value in values.items() if key not in own and not key.startswith(protocol.PREFIX)}
    metadata.configuration |= kept
    statistics.stop(metadata.configuration, metadata.fields)
    feed.prepare(metadata)
    need_no_feed(metadata)


def need_no_feed(metadata: log.Metadata) -> None:
    """Refuse a table that counts and records its changes."""
    if feed.is_on(metadata.configuration) and any(column.identity for column in by_name(metadata.fields).values()):
        raise unsupported("the change data feed of a table with identity columns", "Leave out one of them.")


def enable(metadata: log.Metadata, mode: str) -> None:
    """Map columns by name: those that are there keep their names in the files.

    Raises:
        SparkError: DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE.
    """
    have = metadata.configuration.get(log.MAPPING, "none")
    if mode == have:
        return
    if (have, mode) != ("none", "name"):
        text = f"Changing column mapping mode from '{have}' to '{mode}' is not supported."
        raise SparkError("DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE", text, sql_state="0AKDC")
    number = 0
    for field in _all(metadata.fields):
        number += 1
        field["metadata"].update({IDENTITY: number, PHYSICAL: field["name"]})
    metadata.configuration |= {log.MAPPING: mode, LAST: str(number)}
    metadata.require("columnMapping")


def _all(fields: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for field in fields:
        yield field
        yield from _inside(field["type"])


def _inside(kind: Any) -> Iterator[dict[str, Any]]:
    if isinstance(kind, dict):
        yield from _all(kind.get("fields", []))
        for inner in ("elementType", "keyType", "valueType"):
            yield from _inside(kind.get(inner))
