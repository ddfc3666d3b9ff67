"""Functions in the plans of data frames that Sail lacks, as functions that it has; the same as `sugar` does in SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyspark.sql.connect.proto import expressions_pb2

from brickyard.workspace.compute.gateway.sugar.checks import LISTS, not_foldable
from brickyard.workspace.compute.gateway.values.expressions import call, children

__all__ = ["rewrite_function"]

Expression = expressions_pb2.Expression


def rewrite_function(expression: Any) -> None:
    """Rewrite a call in place, when the calls in its arguments are rewritten.

    Raises:
        SparkError: DATATYPE_MISMATCH.NON_FOLDABLE_INPUT.
    """
    function = expression.unresolved_function
    if function.function_name.lower() == "regr_count":  # Sail's own is unsigned, which no client can read
        function.function_name = "count"
    delimiter = function.arguments[1:2] if function.function_name.lower() in LISTS else []
    for column in delimiter:
        if column.HasField("unresolved_attribute"):
            raise not_foldable(column.unresolved_attribute.unparsed_identifier)
    rewrite = _REWRITES.get(function.function_name.lower())
    if rewrite is not None and function.arguments and function.arguments[-1].HasField("lambda_function"):
        *values, lambda_ = function.arguments
        expression.CopyFrom(rewrite(values, lambda_.lambda_function))


def _zip_with(arrays: Sequence[Any], function: Any) -> Any:
    pairs = call("arrays_zip", *[call("coalesce", array) for array in arrays])  # which are then called 0 and 1
    pair = _variable(function)
    return _transform(pairs, function, pair, [_field(pair, "0"), _field(pair, "1")])


def _transform_keys(maps: Sequence[Any], function: Any) -> Any:
    return call("map_from_arrays", _over_entries(maps[0], function), call("map_values", maps[0]))


def _transform_values(maps: Sequence[Any], function: Any) -> Any:
    return call("map_from_arrays", call("map_keys", maps[0]), _over_entries(maps[0], function))


def _over_entries(map_: Any, function: Any) -> Any:
    entry = _variable(function)
    return _transform(call("map_entries", map_), function, entry, [_field(entry, "key"), _field(entry, "value")])


def _map_zip_with(maps: Sequence[Any], function: Any) -> Any:
    keys, key = call("array_union", *[call("map_keys", one) for one in maps]), _variable(function)
    values = [key, *[call("try_element_at", one, key) for one in maps]]
    return call("map_from_arrays", keys, _transform(keys, function, key, values))


_REWRITES: Mapping[str, Callable[[Sequence[Any], Any], Any]] = {
    "zip_with": _zip_with,
    "transform_keys": _transform_keys,
    "transform_values": _transform_values,
    "map_zip_with": _map_zip_with,
}


def _variable(function: Any) -> Any:
    """A variable that the function does not have: clients give each of theirs a number."""
    variable = Expression()
    names = "_".join(argument.name_parts[0] for argument in function.arguments)
    variable.unresolved_named_lambda_variable.name_parts.append(f"{names}_")
    return variable


def _field(struct: Any, name: str) -> Any:
    field = Expression()
    field.unresolved_extract_value.child.CopyFrom(struct)
    field.unresolved_extract_value.extraction.literal.string = name
    return field


def _transform(array: Any, function: Any, variable: Any, values: Sequence[Any]) -> Any:
    """`transform(array, variable -> body)`, where the variables of the function stand for values."""
    made = Expression()
    made.lambda_function.function.CopyFrom(function.function)
    names = (argument.name_parts[0] for argument in function.arguments)
    _put(made.lambda_function.function, dict(zip(names, values, strict=True)))
    made.lambda_function.arguments.append(variable.unresolved_named_lambda_variable)
    return call("transform", array, made)


def _put(node: Any, values: Mapping[str, Any]) -> None:
    if node.HasField("unresolved_named_lambda_variable"):
        value = values.get(node.unresolved_named_lambda_variable.name_parts[0])
        if value is not None:
            node.CopyFrom(value)
        return
    for child in children(node):
        _put(child, values)
