"""MERGE with `UPDATE SET *` and `INSERT *`: what they mean, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.feed.assembled import Action
from brickyard.workspace.compute.gateway.feed.marks import Clause, aim, clauses
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor, Edit, splice

__all__ = ["Spelled", "spelled"]

SOURCE = "__brickyard_source"


@dataclass(frozen=True)
class Spelled:
    """A MERGE without stars.

    Args:
        sql: Its text.
        new: Columns that the table has to have besides, as the schema's JSON has them.
    """

    sql: str
    new: list[Action]


def spelled(sql: str, session: Session, columns: Sequence[str], *, evolves: bool) -> Spelled:
    """Spell the stars out.

    Args:
        sql: A MERGE whose names are resolved.
        session: The session that runs it.
        columns: Those of the table.
        evolves: Whether the table takes columns that only the source has.

    Raises:
        SparkError: DELTA_MERGE_UNRESOLVED_EXPRESSION: the source lacks a column.
    """
    cursor = Cursor(sql)
    found = list(clauses(cursor))
    if not evolves and not any(clause.star for clause in found):
        return Spelled(sql, [])
    aim(cursor)
    edits, alias = _source(cursor)
    given = session.schema_of_query(f"SELECT * FROM {_from(cursor, edits)}").fields
    own = {name.lower() for name in columns}
    new = [field for field in given if field.name.lower() not in own] if evolves else []
    names = [field.name for field in given]
    stars = [_star(cursor, clause, columns, names, alias, evolves) for clause in found if clause.star]
    assigned = cursor.sql.lower()
    wanted = [field for field in new if stars or field.name.lower() in assigned]
    return Spelled(splice(sql, [*edits, *stars]), [_wire(field) for field in wanted])


def _wire(field: Any) -> Action:
    wire: Action = field.jsonValue()
    return {**wire, "nullable": True, "metadata": {}}


def _source(cursor: Cursor) -> tuple[list[Edit], str]:
    """Go past the source: what it needs to have an alias, and the alias."""
    cursor.expect("USING")
    if cursor.peek() == "(":
        _skip(cursor)
        name = ""
    else:
        name = cursor.name()[-1]
        if cursor.peek() == "(":
            _skip(cursor)
    if cursor.take("AS") or cursor.peek() != "ON":
        return [], cursor.name()[0]
    if name:
        return [], name
    end = cursor.tokens[cursor.position - 1].end + 1
    return [Edit(end, end, f" AS {SOURCE}")], SOURCE


def _skip(cursor: Cursor) -> None:
    """Go past brackets."""
    depth = 0
    while True:
        depth += {"(": 1, ")": -1}.get(cursor.next().text, 0)
        if not depth:
            return


def _from(cursor: Cursor, edits: list[Edit]) -> str:
    """The text of the source, past which the cursor is."""
    using = next(token for token in cursor.tokens if token.text.upper() == "USING" and token.kind != "IDENTIFIER")
    return cursor.sql[using.end + 1 : cursor.tokens[cursor.position - 1].end + 1] + (f" AS {SOURCE}" if edits else "")


def _star(
    cursor: Cursor, clause: Clause, columns: Sequence[str], given: Sequence[str], alias: str, evolves: bool
) -> Edit:
    theirs = {name.lower(): name for name in given}
    missing = [name for name in columns if name.lower() not in theirs]
    if missing and not evolves:
        text = (
            f"Cannot resolve {missing[0]} in {clause.action} clause given columns "
            f"{', '.join(f'{alias}.{name}' for name in given)}."
        )
        raise SparkError("DELTA_MERGE_UNRESOLVED_EXPRESSION", text, sql_state="42601")
    names = [name for name in columns if name.lower() in theirs]
    if evolves:
        own = {name.lower() for name in columns}
        names += [name for name in given if name.lower() not in own]
    values = [quote(alias, theirs[name.lower()]) for name in names]
    begin = cursor.tokens[clause.token]
    end = next(token.end + 1 for token in cursor.tokens[clause.token :] if token.text == "*")
    if clause.action == "INSERT":
        text = f"INSERT ({', '.join(map(quote, names))}) VALUES ({', '.join(values)})"
    else:
        text = f"UPDATE SET {', '.join(f'{quote(name)} = {value}' for name, value in zip(names, values, strict=True))}"
    return Edit(begin.start, end, text)
