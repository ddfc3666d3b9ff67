"""Window frames that are a range of dates: the engine measures only numbers and times right."""

from __future__ import annotations

from typing import Any

import grpc

from brickyard.workspace.compute.gateway.sugar.scope import Scope
from brickyard.workspace.compute.gateway.sugar.tree import replace

__all__ = ["date_ranges"]


def date_ranges(select: Any, scope: Scope) -> None:
    """Order by the days since 1970, or by the time at which a date begins, where a frame counts from a date."""
    from sqlglot import exp

    for window in list(select.find_all(exp.Window)):
        if window.find_ancestor(exp.Select) is not select or not window.args.get("order"):
            continue
        spec = window.args.get("spec")
        bounds = [spec.args.get(key) for key in ("start", "end")] if spec is not None else []
        bounds = [bound for bound in bounds if isinstance(bound, exp.Expression)]
        if bounds and str(spec.args["kind"]).upper() == "RANGE":
            term = window.args["order"].expressions[0]
            if _is_date(select, term.this, scope):
                replace(term.this, _measured(term.this, any(isinstance(one, exp.Interval) for one in bounds)))


def _is_date(select: Any, key: Any, scope: Scope) -> bool:
    try:
        return bool(scope.schema(select, key).fields[0].dataType.simpleString() == "date")
    except grpc.RpcError:
        return False


def _measured(key: Any, interval: bool) -> Any:
    from sqlglot import exp

    if interval:
        return exp.Cast(this=key.copy(), to=exp.DataType.build("timestamp", dialect="databricks"))
    return exp.Anonymous(this="unix_date", expressions=[key.copy()])
