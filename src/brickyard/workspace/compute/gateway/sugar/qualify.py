"""QUALIFY, and ORDER BY of expressions: hidden columns of a subquery, for WHERE and ORDER BY around it."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.sugar.keys import has_hidden_order
from brickyard.workspace.compute.gateway.sugar.names import own_columns, substitute
from brickyard.workspace.compute.gateway.sugar.scope import Scope, derived, names
from brickyard.workspace.compute.gateway.sugar.tree import column, replace

__all__ = ["order_below", "qualify"]

#: Clauses that belong to the result, not to the rows before QUALIFY.
OUTER = ("with_", "order", "sort", "limit", "offset", "distinct")


def qualify(select: Any, scope: Scope) -> None:
    """Replace a SELECT with QUALIFY by one that filters a subquery."""
    clause = select.args.get("qualify")
    if clause is not None:
        _enclose(select, scope, [clause.this])


def order_below(select: Any, scope: Scope) -> None:
    """Replace a SELECT that is ordered by expressions by one that is ordered by columns of a subquery."""
    if has_hidden_order(select):
        _enclose(select, scope, [])


def _enclose(select: Any, scope: Scope, conditions: list[Any]) -> None:
    from sqlglot import exp

    inner = select.copy()
    for key in (*OUTER, "qualify"):
        inner.set(key, None)
    inner.meta["touched"] = True
    columns = scope.of(inner, select).names
    hidden = [_without_aliases(condition.copy(), select, scope) for condition in conditions]
    outer = exp.Select(expressions=[])
    for key in OUTER:
        if select.args.get(key) is not None:
            outer.set(key, select.args[key].copy())
    _orders(outer, select, columns, scope, hidden)
    inner.set("expressions", [*inner.expressions, *hidden])
    labels = [f"_c{at}" for at in range(len(columns) + len(hidden))]
    outer.set("expressions", [exp.alias_(column(labels[at]), name, quoted=True) for at, name in enumerate(columns)])
    outer.set("from_", exp.From(this=derived(inner, "_qualified", labels)))
    if conditions:
        outer.set("where", exp.Where(this=column(labels[len(columns)])))
    _put(select, outer)


def _put(select: Any, outer: Any) -> None:
    """The SELECT becomes the other one in place, so that a root stays the root."""
    if select.parent is not None:
        replace(select, outer)
        return
    for key in list(select.args):
        select.set(key, None)
    for key, value in outer.args.items():
        select.set(key, value)
    select.meta["touched"] = True


def _without_aliases(condition: Any, select: Any, scope: Scope) -> Any:
    """A condition in terms of the inputs: an alias of the select list is replaced by what it names."""
    from sqlglot import exp

    known = names(select)
    holder = exp.Paren(this=condition)
    for reference in list(own_columns(holder)):
        name = reference.parts[0].name.lower()
        if len(reference.parts) == 1 and name in known and scope.has_column(select, name) is False:
            substitute(reference, known[name])
    result = holder.this
    result.parent = None
    return result


def _orders(outer: Any, select: Any, columns: list[str], scope: Scope, hidden: list[Any]) -> None:
    """Point ORDER BY to columns of the subquery; what is not in the select list becomes a hidden column."""
    from sqlglot import exp

    lower = [name.lower() for name in columns]
    order = outer.args.get("order")
    for term in order.expressions if order is not None else []:
        key = term.this if isinstance(term, exp.Ordered) else term
        if isinstance(key, exp.Literal) and not key.is_string:
            continue
        if isinstance(key, exp.Column) and key.parts[-1].name.lower() in lower:
            label = f"_c{lower.index(key.parts[-1].name.lower())}"
        else:
            label = f"_c{len(columns) + len(hidden)}"
            hidden.append(_without_aliases(key.copy(), select, scope))
        replace(key, column(label))
