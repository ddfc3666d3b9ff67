"""Requests that answer with rows: reading a Delta table, and changing it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
from pyspark.sql.connect.proto import expressions_pb2, relations_pb2

from brickyard.runtime.delta.messages import RELATION_URL, message
from brickyard.workspace.compute.gateway import literals, statements
from brickyard.workspace.compute.gateway.caching.keeping import substitute
from brickyard.workspace.compute.gateway.delta_connect.targets import Target, table_text, target_of
from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.changes import RESULTS
from brickyard.workspace.compute.gateway.unparse import string, unparse

__all__ = ["answer", "is_delta"]

SOURCE = "source_"
#: Requests that change a table, and the statements that do.
CHANGES = {
    "convert_to_delta": "CONVERT",
    "delete_from_table": "DELETE",
    "merge_into_table": "MERGE",
    "optimize_table": "OPTIMIZE",
    "restore_table": "RESTORE",
    "update_table": "UPDATE",
}


def is_delta(extension: Any) -> bool:
    """Whether what a relation carries is a request of Delta's."""
    return str(extension.type_url) == RELATION_URL


def answer(relation: Any, session: Session, resolve: Callable[[Any, Session], None]) -> Any:
    """The relation that takes the place of a request.

    Args:
        relation: Carries it.
        session: The client's.
        resolve: Resolves the names in a relation, in place.
    """
    asked = message("DeltaRelation").FromString(relation.extension.value)
    field, request = asked.ListFields()[0]
    if field.name == "scan":
        return _scan(request.table)
    if field.name == "is_delta_table":
        return literals.rows({"value": pa.bool_()}, [(_is_delta_table(session, request.path),)])
    if session.analyses and field.name in CHANGES:
        return _unchanged(field.name)
    if field.name == "merge_into_table":
        return _merge(request, session, resolve)
    return _run(STATEMENTS[field.name](request), session)


def _unchanged(name: str) -> Any:
    """No rows, with the columns of a change that is not made."""
    columns = RESULTS.get(CHANGES[name])
    if columns is None:
        raise unsupported(f"the schema of {CHANGES[name]} before it has run", "Collect its rows.")
    return literals.rows(dict.fromkeys(columns, pa.int64()), [])


def _run(sql: str, session: Session) -> Any:
    return statements.run(sql, session.for_statement(relations_pb2.Relation(sql=relations_pb2.SQL(query=sql))))


def _scan(table: Any) -> Any:
    read = relations_pb2.Relation()
    if table.HasField("path"):
        read.read.data_source.format = "delta"
        read.read.data_source.paths.append(table.path.path)
    else:
        read.read.named_table.unparsed_identifier = table.table_or_view_name
    return read


def _is_delta_table(session: Session, path: str) -> bool:
    return (session.places.mapper.to_local(path) / "_delta_log").is_dir()


def _expression(raw: bytes, owners: dict[int, str]) -> str:
    return unparse(expressions_pb2.Expression.FromString(raw), owners)


def _column(raw: bytes, target: str) -> str:
    """The column that a value is for, without the table's alias."""
    cursor = Cursor(_expression(raw, {}))
    while cursor.take("("):
        continue
    parts = cursor.name()
    return quote(*(parts[1:] if len(parts) > 1 and parts[0].lower() == target.lower() else parts))


def _where(request: Any, owners: dict[int, str]) -> str:
    return f" WHERE {_expression(request.condition, owners)}" if request.condition else ""


def _owners(target: Target) -> dict[int, str]:
    return dict.fromkeys(target.plans, target.alias) if target.alias else {}


def _delete(request: Any) -> str:
    target = target_of(request.target)
    return f"DELETE FROM {target.aliased}{_where(request, _owners(target))}"


def _update(request: Any) -> str:
    target = target_of(request.target)
    owners = _owners(target)
    return f"UPDATE {target.aliased} SET {_sets(request, target, owners)}{_where(request, owners)}"


def _sets(request: Any, target: Target, owners: dict[int, str]) -> str:
    pairs = [(_column(one.field, target.alias), _expression(one.value, owners)) for one in request.assignments]
    return ", ".join(f"{column} = {value}" for column, value in pairs)


