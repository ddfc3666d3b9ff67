"""INSERT: by position with the casts of Spark's store assignment, or by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals, overwrites
from brickyard.workspace.compute.gateway.alignment import assign
from brickyard.workspace.compute.gateway.commits import commits_since, latest
from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.filling import counts, filled_columns
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor, parse
from brickyard.workspace.compute.gateway.statements.default_words import inserted_defaults, says_default
from brickyard.workspace.compute.gateway.statements.describe import target
from brickyard.workspace.compute.gateway.statements.of_files import Insertion, insert_into_files
from brickyard.workspace.compute.gateway.statements.replacements import read_replacement, replace_matching
from brickyard.workspace.compute.gateway.storing import store
from brickyard.workspace.compute.gateway.sugar.pipes import unpipe
from brickyard.workspace.compute.gateway.sugar.recursion import without_levels

__all__ = ["insert", "insert_with"]


def insert_with(cursor: Cursor, session: Session) -> Any:
    """A statement that starts with WITH: a query (for Sail), or an INSERT."""
    from sqlglot import exp

    text = without_levels(cursor.sql)[0]
    tree = parse(unpipe(text) if "|>" in text else text)
    if isinstance(tree, exp.Query):
        return None
    if not isinstance(tree, exp.Insert):
        raise unsupported("WITH before this statement", "Put the query into a temporary view.")
    while cursor.peek() != "INSERT":
        cursor.next()
    prefix = cursor.sql[: cursor.tokens[cursor.position].start]
    return insert(cursor, session, prefix)


def insert(cursor: Cursor, session: Session, prefix: str = "") -> Any:
    """`INSERT INTO | OVERWRITE [TABLE] t [PARTITION (...)] [(columns)] [BY NAME] [REPLACE ...] query`."""
    cursor.expect("INSERT")
    overwrite = cursor.take("OVERWRITE")
    if not overwrite:
        cursor.expect("INTO")
    cursor.take("TABLE")
    place, table = target(cursor, session, write=True, rows=overwrite, files=True)
    alias = _alias(cursor)
    fixed = _partition(cursor) if cursor.take("PARTITION") else {}
    columns = _columns(cursor)
    by_name = cursor.take("BY", "NAME")
    condition = _condition(cursor) if cursor.take("REPLACE", "WHERE") else None
    replacement = read_replacement(cursor, alias or (table.name.name if table is not None else None))
    if table is not None and table.files is not None:
        if replacement is not None or condition is not None:
            table.need_delta("INSERT ... REPLACE")
        text = prefix + ("SELECT * FROM " if cursor.take("TABLE") else "") + cursor.rest()
        return insert_into_files(session, table, Insertion(text, columns, fixed, by_name, overwrite))
    if table is not None and (replacement is not None or condition is not None):
        _ = table.place  # refused where readers get only some of the rows
    if replacement is not None and counts(place):
        raise unsupported("INSERT ... REPLACE USING | ON of a table with identity columns", "Use MERGE INTO.")
    text = prefix + ("SELECT * FROM " if cursor.take("TABLE") else "") + cursor.rest()
    if says_default(text):
        text = _with_defaults(session, text, place, columns, fixed)
    if fixed:
        names = session.schema_of(place).names if columns is None else columns
        if by_name:
            names = session.schema(session.relation(text)).names
        columns = [name for name in names if name.lower() not in fixed] + list(fixed)
        text = f"SELECT *, {', '.join(fixed.values())} FROM ({text})"
        if overwrite:
            condition = " AND ".join(_same(name, value) for name, value in fixed.items())
    given = session.relation(replacement.query or text if replacement else text)
    rows = assign(session, given, place, columns, by_name=by_name and not fixed)
    before, kept = latest(place), 0
    if replacement is not None:
        kept = replace_matching(session, replacement, given, rows, place)
    else:
        _write(session, rows, place, condition, overwrite=overwrite, fixed=fixed)
    written = [metrics for operation, metrics in commits_since(place, before) if operation == "WRITE"]
    count = int(written[-1].get("numOutputRows", 0)) - kept if written else 0
    return literals.rows({"num_affected_rows": pa.int64(), "num_inserted_rows": pa.int64()}, [(count, count)])


def _alias(cursor: Cursor) -> str | None:
    """Read `[AS] t` after the table, if it is there."""
    if cursor.take("AS") or cursor.peek(1) == "REPLACE":
        return cursor.name()[0]
    return None


def _with_defaults(
    session: Session, text: str, place: Path, columns: list[str] | None, fixed: Mapping[str, str]
) -> str:
    """The query without the word DEFAULT."""
    fields = {field.name.lower(): field for field in session.schema_of(place).fields}
    names = [name.lower() for name in columns or fields if name.lower() not in fixed]
    wanted = [(name, name not in fields or fields[name].nullable) for name in names]
    return inserted_defaults(text, wanted, filled_columns(place))


def _write(
    session: Session, rows: Any, place: Path, condition: str | None, *, overwrite: bool, fixed: Mapping[str, str]
) -> None:
    """Append, overwrite all, the part that `condition` names or, if the session says so, the partitions with rows."""
    if overwrites.check(session, place if overwrite else None, {}, fixed):
        overwrites.replace_part(session, place, lambda _: rows)
    elif condition is not None:
        where = overwrites.row_condition(session, place, condition, sql=True)
        overwrites.replace_part(session, place, lambda _: rows, where)
    else:
        store(session, rows, place, "overwrite" if overwrite else "append")


def _partition(cursor: Cursor) -> dict[str, str]:
    """Read `(p = value, q)`; the columns that have a value, with its SQL."""
    fixed = {}
    cursor.expect("(")
    while not cursor.take(")"):
        name = cursor.name()[0].lower()
        if cursor.take("="):
            fixed[name] = cursor.until(",")
        cursor.take(",")
    return fixed


def _same(name: str, value: str) -> str:
    return f"{quote(name)} IS NULL" if value.upper() == "NULL" else f"{quote(name)} = {value}"


def _condition(cursor: Cursor) -> str:
    """The text up to the query."""
    condition = cursor.until("SELECT", "VALUES", "WITH", "FROM", "TABLE")
    if cursor.done:
        raise cursor.error("expected a query")
    return condition


def _columns(cursor: Cursor) -> list[str] | None:
    """Read `(a, b)`; brackets around a query are not a column list."""
    if cursor.peek() != "(" or cursor.peek(1) in {"SELECT", "WITH", "VALUES", "(", "FROM"}:
        return None
    return cursor.names()
