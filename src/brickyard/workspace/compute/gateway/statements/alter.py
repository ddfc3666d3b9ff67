"""ALTER TABLE and COMMENT ON, done by delta-rs on the table's log."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.columns import delta_schema, read_column, read_columns
from brickyard.workspace.compute.gateway.statements.describe import target

__all__ = ["alter", "comment"]


def alter(cursor: Cursor, session: Session) -> Any:
    """`ALTER TABLE t ADD COLUMNS | SET TBLPROPERTIES | ADD/DROP CONSTRAINT | CLUSTER BY`."""
    cursor.expect("ALTER")
    if not cursor.take("TABLE"):
        raise unsupported(f"ALTER {cursor.peek()}", "Use the workspace's API.")
    place, _ = target(cursor, session, write=True)
    if cursor.take("ADD", "COLUMNS") or cursor.take("ADD", "COLUMN"):
        _add_columns(cursor, session, place)
    elif cursor.take("SET", "TBLPROPERTIES"):
        _set_properties(cursor, place)
    elif cursor.take("ADD", "CONSTRAINT"):
        _add_constraint(cursor, place)
    elif cursor.take("DROP", "CONSTRAINT"):
        _drop_constraint(cursor, place)
    elif not cursor.take("CLUSTER", "BY"):  # a layout hint: the rows are the same without it
        what = f"ALTER TABLE ... {cursor.peek()} {cursor.peek(1)}"
        raise unsupported(what, "Write the table again with df.write.option('overwriteSchema', 'true').")
    return literals.empty()


def _add_columns(cursor: Cursor, session: Session, place: Any) -> None:
    from deltalake import DeltaTable

    columns = read_columns(cursor) if cursor.peek() == "(" else [read_column(cursor)]
    cursor.end()
    known = [field.name.lower() for field in session.schema_of(place).fields]
    taken = [column.name for column in columns if column.name.lower() in known]
    if taken:
        raise SparkError(
            "FIELD_ALREADY_EXISTS",
            f"Cannot add column, because {quote(taken[0])} already exists in the table's {', '.join(known)}.",
            sql_state="42710",
        )
    DeltaTable(place).alter.add_columns(delta_schema(columns, session).fields)


def _set_properties(cursor: Cursor, place: Any) -> None:
    from deltalake import DeltaTable

    from brickyard.workspace.compute.gateway.statements.tables import properties

    values = properties(cursor)
    cursor.end()
    DeltaTable(place).alter.set_table_properties(values, raise_if_not_exists=False)


def _add_constraint(cursor: Cursor, place: Any) -> None:
    from deltalake import DeltaTable

    name = cursor.name()[0]
    cursor.expect("CHECK")
    condition = cursor.rest()
    DeltaTable(place).alter.add_constraint({name: condition.strip()[1:-1]})


def _drop_constraint(cursor: Cursor, place: Any) -> None:
    from deltalake import DeltaTable

    missing_ok = cursor.take("IF", "EXISTS")
    DeltaTable(place).alter.drop_constraint(cursor.name()[0], raise_if_not_exists=not missing_ok)


def comment(cursor: Cursor, session: Session) -> Any:
    """`COMMENT ON TABLE t IS '...'`."""
    cursor.expect("COMMENT", "ON")
    if not cursor.take("TABLE"):
        raise unsupported(f"COMMENT ON {cursor.peek()}", "Use the workspace's API.")
    name = session.names.table(cursor.name())
    cursor.expect("IS")
    text = "" if cursor.take("NULL") else cursor.string()
    cursor.end()
    session.catalog.comment(name, text)
    return literals.empty()
