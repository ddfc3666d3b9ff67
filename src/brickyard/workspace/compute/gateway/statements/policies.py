"""Row filters and column masks in ALTER TABLE and CREATE TABLE.

Source: https://docs.databricks.com/sql/language-manual/sql-ref-syntax-ddl-row-filter and `...-column-mask`
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from brickyard.workspace.compute.gateway.checks import CHECKS
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.properties import properties_of
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.columns import Column, Mask
from brickyard.workspace.compute.gateway.statements.functions import missing
from brickyard.workspace.compute.gateway.unity import Table

__all__ = ["alter_column", "alter_table", "keep_columns", "masks", "need_unchecked", "read_row_filter"]


def read_row_filter(cursor: Cursor, session: Session, columns: Sequence[str] | None = None) -> dict[str, Any]:
    """`function ON (columns)`, after ROW FILTER, as the API has it; `columns` are those that there are."""
    parts = cursor.name()
    cursor.expect("ON")
    given = _columns(cursor)
    return {"function_name": _function(session, parts, given, columns), "input_column_names": given}


def masks(columns: Sequence[Column], session: Session) -> list[dict[str, Any]]:
    """The columns of a new table that have a mask, as the API has them."""
    names = [one.name for one in columns]
    return [{"name": one.name, "mask": _mask(session, one.name, one.mask, names)} for one in columns if one.mask]


def alter_table(cursor: Cursor, session: Session, table: Table | None) -> bool:
    """`SET ROW FILTER ...` and `DROP ROW FILTER`, if it is that."""
    begin = cursor.position
    if cursor.take("SET", "ROW", "FILTER"):
        named = _need(table)
        need_unchecked(str(named.name), properties_of(named.directory), rows=True)
        _change(session, named, {"row_filter": read_row_filter(cursor, session, _names(session, named))})
    elif cursor.take("DROP", "ROW", "FILTER"):
        _change(session, _need(table), {"row_filter": None})
    return cursor.position > begin


def alter_column(cursor: Cursor, session: Session, table: Table | None) -> bool:
    """`c SET MASK ...` and `c DROP MASK`, if it is that."""
    begin, parts = cursor.position, cursor.name()
    column = ".".join(parts)
    if cursor.take("SET", "MASK"):
        named, mask = _need(table), read_mask(cursor)
        need_unchecked(str(named.name), properties_of(named.directory), rows=False)
        _change(session, named, {"column_masks": {column: _mask(session, column, mask, _names(session, named))}})
    elif cursor.take("DROP", "MASK"):
        _change(session, _need(table), {"column_masks": {column: None}})
    else:
        cursor.position = begin
    return cursor.position > begin


def read_mask(cursor: Cursor) -> Mask:
    """`function [USING COLUMNS (columns)]`, after MASK."""
    return Mask(tuple(cursor.name()), tuple(_columns(cursor)) if cursor.take("USING", "COLUMNS") else ())


def need_unchecked(table: str, properties: Iterable[str], *, rows: bool) -> None:
    """Refuse a row filter or mask of a table with CHECK constraints, whose errors would tell what is hidden.

    Args:
        table: The table.
        properties: The names of its properties.
        rows: Whether it is a row filter.

    Raises:
        SparkError: ROW_LEVEL_SECURITY_FEATURE_NOT_SUPPORTED.CHECK_CONSTRAINT or that of COLUMN_MASKS.
    """
    if any(key.startswith(CHECKS) for key in properties):
        kind, word = ("ROW_LEVEL_SECURITY", "row level security") if rows else ("COLUMN_MASKS", "column mask")
        text = f"Setting {word} policies for tables with CHECK constraints is not supported: {table} has some."
        raise SparkError(f"{kind}_FEATURE_NOT_SUPPORTED.CHECK_CONSTRAINT", text, sql_state="0A000")


def keep_columns(cursor: Cursor, table: Table | None) -> None:
    """Refuse to rename or drop columns that a row filter or a mask may be about.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    renames = cursor.peek() in {"RENAME", "DROP"} and cursor.peek(1) in {"COLUMN", "COLUMNS"}
    if table is not None and renames:
        _ = table.place


def _columns(cursor: Cursor) -> list[str]:
    """Read `(a, b)`; there may be none."""
    found: list[str] = []
    cursor.expect("(")
    while not cursor.take(")"):
        if found:
            cursor.expect(",")
        if cursor.at_string:
            raise unsupported("a literal among the columns of a row filter or mask", "Write it into the function.")
        found.append(".".join(cursor.name()))
    return found


def _mask(session: Session, column: str, mask: Mask, columns: Sequence[str]) -> dict[str, Any]:
    function = _function(session, list(mask.function), [column, *mask.columns], columns)
    return {"function_name": function, "using_column_names": list(mask.columns)}


def _function(session: Session, parts: list[str], given: Sequence[str], columns: Sequence[str] | None) -> str:
    """The full name of a function that takes these columns of the table.

    Raises:
        SparkError: ROUTINE_NOT_FOUND, WRONG_NUM_ARGS, UNRESOLVED_COLUMN.
    """
    name = session.names.table(parts)
    routine = session.bindings.functions.find((name.catalog, name.schema, name.name))
    if routine is None or routine.is_table:
        raise missing(name.full)
    known = {one.lower() for one in columns or given}
    for one in given:
        if one.lower() not in known:
            text = f"A column with name {quote(one)} cannot be resolved in the table."
            raise SparkError("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", text, sql_state="42703")
    needed = sum(one.default is None for one in routine.parameters)
    if not needed <= len(given) <= len(routine.parameters):
        text = f"The `{name.full}` requires {needed} parameters but the actual number is {len(given)}."
        raise SparkError("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", text, sql_state="42605")
    return name.full


def _names(session: Session, table: Table) -> list[str]:
    return list(session.schema_of(table.directory).names)


def _need(table: Table | None) -> Table:
    if table is None:
        raise unsupported("a row filter or mask of a path", "Name the table.")
    return table


def _change(session: Session, table: Table, body: dict[str, Any]) -> None:
    session.catalog.change("tables", table.name.full, body)
