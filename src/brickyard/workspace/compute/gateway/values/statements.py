"""Right values in SQL text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.values.arithmetic import LARGEST, change_of, negation, type_of_literal
from brickyard.workspace.compute.gateway.values.probes import Probe, ask
from brickyard.workspace.compute.gateway.values.scopes import Scope, scope_of, with_variables
from brickyard.workspace.compute.gateway.values.spans import parse_spans, span

__all__ = ["concerns", "correct_sql"]

Render = Callable[[], str]


def _kinds() -> tuple[Any, ...]:
    from sqlglot import exp

    return exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Sum, exp.ArrayContains, exp.DateDiff, exp.Explode


def concerns(tree: Any) -> bool:
    """Whether a statement has an expression that may have to be replaced."""
    return any(not _is_plain(node) for node in tree.find_all(*_kinds()))


def correct_sql(sql: str, probe: Probe, *, named: bool = True) -> str:
    """The statement with expressions that Sail evaluates as Databricks does.

    Args:
        sql: A statement whose names are resolved.
        probe: Asks the engine for the fields of a query.
        named: Keep the names of columns.
    """
    first = _Correction(sql, parse_spans(sql), probe, named=named)
    literals = [node for node in first.nodes() if _is_smallest(node)]
    if literals:  # they decide the types of what is computed from them
        return correct_sql(first.run(literals), probe, named=named)
    return first.run(first.nodes())


def _operators() -> dict[Any, str]:
    from sqlglot import exp

    return {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}


@dataclass
class _Correction:
    sql: str
    tree: Any
    probe: Probe
    named: bool = True
    types: dict[int, str] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    fixes: list[tuple[int, int, Render]] = field(default_factory=list)

    def nodes(self) -> list[Any]:
        """The expressions that may have to be replaced."""
        return [node for node in self.tree.find_all(*_kinds()) if not _is_plain(node)]

    def run(self, nodes: list[Any]) -> str:
        """The statement with some expressions replaced where it is needed."""
        self._ask([leaf for node in nodes for leaf in _leaves(node)], nodes)
        for node in nodes:
            self._fix(node)
        for projection in _projections(nodes) if self.named else []:
            self._name(projection)
        return self._text(0, len(self.sql))

    def _ask(self, leaves: list[Any], nodes: list[Any]) -> None:
        """Learn the types of operands and the names of the columns, with one question per scope."""
        scopes: dict[int, tuple[Scope, list[tuple[Any, str]]]] = {}
        for node in [*leaves, *(_projections(nodes) if self.named else [])]:
            place, scope = span(node), scope_of(self.sql, node)
            if place and scope:
                text = with_variables(self.sql, node, self.sql[slice(*place)])
                scopes.setdefault(id(scope.node), (scope, []))[1].append((node, text))
        for scope, wanted in scopes.values():
            for key, (name, kind) in ask(self.sql, wanted, scope, self.probe).items():
                self.names[key], self.types[key] = name, kind

    def _type(self, node: Any) -> str:
        """The type of an expression, empty if it is not known."""
        from sqlglot import exp

        if isinstance(node, exp.Paren | exp.Neg):
            return self._type(node.this)
        if type(node) in _operators():
            return change_of(_operators()[type(node)], self._type(node.this), self._type(node.expression))[1]
        return _known(node) or self.types.get(id(node)) or self._alias(node)

    def _alias(self, node: Any) -> str:
        """The type of a column that is another column of the same SELECT (in ORDER BY, HAVING, or to its right)."""
        from sqlglot import exp

        scope = scope_of(self.sql, node)
        if not isinstance(node, exp.Column) or node.table or scope is None:
            return ""
        for projection in scope.node.expressions if isinstance(scope.node, exp.Select) else []:
            inside = any(part is projection for part in _parents(node))
            if isinstance(projection, exp.Alias) and projection.alias.lower() == node.name.lower() and not inside:
                return self._type(projection.this)
        return ""

    def _fix(self, node: Any) -> None:
        from sqlglot import exp

        if isinstance(node, exp.Sum):
            self._fix_sum(node)
        elif isinstance(node, exp.ArrayContains):
            self._fix_contains(node)
        elif isinstance(node, exp.Explode):
            self._fix_explode(node)
        elif isinstance(node, exp.DateDiff):
            self._fix_days(node)
        elif isinstance(node, exp.Neg):
            self._fix_negation(node)
        else:
            self._fix_arithmetic(node, _operators()[type(node)])

    def _fix_arithmetic(self, node: Any, operator: str) -> None:
        place, left, right = span(node), span(node.this), span(node.expression)
        change = change_of(operator, self._type(node.this), self._type(node.expression))[0]
        if change is None or not (place and left and right):
            return

        def render() -> str:
            if change.days:
                return f"make_dt_interval(CAST(datediff({self._text(*left)}, {self._text(*right)}) AS INT))"
            text = f"({self._cast(left, change.left)} {operator} {self._cast(right, change.right)})"
            return f"CAST({text} AS {change.result})" if change.result else text

        self.fixes.append((*place, render))

    def _cast(self, place: tuple[int, int], kind: str) -> str:
        return f"CAST({self._text(*place)} AS {kind})" if kind else self._text(*place)

    def _fix_negation(self, node: Any) -> None:
        place, inner = span(node), span(node.this)
        kind = _smallest(node.this) or self._type(node.this)
        how = negation(kind)
        if _smallest(node.this) and place:  # Sail reads the digits first, which are too many without the sign
            self.fixes.append((*place, lambda: f"CAST('{-LARGEST[kind] - 1}' AS {kind})"))
            return
        if how and place and inner:
            self.fixes.append((*place, lambda: f"CAST((- CAST({self._text(*inner)} AS {how[0]})) AS {how[1]})"))

    def _fix_sum(self, node: Any) -> None:
        argument = _summed(node)
        top = node
        while top.parent is not None and top.parent.this is top and type(top.parent).__name__ in {"Filter", "Window"}:
            top = top.parent
        place, inner = span(top), span(argument)
        if self._type(argument) != "bigint" or not (place and inner):
            return

        def render() -> str:
            before, after = self._text(place[0], inner[0]), self._text(inner[1], place[1])
            return f"CAST({before}CAST({self._text(*inner)} AS DECIMAL(28,0)){after} AS BIGINT)"

        self.fixes.append((*place, render))

    def _fix_explode(self, node: Any) -> None:
        """Sail panics where a map is exploded."""
        place, inner = span(node), span(node.this)
        if place and inner and self._type(node.this).startswith("map"):
            name = self.sql[place[0] : inner[0]].lower().replace("explode", "inline")
            self.fixes.append((*place, lambda: f"{name}map_entries({self._text(*inner)}))"))

    def _fix_days(self, node: Any) -> None:
        """`datediff(end, start)` is an INT; with a unit, which the parser puts last first, it is a BIGINT."""
        place, end, start = span(node), span(node.this), span(node.expression)
        if place and end and start and end < start:
            self.fixes.append((*place, lambda: f"CAST({self._text(*place, own=False)} AS INT)"))

    def _fix_contains(self, node: Any) -> None:
        place, array = span(node), span(node.this)
        if place and array:
            self.fixes.append((*place, lambda: self._contains(place, array)))

    def _contains(self, place: tuple[int, int], array: tuple[int, int]) -> str:
        head, tail = self.sql[place[0] : array[0]], self._text(array[1], place[1])
        null = f"exists({self._text(*array)}, element_ -> element_ IS NULL)"
        return f"({head}{self._text(*array)}{tail} OR if({null}, CAST(NULL AS BOOLEAN), false))"

    def _name(self, projection: Any) -> None:
        """Keep the column's name."""
        place, name = span(projection), self.names.get(id(projection)) or self._said(projection)
        if place is None or name is None or not any(place[0] <= fix[0] and fix[1] <= place[1] for fix in self.fixes):
            return
        own = [fix for fix in self.fixes if fix[:2] == place]
        self.fixes = [fix for fix in self.fixes if fix[:2] != place]
        inner: Render = own[0][2] if own else lambda: self._text(*place, own=False)
        self.fixes.append((*place, lambda: f"{inner()} AS {quote(name)}"))

    def _said(self, node: Any) -> str | None:
        """The name of arithmetic that Sail would refuse, as Spark gives it."""
        from sqlglot import exp

        if isinstance(node, exp.Paren):
            return self._said(node.this)
        if type(node) in _operators():
            left, right = self._said(node.this), self._said(node.expression)
            return f"({left} {_operators()[type(node)]} {right})" if left and right else None
        return node.name if isinstance(node, exp.Literal) else self.names.get(id(node))

    def _text(self, start: int, end: int, *, own: bool = True) -> str:
        """A part of the statement with what is replaced in it; `own` replaces also what is the whole part."""
        inside = [fix for fix in self.fixes if start <= fix[0] and fix[1] <= end]
        pieces, at = [], start
        for first, last, render in sorted(inside, key=lambda fix: (fix[0], -fix[1])):
            if first >= at and (own or (first, last) != (start, end)):
                pieces += [self.sql[at:first], render()]
                at = last
        return "".join([*pieces, self.sql[at:end]])


