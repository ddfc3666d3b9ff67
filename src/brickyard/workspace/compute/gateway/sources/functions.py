"""Python functions of the gateway's own in a plan: from batches of rows to batches of rows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql.connect.proto import relations_pb2
from pyspark.sql.connect.types import pyspark_types_to_proto_types
from pyspark.sql.types import StructType

from brickyard.workspace.compute.gateway.function_places import name_with
from brickyard.workspace.compute.gateway.names import quote

__all__ = ["mapped"]

#: Spark's evaluation type for such functions.
MAP_ARROW = 207
Function = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def mapped(
    rows: relations_pb2.Relation,
    names: Iterable[str],
    function: Function,
    schema: StructType,
    places: Iterable[Path] = (),
) -> relations_pb2.Relation:
    """What a function makes of rows with columns of these names; it runs in the engine's process.

    Args:
        rows: The rows.
        names: Their columns that it gets.
        function: The function.
        schema: What it makes.
        places: The files and directories that it reads.
    """
    from pyspark import cloudpickle

    dumps: Callable[[Any], bytes] = cloudpickle.dumps
    relation = relations_pb2.Relation()
    relation.map_partitions.input.CopyFrom(rows)
    call = relation.map_partitions.func
    call.function_name, call.deterministic = name_with(places), True
    for name in names:
        call.arguments.add().unresolved_attribute.unparsed_identifier = quote(name)
    call.python_udf.eval_type = MAP_ARROW
    call.python_udf.output_type.CopyFrom(pyspark_types_to_proto_types(schema))
    call.python_udf.command = dumps((function, schema))
    call.python_udf.python_ver = f"{sys.version_info.major}.{sys.version_info.minor}"
    return relation
