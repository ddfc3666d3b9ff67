"""Columns by which a table is clustered: kept as its property `clusteringColumns`, as Delta shows them.

The table features of Delta for it (`clustering`, `domainMetadata`) are left out: other writers would refuse the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError, parse_error
from brickyard.workspace.compute.gateway.sqltext import Cursor

__all__ = ["CLUSTERING", "clustered", "columns_in", "need_columns", "read_clustering", "without"]

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


def without(configuration: Mapping[str, str]) -> dict[str, str]:
    """Properties without that."""
    return {key: value for key, value in configuration.items() if key != CLUSTERING}
