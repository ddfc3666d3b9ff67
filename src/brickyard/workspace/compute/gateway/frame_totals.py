"""Totals in plans: the engine moves filters on constant columns below them (see `sugar.single_rows`)."""

from __future__ import annotations

from typing import Any

from pyspark.sql.connect.proto import relations_pb2

__all__ = ["is_total", "keep_total"]

#: More rows than there are.
ALL = 2**31 - 1


def is_total(relation: Any) -> bool:
    """Whether a relation has a row for all that it reads."""
    if not relation.HasField("aggregate"):
        return False
    kind = relation.aggregate.group_type
    if kind == relations_pb2.Aggregate.GROUP_TYPE_GROUPBY:
        return not len(relation.aggregate.grouping_expressions)
    return bool(kind != relations_pb2.Aggregate.GROUP_TYPE_PIVOT)


def keep_total(relation: Any) -> None:
    """Give it a limit, below which the engine moves nothing."""
    below = relations_pb2.Relation()
    below.CopyFrom(relation)
    below.common.Clear()
    count = 1 if below.aggregate.group_type == relations_pb2.Aggregate.GROUP_TYPE_GROUPBY else ALL
    relation.limit.input.CopyFrom(below)
    relation.limit.limit = count
