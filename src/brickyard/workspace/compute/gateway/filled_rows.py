"""Rows with the values of columns that a write leaves out, and a check of generated columns that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway import values
from brickyard.workspace.compute.gateway.filling import Filled, raised
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session

__all__ = ["add_default", "default_text", "with_generated"]

NAME = " AS filled"


def default_text(session: Session, default: str) -> str:
    """The SQL of a default, with what the engine lacks or evaluates otherwise replaced."""
    bare = session.for_statement(relations_pb2.Relation())
    return _item(bare.rewriter().rewrite(f"SELECT ({default}){NAME}"))


def generated_text(session: Session, generated: str, place: Path) -> str:
    """The same for an expression of columns of the table at a place."""
    sql = f"SELECT ({generated}){NAME} FROM delta.{quote(session.places.text(place))}"
    probe = session.rewriter().probe
    return _item(values.correct_sql(sql, probe) if probe else sql)


def _item(sql: str) -> str:
    return sql.removeprefix("SELECT ").rpartition(" AS ")[0]


def add_default(session: Session, expression: Any, default: str | None, kind: str) -> None:
    """Make an expression the value of a column that is left out.

    Args:
        session: The session that writes.
        expression: What is filled.
        default: The SQL of the column's default; without one, it is null.
        kind: The column's type.
    """
    if default is None:
        expression.cast.type_str = kind
        expression.cast.expr.literal.null.null.SetInParent()
    else:
        expression.expression_string.expression = f"CAST({default_text(session, default)} AS {kind})"


def with_generated(
    session: Session,
    rows: relations_pb2.Relation,
    place: Path,
    fields: Mapping[str, Any],
    generated: Mapping[str, Filled],
) -> relations_pb2.Relation:
    """The rows with their generated columns; given ones are checked.

    Args:
        session: The session that writes.
        rows: A projection to columns of the table, by their names.
        place: The table.
        fields: Its columns, by their names in lower case.
        generated: Those that are generated.
    """
    if not generated:
        return rows
    given = {expression.alias.name[0].lower() for expression in rows.project.expressions}
    outer = relations_pb2.Relation()
    outer.project.input.CopyFrom(rows)
    for name, field in fields.items():
        if name not in given and name not in generated:
            continue
        alias = outer.project.expressions.add().alias
        alias.name.append(field.name)
        if name not in generated:
            alias.expr.unresolved_attribute.unparsed_identifier = quote(field.name)
            continue
        kind = field.dataType.simpleString()
        text = f"CAST({generated_text(session, str(generated[name].generated), place)} AS {kind})"
        alias.expr.expression_string.expression = (
            checked(generated[name], quote(field.name), text, kind) if name in given else text
        )
    return outer


def checked(column: Filled, given: str, own: str, kind: str) -> str:
    """SQL of the value that a generated column is given, which must be its own.

    Args:
        column: The column.
        given: SQL of the value that it is given.
        own: SQL of its own value.
        kind: Its type.
    """
    return f"CASE WHEN {given} <=> {own} THEN {given} ELSE CAST({raised(column, given)} AS {kind}) END"
