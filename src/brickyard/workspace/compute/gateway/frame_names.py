"""The names that Spark gives to columns of data frames, where Sail, or what a call becomes here, has another one."""

from __future__ import annotations

from typing import Any

from pyspark.sql.connect.proto import expressions_pb2

from brickyard.workspace.compute.gateway.values.expressions import target

__all__ = ["give", "names_of"]

#: Functions that are called otherwise here, or whose lambda functions are.
NAMED = frozenset({"zip_with", "transform_keys", "transform_values", "map_zip_with", "map_filter", "regr_count"}) | {
    "transform",
    "filter",
    "exists",
    "forall",
    "array_sort",
    "like",
    "try_add",
    "try_divide",
    "try_multiply",
    "try_subtract",
}
OPERATORS = frozenset({"+", "-", "*", "/", "%", "=", "==", "<", ">", "<=", ">=", "<=>", "and", "or", "&", "|", "^"})
VARIABLE = "namedlambdavariable()"


def names_of(relation: Any) -> list[tuple[Any, str]]:
    """The columns of a relation that have no alias, and that Spark calls otherwise, with Spark's names."""
    columns = [*relation.project.expressions, *relation.aggregate.aggregate_expressions]
    found = [(one, _name(one)) for one in columns if _is_named(one.unresolved_function)]
    return [(column, name) for column, name in found if name]


def _is_named(function: Any) -> bool:
    """Whether Sail has another name for a call; it leaves casts out."""
    cast = any(one.HasField("cast") and not _is_cast_of_literal(one) for one in function.arguments)
    return function.function_name.lower() in NAMED or cast


def _is_cast_of_literal(expression: Any) -> bool:
    return bool(expression.cast.expr.HasField("literal"))


def give(column: Any, name: str) -> None:
    """Give a column an alias, in place."""
    inner = expressions_pb2.Expression()
    inner.CopyFrom(column)
    column.alias.expr.CopyFrom(inner)
    column.alias.name.append(name)


def _name(expression: Any) -> str:
    """The expression's name; empty if it is not known."""
    kind = expression.WhichOneof("expr_type")
    if kind == "unresolved_attribute":
        return str(expression.unresolved_attribute.unparsed_identifier)
    if kind == "unresolved_named_lambda_variable":
        return VARIABLE
    if kind == "lambda_function":
        body = _name(expression.lambda_function.function)
        names = ", ".join([body, *[VARIABLE] * len(expression.lambda_function.arguments)])
        return f"lambdafunction({names})" if body else ""
    if kind == "cast":
        inner = _name(expression.cast.expr)
        return f"CAST({inner} AS {target(expression).upper()})" if inner else ""
    if kind == "literal":
        return _literal(expression.literal)
    return _call(expression.unresolved_function) if kind == "unresolved_function" else ""


def _literal(literal: Any) -> str:
    kind = literal.WhichOneof("literal_type")
    if kind == "null":
        return "NULL"
    value = getattr(literal, kind)
    if kind == "boolean":
        return str(value).lower()
    return str(value) if kind in {"string", "byte", "short", "integer", "long", "double"} else ""


def _call(function: Any) -> str:
    name, arguments = function.function_name.lower(), [_name(one) for one in function.arguments]
    if not all(arguments):
        return ""
    if function.is_distinct:
        return f"{name}(DISTINCT {', '.join(arguments)})"
    if name in OPERATORS and len(arguments) == 2:
        return f"({arguments[0]} {function.function_name.upper().replace('==', '=')} {arguments[1]})"
    return f"{arguments[0]} LIKE {arguments[1]}" if name == "like" else f"{name}({', '.join(arguments)})"
