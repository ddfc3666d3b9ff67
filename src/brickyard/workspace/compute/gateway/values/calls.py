"""The calls in a statement's tree for which there is a rule, and what the nodes say of themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from brickyard.workspace.compute.gateway.remembered import remembered
from brickyard.workspace.compute.gateway.sqltext import read
from brickyard.workspace.compute.gateway.values.apart import NAME, numbered
from brickyard.workspace.compute.gateway.values.binding import LAMBDAS, has_lambda
from brickyard.workspace.compute.gateway.values.correction import Site
from brickyard.workspace.compute.gateway.values.frames import check_lists, framed_call
from brickyard.workspace.compute.gateway.values.numerals import is_integer, is_mixed, kind_of, smallest
from brickyard.workspace.compute.gateway.values.rules import RULES, Operand
from brickyard.workspace.compute.gateway.values.rules.calendar import interval_kind
from brickyard.workspace.compute.gateway.values.rules.casts import BOOLEANS, VARIANTS, is_affected
from brickyard.workspace.compute.gateway.values.rules.types import literal_kind
from brickyard.workspace.compute.gateway.values.scopes import AGGREGATES
from brickyard.workspace.compute.gateway.values.spans import span
from brickyard.workspace.compute.gateway.values.zoned import is_zoned

__all__ = [
    "concerns",
    "is_item",
    "known",
    "name_of",
    "parents",
    "sites",
]

#: Functions that are casts.
CAST_CALLS = frozenset({"bigint", "binary", "boolean", "date", "decimal", "double", "float", "int", "smallint"}) | {
    "string",
    "timestamp",
    "tinyint",
}
#: Dates that are read as they are.
DAYS = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}")
CASTS = re.compile(rf"(?i)::|\b(?:cast|try_cast|{'|'.join(sorted(CAST_CALLS))})\s*\(")
#: Functions of the time that it is.
NOW = {"current_timestamp": "timestamp", "now": "timestamp", "current_date": "date", "curdate": "date"}
WORDS = re.compile(r"\bcase\b|[a-z_][a-z0-9_]*(?=\s*\()")


@cache
def operators() -> dict[Any, str]:
    """The signs of the operators for which there are rules."""
    from sqlglot import exp

    arithmetic = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
    texts = {exp.Like: "like", exp.ILike: "ilike", exp.RegexpLike: "rlike"}
    signs = {exp.Neg: "negative", exp.BitwiseNot: "~", exp.DPipe: "||", exp.Bracket: "item"}
    return {**arithmetic, **texts, **signs, **dict.fromkeys(_comparisons(), "compare")}


@cache
def _special() -> dict[Any, str]:
    """The names of rules for nodes that are no operators and no calls by name."""
    from sqlglot import exp

    return {exp.Cast: "cast", exp.TryCast: "try_cast", exp.Case: "case", exp.Extract: "extract"} | {
        exp.Substring: "substring",
        exp.Overlay: "overlay",
        exp.Trim: "trim",
        exp.Array: "array",
        exp.Dot: "field",
    }


@cache
def _comparisons() -> tuple[Any, ...]:
    from sqlglot import exp

    return exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.Between, exp.In


def concerns(sql: str, before: str = "") -> bool:
    """Whether a statement may have an expression that has to be replaced; `before`: what it was before its edits."""
    return _concerns(sql, before or sql, is_zoned())


@remembered
def _concerns(sql: str, before: str, _zoned: bool) -> bool:
    words = RULES.keys() if has_lambda(sql) else RULES.keys() - LAMBDAS
    if "::" in sql or not words.isdisjoint(WORDS.findall(sql.lower())):
        return True
    tree = read(before)
    return any(not _is_plain(node) for node in tree.find_all(*operators())) or bool(_mixed(tree) or _apart(sql, tree))


def name_of(node: Any) -> str:
    """The name of a node's rule, or of a function; empty if it is neither."""
    from sqlglot import exp

    if type(node) in operators():
        return operators()[type(node)]
    if type(node) in _special():
        return _special()[type(node)]
    return str(node.name).lower() if isinstance(node, exp.Anonymous) else ""


def sites(sql: str, tree: Any, number: int = 0) -> list[Site]:
    """The calls of a tree, the inner ones first; `number` is that of an expression among others."""
    from sqlglot import exp

    check_lists(tree)
    others = _apart(sql, tree, number)
    found = [_site(sql, node) for node in tree.find_all(*_kinds()) if name_of(node) in RULES and not _is_plain(node)]
    return [
        *found[::-1],
        *others,
        *_simple_cases(tree),
        *(Site(cells[0].find_ancestor(exp.Values), "values", cells) for cells in _mixed(tree)),
    ]


