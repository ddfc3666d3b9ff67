"""MERGE into a table with columns that are filled by themselves: `*` written out, new rows numbered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.filling import Filled
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.sqltext import Cursor, Edit, splice
from brickyard.workspace.compute.gateway.values.spans import parse_spans, span

__all__ = ["NUMBER", "Merge", "number_of", "numbered", "read_merge", "without_stars"]

#: Names for what the statement gives none, and for the number of a row of the source.
TARGET, SOURCE, NUMBER = "target_of_merge", "source_of_merge", "number_of_row"


@dataclass(frozen=True)
class Merge:
    """A MERGE whose two sides have names.

    Args:
        sql: The statement.
        target: What the table is called in it.
        source: What the source is called.
        using: The place of the source in the statement, with its name.
    """

    sql: str
    target: str
    source: str
    using: tuple[int, int]


def read_merge(sql: str) -> Merge:
    """The statement, with names for both sides."""
    tree = parse_spans(sql)
    edits, names = [], []
    for side, name in ((tree.this, TARGET), (tree.args["using"], SOURCE)):
        place = span(side)
        if place is None:
            raise unsupported(
                "this MERGE into a table with generated or identity columns", "Write MERGE INTO ... USING."
            )
        own = side.alias or (_table_name(side) if side.key == "table" else "")
        edits += [] if own else [Edit(place[1], place[1], f" AS {name}")]
        names.append(own or name)
    text = splice(sql, edits)
    using = span(parse_spans(text).args["using"])
    assert using is not None
    return Merge(text, names[0], names[1], using)


def _table_name(table: Any) -> str:
    """What columns of a table without an alias are called by; paths have no such name."""
    parts = [part.name for part in table.parts]
    return "" if len(parts) == 2 and parts[0].lower() == "delta" else str(parts[-1])


def without_stars(merge: Merge, fields: Mapping[str, Any], columns: Sequence[str], *, evolves: bool) -> Merge:
    """The statement with columns instead of `UPDATE SET *` and `INSERT *`.

    Args:
        merge: The statement.
        fields: The columns of the table, by their names in lower case.
        columns: The columns of the source.
        evolves: Whether columns that the source lacks are left as they are.

    Raises:
        SparkError: The source lacks a column; or it has one more, which the table would have to be given.
    """
    given = {column.lower(): column for column in columns}
    more = [column for name, column in given.items() if name not in fields]
    edits = []
    for place, update in _stars(Cursor(merge.sql)):
        missing = [field.name for name, field in fields.items() if name not in given]
        if missing and not evolves:
            what = "UPDATE" if update else "INSERT"
            text = f"Cannot resolve {missing[0]} in {what} clause given columns {', '.join(given)}."
            raise SparkError("DELTA_MERGE_UNRESOLVED_EXPRESSION", text, sql_state="42601")
        if more and evolves:
            raise unsupported(
                "new columns by MERGE in a table with generated, identity or default columns",
                f"Add {more[0]} with ALTER TABLE ... ADD COLUMN first.",
            )
        edits.append(Edit(place, place + 1, _columns(merge, fields, given, update=update)))
    start, end = merge.using  # it stands before the clauses
    return Merge(splice(merge.sql, edits), merge.target, merge.source, (start, end))


def _columns(merge: Merge, fields: Mapping[str, Any], given: Mapping[str, str], *, update: bool) -> str:
    pairs = [
        (quote(field.name), f"{quote(merge.source)}.{quote(given[name])}")
        for name, field in fields.items()
        if name in given
    ]
    if update:
        return ", ".join(f"{name} = {value}" for name, value in pairs)
    return f"({', '.join(name for name, _ in pairs)}) VALUES ({', '.join(value for _, value in pairs)})"


def _stars(cursor: Cursor) -> Iterator[tuple[int, bool]]:
    """The places of the stars that stand for columns, and whether each is of an UPDATE."""
    while not cursor.done:
        begin = cursor.position
        for words, update in ((("UPDATE", "SET", "*"), True), (("INSERT", "*"), False)):
            if cursor.peek(-1) == "THEN" and cursor.take(*words):
                yield cursor.tokens[cursor.position - 1].start, update
        cursor.position = max(cursor.position, begin + 1)


def numbered(merge: Merge) -> str:
    """The statement with a number for each row of its source."""
    start, end = merge.using
    name = quote(merge.source)
    rows = f"(SELECT *, row_number() OVER (ORDER BY 1) AS {NUMBER} FROM {merge.sql[start:end]}) AS {name}"
    return merge.sql[:start] + rows + merge.sql[end:]


def number_of(merge: Merge, column: Filled) -> str:
    """SQL of the value that an identity column has in the new row of a row of the source."""
    base = column.start - column.step if column.mark is None else column.mark
    return f"CAST({base}L + {quote(merge.source)}.{NUMBER} * {column.step}L AS BIGINT)"
