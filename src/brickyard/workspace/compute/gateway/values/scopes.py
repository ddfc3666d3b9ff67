"""Where an expression of a statement stands: the rows it sees, and the lambda variables around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brickyard.workspace.compute.gateway.sqltext import dialect
from brickyard.workspace.compute.gateway.values.spans import span

__all__ = ["AGGREGATES", "Scope", "is_aggregated", "scope_of", "with_variables"]

#: Functions that make one value of many rows.
AGGREGATES: frozenset[str] = frozenset().union(
    {"sum", "count", "avg", "mean", "min", "max", "first", "last", "any_value", "first_value", "last_value"},
    {"collect_list", "collect_set", "array_agg", "listagg", "string_agg", "grouping", "grouping_id"},
    {"stddev", "stddev_pop", "stddev_samp", "std", "variance", "var_pop", "var_samp", "skewness", "kurtosis"},
    {"corr", "covar_pop", "covar_samp", "median", "mode", "max_by", "min_by", "try_sum", "try_avg"},
    {"percentile", "percentile_cont", "percentile_disc", "percentile_approx", "approx_percentile"},
    {"approx_count_distinct", "bool_and", "bool_or", "every", "some", "count_if", "bit_and", "bit_or", "bit_xor"},
)


@dataclass(frozen=True)
class Scope:
    """The source of the rows that an expression sees, as text of a query.

    Args:
        node: The SELECT, UPDATE, DELETE or MERGE.
        ctes: `WITH ...`, or empty.
        source: `FROM ...` with joins and lateral views; empty if there is none.
        group: `GROUP BY ...`, or empty.
    """

    node: Any
    ctes: str
    source: str
    group: str


def scope_of(sql: str, node: Any) -> Scope | None:
    """The scope around a node; None for one that stands in no rows."""
    from sqlglot import exp

    found = node.find_ancestor(exp.Select, exp.Update, exp.Delete, exp.Merge)
    while found is not None and found.this is None and isinstance(found, exp.Update):
        found = found.find_ancestor(exp.Merge)  # `WHEN MATCHED THEN UPDATE`
    if found is None:
        return None
    group = span(found.args["group"]) if found.args.get("group") else None
    return Scope(found, _ctes(sql, found), _source(sql, found), sql[slice(*group)] if group else "")


def _source(sql: str, node: Any) -> str:
    from sqlglot import exp

    if isinstance(node, exp.Select):
        parts = [node.args.get("from_"), *(node.args.get("joins") or []), *(node.args.get("laterals") or [])]
        places = [place for part in parts if part is not None and (place := span(part))]
        return sql[places[0][0] : max(end for _, end in places)] if places else ""
    tables = [node.this, *([node.args["using"]] if node.args.get("using") else [])]
    texts = [sql[slice(*place)] for table in tables if (place := span(table))]
    return "FROM " + " CROSS JOIN ".join(texts)


def _ctes(sql: str, node: Any) -> str:
    """The common table expressions in sight, outermost first."""
    from sqlglot import exp

    found: list[str] = []
    recursive, inside = False, None
    while node is not None:
        clause = node.args.get("with_")
        if clause is not None:
            recursive = recursive or bool(clause.args.get("recursive"))
            own: list[str] = []
            for cte in clause.expressions:
                if cte is inside and not clause.args.get("recursive"):
                    break
                place = span(cte)
                own += [sql[slice(*place)]] if place else []
            found = own + found
        inside = node if isinstance(node, exp.CTE) else inside
        node = node.parent
    word = "WITH RECURSIVE " if recursive else "WITH "
    return word + ", ".join(found) if found else ""


def is_aggregated(node: Any) -> bool:
    """Whether an expression has an aggregate function, so that it stands for a group of rows."""
    from sqlglot import exp

    return any(_groups(one) for one in node.find_all(exp.Anonymous) if one.name.lower() in AGGREGATES)


def _groups(aggregate: Any) -> bool:
    from sqlglot import exp

    outer = aggregate.parent
    while isinstance(outer, exp.Filter | exp.IgnoreNulls | exp.RespectNulls):
        outer = outer.parent
    return not isinstance(outer, exp.Window)


def with_variables(sql: str, node: Any, text: str) -> str:
    """The text of an expression with the lambda variables in it replaced by what they range over."""
    from sqlglot import exp

    around = node.find_ancestor(exp.Lambda, exp.Select)
    while isinstance(around, exp.Lambda):
        text = _replaced(text, _variables(sql, around))
        around = around.find_ancestor(exp.Lambda, exp.Select)
    return text


def _replaced(text: str, values: dict[str, str]) -> str:
    pieces, at, before = [], 0, ""
    for token in dialect().tokenize(text):
        value = values.get(token.text.lower())
        if value and before != "." and token.token_type.name != "STRING":
            pieces += [text[at : token.start], value]
            at = token.end + 1
        before = token.text
    return "".join([*pieces, text[at:]])


def _variables(sql: str, function: Any) -> dict[str, str]:
    """For each variable of a lambda function, an expression of its type."""
    caller = function.parent
    arguments = [value for value in caller.iter_expressions() if value is not function]
    texts = [sql[slice(*place)] for value in arguments if (place := span(value))]
    names = [variable.name.lower() for variable in function.expressions]
    word = (caller.name if caller.key == "anonymous" else caller.key).lower()
    if not texts:
        return {}
    element = f"get({texts[0]}, 0)"
    values = [element, "0"]
    if word in {"reduce", "aggregate"}:
        values = [texts[1] if len(texts) > 1 else "NULL", element]
    elif word in {"map_filter", "transform_keys", "transform_values"}:
        values = [f"get(map_keys({texts[0]}), 0)", f"get(map_values({texts[0]}), 0)"]
    return dict(zip(names, values, strict=False))
