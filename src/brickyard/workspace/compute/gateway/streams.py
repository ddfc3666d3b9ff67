"""Structured Streaming and Spark ML, for engines that have them: their tables and paths."""

from __future__ import annotations

from typing import Any

from pyspark.sql.connect.proto import commands_pb2

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.plans import resolve, split_name
from brickyard.workspace.compute.gateway.session import Session

__all__ = ["prepare_ml", "prepare_stream"]


def prepare_stream(command: commands_pb2.Command, session: Session) -> None:
    """`df.writeStream...start()` and `toTable(name)`: a table becomes its Delta files.

    Raises:
        SparkError: TABLE_OR_VIEW_NOT_FOUND: the table must be there.
    """
    start = command.write_stream_operation_start
    resolve(start.input, session)
    for key, value in list(start.options.items()):
        if key.lower() in {"checkpointlocation", "path"}:
            start.options[key] = session.places.target(value)
    if start.WhichOneof("sink_destination") == "table_name":
        table = session.catalog.table(session.names.table(split_name(start.table_name)), write=True)
        if table.is_view:
            raise SparkError("EXPECT_TABLE_NOT_VIEW", f"{table.name} is a view.", sql_state="42809")
        start.format, start.path = start.format or "delta", session.places.text(table.place)
    elif start.path:
        start.path = session.places.target(start.path)
        start.format = start.format or "delta"


def prepare_ml(command: commands_pb2.Command, session: Session) -> None:
    """`fit`, `save` and `load`: data frames and paths."""
    ml: Any = command.ml_command
    kind = ml.WhichOneof("command")
    if kind == "write":
        ml.write.path = session.places.target(ml.write.path)
    elif kind == "read":
        ml.read.path = session.places.text(session.places.mapper.existing(ml.read.path)[0])
    resolve(command, session)
