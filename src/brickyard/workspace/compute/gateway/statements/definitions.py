"""What stands in the brackets of CREATE TABLE: columns, keys and checks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.columns import Column, read_column
from brickyard.workspace.compute.gateway.statements.keys import PREFIX, primary_key, read_check, read_key
from brickyard.workspace.compute.gateway.statements.policies import read_mask

__all__ = ["Definitions", "read_definitions"]

CONSTRAINTS = {"PRIMARY", "FOREIGN", "CONSTRAINT"}


@dataclass
class Definitions:
    """The columns of a table, its keys as the API has them, and its checks as properties of the table."""

    columns: list[Column] = field(default_factory=list)
    keys: list[dict[str, Any]] = field(default_factory=list)
    checks: dict[str, str] = field(default_factory=dict)


def read_definitions(cursor: Cursor, session: Session) -> Definitions:
    """Read `(name type ..., [CONSTRAINT name] PRIMARY KEY (...) | FOREIGN KEY ... | CHECK (...))`."""
    found = Definitions()
    cursor.expect("(")
    while not cursor.take(")"):
        if cursor.peek() not in CONSTRAINTS:
            found.columns.append(_column(cursor))
        elif cursor.peek() == "CONSTRAINT" and cursor.peek(2) == "CHECK":
            cursor.next()
            name = cursor.name()[0].lower()
            found.checks[PREFIX + name] = read_check(cursor)
        else:
            found.keys.append(read_key(cursor, session))
        if cursor.peek() != ")":
            cursor.expect(",")
    found.keys += [primary_key([column.name]) for column in found.columns if column.primary]
    needed = {name.lower() for key in found.keys for name in _primary(key)}
    found.columns = [_needed(column) if column.name.lower() in needed else column for column in found.columns]
    return found


def _column(cursor: Cursor) -> Column:
    column = read_column(cursor, stop=("MASK",))
    if cursor.take("MASK"):
        column = replace(column, mask=read_mask(cursor))
        if cursor.peek() not in {",", ")"}:
            raise unsupported(f"{cursor.peek()} after the MASK of a column", "Write MASK last.")
    return column


def _primary(key: dict[str, Any]) -> list[str]:
    return list(key.get("primary_key_constraint", {}).get("child_columns", ()))


def _needed(column: Column) -> Column:
    """The columns of a primary key are NOT NULL."""
    return replace(column, nullable=False)
