"""Large local data of a client, kept in the engine: each query names it, instead of sending it again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pyarrow as pa
from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway import literals

__all__ = ["SETTINGS", "Keep", "kept"]

#: So much goes along with a plan.
SMALL_BYTES = 2**20
#: Sail takes messages of 128 MiB.
PART_BYTES = 2**25
#: The column that tells the order of rows, which a union does not keep.
ORDER = "__row"

#: What clients ask before they send local data, as Spark 4.1 has it.
SETTINGS = {
    "spark.sql.session.localRelationCacheThreshold": str(SMALL_BYTES),
    "spark.sql.session.localRelationSizeLimit": str(3 * 2**30),
    "spark.sql.session.localRelationChunkSizeRows": "10000",
    "spark.sql.session.localRelationChunkSizeBytes": str(2**24),
    "spark.sql.session.localRelationBatchOfChunksSizeBytes": str(2**30),
}

#: Makes a view in the engine, once.
Keep = Callable[[str, relations_pb2.Relation], None]


def kept(local: relations_pb2.LocalRelation, key: str, keep: Keep) -> relations_pb2.Relation:
    """A relation with the rows of a local one.

    Args:
        local: The rows; they have a schema of their own, or one as JSON.
        key: What tells them from other local data of the session.
        keep: Keeps them.
    """
    if len(local.data) <= SMALL_BYTES:
        return relations_pb2.Relation(local_relation=local)
    name = f"__local_{key}"
    if len(local.data) <= PART_BYTES:
        keep(name, relations_pb2.Relation(local_relation=local))
        return _view(name)
    names = []
    for place, part in enumerate(_parts(local)):
        names.append(f"{name}_{place}")
        keep(names[-1], part)
    return _in_order(names)


def _parts(local: relations_pb2.LocalRelation) -> Iterator[relations_pb2.Relation]:
    schema = _with_order(local.schema) if local.HasField("schema") else None
    with pa.ipc.open_stream(local.data) as reader:
        table = reader.read_all()
    table = table.add_column(0, pa.field(ORDER, pa.int64(), nullable=False), pa.array(range(table.num_rows)))
    rows = max(1, table.num_rows * PART_BYTES // max(1, table.nbytes))
    for start in range(0, table.num_rows, rows):
        part = literals.table(table.slice(start, rows))
        if schema is not None:
            part.local_relation.schema = schema
        yield part


def _with_order(schema: str) -> str:
    struct = json.loads(schema)
    order = {"name": ORDER, "type": "long", "nullable": False, "metadata": {}}
    return json.dumps(struct | {"fields": [order, *struct["fields"]]})


def _in_order(names: list[str]) -> relations_pb2.Relation:
    """The rows of the parts, as `SELECT * EXCEPT (order) FROM (... UNION ALL ...) ORDER BY order`."""
    rows = _view(names[0])
    for name in names[1:]:
        union = relations_pb2.Relation()
        union.set_op.left_input.CopyFrom(rows)
        union.set_op.right_input.CopyFrom(_view(name))
        union.set_op.set_op_type = relations_pb2.SetOperation.SET_OP_TYPE_UNION
        union.set_op.is_all = True
        rows = union
    answer = relations_pb2.Relation()
    answer.drop.column_names.append(ORDER)
    sort = answer.drop.input.sort
    sort.input.CopyFrom(rows)
    sort.is_global = True
    order = sort.order.add()
    order.child.unresolved_attribute.unparsed_identifier = ORDER
    order.direction, order.null_ordering = order.SORT_DIRECTION_ASCENDING, order.SORT_NULLS_LAST
    return answer


def _view(name: str) -> relations_pb2.Relation:
    relation = relations_pb2.Relation()
    relation.read.named_table.unparsed_identifier = name
    return relation
