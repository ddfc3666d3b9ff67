"""`df.describe()` and `df.summary()` with Spark's statistics: percentiles are values of the column.

Sail interpolates percentiles, knows three of them, and leaves out others without a word (0.7.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.errors import ILLEGAL, SparkError
from brickyard.workspace.compute.gateway.values.rules.texts import quoted
from brickyard.workspace.compute.gateway.values.rules.types import is_number

__all__ = ["statistics_of"]

DESCRIBED = ("count", "mean", "stddev", "min", "max")
SUMMARIZED = ("count", "mean", "stddev", "min", "25%", "50%", "75%", "max")
#: Statistics as SQL: `{v}` is the column, `{n}` the column as numbers.
FUNCTIONS = {
    "count": "count({v})",
    "count_distinct": "count(DISTINCT {v})",
    "approx_count_distinct": "approx_count_distinct({v})",
    "mean": "avg({n})",
    "stddev": "stddev({n})",
    "min": "min({v})",
    "max": "max({v})",
}


def statistics_of(asked: Any, fields: Callable[[Any], Sequence[tuple[str, str]]]) -> list[relations_pb2.Relation]:
    """The relations that give the statistics, each the input of the next.

    Args:
        asked: A `StatDescribe` or `StatSummary` of a plan.
        fields: Asks the engine for the fields of a relation.

    Raises:
        SparkError: For a column or a statistic that there is not.
    """
    described = "cols" in asked.DESCRIPTOR.fields_by_name
    names = list(asked.cols) if described else []
    statistics = DESCRIBED if described else tuple(asked.statistics) or SUMMARIZED
    columns = _columns(names, list(fields(asked.input)))
    groups, rows = relations_pb2.Relation(), relations_pb2.Relation()
    groups.aggregate.group_type = relations_pb2.Aggregate.GROUP_TYPE_GROUPBY
    groups.aggregate.input.CopyFrom(asked.input)
    structs = []
    for row, statistic in enumerate(statistics):
        parts = [f"'summary', {quoted(statistic)}"]
        for at, (name, kind) in enumerate(columns):
            share = _share(statistic) if statistic.endswith("%") else None
            if share is None:
                _add(groups.aggregate.aggregate_expressions, _value(statistic, name, kind), f"s{row}_{at}")
            value = f"s{row}_{at}" if share is None else _at(f"l{at}", share)
            parts.append(f"{quoted(name)}, CAST({value} AS STRING)")
        structs.append(f"named_struct({', '.join(parts)})")
    for at, (name, kind) in enumerate(columns if any(one.endswith("%") for one in statistics) else ()):
        number = f"CAST({_quoted(name)} AS DOUBLE)" if kind.startswith("decimal") else _number(name, kind)
        _add(groups.aggregate.aggregate_expressions, f"array_sort(collect_list({number}))", f"l{at}")
    _add(groups.aggregate.aggregate_expressions, "count(1)", "rows")  # there may be no column
    rows.project.input.CopyFrom(groups)
    rows.project.expressions.add().expression_string.expression = f"inline(array({', '.join(structs)}))"
    return [groups, rows]


def _columns(names: Sequence[str], known: list[tuple[str, str]]) -> list[tuple[str, str]]:
    kinds = {name.lower(): (name, kind) for name, kind in known}
    missing = next((name for name in names if name.strip("`").lower() not in kinds), None)
    if missing is not None:
        raise SparkError(
            "UNRESOLVED_COLUMN.WITH_SUGGESTION",
            f"A column, variable, or function parameter with name `{missing}` cannot be resolved. Did you mean one of "
            f"the following? [{', '.join(f'`{name}`' for name, _ in known)}].",
            sql_state="42703",
        )
    wanted = [kinds[name.strip("`").lower()] for name in names] or known
    return [(name, kind) for name, kind in wanted if kind == "string" or is_number(kind)]


def _value(statistic: str, name: str, kind: str) -> str:
    if statistic.lower() not in FUNCTIONS:
        raise _unknown(statistic)
    return FUNCTIONS[statistic.lower()].format(v=_quoted(name), n=_number(name, kind))


def _number(name: str, kind: str) -> str:
    return _quoted(name) if is_number(kind) else f"TRY_CAST({_quoted(name)} AS DOUBLE)"


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _at(values: str, share: float) -> str:
    """The value of sorted ones that so many are at most."""
    return f"try_element_at({values}, CAST(greatest(1, ceil({share!r}D * size({values}))) AS INT))"


def _share(statistic: str) -> float:
    try:
        share = float(statistic[:-1]) / 100
    except ValueError as exc:
        raise _unknown(statistic) from exc
    if not 0 <= share <= 1:
        raise SparkError("", "requirement failed: Percentiles must be in the range [0, 1]", kind=ILLEGAL)
    return share


def _unknown(statistic: str) -> SparkError:
    text = f"requirement failed: {statistic} is not a recognised statistic"
    return SparkError("INVALID_PARAMETER_VALUE", text, kind=ILLEGAL)


def _add(expressions: Any, text: str, name: str) -> None:
    alias = expressions.add().alias
    alias.name.append(name)
    alias.expr.expression_string.expression = text