def _apart(sql: str, tree: Any, number: int = 0) -> list[Site]:
    """What the engine takes for one, because it differs in casts alone."""
    from sqlglot import exp

    if not CASTS.search(sql):
        return []
    units = [one for one in tree.find_all(exp.Anonymous, exp.Window) if _is_unit(one)]
    found = [(unit, number * 1000 + at) for at, unit in enumerate(units)] if number else _alike(units)
    return [
        Site(unit, NAME, [Operand(value=str(at)), *casts])
        for unit, at in found
        if (casts := [one for one in unit.walk() if _is_cast(one)])
    ]


def _alike(units: list[Any]) -> list[tuple[Any, int]]:
    """Those of one query that differ in casts alone."""
    from sqlglot import exp

    return numbered(((id(one.find_ancestor(exp.Select)), _bare(one)), one.sql(), one) for one in units)


def _is_unit(node: Any) -> bool:
    from sqlglot import exp

    return isinstance(node, exp.Window) or node.name.lower() in AGGREGATES


def _is_cast(node: Any) -> bool:
    from sqlglot import exp

    if isinstance(node, exp.Anonymous):
        return node.name.lower() in CAST_CALLS and len(node.expressions) == 1
    return isinstance(node, exp.Cast)


def _bare(node: Any) -> str:
    """An expression without its casts."""
    from sqlglot import exp

    def uncast(one: Any) -> Any:
        while _is_cast(one):
            one = one.expressions[0] if isinstance(one, exp.Anonymous) else one.this
        return one

    return str(node.transform(uncast).sql())


def _mixed(tree: Any) -> list[list[Any]]:
    """The columns of inline tables whose rows do not look alike."""
    from sqlglot import exp

    found = []
    for table in tree.find_all(exp.Values):
        rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in table.expressions]
        columns = list(zip(*rows, strict=False)) if len(rows) > 1 else []
        found += [list(column) for column in columns if len({_look(cell) for cell in column}) > 1]
    return found


def _look(cell: Any) -> Any:
    """What literals of one type have in common; a node of another kind is like others of its kind."""
    from sqlglot import exp

    while isinstance(cell, exp.Neg | exp.Paren):
        cell = cell.this
    if not isinstance(cell, exp.Literal) or cell.is_string:
        return cell.to.sql() if isinstance(cell, exp.Cast) else "text" if isinstance(cell, exp.Literal) else type(cell)
    return "e" in cell.name.lower() or ("." in cell.name and len(cell.name.partition(".")[2])) or len(cell.name) > 9


@cache
def _kinds() -> tuple[Any, ...]:
    from sqlglot import exp

    return exp.Anonymous, *operators(), *_special()


def _site(sql: str, node: Any) -> Site:
    return Site(node, framed_call(name_of(node), node), _operands(node), _is_compared(node))


def _operands(node: Any) -> list[Any]:
    from sqlglot import exp

    if isinstance(node, exp.Cast):
        return [node.this, Operand(kind_of(node.to))]
    if isinstance(node, exp.Case):
        default = node.args.get("default")
        return [*(branch.args["true"] for branch in node.args["ifs"]), *([default] if default is not None else [])]
    if isinstance(node, exp.Extract):
        return [Operand(text=node.name), node.expression]
    if isinstance(node, exp.Substring):
        return [node.args[key] for key in ("this", "start", "length") if node.args.get(key) is not None]
    if isinstance(node, exp.Between):
        return [node.this, node.args["low"], node.args["high"]]
    if isinstance(node, exp.In):
        return [node.this, *node.expressions, *_selected(node.args.get("query"))]
    if isinstance(node, exp.Overlay | exp.Trim):
        return [part for key in ("this", "expression") if (part := node.args.get(key)) is not None]
    if isinstance(node, exp.Dot):
        return [node.this, Operand(value=node.expression.name)]
    if isinstance(node, exp.Bracket):
        return [node.this, node.expressions[0]]
    if isinstance(node, exp.Binary | exp.RegexpLike):
        escape = [node.parent.expression] if isinstance(node.parent, exp.Escape) else []
        return [node.this, node.expression, *escape]
    if isinstance(node, exp.Neg | exp.BitwiseNot):
        return [node.this]
    return [part.expressions[0] if isinstance(part, exp.Distinct) else part for part in node.expressions]


