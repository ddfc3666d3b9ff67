"""Columns whose names in the files are not those of the table: each has a number and a name there of its own.

Source: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#column-mapping
"""

from __future__ import annotations

import uuid
from typing import Any

__all__ = ["IDENTITY", "LAST", "MODE", "PHYSICAL", "numbered"]

IDENTITY, PHYSICAL = "delta.columnMapping.id", "delta.columnMapping.physicalName"
MODE, LAST = "delta.columnMapping.mode", "delta.columnMapping.maxColumnId"


def numbered(field: dict[str, Any], configuration: dict[str, str], *, own: bool = False) -> dict[str, Any]:
    """A new column of a table, with the columns inside it.

    Args:
        field: The column, as the schema's JSON has it.
        configuration: The table's properties; the last number in them goes on.
        own: Whether it has its own name in the files, which a column that was renamed may have there, too.
    """
    number = int(configuration.get(LAST, "0")) + 1
    configuration[LAST] = str(number)
    physical = field["name"] if own else f"col-{uuid.uuid4()}"
    kind = _inside(field["type"], configuration, own=own)
    return {**field, "type": kind, "metadata": {**field["metadata"], IDENTITY: number, PHYSICAL: physical}}


def _inside(kind: Any, configuration: dict[str, str], *, own: bool) -> Any:
    if not isinstance(kind, dict):
        return kind
    parts = {
        key: _inside(kind[key], configuration, own=own)
        for key in ("elementType", "keyType", "valueType")
        if key in kind
    }
    if "fields" in kind:
        parts["fields"] = [numbered({**one, "metadata": {}}, configuration, own=own) for one in kind["fields"]]
    return {**kind, **parts}
