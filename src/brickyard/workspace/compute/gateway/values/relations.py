"""Right values in the plans that data frames send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.sqltext import parse
from brickyard.workspace.compute.gateway.values.arithmetic import change_of, negation
from brickyard.workspace.compute.gateway.values.expressions import (
    OPERATORS,
    Expression,
    call,
    cast,
    children,
    null_aware_contains,
    type_of,
)
from brickyard.workspace.compute.gateway.values.probes import Asked, Question
from brickyard.workspace.compute.gateway.values.statements import concerns, correct_sql

__all__ = ["correct_relation"]

#: From a relation to its fields.
Fields = Callable[[relations_pb2.Relation], Asked]
EXPLODES = frozenset({"explode", "explode_outer"})
CONCERNED = OPERATORS | {"negative", "sum", "array_contains", "datediff", "date_diff"} | EXPLODES
AGGREGATES: frozenset[str] = frozenset().union(
    {"sum", "count", "avg", "mean", "min", "max", "first", "last"},
    {"any_value", "first_value", "last_value", "collect_list", "collect_set", "stddev", "stddev_pop", "stddev_samp"},
    {"variance", "var_pop", "var_samp", "corr", "covar_pop", "covar_samp", "skewness", "kurtosis"},
    {
        "median",
        "mode",
        "percentile",
        "percentile_approx",
        "approx_percentile",
        "approx_count_distinct",
        "max_by",
        "min_by",
    },
    {"bool_and", "bool_or", "every", "some", "count_if", "bit_and", "bit_or", "bit_xor"},
    {"try_sum", "try_avg", "array_agg", "listagg", "string_agg"},
)
#: The rows of `describe()` and `summary()`.
STATISTICS = {
    "describe": ["count", "mean", "stddev", "min", "max"],
    "summary": ["count", "mean", "stddev", "min", "25%", "50%", "75%", "max"],
}
SIGNS = ("+", "-", "*", "sum", "array_contains", "diff", "explode")


def correct_relation(relation: relations_pb2.Relation, fields: Fields) -> None:
    """Replace, in place, expressions of one relation that Sail evaluates otherwise than Databricks.

    Args:
        relation: A relation whose names are resolved, and whose inputs are corrected.
        fields: Asks the engine for the fields of a relation.
    """
    kind = relation.WhichOneof("rel_type")
    if kind in {"describe", "summary"}:
        _order_statistics(relation, str(kind))
        return
    found, named = _expressions(relation, kind)
    tops = [(top, naming) for tops, naming in ((found, False), (named, True)) for top in tops if _concerned(top)]
    if tops:
        _Correction(_input(relation, str(kind)), fields).run(tops)


def _expressions(relation: Any, kind: str | None) -> tuple[list[Any], list[Any]]:
    """The expressions of a relation: those whose name does not matter, and those that name a column."""
    if kind == "project":
        return [], list(relation.project.expressions)
    if kind == "aggregate":
        aggregate = relation.aggregate
        return [], [*aggregate.grouping_expressions, *aggregate.aggregate_expressions]
    if kind == "filter":
        return [relation.filter.condition], []
    if kind == "join":
        return [relation.join.join_condition], []
    if kind == "with_columns":
        return [alias.expr for alias in relation.with_columns.aliases], []
    if kind == "sort":
        return [order.child for order in relation.sort.order], []
    return [], []


def _input(relation: Any, kind: str) -> relations_pb2.Relation:
    source = relations_pb2.Relation()
    if kind == "join":
        source.CopyFrom(relation)
        source.join.ClearField("join_condition")
        source.join.join_type = relations_pb2.Join.JOIN_TYPE_CROSS
    elif getattr(relation, kind).HasField("input"):
        source.CopyFrom(getattr(relation, kind).input)
    return source


def _order_statistics(relation: Any, kind: str) -> None:
    """The rows of `describe` and `summary` in the order in which they were asked for; Sail gives them in any."""
    asked = list(relation.summary.statistics) if kind == "summary" else []
    names = asked or STATISTICS[kind]
    inner = relations_pb2.Relation()
    inner.CopyFrom(relation)
    order = relation.sort.order.add()
    order.direction, order.null_ordering = order.SORT_DIRECTION_ASCENDING, order.SORT_NULLS_LAST
    listed = ", ".join("'" + name.replace("'", "") + "'" for name in names)
    order.child.expression_string.expression = f"array_position(array({listed}), summary)"
    relation.sort.is_global = True
    relation.sort.input.CopyFrom(inner)


def _concerned(expression: Any) -> bool:
    kind = expression.WhichOneof("expr_type")
    if kind == "unresolved_function" and expression.unresolved_function.function_name.lower() in CONCERNED:
        return True
    if kind == "expression_string":
        text = expression.expression_string.expression.lower()
        return any(sign in text for sign in SIGNS) and concerns(parse(f"SELECT {text}"))
    return any(_concerned(child) for child in children(expression))


@dataclass
class _Correction:
    source: relations_pb2.Relation
    fields: Fields
    known: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)

    def run(self, tops: Sequence[tuple[Any, bool]]) -> None:
        wanted: dict[bytes, Any] = {}
        for top, naming in tops:
            self._collect(top, wanted)
            if naming and not top.HasField("alias"):
                wanted[top.SerializeToString()] = _copy(top)
        for grouped in (False, True):
            self._learn([(key, value) for key, value in wanted.items() if _aggregated(value) == grouped])
        for top, naming in tops:
            name = self.known.get(top.SerializeToString(), ("", ""))[0]
            self._correct(top)
            if naming and name and not top.HasField("alias"):
                inner = _copy(top)
                top.Clear()
                top.alias.expr.CopyFrom(inner)
                top.alias.name.append(name)

    def _collect(self, node: Any, wanted: dict[bytes, Any]) -> None:
        """Find the operands whose types the engine must tell."""
        function = node.unresolved_function
        if node.HasField("unresolved_function"):
            self._bind(function)
            if function.function_name.lower() in OPERATORS | EXPLODES | {"negative", "sum"}:
                for operand in function.arguments:
                    if not type_of(operand) and not _computed(operand):
                        wanted[operand.SerializeToString()] = self._closed(_copy(operand))
        for child in children(node):
            self._collect(child, wanted)

    def _bind(self, function: Any) -> None:
        """Note what the variables of a lambda function range over."""
        for argument in function.arguments:
            if not argument.HasField("lambda_function"):
                continue
            zero = Expression()
            zero.literal.integer = 0
            element = call("get", function.arguments[0], zero)
            values = [element, zero]
            if function.function_name.lower() in {"aggregate", "reduce"}:
                values = [function.arguments[1], element]
            elif function.function_name.lower() in {"map_filter", "transform_keys", "transform_values"}:
                values = [call("get", call(name, function.arguments[0]), zero) for name in ("map_keys", "map_values")]
            for variable, value in zip(argument.lambda_function.arguments, values, strict=False):
                self.variables[variable.name_parts[0]] = self._closed(_copy(value))

    def _closed(self, node: Any) -> Any:
        """The expression with lambda variables replaced by what they range over."""
        if node.HasField("unresolved_named_lambda_variable"):
            value = self.variables.get(node.unresolved_named_lambda_variable.name_parts[0])
            if value is not None:
                node.CopyFrom(value)
            return node
        for child in children(node):
            self._closed(child)
        return node

    def _learn(self, wanted: Sequence[tuple[bytes, Any]]) -> None:
        if not wanted:
            return
        answer = self._ask([value for _, value in wanted])
        if len(answer) == len(wanted):
            self.known.update({key: found for (key, _), found in zip(wanted, answer, strict=True)})
        elif len(wanted) > 1:
            for one in wanted:
                self._learn([one])

    def _ask(self, expressions: Sequence[Any]) -> Asked:
        probe = relations_pb2.Relation()
        probe.project.expressions.extend(expressions)
        if self.source.WhichOneof("rel_type"):
            probe.project.input.CopyFrom(self.source)
        try:
            return self.fields(probe)
        except grpc.RpcError:
            return []

    def _type(self, node: Any) -> str:
        if node.HasField("alias"):
            return self._type(node.alias.expr)
        function = node.unresolved_function
        name = function.function_name.lower()
        if _computed(node) and name == "negative":
            return self._type(function.arguments[0])
        if _computed(node):
            return change_of(name, self._type(function.arguments[0]), self._type(function.arguments[1]))[1]
        return type_of(node) or self.known.get(node.SerializeToString(), ("", ""))[1]

    def _correct(self, node: Any) -> None:
        if node.HasField("expression_string"):
            text = node.expression_string.expression
            if _concerned(node):
                sql = correct_sql(f"SELECT {text}", self._answer, named=False)
                node.expression_string.expression = sql.removeprefix("SELECT ")
            return
        if node.HasField("window") and _is(node.window.window_function, "sum"):
            self._correct_sum(node, node.window.window_function)
            return
        name = node.unresolved_function.function_name.lower()
        if name == "sum":
            self._correct_sum(node, node)
        elif name in EXPLODES and self._type(node.unresolved_function.arguments[0]).startswith("map"):
            entries = call("map_entries", *node.unresolved_function.arguments)
            node.CopyFrom(call(name.replace("explode", "inline"), entries))  # Sail panics where a map is exploded
        elif _computed(node):
            self._correct_arithmetic(node, name)
        else:
            for child in children(node):
                self._correct(child)
            if name == "array_contains":
                node.CopyFrom(null_aware_contains(_copy(node)))
            elif name in {"datediff", "date_diff"} and len(node.unresolved_function.arguments) == 2:
                node.CopyFrom(cast(_copy(node), "int"))

    def _answer(self, question: Question) -> Asked:
        expressions = []
        for text in question.texts:
            expressions.append(Expression())
            expressions[-1].expression_string.expression = text
        return self._ask(expressions)

    def _correct_arithmetic(self, node: Any, name: str) -> None:
        operands = list(node.unresolved_function.arguments)
        types = [self._type(operand) for operand in operands]
        for operand in operands:
            self._correct(operand)
        if name == "negative":
            how = negation(types[0])
            if how:
                node.CopyFrom(cast(call("negative", cast(operands[0], how[0])), how[1]))
            return
        change = change_of(name, *types)[0]
        if change is None:
            return
        if change.days:
            node.CopyFrom(call("make_dt_interval", cast(call("datediff", *operands), "int")))
            return
        left, right = cast(operands[0], change.left), cast(operands[1], change.right)
        node.CopyFrom(cast(call(name, left, right), change.result))

    def _correct_sum(self, node: Any, function: Any) -> None:
        argument = function.unresolved_function.arguments[0]
        big = self._type(argument) == "bigint"
        for child in [argument, *(child for child in children(node) if node is not function and child != function)]:
            self._correct(child)
        if big:
            argument.CopyFrom(cast(_copy(argument), "decimal(28,0)"))
            node.CopyFrom(cast(_copy(node), "bigint"))


def _copy(node: Any) -> Any:
    copied = Expression()
    copied.CopyFrom(node)
    return copied


def _is(node: Any, name: str) -> bool:
    return bool(node.unresolved_function.function_name.lower() == name)


def _computed(node: Any) -> bool:
    """Whether the node is arithmetic, whose type follows from its operands'."""
    name = node.unresolved_function.function_name.lower()
    count = len(node.unresolved_function.arguments)
    return (name in OPERATORS and count == 2) or (name == "negative" and count == 1)


def _aggregated(node: Any) -> bool:
    if node.HasField("window"):
        return False
    if node.unresolved_function.function_name.lower() in AGGREGATES:
        return True
    return any(_aggregated(child) for child in children(node))
