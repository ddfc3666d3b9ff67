"""Requests without rows: making, cloning and maintaining Delta tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql.connect.proto import relations_pb2, types_pb2

from brickyard.runtime.delta.messages import COMMAND_URL, message
from brickyard.workspace.compute.gateway import statements
from brickyard.workspace.compute.gateway.delta_connect.targets import table_text
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.unparse import string, type_text

__all__ = ["run_command"]

CREATE = {1: "CREATE TABLE", 2: "CREATE TABLE IF NOT EXISTS", 3: "REPLACE TABLE", 4: "CREATE OR REPLACE TABLE"}


def run_command(extension: Any, session: Session) -> bool:
    """Run what a command carries, if it is a request of Delta's."""
    if extension.type_url != COMMAND_URL:
        return False
    asked = message("DeltaCommand").FromString(extension.value)
    field, request = asked.ListFields()[0]
    sql = STATEMENTS[field.name](request)
    statements.run(sql, session.for_statement(relations_pb2.Relation(sql=relations_pb2.SQL(query=sql))))
    return True


def _create(request: Any) -> str:
    if not request.table_name and not request.location:
        text = "Name the table with tableName(...) or location(...)."
        raise SparkError("DELTA_TABLE_NOT_FOUND", text, sql_state="42P01")
    name = request.table_name or f"delta.{quote(request.location)}"
    parts = [f"{CREATE[request.mode]} {name}"]
    if request.columns:
        parts.append(f"({', '.join(map(_column, request.columns))})")
    parts.append("USING delta")
    if request.partitioning_columns:
        parts.append(f"PARTITIONED BY ({_names(request.partitioning_columns)})")
    if request.clustering_columns:
        parts.append(f"CLUSTER BY ({_names(request.clustering_columns)})")
    if request.location and request.table_name:
        parts.append(f"LOCATION {string(request.location)}")
    if request.comment:
        parts.append(f"COMMENT {string(request.comment)}")
    if request.properties:
        parts.append(f"TBLPROPERTIES ({_properties(request.properties)})")
    return " ".join(parts)


def _column(column: Any) -> str:
    parts = [quote(column.name), type_text(types_pb2.DataType.FromString(column.data_type))]
    if column.HasField("generated_always_as"):
        parts.append(f"GENERATED ALWAYS AS ({column.generated_always_as})")
    if column.HasField("identity_info"):
        identity = column.identity_info
        when = "BY DEFAULT" if identity.allow_explicit_insert else "ALWAYS"
        parts.append(f"GENERATED {when} AS IDENTITY (START WITH {identity.start} INCREMENT BY {identity.step})")
    if not column.nullable:
        parts.append("NOT NULL")
    if column.comment:
        parts.append(f"COMMENT {string(column.comment)}")
    return " ".join(parts)


def _names(names: Any) -> str:
    return ", ".join(map(quote, names))


def _properties(values: Any) -> str:
    return ", ".join(f"{string(key)} = {string(values[key])}" for key in sorted(values))


def _clone(request: Any) -> str:
    when = f" VERSION AS OF {request.version}" if request.HasField("version") else ""
    when = f" TIMESTAMP AS OF {string(request.timestamp)}" if request.HasField("timestamp") else when
    kind = "SHALLOW" if request.is_shallow else "DEEP"
    name = f"delta.{quote(request.target)}" if "/" in request.target else request.target
    properties = f" TBLPROPERTIES ({_properties(request.properties)})" if request.properties else ""
    how = "CREATE OR REPLACE" if request.replace else "CREATE"
    return f"{how} TABLE {name} {kind} CLONE {table_text(request.table)}{when}{properties}"


def _vacuum(request: Any) -> str:
    hours = f" RETAIN {request.retention_hours:g} HOURS" if request.HasField("retention_hours") else ""
    return f"VACUUM {table_text(request.table)}{hours}"


def _set(table: Any, values: dict[str, str]) -> str:
    return f"ALTER TABLE {table_text(table)} SET TBLPROPERTIES ({_properties(values)})"


def _upgrade(request: Any) -> str:
    versions = {
        "delta.minReaderVersion": str(request.reader_version),
        "delta.minWriterVersion": str(request.writer_version),
    }
    return _set(request.table, versions)


STATEMENTS: dict[str, Callable[[Any], str]] = {
    "clone_table": _clone,
    "vacuum_table": _vacuum,
    "upgrade_table_protocol": _upgrade,
    "generate": lambda request: f"GENERATE {request.mode} FOR TABLE {table_text(request.table)}",
    "create_delta_table": _create,
    "add_feature_support": lambda request: _set(request.table, {f"delta.feature.{request.feature_name}": "supported"}),
    "drop_feature_support": lambda request: (
        f"ALTER TABLE {table_text(request.table)} DROP FEATURE {request.feature_name}"
    ),
}
