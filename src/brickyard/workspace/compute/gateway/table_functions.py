"""`spark.tvf.explode(...)` and its kin: table functions in a data frame, which Sail has as columns."""

from __future__ import annotations

from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.errors import unsupported

__all__ = ["table_function"]

GENERATORS = frozenset({"explode", "posexplode", "inline", "stack"})
OUTER = "_outer"


def table_function(call: Any) -> relations_pb2.Relation:
    """The rows of an UnresolvedTableValuedFunction, not yet resolved.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    name = call.function_name.lower()
    if name == "range":
        return _range([int(_number(argument)) for argument in call.arguments])
    if name.removesuffix(OUTER) not in GENERATORS:
        raise unsupported(f"spark.tvf.{name}", "Use the function in SQL or another construct.")
    rows = relations_pb2.Relation()
    rows.project.input.CopyFrom(_range([1]))
    column = rows.project.expressions.add().unresolved_function
    column.function_name = name
    column.arguments.extend(call.arguments)
    return rows


def _range(numbers: list[int]) -> relations_pb2.Relation:
    relation = relations_pb2.Relation()
    start, end, step, parts, *_ = [*([0] if len(numbers) == 1 else []), *numbers, 1, 0, 0][:4]
    relation.range.start, relation.range.end, relation.range.step = start, end, step
    if len(numbers) > 3 and parts:
        relation.range.num_partitions = parts
    return relation


def _number(argument: Any) -> int:
    literal = argument.literal
    kind = literal.WhichOneof("literal_type")
    if kind not in ("integer", "long", "short", "byte"):
        raise unsupported("spark.tvf.range of what is no literal", "Use spark.range.")
    return int(getattr(literal, kind))
