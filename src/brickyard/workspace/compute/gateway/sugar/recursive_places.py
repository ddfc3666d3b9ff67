"""Where the step of a recursive CTE may read the CTE."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.sugar.aggregates import aggregates, function_name

__all__ = ["check_places"]

MANY = 2**31
#: Functions of chance, and how many arguments they have without a seed.
SEEDED = {"rand": 0, "randn": 0, "random": 0, "randstr": 1, "shuffle": 1, "uniform": 2, "uuid": 0}


def check_places(step: Any, name: str) -> None:
    """Look at every reference to the CTE in a step.

    Raises:
        SparkError: INVALID_RECURSIVE_REFERENCE.PLACE; UNSUPPORTED_BY_ENGINE: random values of a seed, which would be
            the same in each step, where Spark goes on.
    """
    from sqlglot import exp

    for call in step.find_all(exp.Func):
        if len(list(call.iter_expressions())) > SEEDED.get(function_name(call), MANY):
            raise unsupported("random values of a seed in the step of a recursive CTE", "Leave the seed out.")

    for table in step.find_all(exp.Table):
        if not table.args.get("db") and table.name.lower() == name.lower() and not _is_allowed(table, step):
            raise SparkError(
                "INVALID_RECURSIVE_REFERENCE.PLACE",
                "Invalid recursive reference found inside WITH RECURSIVE clause. Recursive references cannot be used "
                "on the right side of left outer/semi/anti joins, on the left side of right outer joins, in full outer "
                "joins, in aggregates, window functions or sorts.",
                sql_state="42836",
            )


def _is_allowed(table: Any, step: Any) -> bool:
    """Whether nothing between a reference and the step needs all of its rows."""
    from sqlglot import exp

    node = table
    while node is not step and node is not None:
        clause, node = node, node.parent
        if isinstance(node, exp.Select) and not _takes(node, clause):
            return False
    return True


def _takes(select: Any, clause: Any) -> bool:
    """Whether a SELECT may read it in one of its clauses, row by row."""
    from sqlglot import exp

    if clause.arg_key not in {"from_", "joins", "with_"}:
        return True
    if any(select.args.get(key) for key in ("group", "distinct", "order", "sort", "having")):
        return False
    if any(any(aggregates(item)) or item.find(exp.Window) for item in select.expressions):
        return False
    joins = select.args.get("joins") or []
    if clause.arg_key == "with_":
        return True
    at = clause.index if clause.arg_key == "joins" else -1
    own = joins[at] if at >= 0 else None
    return (own is None or _keeps(own) in {"", "RIGHT"}) and all(
        _keeps(one) not in {"RIGHT", "FULL"} for one in joins[at + 1 :]
    )


def _keeps(join: Any) -> str:
    """Of which side a join keeps rows that match nothing; SEMI and ANTI are like LEFT here."""
    side, kind = (str(join.args.get(key) or "").upper() for key in ("side", "kind"))
    return "LEFT" if kind in {"SEMI", "ANTI"} else side