def _parents(node: Any) -> list[Any]:
    found = []
    while node is not None:
        found.append(node)
        node = node.parent
    return found


def _smallest(node: Any) -> str:
    """The integer type of which `-node` is the smallest value, written as a literal; else empty."""
    from sqlglot import exp

    kind = "" if not isinstance(node, exp.Cast) else str(node.to.sql("databricks")).lower()
    digits = node.this if kind else node
    if not _is_integer(digits):
        return ""
    kinds = [kind] if kind else ["int", "bigint"]
    return next((name for name in kinds if digits.name == str(LARGEST.get(name, 0) + 1)), "")


def _is_smallest(node: Any) -> bool:
    from sqlglot import exp

    return isinstance(node, exp.Neg) and bool(_smallest(node.this))


def _is_integer(node: Any) -> bool:
    from sqlglot import exp

    return isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit()


def _is_plain(node: Any) -> bool:
    """Whether the expression is certainly right as it is: small numbers, or nothing to compute with."""
    from sqlglot import exp

    if isinstance(node, exp.Neg):
        return isinstance(node.this, exp.Literal) and not _smallest(node.this)
    if type(node) not in _operators():
        return (
            isinstance(node, exp.Explode) and type(node).__name__.lower().strip("_").removesuffix("outer") != "explode"
        )
    if any(isinstance(side, exp.Interval) for side in (node.this, node.expression)):
        return True
    return all(_is_integer(side) and len(side.name) < 5 for side in (node.this, node.expression))


