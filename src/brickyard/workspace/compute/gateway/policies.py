"""Row filters and column masks: a table that has them is read as a query, with the functions in it.

What reads rows otherwise (a version, a path, changes, a clone) is refused, as on Databricks. UPDATE, DELETE and MERGE
choose and compute by what their user sees, and leave all other rows and values as they are: `statements.guarded`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.names import quote

__all__ = ["Guard", "Policies", "own_name", "query"]

ROWS = "_rows"
#: More rows than there are: conditions of the reader, which may fail and so tell something, stay above a limit.
ALL = 2**63 - 1


@dataclass(frozen=True)
class Guard:
    """A function of the catalog, and the columns that it is given."""

    function: str
    columns: tuple[str, ...]

    def call(self, rows: str) -> str:
        """The call for the rows of this name, as SQL."""
        return f"{quote(*self.function.split('.'))}({', '.join(quote(rows, one) for one in self.columns)})"


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

    def refused(self, table: str, condition: str, what: str) -> SparkError:
        """What Databricks refuses for such a table.

        Args:
            table: The table.
            condition: The error's condition after `ROW_LEVEL_SECURITY_` or `COLUMN_MASKS_`.
            what: What is not possible.
        """
        rows = self.row_filter is not None
        kind, word = ("ROW_LEVEL_SECURITY", "row level security") if rows else ("COLUMN_MASKS", "column mask")
        text = f"{what} of {table}, which has {word} policies, is not supported."
        return SparkError(f"{kind}_{condition}", text, sql_state="0A000")

    def no_travel(self, table: str) -> SparkError:
        """The refusal to read another version than the last."""
        return self.refused(table, "FEATURE_NOT_SUPPORTED.TIME_TRAVEL", "Time travel")

    def value(self, column: Any, rows: str) -> str:
        """What a reader gets for a column of the rows of this name; a masked column keeps its type."""
        mask = self.masks.get(column.name.lower())
        own = quote(rows, column.name)
        return own if mask is None else f"CAST({mask.call(rows)} AS {column.dataType.simpleString()})"


def query(name: str, columns: Sequence[Any], policies: Policies, own: str = "") -> str:
    """The query that a reader of a table gets the rows of.

    Args:
        name: The table.
        columns: Its columns.
        policies: Its row filter and masks.
        own: What the names of the columns begin with by which it gives the table's own values besides.
    """
    items = [f"{policies.value(one, ROWS)} AS {quote(one.name)}" for one in columns]
    items += [f"{quote(ROWS, one.name)} AS {quote(own_name(own, at))}" for at, one in enumerate(columns) if own]
    where = f" WHERE {policies.row_filter.call(ROWS)} LIMIT {ALL}" if policies.row_filter else ""
    return f"SELECT {', '.join(items)} FROM {name} AS {quote(ROWS)}{where}"


def own_name(own: str, at: int) -> str:
    """The name by which a query gives the value of a column that nothing hides."""
    return f"{own}_{at}"
