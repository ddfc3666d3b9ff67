"""`df.approxQuantile`, which Sail does not have: the exact quantiles, which are within every error.

Source: `DataFrameStatFunctions.approxQuantile` of Spark: the value of the rank `ceil(p * n)` of the values that are
numbers; none where there are none.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.names import quote

__all__ = ["quantiles"]


def quantiles(asked: Any) -> relations_pb2.Relation:
    """One row with one array, of the quantiles of each column.

    Args:
        asked: The `StatApproxQuantile` of a plan.
    """
    numbers = relations_pb2.Relation()
    numbers.project.input.CopyFrom(asked.input)
    sorted_ = relations_pb2.Relation()
    sorted_.aggregate.group_type = relations_pb2.Aggregate.GROUP_TYPE_GROUPBY
    for place, column in enumerate(asked.cols):
        value = f"CAST({_name(column)} AS DOUBLE)"
        _add(numbers.project.expressions, f"IF(isnan({value}), CAST(NULL AS DOUBLE), {value})", f"v{place}")
        _add(sorted_.aggregate.aggregate_expressions, f"sort_array(collect_list(v{place}))", f"s{place}")
    sorted_.aggregate.input.CopyFrom(numbers)
    answer = relations_pb2.Relation()
    answer.project.input.CopyFrom(sorted_)
    arrays = ", ".join(_of(f"s{place}", asked.probabilities) for place in range(len(asked.cols)))
    _add(answer.project.expressions, f"array({arrays})", "approx_quantile")
    return answer


def _of(values: str, probabilities: Any) -> str:
    ranks = [f"CAST(greatest(1, ceil({one!r}D * size({values}))) AS INT)" for one in probabilities]
    found = ", ".join(f"element_at({values}, {rank})" for rank in ranks)
    return f"CASE WHEN size({values}) = 0 THEN CAST(array() AS ARRAY<DOUBLE>) ELSE array({found}) END"


def _name(column: str) -> str:
    """A column as SQL has it; a dotted name is a field of a struct, unless it is quoted."""
    return column if "`" in column else ".".join(quote(part) for part in column.split("."))


def _add(expressions: Any, text: str, name: str) -> None:
    alias = expressions.add().alias
    alias.name.append(name)
    alias.expr.expression_string.expression = text
