"""SHOW PARTITIONS: the values of a table's partition columns."""

from __future__ import annotations

from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.describe import target
from brickyard.workspace.compute.gateway.statements.file_partitions import show_of_files

__all__ = ["show_partitions"]


def show_partitions(cursor: Cursor, session: Session) -> Any:
    """`SHOW PARTITIONS t [PARTITION (column = value, ...)]`.

    Raises:
        SparkError: DELTA_SHOW_PARTITION_IN_NON_PARTITIONED_TABLE, or ..._COLUMN.
    """
    from deltalake import DeltaTable

    start = cursor.position
    place, table = target(cursor, session, files=True)
    if table is not None and table.files is not None:
        return show_of_files(cursor, session, table)
    name = cursor.since(start)
    known = DeltaTable(place).metadata().partition_columns
    if not known:
        raise SparkError(
            "DELTA_SHOW_PARTITION_IN_NON_PARTITIONED_TABLE",
            f"SHOW PARTITIONS is not allowed on a table that is not partitioned: {name}.",
            sql_state="42809",
        )
    wanted = _wanted(cursor, known) if cursor.take("PARTITION") else ""
    cursor.end()
    query = f"SELECT DISTINCT {', '.join(map(quote, known))} FROM {name} {wanted} ORDER BY ALL"
    return relations_pb2.Relation(sql=relations_pb2.SQL(query=query))  # which is resolved when its rows are asked for


def _wanted(cursor: Cursor, known: list[str]) -> str:
    """Read `(column = value, ...)`, as a condition."""
    conditions = []
    cursor.expect("(")
    while not cursor.take(")"):
        column = cursor.name()[0]
        if column.lower() not in {name.lower() for name in known}:
            raise SparkError(
                "DELTA_SHOW_PARTITION_IN_NON_PARTITIONED_COLUMN",
                f"Non-partitioning column(s) [{column}] are specified for SHOW PARTITIONS.",
                sql_state="42P10",
            )
        cursor.expect("=")
        conditions.append(f"{quote(column)} = {cursor.until(',')}")
        cursor.take(",")
    return "WHERE " + " AND ".join(conditions)
