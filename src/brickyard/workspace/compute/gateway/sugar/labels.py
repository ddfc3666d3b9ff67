"""Names of columns without an alias, where Sail has others than Spark: windows, tests, subqueries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc

from brickyard.workspace.compute.gateway.sugar.aggregates import AGGREGATES
from brickyard.workspace.compute.gateway.sugar.scope import Scope
from brickyard.workspace.compute.gateway.sugar.tree import render, replace
from brickyard.workspace.compute.gateway.window_names import PLACES, need_order, window_name

__all__ = ["label", "label_as_written", "needs_label", "ordered"]

#: Functions whose name is what the user wrote, in lower case.
PLAIN = AGGREGATES | PLACES


def needs_label(item: Any) -> bool:
    """Whether an item of a select list has no alias, and another name in Sail."""
    from sqlglot import exp

    if isinstance(item, exp.Not):
        item = item.this
    kinds = (exp.Window, exp.Is, exp.Between, exp.In, exp.NEQ, exp.Like, exp.Subquery)
    if isinstance(item, exp.Exists):
        return isinstance(item.this, exp.Query)
    return isinstance(item, (*kinds, exp.If)) or (isinstance(item, exp.Anonymous) and item.name.lower() == "if")


def label(select: Any, scope: Scope) -> None:
    """Give such items an alias."""
    from sqlglot import exp

    names = _Names(select, lambda node: scope.schema(select, node).names[0])
    for item in list(select.expressions):
        if needs_label(item):
            name = names.of(item)
            if name:
                replace(item, exp.Alias(this=item.copy(), alias=exp.to_identifier(name, quoted=True)))


def label_as_written(select: Any, chosen: Callable[[Any], bool]) -> None:
    """Give the chosen items an alias without a question to the engine: what Spark names them, else their text."""
    from sqlglot import exp

    names = _Names(select, lambda node: "")
    for item in list(select.expressions):
        if chosen(item):
            name = names.of(item) or render(item)
            replace(item, exp.Alias(this=item.copy(), alias=exp.to_identifier(name, quoted=True)))


def ordered(window: Any) -> None:
    """A function of a row's place needs an order.

    Raises:
        SparkError: WINDOW_FUNCTION_FRAME_NOT_ORDERED.
    """
    from sqlglot import exp

    function = window.this
    while isinstance(function, exp.IgnoreNulls | exp.RespectNulls | exp.Filter):
        function = function.this
    if isinstance(function, exp.Func) and window.args.get("order") is None and not window.args.get("alias"):
        need_order(function.name if isinstance(function, exp.Anonymous) else function.sql_name())


def _signs() -> dict[Any, str]:
    from sqlglot import exp

    numbers = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
    tests = {exp.EQ: "=", exp.GT: ">", exp.LT: "<", exp.GTE: ">=", exp.LTE: "<=", exp.NullSafeEQ: "<=>"}
    return {**numbers, **tests, exp.And: "AND", exp.Or: "OR"}


@dataclass(frozen=True)
class _Names:
    select: Any
    ask: Callable[[Any], str]

    def of(self, node: Any) -> str:
        """The name of an expression; empty if it cannot be told."""
        from sqlglot import exp

        if isinstance(node, exp.Column):
            return str(node.parts[-1].name)
        if isinstance(node, exp.Paren):
            return self.of(node.this)
        if isinstance(node, exp.Literal):
            return str(node.this)
        if isinstance(node, exp.Null | exp.Boolean):
            return "NULL" if isinstance(node, exp.Null) else str(node.this).lower()
        if type(node) in _signs():
            return self._all(f"({{}} {_signs()[type(node)]} {{}})", node.this, node.expression)
        found = self._test(node)
        return self._asked(node) if found is None else found

    def _test(self, node: Any) -> str | None:
        """The name of what Sail names otherwise; None for anything else."""
        from sqlglot import exp

        if isinstance(node, exp.Window):
            return self._window(node)
        if isinstance(node, exp.Not):
            return self._negated(node.this)
        if isinstance(node, exp.NEQ):
            return self._all("(NOT ({} = {}))", node.this, node.expression)
        if isinstance(node, exp.Is):
            return self._all("({} IS NULL)", node.this) if isinstance(node.expression, exp.Null) else None
        if isinstance(node, exp.Between):
            return self._all("between({}, {}, {})", node.this, node.args["low"], node.args["high"])
        if isinstance(node, exp.In) and node.args.get("query") is not None:
            return self._all("({} IN (listquery()))", node.this)
        if isinstance(node, exp.In):
            places = ", ".join("{}" for _ in node.expressions)
            return self._all(f"({{}} IN ({places}))", node.this, *node.expressions) if node.expressions else ""
        if isinstance(node, exp.Like):
            test = self._all("{} LIKE {}", node.this, node.expression)
            return f"(NOT {test})" if node.args.get("negate") and test else test
        if isinstance(node, exp.Case) and node.this is None:
            return self._case(node)
        if isinstance(node, exp.Subquery | exp.Exists):
            return "exists()" if isinstance(node, exp.Exists) else "scalarsubquery()"
        return self._function(node) if isinstance(node, exp.Anonymous) else None

    def _case(self, node: Any) -> str:
        parts = [one for branch in node.args["ifs"] for one in (branch.this, branch.args["true"])]
        default = node.args.get("default")
        template = "CASE" + " WHEN {} THEN {}" * len(node.args["ifs"]) + (" ELSE {}" if default is not None else "")
        return self._all(f"{template} END", *parts, *([default] if default is not None else []))

    def _negated(self, node: Any) -> str:
        from sqlglot import exp

        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            return self._all("({} IS NOT NULL)", node.this)
        return self._all("(NOT {})", node)

    def _function(self, node: Any) -> str | None:
        from sqlglot import exp

        name = node.name.lower()
        if name == "if":
            return self._all("(IF({}, {}, {}))", *node.expressions)
        if name not in PLAIN or any(isinstance(one, exp.Distinct) for one in node.expressions):
            return None
        if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Star):
            return f"{name}(1)"
        return self._all(f"{name}({', '.join('{}' for _ in node.expressions)})", *node.expressions)

    def _window(self, node: Any) -> str:
        from sqlglot import exp

        function = node.this
        while isinstance(function, exp.IgnoreNulls | exp.RespectNulls):
            function = function.this
        spec = self._spec(node)
        if spec is None or spec.args.get("first") is not None:
            return ""
        partition = [self.of(one) for one in spec.args.get("partition_by") or []]
        terms = [self._term(one) for one in (spec.args["order"].expressions if spec.args.get("order") else [])]
        name, frame = self.of(function), _frame(spec.args.get("spec"))
        known = name and frame is not None and all(partition) and all(terms)
        return window_name(name, partition, terms, frame or "") if known else ""

    def _spec(self, node: Any) -> Any:
        """The window that `OVER w` names, or the one that stands there."""
        name = node.args.get("alias")
        if name is None:
            return node
        named = self.select.args.get("windows") or []
        return next((one for one in named if one.this.name.lower() == name.name.lower()), None)

    def _term(self, term: Any) -> str:
        name = self.of(term.this)
        last = "FIRST" if term.args.get("nulls_first") else "LAST"
        return f"{name} {'DESC' if term.args.get('desc') else 'ASC'} NULLS {last}" if name else ""

    def _all(self, template: str, *nodes: Any) -> str:
        names = [self.of(node) for node in nodes]
        return template.format(*names) if all(names) else ""

    def _asked(self, node: Any) -> str:
        try:
            return self.ask(node)
        except grpc.RpcError:
            return ""


def _frame(spec: Any) -> str | None:
    """A frame as Spark says it; None if it is not known."""
    if spec is None:
        return ""
    kind = str(spec.args["kind"]).upper()
    bounds = [_bound(spec.args.get(key), str(spec.args.get(f"{key}_side") or ""), kind) for key in ("start", "end")]
    return f"{kind} BETWEEN {bounds[0]} AND {bounds[1]}" if all(bounds) else None


def _bound(value: Any, side: str, kind: str) -> str:
    from sqlglot import exp

    if value is None:
        return "CURRENT ROW"
    if isinstance(value, str):
        return f"{value} {side}".strip().upper()
    if not isinstance(value, exp.Literal):
        return ""
    if kind == "RANGE" and side.upper() == "PRECEDING":
        return f"(- {value.name}) FOLLOWING"
    return f"{value.name} {side.upper()}"
