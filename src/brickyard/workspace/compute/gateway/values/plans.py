"""The expressions of a relation, as the corrections see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.sugar.tree import parse
from brickyard.workspace.compute.gateway.values import expressions
from brickyard.workspace.compute.gateway.values.apart import NAME, numbered
from brickyard.workspace.compute.gateway.values.binding import (
    GENERATORS,
    LAMBDAS,
    LONGEST,
    STILL,
    bound,
    repeated,
    still,
)
from brickyard.workspace.compute.gateway.values.calls import is_item
from brickyard.workspace.compute.gateway.values.chains import opened, without_cast
from brickyard.workspace.compute.gateway.values.correction import Site
from brickyard.workspace.compute.gateway.values.expressions import (
    Expression,
    alike,
    call,
    copied,
    is_aggregated,
    is_unit,
)
from brickyard.workspace.compute.gateway.values.frames import framed_node
from brickyard.workspace.compute.gateway.values.probes import Asked, Question
from brickyard.workspace.compute.gateway.values.rules import RULES, Fix, Operand
from brickyard.workspace.compute.gateway.values.rules.types import is_pointed
from brickyard.workspace.compute.gateway.values.scopes import AGGREGATES
from brickyard.workspace.compute.gateway.values.statements import correct_sql
from brickyard.workspace.compute.gateway.values.templates import built
from brickyard.workspace.compute.gateway.values.zoned import is_zoned

__all__ = ["Fields", "Plan", "Top", "is_comparison"]

#: From a relation to its fields.
Fields = Callable[[relations_pb2.Relation], Asked]
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "<=>", "in", "between"})
OPERATORS = frozenset("+-*/%")
PERCENTILES = frozenset({"percentile_approx", "approx_percentile"})
REPEATABLE = OPERATORS | AGGREGATES | {"negative"}
PLAIN = frozenset(
    {"literal", "unresolved_attribute", "unresolved_star", "cast", "window", "sort_order", "alias"}
    | {"unresolved_extract_value", "unresolved_named_lambda_variable"}
)
CASTS = {True: "try_cast", False: "cast"}


@dataclass(frozen=True)
class Top:
    """An expression of a relation.

    Args:
        message: The expression.
        named: It is a column, whose name must stay.
        bindable: The engine takes lambda functions in its place.
    """

    message: Any
    named: bool
    bindable: bool = True


@dataclass(eq=False)
class _Node:
    """An expression and what it stands in; it stays the same while the message in it is replaced."""

    message: Any
    parent: _Node | None
    children: list[_Node] = field(default_factory=list)
    bindable: bool = True


@dataclass
class Plan:
    """Some expressions of a relation, as the corrections see them.

    Args:
        source: The rows that the expressions see.
        tops: The expressions.
        fields: Asks the engine for the fields of a relation.
        mixed: Its windows need the rows in several orders.
        moved: The engine may move the expressions.
    """

    source: relations_pb2.Relation
    tops: Sequence[Top]
    fields: Fields
    mixed: bool = False
    moved: bool = False
    variables: dict[str, Any] = field(default_factory=dict)
    originals: dict[int, Any] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    asked: bool = False
    texts: int = 0
    units: list[_Node] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.unnamed = [top for top in self.tops if top.named and not top.message.HasField("alias")]
        self.originals = {id(top): copied(top.message) for top in self.unnamed}

    def sites(self) -> Sequence[Site]:
        """All calls for which there is a rule, the inner ones first; SQL in the plan is corrected on the way."""
        found: list[Site] = []
        for top in self.tops:
            self._visit(_Node(top.message, None, bindable=top.bindable), found)
        return found + self._apart()

    def _apart(self) -> list[Site]:
        """What the engine takes for one, because it differs in casts alone."""
        found = numbered((*alike(unit.message), unit) for unit in self.units)
        return [Site(unit, NAME, [Operand(value=str(number)), *_casts(unit)]) for unit, number in found]

    def _visit(self, node: _Node, found: list[Site]) -> None:
        if node.message.HasField("unresolved_function"):
            self._bind(node.message.unresolved_function)
        for message in expressions.children(node.message):
            node.children.append(_Node(message, node))
            self._visit(node.children[-1], found)
        if is_unit(node.message):
            self.units.append(node)
        site = _site(node, self.mixed)
        if site is not None:
            found.append(site)
        elif node.message.HasField("expression_string"):
            text = node.message.expression_string
            self.texts += 1
            sql = correct_sql(
                f"SELECT {text.expression}", self._answer, named=False, moved=self.moved, number=self.texts
            )
            text.expression = sql.removeprefix("SELECT ")

    def _bind(self, function: Any) -> None:
        """Note what the variables of a lambda function range over."""
        for argument in function.arguments:
            if argument.HasField("lambda_function"):
                values = _ranges(function)
                for variable, value in zip(argument.lambda_function.arguments, values, strict=False):
                    self.variables[variable.name_parts[0]] = self._closed(copied(value))

    def _closed(self, message: Any) -> Any:
        """The expression with lambda variables replaced by what they range over."""
        if message.HasField("unresolved_named_lambda_variable"):
            value = self.variables.get(message.unresolved_named_lambda_variable.name_parts[0])
            if value is not None:
                message.CopyFrom(value)
            return message
        for child in expressions.children(message):
            self._closed(child)
        return message

    def around(self, node: Any) -> Iterator[Any]:
        """A node and all nodes that it stands in."""
        while node is not None:
            yield node
            node = node.parent

    def known(self, node: Any) -> Operand:
        """What literals and casts say of themselves."""
        return expressions.said(node.message)

    def same(self, node: Any) -> Any:
        """The node: a plan has no parentheses."""
        return node

    def ask(self, nodes: Sequence[Any]) -> Mapping[int, str]:
        """Learn types, and with the first question the names of columns too."""
        tops = [] if self.asked else self.unnamed
        self.asked = True
        wanted = [(id(node), self._closed(copied(node.message))) for node in nodes]
        wanted += [(id(top), self.originals[id(top)]) for top in tops]
        found: dict[int, tuple[str, str]] = {}
        for grouped in (False, True):
            self._learn([one for one in wanted if is_aggregated(one[1]) == grouped], found)
        self.names.update({id(top): found[id(top)][0] for top in tops if id(top) in found})
        return {id(node): found[id(node)][1] for node in nodes if id(node) in found}

    def _learn(self, wanted: Sequence[tuple[int, Any]], found: dict[int, tuple[str, str]]) -> None:
        if not wanted:
            return
        answer = self._fields([message for _, message in wanted])
        if len(answer) == len(wanted):
            found.update({key: one for (key, _), one in zip(wanted, answer, strict=True)})
        elif len(wanted) > 1:
            for one in wanted:
                self._learn([one], found)

    def _fields(self, messages: Sequence[Any]) -> Asked:
        probe = relations_pb2.Relation()
        probe.project.expressions.extend(messages)
        if self.source.WhichOneof("rel_type"):
            probe.project.input.CopyFrom(self.source)
        try:
            return self.fields(probe)
        except grpc.RpcError:
            return []

    def _answer(self, question: Question) -> Asked:
        messages = [Expression() for _ in question.texts]
        for message, text in zip(messages, question.texts, strict=True):
            message.expression_string.expression = text
        return self._fields(messages)

    def put(self, site: Site, fix: Fix) -> None:
        """Put a correction in place."""
        nodes = dict(enumerate(site.operands, 1))
        for number, template in fix.inner.items():
            operand = copied(nodes[number].message)
            made = self._still(bound(template, [0] if _heavy(operand, site.node) else []), site.node)
            nodes[number].message.CopyFrom(built(made, {0: operand}))
        target = site.node
        if fix.template:
            operands = {number: copied(one.message) for number, one in nodes.items() if isinstance(one, _Node)}
            template = fix.template
            for number, operand in operands.items():
                inner = opened(fix.template, number, operand)
                if inner is not None:
                    operands[number], template = copied(inner), without_cast(template, number)
            heavy = [] if fix.grouped else [at for at in repeated(fix.template) if _heavy(operands[at], site.node)]
            target.message.CopyFrom(built(self._still(bound(template, heavy), site.node), operands))
        if fix.around:
            if target.parent is not None and target.parent.message.HasField("window"):
                target = target.parent
            target.message.CopyFrom(built(fix.around, {0: copied(target.message)}))
        if fix.still and self._is_moved(site.node):
            target.message.CopyFrom(built(STILL, {0: copied(target.message)}))

    def _still(self, template: str, node: _Node) -> str:
        return still(template) if self._is_moved(node) else template

    def _is_moved(self, node: _Node) -> bool:
        """Whether the engine may move an expression down, from a place that allows what is random."""
        return self.moved and not any(_holds(one.message) for one in self.around(node))

    def untold(self, site: Site) -> None:
        """Refuse, unless the plan is wrong in itself, which the engine says better."""
        if self._fields([site.node.message]):
            raise unsupported(
                f"'{site.name}' of operands whose type it cannot tell", "Use cast() to say the type of each operand."
            )

    def name(self) -> None:
        """Give back their names to the columns that are changed."""
        changed = [top for top in self.unnamed if top.message != self.originals[id(top)]]
        if changed and not self.asked:
            self.ask([])
        for top in changed:
            name = self.names.get(id(top)) or _written(self.originals[id(top)])
            if name:
                inner = copied(top.message)
                top.message.Clear()
                top.message.alias.expr.CopyFrom(inner)
                top.message.alias.name.append(name)


def _written(message: Any) -> str:
    """The name of an expression with `x[i]`, for which the engine cannot be asked; empty if it is something else."""
    function, item = message.unresolved_function, message.unresolved_extract_value
    if message.HasField("unresolved_attribute"):
        return str(message.unresolved_attribute.unparsed_identifier)
    if message.HasField("literal"):
        return expressions.said(message).value or ""
    if message.HasField("expression_string"):
        text = str(message.expression_string.expression)
        return text if is_item(parse(f"SELECT {text}")) else ""
    parts = [_written(one) for one in (function.arguments or [item.child, item.extraction])]
    if not all(parts) or len(parts) != 2:
        return ""
    return f"({f' {function.function_name} '.join(parts)})" if function.arguments else f"{parts[0]}[{parts[1]}]"


def _site(node: _Node, mixed: bool) -> Site | None:
    message = node.message
    if message.HasField("cast"):
        tried = message.cast.eval_mode == Expression.Cast.EVAL_MODE_TRY
        return Site(node, CASTS[tried], [node.children[0], Operand(expressions.target(message))])
    if message.HasField("unresolved_extract_value"):
        key = expressions.said(message.unresolved_extract_value.extraction)
        if key.kind == "string":
            return Site(node, "field", [node.children[0], key])
        return None if (key.number or -1) >= 0 or key.number == 0 else Site(node, "item", node.children)
    name = message.unresolved_function.function_name.lower()
    if is_comparison(message):
        name = "compare"
    if name not in RULES or (name in OPERATORS and len(node.children) != 2):
        return None
    if name in LAMBDAS and not any(one.message.HasField("lambda_function") for one in node.children):
        return None
    operands: list[Any] = node.children
    if name == "when":
        operands = [one for at, one in enumerate(operands) if at % 2 or at == len(operands) - 1]
    if name in PERCENTILES and (shares := _elements(operands[1])):
        return Site(node, "percentiles", [operands[0], *shares])
    return Site(node, framed_node(name, node.parent and node.parent.message, mixed), operands, _is_compared(node))


def is_comparison(message: Any) -> bool:
    """Whether it is a comparison of which the types matter: of times in a zone, with a text of a number, of columns."""
    function = message.unresolved_function
    if function.function_name.lower() not in COMPARISONS:
        return False
    if is_zoned() or any(is_pointed(one.literal.string) for one in function.arguments):
        return True
    return sum(not one.HasField("literal") for one in function.arguments) > 1


def _casts(node: _Node) -> Iterator[_Node]:
    """The casts inside of an expression, the inner ones first."""
    for child in node.children:
        yield from _casts(child)
    if node.message.HasField("cast"):
        yield node


def _elements(node: _Node) -> list[_Node]:
    """The elements of an array that is written as one."""
    if node.message.unresolved_function.function_name.lower() == "array":
        return node.children
    literals = node.message.literal.array.elements if node.message.HasField("literal") else []
    return [_Node(Expression(literal=literal), node) for literal in literals]


def _holds(message: Any) -> bool:
    """Whether nothing is moved out of an expression."""
    generates = message.unresolved_function.function_name.lower() in GENERATORS
    return generates or message.HasField("window") or message.HasField("lambda_function")


def _heavy(message: Any, node: _Node) -> bool:
    """Whether an operand of a call is to be there once where it is used more than once."""
    return (message.ByteSize() > LONGEST or not _is_repeatable(message)) and _is_bindable(node)


def _is_bindable(node: _Node) -> bool:
    """Whether the engine takes lambda functions in this place; not in a window's order or partition."""
    while node.parent is not None:
        around = node.parent
        if around.message.HasField("window") and around.children[0] is not node:
            return False
        node = around
    return node.bindable


def _is_repeatable(message: Any) -> bool:
    """Whether an expression has no calls but of operators and aggregate functions: the engine computes it once."""
    kind = message.WhichOneof("expr_type")
    if kind == "unresolved_function":
        name = message.unresolved_function.function_name.lower()
        return name in REPEATABLE and all(map(_is_repeatable, expressions.children(message)))
    return kind in PLAIN and all(map(_is_repeatable, expressions.children(message)))


def _is_compared(node: _Node) -> bool:
    outer = node.parent
    while outer is not None and outer.message.HasField("window"):
        outer = outer.parent
    return outer is not None and outer.message.unresolved_function.function_name.lower() in COMPARISONS


def _ranges(function: Any) -> list[Any]:
    """For each variable of the lambda function in a call, an expression of its type."""
    zero = Expression()
    zero.literal.integer = 0
    name, first = function.function_name.lower(), function.arguments[0]
    element = call("get", first, zero)
    if name in {"aggregate", "reduce"}:
        return [function.arguments[1], element]
    if name in {"map_filter", "transform_keys", "transform_values"}:
        return [call("get", call(part, first), zero) for part in ("map_keys", "map_values")]
    return [element, zero]