def _selected(query: Any) -> list[Any]:
    """The only column of a subquery that is a plain SELECT."""
    from sqlglot import exp

    select = query.unnest() if query is not None else None
    if not isinstance(select, exp.Select) or len(select.expressions) != 1 or select.is_star:
        return []
    return [select.expressions[0].unalias()]


def _simple_cases(tree: Any) -> list[Site]:
    """The comparisons of `CASE a WHEN b`."""
    from sqlglot import exp

    cases = [(case.args["ifs"], case.this) for case in tree.find_all(exp.Case) if case.args.get("this") is not None]
    found = [Site(branches[0], "compare", [value, *(one.this for one in branches)]) for branches, value in cases]
    return [site for site in found if is_zoned() or is_mixed(site.operands)]


def _is_compared(node: Any) -> bool:
    """Whether the engine may move a cast of the node to what it is compared with; not where a group has the node."""
    from sqlglot import exp

    outer = node.parent
    while isinstance(outer, exp.Paren | exp.Filter | exp.Window):
        outer = outer.parent
    if not isinstance(outer, _comparisons()):
        return False
    select = node.find_ancestor(exp.Select)
    return name_of(node) == "sum" or select is None or not select.args.get("group")


def known(sql: str, node: Any) -> Operand:
    """What a node says of itself."""
    from sqlglot import exp

    place = span(node)
    text = sql[slice(*place)] if place else ""
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return Operand(literal_kind("-" + node.this.name), "-" + node.this.name, text)
    if isinstance(node, exp.RawString):
        return Operand("string", node.name, text)
    if isinstance(node, exp.Literal):
        return Operand("string" if node.is_string else literal_kind(node.name), node.name, text)
    if isinstance(node, exp.Cast):
        written = isinstance(node.this, exp.Literal) and not node.this.is_string and not _is_call(text)
        return Operand(kind_of(node.to), node.this.name if written else None, text)
    if isinstance(node, exp.Anonymous):
        return Operand(NOW.get(node.name.lower(), ""), None, text)
    if isinstance(node, exp.Interval):
        return Operand(interval_kind(text), None, text)
    kinds = {exp.Null: "void", exp.Boolean: "boolean", exp.CurrentTimestamp: "timestamp", exp.CurrentDate: "date"}
    return Operand(kinds.get(type(node), ""), None, text)


def _is_call(text: str) -> bool:
    return text.rstrip().endswith(")") or "::" in text


def parents(node: Any) -> Iterator[Any]:
    """A node and the nodes around it."""
    while node is not None:
        yield node
        node = node.parent


def _is_plain(node: Any) -> bool:
    """Whether the expression is certainly right as it is: small numbers, a literal, or a cast to a type like others."""
    from sqlglot import exp

    if isinstance(node, exp.Neg):
        return isinstance(node.this, exp.Literal) and not smallest(node.this)
    if isinstance(node, exp.Anonymous) and node.name.lower() in LAMBDAS:
        return not any(isinstance(one, exp.Lambda) for one in node.expressions)
    if isinstance(node, exp.Cast):
        return _is_plain_cast(node)
    if isinstance(node, exp.Dot):
        return not isinstance(node.this, exp.Anonymous | exp.Array | exp.Paren) or not isinstance(
            node.expression, exp.Identifier
        )
    if isinstance(node, exp.Bracket):
        return len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Literal)
    if isinstance(node, _comparisons()):
        assigned = isinstance(node.parent, exp.Update) and node.arg_key == "expressions"
        return assigned or (not is_zoned() and not is_mixed(_operands(node)))
    if not isinstance(node, exp.Binary):
        return False
    intervals = [side for side in (node.this, node.expression) if isinstance(side, exp.Interval)]
    if intervals:
        return not is_zoned() and not any("hour" in interval_kind(one.sql()) for one in intervals)
    return all(is_integer(side) and len(side.name) < 5 for side in (node.this, node.expression))


def is_item(node: Any) -> bool:
    """Whether an expression has an element of an array by what is no literal."""
    from sqlglot import exp

    return any(not _is_plain(one) for one in node.find_all(exp.Bracket))


def _is_plain_cast(node: Any) -> bool:
    from sqlglot import exp

    target = kind_of(node.to)
    if isinstance(node.this, exp.Literal) and node.this.is_string:
        text = node.this.name
        if target in {"boolean", "date"}:
            return text.lower() in BOOLEANS if target == "boolean" else DAYS.fullmatch(text) is not None
        return text == text.strip() and not (target.startswith("decimal") and "e" in text.lower())
    if isinstance(node.this, exp.Anonymous) and node.this.name.lower() in VARIANTS:
        return False
    return not is_affected(target) and not isinstance(node, exp.TryCast)
