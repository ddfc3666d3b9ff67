"""What a SELECT reads from, and which columns that has: the engine is asked, with the query's own FROM."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc

from brickyard.workspace.compute.gateway.sugar.tree import render, touch

__all__ = ["Scope", "aliases", "derived", "names", "selects"]


@dataclass
class Scope:
    """Answers questions about the columns of a query's inputs.

    Args:
        ask: The `StructType` of a query, given as text that needs no further rewriting here.
        inputs: Answers so far, by question.
        plain: The same as `ask` for text that has nothing left to rewrite, nor to look for.
        settled: Whether all queries below the one at hand are rewritten, so that `plain` is the one to ask.
    """

    ask: Callable[[str], Any]
    inputs: dict[str, Any] = field(default_factory=dict)
    plain: Callable[[str], Any] | None = None
    settled: bool = False

    def schema(self, select: Any, *items: Any) -> Any:
        """The `StructType` of `SELECT items FROM ...` over the inputs of a SELECT; `*` without items."""
        from sqlglot import exp

        query = exp.Select(expressions=[item.copy() for item in items] or [exp.Star()], **inputs(select))
        return self.of(query, select)

    def of(self, query: Any, place: Any) -> Any:
        """The `StructType` of a query that stands at a place in a statement, whose CTEs it can use."""
        text = render(with_ctes(query.copy(), place))
        if text not in self.inputs:
            self.inputs[text] = ((self.settled and self.plain) or self.ask)(text)
        return self.inputs[text]

    def has_column(self, select: Any, name: str, node: Any = None) -> bool | None:
        """Whether the inputs of a SELECT have a column; None if the engine cannot tell (a correlated input).

        Args:
            select: The SELECT.
            name: The column.
            node: What stands in the SELECT and asks; without it, something in its list.
        """
        from sqlglot import exp

        kept = inputs(select) if node is None else inputs_before(select, node)
        if not kept.get("from_"):
            return False
        try:
            found = self.of(exp.Select(expressions=[exp.Star()], **kept), select)
        except grpc.RpcError:
            return None
        return name.lower() in {field.lower() for field in found.names}


def inputs(select: Any) -> dict[str, Any]:
    """Copies of the clauses that say what is read."""
    kept: dict[str, Any] = {}
    if select.args.get("from_"):
        kept["from_"] = select.args["from_"].copy()
    for key in ("joins", "laterals"):
        kept[key] = [node.copy() for node in select.args.get(key) or []]
    return kept


def inputs_before(select: Any, node: Any) -> dict[str, Any]:
    """The inputs whose columns a node can name: what stands before the PIVOT, ON or LATERAL VIEW that it is in.

    A derived table has no columns of what it stands beside.
    """
    from sqlglot import exp

    around = [node]
    while around[-1].parent is not select:
        around.append(around[-1].parent)
    clause, kept = around[-1], inputs(select)
    if clause.arg_key not in kept:
        return kept
    if any(isinstance(one, exp.Lateral) for one in around):
        del kept[clause.arg_key][clause.index :]
    elif any(isinstance(one, exp.Query) and not isinstance(one, exp.Subquery) for one in around):
        return {}
    elif any(isinstance(one, exp.Pivot) for one in around):
        _clear(kept["from_"] if clause.arg_key == "from_" else kept["joins"][clause.index], "pivots")
    elif clause.arg_key == "joins":
        _clear(kept["joins"][clause.index], "on")
    return kept


def _clear(clause: Any, key: str) -> None:
    """Take PIVOTs from the input of a clause, or the condition from a join."""
    from sqlglot import exp

    if key == "on":
        clause.set("on", exp.true())
        touch(clause)
    else:
        clause.this.set(key, None)
        touch(clause.this)


def with_ctes(query: Any, place: Any) -> Any:
    """The query with all common table expressions that can be seen from a place."""
    from sqlglot import exp

    found = list(_visible(place))
    if found:
        own = query.args.get("with_")
        ctes = [cte.copy() for cte in found] + ([cte.copy() for cte in own.expressions] if own else [])
        query.set("with_", exp.With(expressions=ctes))
        query.meta["touched"] = True
    return query


def _visible(place: Any) -> list[Any]:
    from sqlglot import exp

    levels: list[list[Any]] = []
    inside, node = None, place
    while node is not None:
        ctes = node.args.get("with_")
        if ctes is not None and not isinstance(node, exp.CTE):
            before: list[Any] = []
            for cte in ctes.expressions:
                if cte is inside:
                    break
                before.append(cte)
            levels.insert(0, before)
        inside = node if isinstance(node, exp.CTE) else inside
        node = node.parent
    return [cte for level in levels for cte in level]


def sources(select: Any) -> Iterator[Any]:
    """The nodes that stand in FROM, JOIN and LATERAL VIEW."""
    if select.args.get("from_"):
        yield select.args["from_"].this
    for join in select.args.get("joins") or []:
        yield join.this
    yield from select.args.get("laterals") or []


def aliases(select: Any) -> list[str]:
    """The names by which the columns of each input can be called."""
    return [source.alias_or_name for source in sources(select)]


def names(select: Any) -> dict[str, Any]:
    """The expressions of the select list that have an alias, by the alias in lower case."""
    from sqlglot import exp

    return {item.alias.lower(): item.this for item in select.expressions if isinstance(item, exp.Alias)}


def selects(tree: Any) -> list[Any]:
    """All SELECTs, the inner ones before those that contain them, and CTEs before what uses them."""
    from sqlglot import exp

    found: list[Any] = []

    def visit(node: Any) -> None:
        ctes = node.args.get("with_")
        for child in [ctes] if ctes is not None else []:
            visit(child)
        for child in node.iter_expressions():
            if child is not ctes:
                visit(child)
        if isinstance(node, exp.Select | exp.SetOperation):
            found.append(node)

    visit(tree)
    return found


def derived(query: Any, alias: str, columns: list[str] | None = None) -> Any:
    """A query as a source of another."""
    from sqlglot import exp

    quoted = [exp.to_identifier(name, quoted=True) for name in columns or []]
    return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True), columns=quoted))