def _merge(request: Any, session: Session, resolve: Callable[[Any, Session], None]) -> Any:
    """MERGE INTO, with the source as a data frame of the statement."""
    target = target_of(request.target)
    source = relations_pb2.Relation.FromString(request.source)
    name, alias = SOURCE + uuid.uuid4().hex[:8], _alias(source)
    owners = _owners(target) | dict.fromkeys(_plans(source), alias or name)
    sql = (
        f"MERGE {'WITH SCHEMA EVOLUTION ' if request.with_schema_evolution else ''}INTO {target.aliased} "
        f"USING {name}{f' AS {quote(alias)}' if alias else ''} ON {_expression(request.condition, owners)} "
    )
    sql += " ".join(
        _action(words, one, target, owners)
        for words, actions in (
            ("MATCHED", request.matched_actions),
            ("NOT MATCHED", request.not_matched_actions),
            ("NOT MATCHED BY SOURCE", request.not_matched_by_source_actions),
        )
        for one in actions
    )
    substitute(source, session)
    resolve(source, session)
    statement = relations_pb2.Relation()
    statement.with_relations.root.sql.query = sql
    reference = statement.with_relations.references.add()
    reference.common.plan_id = uuid.uuid4().int >> 66  # Sail wants one, and clients count theirs from 0
    reference.subquery_alias.alias = name
    reference.subquery_alias.input.CopyFrom(source)
    return statements.run(sql, session.for_statement(statement))


def _alias(source: Any) -> str:
    return str(source.subquery_alias.alias) if source.HasField("subquery_alias") else ""


def _plans(source: Any) -> Iterable[int]:
    """The ids of the plans whose columns the source has as they are."""
    while True:
        yield source.common.plan_id
        if not source.HasField("subquery_alias"):
            return
        source = source.subquery_alias.input


def _action(words: str, action: Any, target: Target, owners: dict[int, str]) -> str:
    condition = f" AND {_expression(action.condition, owners)}" if action.condition else ""
    return f"WHEN {words}{condition} THEN {_what(action, target, owners)}"


def _what(action: Any, target: Target, owners: dict[int, str]) -> str:
    if action.HasField("delete_action"):
        return "DELETE"
    if action.HasField("update_star_action"):
        return "UPDATE SET *"
    if action.HasField("insert_star_action"):
        return "INSERT *"
    if action.HasField("update_action"):
        return f"UPDATE SET {_sets(action.update_action, target, owners)}"
    given = action.insert_action.assignments
    columns = ", ".join(_column(one.field, target.alias) for one in given)
    return f"INSERT ({columns}) VALUES ({', '.join(_expression(one.value, owners) for one in given)})"


def _restore(request: Any) -> str:
    when = f"VERSION AS OF {request.version}"
    if request.HasField("timestamp"):
        when = f"TIMESTAMP AS OF {string(request.timestamp)}"
    return f"RESTORE TABLE {table_text(request.table)} TO {when}"


def _optimize(request: Any) -> str:
    where = f" WHERE {' AND '.join(f'({one})' for one in request.partition_filters)}"
    order = f" ZORDER BY ({', '.join(map(quote, request.zorder_columns))})"
    return (
        f"OPTIMIZE {table_text(request.table)}{where if request.partition_filters else ''}"
        f"{order if request.zorder_columns else ''}"
    )


def _convert(request: Any) -> str:
    partitions = request.partition_schema_string
    return f"CONVERT TO DELTA {request.identifier}{f' PARTITIONED BY ({partitions})' if partitions else ''}"


STATEMENTS: dict[str, Callable[[Any], str]] = {
    "describe_history": lambda request: f"DESCRIBE HISTORY {table_text(request.table)}",
    "describe_detail": lambda request: f"DESCRIBE DETAIL {table_text(request.table)}",
    "convert_to_delta": _convert,
    "restore_table": _restore,
    "delete_from_table": _delete,
    "update_table": _update,
    "optimize_table": _optimize,
}
