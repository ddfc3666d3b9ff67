"""Results that the gateway computes itself, as relations that Spark Connect carries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql.connect.proto import relations_pb2

__all__ = ["empty", "rows", "table"]


def table(data: pa.Table) -> relations_pb2.Relation:
    """A relation that holds the rows of an Arrow table."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, data.schema) as writer:
        for batch in data.to_batches() or [pa.RecordBatch.from_pylist([], data.schema)]:
            writer.write_batch(batch)
    return relations_pb2.Relation(local_relation=relations_pb2.LocalRelation(data=sink.getvalue().to_pybytes()))


def rows(columns: dict[str, pa.DataType], values: Sequence[Sequence[Any]]) -> relations_pb2.Relation:
    """A relation of the given columns and rows."""
    schema = pa.schema(list(columns.items()))
    arrays = [pa.array([row[i] for row in values], kind) for i, kind in enumerate(columns.values())]
    return table(pa.Table.from_arrays(arrays, schema=schema))


def empty() -> relations_pb2.Relation:
    """What a statement without a result gives: no columns, no rows."""
    relation = relations_pb2.Relation()
    relation.local_relation.schema = "struct<>"
    return relation
