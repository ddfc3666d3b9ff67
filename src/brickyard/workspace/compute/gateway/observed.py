"""`df.observe(...)`: its metrics are a query of their own here, over the same input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql.connect.proto import base_pb2, relations_pb2

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.sqltext import dialect
from brickyard.workspace.compute.gateway.sugar.names import VOLATILE
from brickyard.workspace.compute.gateway.values.expressions import children

__all__ = ["Observation", "aggregate_of", "attached"]


@dataclass(frozen=True)
class Observation:
    """Metrics that a plan asks for.

    Args:
        name: The name of the observation.
        relation: The query for its only row.
        plan_id: The plan that has asked for it.
        row: Its row, where it was run before the plan: a write may change what it reads.
    """

    name: str
    relation: relations_pb2.Relation
    plan_id: int
    row: Any = None


def aggregate_of(relation: relations_pb2.Relation) -> relations_pb2.Relation:
    """The metrics as an aggregation of the input.

    Raises:
        SparkError: The input gives other rows each time, so that a second look at it would see others.
    """
    observed = relation.collect_metrics
    if _varies(observed.input):
        raise unsupported("df.observe over random values", "Write the data frame first, or use agg().")
    made = relations_pb2.Relation()
    made.aggregate.input.CopyFrom(observed.input)
    made.aggregate.group_type = relations_pb2.Aggregate.GROUP_TYPE_GROUPBY
    made.aggregate.aggregate_expressions.extend(observed.metrics)
    return made


def attached(answer: bytes, observations: Sequence[Observation], run: Any) -> bytes:
    """An answer to the execution with the metrics in it; `run` gives the row of a query as an Arrow table."""
    response = base_pb2.ExecutePlanResponse.FromString(answer)
    for one in observations:
        table = run(one.relation) if one.row is None else one.row
        metrics = response.observed_metrics.add(name=one.name, plan_id=one.plan_id, keys=table.column_names)
        metrics.values.extend(_literal(column[0].as_py()) for column in table.columns)
    return bytes(response.SerializeToString())


def _literal(value: Any) -> Any:
    from pyspark.sql.connect.expressions import LiteralExpression

    client: Any = None
    return LiteralExpression._from_value(value).to_plan(client).literal


def _varies(message: Any) -> bool:
    """Whether a plan has a function that gives another value each time."""
    if message.DESCRIPTOR.name == "Expression":
        function = message.unresolved_function.function_name.lower()
        text = message.expression_string.expression
        return function in VOLATILE or _names_volatile(text) or any(_varies(child) for child in children(message))
    if message.DESCRIPTOR.name == "SQL" and _names_volatile(message.query):
        return True
    below = [value for field, value in message.ListFields() if field.message_type is not None]
    return any(_varies(child) for value in below for child in (value if hasattr(value, "add") else [value]))


def _names_volatile(text: str) -> bool:
    """Whether SQL has a word that is the name of such a function."""
    return bool(text) and any(token.text.lower() in VOLATILE for token in dialect().tokenize(text))