def _summed(node: Any) -> Any:
    from sqlglot import exp

    argument = node.this
    return argument.expressions[0] if isinstance(argument, exp.Distinct) else argument


def _known(node: Any) -> str:
    """The type of an expression that says it itself."""
    from sqlglot import exp

    if isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast):
        return str(node.to.sql("databricks")).lower()
    if not isinstance(node, exp.Literal):
        return ""
    if node.is_string:
        return "string"
    return type_of_literal(node.name) if node.name.isdigit() else ""


def _leaves(node: Any) -> list[Any]:
    """The operands whose types the engine must tell."""
    from sqlglot import exp

    if isinstance(node, exp.ArrayContains | exp.DateDiff) or _is_smallest(node):
        return []
    sides = [_summed(node)] if isinstance(node, exp.Sum) else [node.this, node.args.get("expression")]
    found = []
    for side in sides:
        while isinstance(side, exp.Paren | exp.Neg):
            side = side.this
        if side is not None and type(side) not in _operators() and not _known(side):
            found.append(side)
    return found


def _projections(nodes: list[Any]) -> list[Any]:
    """The columns without a name of their own in which one of the nodes stands."""
    from sqlglot import exp

    found: dict[int, Any] = {}
    for node in nodes:
        if isinstance(node, exp.Explode):
            continue  # it makes columns of its own
        while node is not None and not (isinstance(node.parent, exp.Select) and node.arg_key == "expressions"):
            node = node.parent
        if node is not None and not isinstance(node, exp.Alias | exp.Star):
            found[id(node)] = node
    return list(found.values())
