"""Right values in SQL text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.values import calls, moving
from brickyard.workspace.compute.gateway.values.binding import LONGEST, STILL, bound, repeated, still
from brickyard.workspace.compute.gateway.values.correction import Site, correct
from brickyard.workspace.compute.gateway.values.items import aliased, items, said
from brickyard.workspace.compute.gateway.values.numerals import smallest
from brickyard.workspace.compute.gateway.values.probes import Probe, Question, ask
from brickyard.workspace.compute.gateway.values.rules import Fix, Operand
from brickyard.workspace.compute.gateway.values.rules.arithmetic import LARGEST
from brickyard.workspace.compute.gateway.values.scopes import Scope, scope_of, with_variables
from brickyard.workspace.compute.gateway.values.spans import parse_spans, span

__all__ = ["correct_sql"]

Render = Callable[[], str]
Place = tuple[int, int]


def correct_sql(sql: str, probe: Probe, *, named: bool = True, moved: bool = True, number: int = 0) -> str:
    """The statement with expressions that Sail evaluates as Databricks does.

    Args:
        sql: A statement whose names are resolved.
        probe: Asks the engine for the fields of a query.
        named: Keep the names of columns.
        moved: The engine may move its expressions.
        number: It is one of several expressions, of this number.
    """
    tree = parse_spans(sql)
    spelled = _with_smallest(sql, tree)
    if spelled != sql:  # they decide the types of what is computed from them
        sql, tree = spelled, parse_spans(spelled)
    statement = _Statement(sql, tree, probe, named=named, moved=moved, number=number)
    correct(statement)
    return statement.text()


def _with_smallest(sql: str, tree: Any) -> str:
    """The smallest integers, which Sail cannot read: it takes the digits first, which are too many without the sign."""
    from sqlglot import exp

    found = [
        (place, kind) for node in tree.find_all(exp.Neg) if (kind := smallest(node.this)) and (place := span(node))
    ]
    for (start, end), kind in sorted(found, reverse=True):
        named = f" AS {quote(sql[start:end])}" if _is_item(sql, tree, (start, end)) else ""
        sql = f"{sql[:start]}CAST('{-LARGEST[kind] - 1}' AS {kind}){named}{sql[end:]}"
    return sql


def _is_item(sql: str, tree: Any, place: Place) -> bool:
    """Whether a column of a SELECT is at a place, without a name of its own."""
    from sqlglot import exp

    return any(span(item) == place for select in tree.find_all(exp.Select) for item in select.expressions)


@dataclass
class _Statement:
    """A statement, as the corrections see it.

    Attributes:
        fixes: What stands in another way at each place.
        names: The names of columns, by the id of their node.
        unnamed: The columns without a name of their own in which a call stands.
        items: Those whose names have not been asked for.
    """

    sql: str
    tree: Any
    probe: Probe
    named: bool = True
    moved: bool = True
    number: int = 0
    fixes: dict[Place, Render] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    unnamed: list[Any] = field(default_factory=list)
    items: list[Any] = field(default_factory=list)

    def sites(self) -> Sequence[Site]:
        found = calls.sites(self.sql, self.tree, self.number)
        self.unnamed = items(found) if self.named else []
        self.items = list(self.unnamed)
        return found

    def around(self, node: Any) -> Iterator[Any]:
        return calls.parents(node)

    def known(self, node: Any) -> Operand:
        return calls.known(self.sql, node)

    def same(self, node: Any) -> Any:
        from sqlglot import exp

        while isinstance(node, exp.Paren):
            node = node.this
        return node

    def ask(self, nodes: Sequence[Any]) -> Mapping[int, str]:
        """Learn types, and with the first question the names of columns too: one question for each scope."""
        found = self._answers([*nodes, *self.items])
        self.names.update({id(item): found[id(item)][0] for item in self.items if id(item) in found})
        self.items = []
        meant = {id(node): value for node in nodes if id(node) not in found and (value := aliased(self.sql, node))}
        values = self._answers(list(meant.values())) if meant else {}
        found.update({key: values[id(value)] for key, value in meant.items() if id(value) in values})
        return {id(node): found[id(node)][1] for node in nodes if id(node) in found}

    def _answers(self, nodes: Sequence[Any]) -> dict[int, tuple[str, str]]:
        scopes: dict[int, tuple[Scope, list[tuple[Any, str]]]] = {}
        for node in nodes:
            place, scope = span(node), scope_of(self.sql, node)
            if place and scope:
                text = self.sql[slice(*place)] if node in self.items else self._text(*place)
                wanted = (node, with_variables(self.sql, node, text))
                scopes.setdefault(id(scope.node), (scope, []))[1].append(wanted)
        found: dict[int, tuple[str, str]] = {}
        for scope, asked in scopes.values():
            found.update(ask(self.sql, asked, scope, self.probe))
        return found

    def put(self, site: Site, fix: Fix) -> None:
        places = [None if isinstance(node, Operand) else span(node) for node in site.operands]
        for number, template in fix.inner.items():
            inner = places[number - 1]
            if inner is not None:
                self._wrap(inner, template, site.operands[number - 1])
        place = span(site.node) or _with_window(site.node)
        if place is None:
            return
        if fix.template:
            self.fixes[self._without_window(site, place)] = lambda: self._filled(site, fix, places)
        if fix.around:
            self._wrap(_with_window(site.node) or place, fix.around)
        if fix.still and self._is_moved(site.node):
            self._wrap(place, STILL)

    def _without_window(self, site: Site, place: Place) -> Place:
        """The place of a call alone: the parser gives one with FILTER and OVER only the place of all of it."""
        ends = [end for node in site.operands if not isinstance(node, Operand) and (end := (span(node) or (0, 0))[1])]
        if span(site.node) or not ends:
            return place
        return place[0], self.sql.index(")", max(ends)) + 1

    def _filled(self, site: Site, fix: Fix, places: Sequence[Place | None]) -> str:
        """The template with the operands in it."""
        texts = [at and self._text(*at) for at in places]
        numbers = [] if fix.grouped else repeated(fix.template)
        heavy = [number for number in numbers if _heavy(site.operands[number - 1], texts[number - 1])]
        return _filled(self._still(bound(fix.template, heavy), site.node), texts)

    def _still(self, template: str, node: Any) -> str:
        return still(template) if self._is_moved(node) else template

    def _is_moved(self, node: Any) -> bool:
        return self.moved and node is not None and moving.is_moved(node)

    def _wrap(self, place: Place, template: str, node: Any = None) -> None:
        """Put something around what stands at a place."""
        before = self.fixes.get(place)

        def wrapped() -> str:
            text = before() if before else self._text(*place, own=False)
            made = bound(template, [0] if _heavy(node, text) else [])
            return self._still(made, node).replace("$0", text)

        self.fixes[place] = wrapped

    def untold(self, site: Site) -> None:
        """Refuse, unless the statement is wrong in itself, which the engine says better."""
        from sqlglot import exp

        scope = scope_of(self.sql, site.node)
        if scope is None or (not isinstance(self.tree, exp.Query) and scope_of(self.sql, scope.node) is None):
            return
        if isinstance(self.tree, exp.Query):
            try:
                self.probe(Question(["*"], source=f"FROM ({self.sql})"))
            except grpc.RpcError:
                return
        place = span(site.node) or (0, 0)
        raise unsupported(
            f"arithmetic on operands whose type it cannot tell ({self.sql[slice(*place)]})",
            "Use CAST to say the type of each operand.",
        )

    def text(self) -> str:
        """The statement with its corrections."""
        changed = [item for item in self.unnamed if self._is_changed(item)]
        if self.items and changed:  # nothing has been asked so far
            self.items = changed
            self.ask([])
        for item in changed:
            place, name = span(item), self.names.get(id(item)) or said(item, self.names)
            if place and not name and calls.is_item(item):  # the engine could not tell
                name = self.sql[slice(*place)]
            if place and name:
                self._wrap(place, f"$0 AS {quote(name)}")
        return self._text(0, len(self.sql))

    def _is_changed(self, item: Any) -> bool:
        place = span(item)
        return place is not None and any(place[0] <= fix[0] and fix[1] <= place[1] for fix in self.fixes)

    def _text(self, start: int, end: int, *, own: bool = True) -> str:
        """A part of the statement with what is replaced in it; `own` replaces also what is the whole part."""
        inside = [place for place in self.fixes if start <= place[0] and place[1] <= end]
        pieces, at = [], start
        for first, last in sorted(inside, key=lambda place: (place[0], -place[1])):
            if first >= at and (own or (first, last) != (start, end)):
                pieces += [self.sql[at:first], self.fixes[first, last]()]
                at = last
        return "".join([*pieces, self.sql[at:end]])


def _filled(template: str, operands: Sequence[str | None]) -> str:
    """The template with the operands in it, in parentheses if they are more than a word."""

    def operand(number: re.Match[str]) -> str:
        text = operands[int(number[1]) - 1]
        if text is None:
            raise unsupported("an operand in this place", "Give it a name in a subquery first.")
        return text if text.replace(".", "").isidentifier() else f"({text})"

    return re.sub(r"\$([1-9])", operand, template)


def _heavy(node: Any, text: str | None) -> bool:
    """Whether an operand is to be written once where it is used more than once."""
    if node is None or isinstance(node, Operand) or text is None:
        return False
    return (len(text) > LONGEST or not moving.is_repeatable(node)) and moving.is_bindable(node)


def _with_window(node: Any) -> Place | None:
    """The place of a call with its FILTER and OVER."""
    while node.parent is not None and node.parent.this is node and type(node.parent).__name__ in {"Filter", "Window"}:
        node = node.parent
    return span(node)
