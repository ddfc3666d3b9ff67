"""Constraints: CHECK lives in the table's log and is enforced; keys are known to the catalog, and are not.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-create-table-add-constraint
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway import log
from brickyard.workspace.compute.gateway.checks import need_plain
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.table_keys import FOREIGN, PRIMARY, enter, names_of
from brickyard.workspace.compute.gateway.unity import Table

__all__ = ["PREFIX", "add", "drop", "drop_key", "primary_key", "read_check", "read_key"]

PREFIX = "delta.constraints."
#: What may follow a key; none of it is enforced.
NOTES = (("NOT", "ENFORCED"), ("RELY",), ("NORELY",), ("DEFERRABLE",), ("INITIALLY", "DEFERRED"), ("MATCH", "FULL"))
ACTIONS = (("ON", "UPDATE", "NO", "ACTION"), ("ON", "DELETE", "NO", "ACTION"))


def read_key(cursor: Cursor, session: Session) -> dict[str, Any]:
    """Read `[CONSTRAINT name] PRIMARY KEY (a) | FOREIGN KEY (a) REFERENCES t [(b)]`, as the API has it."""
    name = cursor.name()[0] if cursor.take("CONSTRAINT") else ""
    if cursor.take("PRIMARY", "KEY"):
        columns = _members(cursor)
        key = primary_key(columns, name)
    else:
        cursor.expect("FOREIGN", "KEY")
        columns = _members(cursor)
        cursor.expect("REFERENCES")
        parent = session.names.table(cursor.name()).full
        there = _members(cursor) if cursor.peek() == "(" else []  # those of the primary key
        body = {"child_columns": columns, "parent_table": parent, "parent_columns": there}
        key = {FOREIGN: {"name": name, **body}}
    while any(cursor.take(*words) for words in NOTES + ACTIONS):
        continue
    return key


def primary_key(columns: list[str], name: str = "") -> dict[str, Any]:
    """A primary key; without a name, it gets one when it is entered."""
    return {PRIMARY: {"name": name, "child_columns": columns}}


def read_check(cursor: Cursor) -> str:
    """The text inside the brackets of `CHECK (...)`.

    Raises:
        SparkError: DELTA_UNSUPPORTED_EXPRESSION_CHECK_CONSTRAINT.
    """
    cursor.expect("CHECK", "(")
    condition = cursor.until()
    cursor.expect(")")
    need_plain(condition)
    return condition


def _members(cursor: Cursor) -> list[str]:
    """Read `(a, b [TIMESERIES])`."""
    cursor.expect("(")
    names = [cursor.name()[0]]
    cursor.take("TIMESERIES")
    while cursor.take(","):
        names.append(cursor.name()[0])
        cursor.take("TIMESERIES")
    cursor.expect(")")
    return names


def add(cursor: Cursor, session: Session, place: Path, table: Table | None) -> None:
    """`ADD [CONSTRAINT name] CHECK (...) | PRIMARY KEY ... | FOREIGN KEY ...`."""
    if cursor.peek() == "CONSTRAINT" and cursor.peek(2) == "CHECK":
        cursor.next()
        name = cursor.name()[0]
        condition = read_check(cursor)
        cursor.end()
        if table is not None and table.policies:  # how many rows violate it would tell what is hidden
            raise table.policies.refused(str(table.name), "CHECK_CONSTRAINT_UNSUPPORTED", "A CHECK constraint")
        _check(session, place, table, name, condition)
        return
    key = read_key(cursor, session)
    cursor.end()
    if table is None:
        raise SparkError("UNSUPPORTED_FEATURE.TABLE_OPERATION", "A key needs a table with a name in the catalog.")
    enter(session, table.name, key)


def _check(session: Session, place: Path, table: Table | None, name: str, condition: str) -> None:
    """A condition that all rows of the version it is added to meet."""

    def edit(metadata: log.Metadata) -> None:
        old = metadata.configuration.get(PREFIX + name.lower())
        if old is not None:
            text = f"Constraint '{name}' already exists. Please delete the old constraint first. Old constraint: {old}"
            raise SparkError("DELTA_CONSTRAINT_ALREADY_EXISTS", text, sql_state="42710")
        source = f"delta.{quote(session.places.text(place))} VERSION AS OF {metadata.version}"
        counted = session.sail.query(session.key, f"SELECT count(*) FROM {source} WHERE ({condition}) IS NOT TRUE")
        broken = 0 if counted is None else counted.column(0)[0].as_py()
        if broken:
            shown = table.name.full if table else place
            text = f"{broken} rows in {shown} violate the new CHECK constraint ({condition})."
            raise SparkError("DELTA_NEW_CHECK_CONSTRAINT_VIOLATION", text, sql_state="23512")
        metadata.configuration[PREFIX + name.lower()] = condition
        metadata.require("checkConstraints")

    log.change(place, "ADD CONSTRAINT", {"name": name, "expr": condition}, edit)


def drop(cursor: Cursor, session: Session, place: Path, table: Table | None) -> None:
    """`DROP CONSTRAINT [IF EXISTS] name [RESTRICT | CASCADE]`."""
    missing_ok = cursor.take("IF", "EXISTS")
    name = cursor.name()[0]
    cascade = cursor.take("CASCADE")
    _ = cascade or cursor.take("RESTRICT")
    cursor.end()
    if PREFIX + name.lower() in log.read(place).configuration:
        log.change(
            place,
            "DROP CONSTRAINT",
            {"name": name},
            lambda metadata: metadata.configuration.pop(PREFIX + name.lower(), None),
        )
        return
    dropped = table is not None and session.catalog.drop_constraint(table.name, name, cascade=cascade)
    if not dropped and not missing_ok:
        text = f"Cannot drop nonexistent constraint {name} from table {table.name if table else place}."
        raise SparkError("DELTA_CONSTRAINT_DOES_NOT_EXIST", f"{text} To avoid the error, use IF EXISTS.")


def drop_key(cursor: Cursor, session: Session, table: Table) -> None:
    """`DROP PRIMARY KEY [IF EXISTS] [RESTRICT | CASCADE]`, `DROP FOREIGN KEY [IF EXISTS] (a, b)`."""
    kind = PRIMARY if cursor.take("PRIMARY", "KEY") else FOREIGN
    if kind == FOREIGN:
        cursor.expect("FOREIGN", "KEY")
    missing_ok = cursor.take("IF", "EXISTS")
    columns = cursor.names() if kind == FOREIGN else None
    cascade = cursor.take("CASCADE")
    _ = cascade or cursor.take("RESTRICT")
    cursor.end()
    names = names_of(session, table.name, kind, columns)
    for name in names:
        session.catalog.drop_constraint(table.name, name, cascade=cascade)
    if not names and not missing_ok:
        text = f"Cannot drop nonexistent {'primary' if kind == PRIMARY else 'foreign'} key from table {table.name}."
        raise SparkError("DELTA_CONSTRAINT_DOES_NOT_EXIST", f"{text} To avoid the error, use IF EXISTS.")
