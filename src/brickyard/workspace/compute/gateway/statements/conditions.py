"""DELETE with functions in its condition: Sail evaluates it as it is, where many fail; in a MERGE they do not.

Of Sail 0.7.2: `coalesce`, the functions of the current time, array elements, and whatever Sail makes of them.
"""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.values.spans import parse_spans, span

__all__ = ["evaluable"]

ONE = "`__brickyard_one`"


def evaluable(sql: str) -> str:
    """The same DELETE, or the same as a MERGE with one row if Sail needs that.

    Args:
        sql: The statement; names in it are resolved.
    """
    from sqlglot import exp

    tree = parse_spans(sql)
    where = tree.args.get("where")
    if where is None or where.find(exp.Lambda) or not _calls(where):  # MERGE lacks lambda functions
        return sql
    table, condition = span(tree.this), span(where.this)
    if table is None or condition is None:
        return sql
    one = f"(SELECT 1 AS {ONE}) AS {ONE}"
    return f"MERGE INTO {sql[slice(*table)]} USING {one} ON {sql[slice(*condition)]} WHEN MATCHED THEN DELETE"


def _calls(where: Any) -> list[Any]:
    from sqlglot import exp

    plain = (exp.Connector, exp.Case, exp.Cast)
    found = where.find_all(exp.Func, exp.Bracket)
    return [one for one in found if isinstance(one, exp.TryCast) or not isinstance(one, plain)]
