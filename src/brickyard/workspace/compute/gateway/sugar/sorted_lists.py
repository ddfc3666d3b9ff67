"""`listagg(DISTINCT x) WITHIN GROUP (ORDER BY x)`: Sail leaves the order out, so the values are sorted as an array.

And `percentile_cont(p) WITHIN GROUP (ORDER BY x)`: it computes that of a FLOAT as a FLOAT, Spark as a DOUBLE.
"""

from __future__ import annotations

from typing import Any

import grpc

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.sugar.scope import Scope
from brickyard.workspace.compute.gateway.sugar.tree import parse, render, replace

__all__ = ["exact_percentiles", "sorted_lists"]

NAMES = frozenset({"listagg", "string_agg"})


def sorted_lists(select: Any) -> None:
    """Sort the values of such lists.

    Raises:
        SparkError: INVALID_WITHIN_GROUP_EXPRESSION, if they are ordered by something else than themselves.
    """
    from sqlglot import exp

    for group in list(select.find_all(exp.WithinGroup)):
        call = group.this
        distinct = call.expressions[0] if getattr(call, "expressions", None) else None
        if not isinstance(distinct, exp.Distinct) or call.name.lower() not in NAMES:
            continue
        operands: list[Any] = [*distinct.expressions, *call.expressions[1:]]
        value, separator, terms = operands[0], operands[1:], group.expression.expressions
        if len(terms) != 1 or terms[0].this != value:
            raise _mismatch(render(value), render(group.expression))
        if isinstance(group.parent, exp.Filter):
            raise unsupported("listagg(DISTINCT ...) with FILTER", "Use CASE in place of FILTER.")
        replace(group, _joined(render(value), separator, descending=bool(terms[0].args.get("desc"))))


def exact_percentiles(select: Any, scope: Scope) -> None:
    """Make the FLOATs of such percentiles DOUBLEs."""
    from sqlglot import exp

    for group in select.find_all(exp.WithinGroup):
        if group.this.name.lower() == "percentile_cont":
            for term in group.expression.expressions:
                try:
                    kind = scope.schema(select, term.this).fields[0].dataType.typeName()
                except grpc.RpcError:  # it is of a query inside, or wrong
                    continue
                if kind == "float":
                    replace(term.this, exp.Cast(this=term.this.copy(), to=exp.DataType.build("double")))


def _mismatch(value: str, order: str) -> SparkError:
    return SparkError(
        "INVALID_WITHIN_GROUP_EXPRESSION.MISMATCH_WITH_DISTINCT_INPUT",
        f"Invalid function `listagg` with WITHIN GROUP: with DISTINCT, it must be ordered by {value}, not by {order}.",
        sql_state="42K0K",
    )


def _joined(value: str, separator: list[Any], *, descending: bool) -> Any:
    sign = render(separator[0]) if separator else "''"
    texts = f"transform(sort_array(collect_set({value}), {'false' if descending else 'true'}), v_ -> string(v_))"
    query = f"SELECT CASE WHEN count({value}) > 0 THEN array_join({texts}, {sign}) END"
    return parse(query).expressions[0]
