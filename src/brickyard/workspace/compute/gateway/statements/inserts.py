"""INSERT: by position with the casts of Spark's store assignment, or by name."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.commits import commits_since, latest
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor, parse
from brickyard.workspace.compute.gateway.statements.describe import target

__all__ = ["aligned", "insert", "insert_with"]


def insert_with(cursor: Cursor, session: Session) -> Any:
    """A statement that starts with WITH: a query (for Sail), or an INSERT."""
    from sqlglot import exp

    tree = parse(cursor.sql)
    if isinstance(tree, exp.Query):
        return None
    if not isinstance(tree, exp.Insert):
        raise unsupported("WITH before this statement", "Put the query into a temporary view.")
    while cursor.peek() != "INSERT":
        cursor.next()
    prefix = cursor.sql[: cursor.tokens[cursor.position].start]
    return insert(cursor, session, prefix)


def insert(cursor: Cursor, session: Session, prefix: str = "") -> Any:
    """`INSERT INTO | OVERWRITE [TABLE] t [(columns)] [BY NAME] query`."""
    cursor.expect("INSERT")
    overwrite = cursor.take("OVERWRITE")
    if not overwrite:
        cursor.expect("INTO")
    cursor.take("TABLE")
    place, _ = target(cursor, session)
    if cursor.peek() in {"PARTITION", "REPLACE"}:
        raise unsupported(
            f"INSERT ... {cursor.peek()}", "Give all columns in the query; use replaceWhere to overwrite a part."
        )
    columns = _columns(cursor)
    by_name = cursor.take("BY", "NAME")
    source = session.relation(prefix + cursor.rest())
    rows = aligned(session, source, place, columns, by_name=by_name)
    before = latest(place)
    session.write(rows, place, "overwrite" if overwrite else "append")
    written = [metrics for operation, metrics in commits_since(place, before) if operation == "WRITE"]
    count = int(written[0].get("numOutputRows", 0)) if written else 0
    return literals.rows({"num_affected_rows": pa.int64(), "num_inserted_rows": pa.int64()}, [(count, count)])


def _columns(cursor: Cursor) -> list[str] | None:
    """Read `(a, b)`; brackets around a query are not a column list."""
    if cursor.peek() != "(" or cursor.peek(1) in {"SELECT", "WITH", "VALUES", "(", "FROM"}:
        return None
    return cursor.names()


def aligned(
    session: Session, source: relations_pb2.Relation, place: Any, columns: list[str] | None, *, by_name: bool
) -> relations_pb2.Relation:
    """The source with the table's columns, in its order and types; columns that are not given are null.

    Raises:
        SparkError: INSERT_COLUMN_ARITY_MISMATCH, or a column that the table does not have.
    """
    fields = {field.name.lower(): field for field in session.schema_of(place).fields}
    given = list(session.sail.schema(session.key, source).names)
    wanted = [name.lower() for name in (columns if columns is not None else given if by_name else fields)]
    unknown = [name for name in wanted if name not in fields]
    if unknown:
        raise SparkError(
            "UNRESOLVED_COLUMN.WITH_SUGGESTION",
            f"The table has no column {quote(unknown[0])}. It has {', '.join(fields)}.",
            sql_state="42703",
        )
    if len(given) != len(wanted):
        raise SparkError(
            "INSERT_COLUMN_ARITY_MISMATCH",
            f"Cannot write to the table: it takes {len(wanted)} columns ({', '.join(wanted)}) "
            f"and the query gives {len(given)} ({', '.join(given)}).",
            sql_state="21S01",
        )
    renamed = relations_pb2.Relation()
    renamed.to_df.input.CopyFrom(source)
    renamed.to_df.column_names.extend(wanted)
    return _project(renamed, fields, set(wanted))


def _project(source: relations_pb2.Relation, fields: dict[str, Any], given: set[str]) -> relations_pb2.Relation:
    project = relations_pb2.Relation()
    project.project.input.CopyFrom(source)
    for name, field in fields.items():
        alias = project.project.expressions.add().alias
        alias.name.append(field.name)
        cast = alias.expr.cast
        cast.type_str = field.dataType.simpleString()
        if name in given:
            cast.expr.unresolved_attribute.unparsed_identifier = quote(name)
        else:
            cast.expr.literal.null.null.SetInParent()
    return project
