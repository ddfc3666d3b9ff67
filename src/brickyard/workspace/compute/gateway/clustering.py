"""Columns by which a table is clustered: kept as its property `clusteringColumns`, as Delta shows them.

The table features of Delta for it (`clustering`, `domainMetadata`) are left out: other writers would refuse the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError, parse_error
from brickyard.workspace.compute.gateway.sqltext import Cursor

__all__ = ["CLUSTERING", "clustered", "columns_in", "need_columns", "need_free", "read_clustering", "rename", "without"]

CLUSTERING = "clusteringColumns"


def read_clustering(cursor: Cursor) -> str | None:
    """Read what follows CLUSTER BY, `(a, s.x)` or NONE or AUTO: the value of the property; nothing for no columns."""
    if cursor.take("NONE") or cursor.take("AUTO"):
        return None
    cursor.expect("(")
    names: list[list[str]] = []
    while cursor.take(",") if names else not cursor.take(")"):
        names.append(cursor.name())
        if cursor.peek() == ")":
            cursor.expect(")")
            break
    if len({".".join(name).lower() for name in names}) < len(names):
        raise parse_error("A column is named twice in CLUSTER BY.")
    return clustered(names)


def clustered(names: Iterable[Sequence[str]]) -> str | None:
    """The value of the property for columns, each as its parts."""
    found = [list(name) for name in names]
    return json.dumps(found, separators=(",", ":")) if found else None


def columns_in(configuration: Mapping[str, str]) -> list[list[str]]:
    """The columns that a table's properties say, each as its parts."""
    return list(json.loads(configuration.get(CLUSTERING, "[]")))


def need_columns(value: str | None, fields: Sequence[Mapping[str, Any]]) -> None:
    """Refuse columns that are not among the fields of a schema's JSON.

    Raises:
        SparkError: DELTA_COLUMN_NOT_FOUND_IN_SCHEMA.
    """
    for name in json.loads(value or "[]"):
        inside: Any = fields
        for part in name:
            found = next((one for one in inside if one["name"].lower() == part.lower()), None)
            if found is None:
                known = ", ".join(field["name"] for field in fields)
                text = f"Couldn't find column {'.'.join(name)} in: {known}."
                raise SparkError("DELTA_COLUMN_NOT_FOUND_IN_SCHEMA", text, sql_state="42703")
            inside = found["type"].get("fields", ()) if isinstance(found["type"], dict) else ()


def rename(configuration: dict[str, str], old: Sequence[str], new: str) -> None:
    """Have the property name a column as it is called now."""
    known = [part.lower() for part in old]
    found = columns_in(configuration)
    for name in found:
        if [part.lower() for part in name[: len(known)]] == known:
            name[len(known) - 1] = new
    value = clustered(found)
    if value is not None:
        configuration[CLUSTERING] = value


def need_free(configuration: Mapping[str, str], name: Sequence[str]) -> None:
    """Refuse to drop a column by which the table is clustered.

    Raises:
        SparkError: DELTA_UNSUPPORTED_DROP_CLUSTERING_COLUMN.
    """
    gone = [part.lower() for part in name]
    if any([part.lower() for part in one[: len(gone)]] == gone for one in columns_in(configuration)):
        text = f"Dropping clustering columns ({'.'.join(name)}) is not allowed. Use ALTER TABLE ... CLUSTER BY first."
        raise SparkError("DELTA_UNSUPPORTED_DROP_CLUSTERING_COLUMN", text, sql_state="0AKDC")


def without(configuration: Mapping[str, str]) -> dict[str, str]:
    """Properties without that."""
    return {key: value for key, value in configuration.items() if key != CLUSTERING}
