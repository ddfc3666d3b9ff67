"""Names of columns without an alias, where Sail has others than Spark: windows, tests, subqueries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import grpc

from brickyard.workspace.compute.gateway.sugar.aggregates import AGGREGATES
from brickyard.workspace.compute.gateway.sugar.scope import Scope
from brickyard.workspace.compute.gateway.sugar.tree import render, replace
from brickyard.workspace.compute.gateway.window_names import PLACES, need_order, window_name

__all__ = ["CALLS", "label", "label_as_written", "needs_label", "ordered"]

#: Functions whose name is what the user wrote, in lower case.
PLAIN = AGGREGATES | PLACES


def needs_label(item: Any) -> bool:
    """Whether an item of a select list has no alias, and another name in Sail."""
    from sqlglot import exp

    if isinstance(item, exp.Not):
        item = item.this
    if isinstance(item, exp.Exists):
        return isinstance(item.this, exp.Query)
    if isinstance(item, exp.Neg):
        return isinstance(item.this, exp.Neg) or _is_number(item.this)
    if isinstance(item, exp.Anonymous):
        name, count = item.name.lower(), len(item.expressions)
        if name == "if" or (name in CASTS and count == 1) or (name, count) in DEFAULTS or _has_cast(item):
            return True
    if isinstance(item, _kinds()):
        return True
    return not isinstance(item, exp.Alias | exp.Column | exp.Star) and any(_others(item))


def _others(node: Any) -> Iterator[Any]:
    """The outermost parts of an expression that have other names in Sail."""
    from sqlglot import exp

    for part in node.iter_expressions():
        if isinstance(part, _parts()) or (isinstance(part, exp.Neg) and _is_number(part.this)):
            yield part
        elif not isinstance(part, exp.Query | exp.Lambda):
            yield from _others(part)


def _is_number(node: Any) -> bool:
    """Whether it is a number as it is written, also with the letter of a type, which the parser reads as a cast."""
    from sqlglot import exp

    text = str(node.meta.get("text", ""))
    suffixed = isinstance(node, exp.Cast) and text[:-1].isdigit() and text[-1].upper() in "LSY"
    return suffixed or isinstance(node, exp.Literal)


def _is_typed(node: Any) -> bool:
    """Whether it is a literal with its type before it, as DATE'2020-01-01', which the parser reads as a cast."""
    word, quote, _ = str(node.meta.get("text", "")).partition("'")
    return bool(quote) and word.strip().replace("_", "").isalpha()


def _has_cast(call: Any) -> bool:
    """Whether an argument of a function is a cast of a column, which Sail leaves out of the name."""
    from sqlglot import exp

    parts = [one.expressions[0] if isinstance(one, exp.Distinct) else one for one in call.expressions]
    calls = [one for one in parts if isinstance(one, exp.Anonymous) and len(one.expressions) == 1]
    casts = any(isinstance(one, exp.Cast) and not isinstance(one.this, exp.Literal) for one in parts)
    return casts or any(one.name.lower() in CASTS for one in calls)


@cache
def _kinds() -> tuple[Any, ...]:
    """The expressions that have other names in Sail."""
    from sqlglot import exp

    tests = (exp.Window, exp.Is, exp.Between, exp.In, exp.NEQ, exp.Like, exp.Subquery, exp.If)
    return (*tests, *_infixes(), exp.Extract, exp.StrPosition, exp.Filter, exp.WithinGroup)


@cache
def _parts() -> tuple[Any, ...]:
    """Those of them that have other names also inside of expressions."""
    from sqlglot import exp

    return (exp.Is, exp.Between, exp.In, exp.NEQ, exp.Like, exp.Not, *_infixes())


@cache
def _infixes() -> dict[Any, str]:
    from sqlglot import exp

    return {exp.IntDiv: "div", exp.BitwiseLeftShift: "<<", exp.BitwiseRightShift: ">>"}


#: Functions of one argument that are casts: their name is that of the argument.
CASTS = frozenset(
    ("bigint", "binary", "boolean", "date", "decimal", "double", "float", "int", "smallint", "string")
) | {"timestamp", "tinyint"}
#: A function and the number of its arguments -> those that Spark adds to its name.
DEFAULTS = {
    ("datediff", 3): "",
    ("from_unixtime", 1): ", yyyy-MM-dd HH:mm:ss",
    ("lpad", 2): ",  ",
    ("months_between", 2): ", true",
    ("percentile", 2): ", 1",
    ("rpad", 2): ",  ",
    ("unix_timestamp", 1): ", yyyy-MM-dd HH:mm:ss",
}
#: The words before a bracket that may need a label.
CALLS = CASTS | {name for name, _ in DEFAULTS}
LISTS = frozenset(["listagg", "string_agg"])
#: Functions that are another one in Spark, by their number of arguments.
RENAMED = {("datediff", 3): "timestampdiff"}


def label(select: Any, scope: Scope) -> None:
    """Give such items an alias."""
    from sqlglot import exp

    names = _Names(select, lambda *nodes: list(scope.schema(select, *nodes).names))
    for item in list(select.expressions):
        if needs_label(item):
            name = names.of(item)
            if name:
                replace(item, exp.Alias(this=item.copy(), alias=exp.to_identifier(name, quoted=True)))


def label_as_written(select: Any, chosen: Callable[[Any], bool]) -> None:
    """Give the chosen items an alias without a question to the engine: what Spark names them, else their text."""
    from sqlglot import exp

    names = _Names(select, lambda *nodes: [""] * len(nodes))
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
    ask: Callable[..., list[str]]

    def of(self, node: Any) -> str:
        """The name of an expression; empty if it cannot be told."""
        from sqlglot import exp

        if isinstance(node, exp.Column):
            return str(node.parts[-1].name)
        if isinstance(node, exp.Paren):
            return self.of(node.this)
        if _is_number(node):
            return str(node.name)
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
        if isinstance(node, exp.Neg) and (isinstance(node.this, exp.Neg) or _is_number(node.this)):
            return self._all("(- {})" if isinstance(node.this, exp.Neg) else "-{}", node.this)
        if type(node) in _infixes():
            return self._all(f"({{}} {_infixes()[type(node)]} {{}})", node.this, node.expression)
        if isinstance(node, exp.Extract | exp.StrPosition | exp.Filter | exp.WithinGroup):
            return self._clause(node)
        if isinstance(node, exp.NEQ):
            return self._all("(NOT ({} = {}))", node.this, node.expression)
        if isinstance(node, exp.Cast) and not _is_typed(node):
            word = "TRY_CAST" if isinstance(node, exp.TryCast) else "CAST"
            return self._all(f"{word}({{}} AS {node.to.sql('databricks').replace(', ', ',')})", node.this)
        if isinstance(node, exp.Is):
            if isinstance(node.expression, exp.Boolean):
                return self._all(f"({{}} <=> {str(node.expression.this).lower()})", node.this)
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
        if isinstance(node, exp.Case):
            return self._case(node)
        if isinstance(node, exp.Subquery | exp.Exists):
            return "exists()" if isinstance(node, exp.Exists) else "scalarsubquery()"
        return self._function(node) if isinstance(node, exp.Anonymous) else None

    def _case(self, node: Any) -> str:
        operand = [node.this] if node.this is not None else []
        parts = [one for branch in node.args["ifs"] for one in (*operand, branch.this, branch.args["true"])]
        default = node.args.get("default")
        when = " WHEN ({} = {}) THEN {}" if operand else " WHEN {} THEN {}"
        template = "CASE" + when * len(node.args["ifs"]) + (" ELSE {}" if default is not None else "")
        return self._all(f"{template} END", *parts, *([default] if default is not None else []))

    def _negated(self, node: Any) -> str:
        from sqlglot import exp

        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            return self._all("({} IS NOT NULL)", node.this)
        return self._all("(NOT {})", node)

    def _clause(self, node: Any) -> str:
        from sqlglot import exp

        if isinstance(node, exp.Extract):
            unit = str(node.meta.get("text", "")).partition("(")[2].split()[:1] or [str(node.this)]
            return self._all(f"extract({unit[0]} FROM {{}})", node.expression)
        if isinstance(node, exp.StrPosition):
            return self._all("locate({}, {}, 1)", node.args["substr"], node.this)
        if isinstance(node, exp.Filter):
            return self._all("{} FILTER (WHERE {})", node.this, node.expression.this)
        terms = [self._within(node.this, term) for term in node.expression.expressions]
        name = self.of(node.this)
        return f"{name} WITHIN GROUP (ORDER BY {', '.join(terms)})" if name and all(terms) else ""

    def _within(self, function: Any, term: Any) -> str:
        """The order of a percentile has no place for nulls, and no direction unless it is DESC."""
        if not function.name.lower().startswith("percentile"):
            return self._term(term) if function.name.lower() in LISTS else ""
        return self._all("{} DESC" if term.args.get("desc") else "{}", term.this)

    def _function(self, node: Any) -> str | None:
        from sqlglot import exp

        name = node.name.lower()
        if name == "if":
            return self._all("(IF({}, {}, {}))", *node.expressions)
        if name in CASTS and len(node.expressions) == 1:
            return self.of(node.expressions[0])
        if name in LISTS:
            return self._list(node)
        key = (name, len(node.expressions))
        if key in DEFAULTS:
            places = ", ".join("{}" for _ in node.expressions)
            return self._all(f"{RENAMED.get(key, name)}({places}{DEFAULTS[key]})", *node.expressions)
        if any(isinstance(one, exp.Distinct) for one in node.expressions):
            return self._distinct(name, node.expressions[0].expressions) if _has_cast(node) else None
        if name not in PLAIN and not _has_cast(node):
            return None
        if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Star):
            return f"{name}(1)"
        return self._all(f"{name}({', '.join('{}' for _ in node.expressions)})", *node.expressions)

    def _list(self, node: Any) -> str:
        from sqlglot import exp

        first, *others = node.expressions
        operands = [*first.expressions, *others] if isinstance(first, exp.Distinct) else [first, *others]
        word = "DISTINCT " if isinstance(first, exp.Distinct) else ""
        return self._all(f"listagg({word}{{}}, {{}})" if len(operands) > 1 else f"listagg({word}{{}}, NULL)", *operands)

    def _distinct(self, name: str, operands: list[Any]) -> str:
        return self._all(f"{name}(DISTINCT {', '.join('{}' for _ in operands)})", *operands)

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
        """What the engine calls an expression, with Spark's names for the parts that it calls otherwise."""
        others = list(_others(node))
        try:
            name = self.ask(node)[0]
            said = self.ask(*others) if others else []
        except grpc.RpcError:
            return ""
        at = 0
        for part, old in zip(others, said, strict=True):
            new, at = self.of(part), name.find(old, at)
            if not new or at < 0:
                return ""
            name, at = name[:at] + new + name[at + len(old) :], at + len(new)
        return name


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
