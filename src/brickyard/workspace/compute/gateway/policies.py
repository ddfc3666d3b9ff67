"""Row filters and column masks: a table that has them is read as a query, with the functions in it.

What reads rows otherwise (a version, a path, changes, a clone) is refused, as on Databricks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from brickyard.workspace.compute.gateway.names import quote

__all__ = ["Guard", "Policies", "query"]

ROWS = "_rows"
#: More rows than there are: conditions of the reader, which may fail and so tell something, stay above a limit.
ALL = 2**63 - 1


@dataclass(frozen=True)
class Guard:
    """A function of the catalog, and the columns that it is given."""

    function: str
    columns: tuple[str, ...]

    @property
    def call(self) -> str:
        """The call, as SQL."""
        return f"{quote(*self.function.split('.'))}({', '.join(quote(ROWS, one) for one in self.columns)})"


@dataclass(frozen=True)
class Policies:
    """The row filter of a table, and the masks of its columns by their names in lower case."""

    row_filter: Guard | None = None
    masks: Mapping[str, Guard] = field(default_factory=dict)

    @staticmethod
    def of(wire: Mapping[str, Any]) -> Policies:
        """Read a `TableInfo` of the tables API."""
        sent = wire.get("row_filter")
        rows = Guard(sent["function_name"], tuple(sent.get("input_column_names") or ())) if sent else None
        masks = {}
        for column in wire.get("columns") or []:
            if mask := column.get("mask"):
                name = str(column["name"])
                masks[name.lower()] = Guard(mask["function_name"], (name, *(mask.get("using_column_names") or ())))
        return Policies(rows, masks)

    def __bool__(self) -> bool:
        return self.row_filter is not None or bool(self.masks)


def query(name: str, columns: Sequence[Any], policies: Policies) -> str:
    """The query that a reader of a table gets the rows of; a masked column keeps its type."""
    items = []
    for column in columns:
        mask, kind = policies.masks.get(column.name.lower()), column.dataType.simpleString()
        own = quote(ROWS, column.name)
        items.append(own if mask is None else f"CAST({mask.call} AS {kind}) AS {quote(column.name)}")
    where = f" WHERE {policies.row_filter.call} LIMIT {ALL}" if policies.row_filter else ""
    return f"SELECT {', '.join(items)} FROM {name} AS {quote(ROWS)}{where}"
