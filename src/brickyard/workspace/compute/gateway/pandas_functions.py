"""The internal functions that the pandas API on Spark calls, written with functions that the engine has.

Source: `pyspark.sql.internal.InternalFunction`, and what pandas documents of its statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql.connect.proto import expressions_pb2

__all__ = ["replace_function"]

Expression = expressions_pb2.Expression


def replace_function(expression: Any) -> None:
    """Put an expression in the place of a call of an internal function of the pandas API."""
    call = expression.unresolved_function
    make = FUNCTIONS.get(call.function_name)
    if make is not None:
        expression.CopyFrom(make(*call.arguments))


def _call(name: str, *arguments: Any) -> Any:
    made = Expression()
    made.unresolved_function.function_name = name
    made.unresolved_function.arguments.extend(arguments)
    return made


def _number(value: float) -> Any:
    made = Expression()
    made.literal.double = value
    return made


def _cast(expression: Any, kind: str) -> Any:
    made = Expression()
    made.cast.expr.CopyFrom(expression)
    made.cast.type_str = kind
    return made


def _sequence(*_cached: Any) -> Any:
    """0, 1, 2, ... in the order of the rows."""
    numbered = Expression()
    numbered.window.window_function.CopyFrom(_call("row_number"))
    order = numbered.window.order_spec.add()
    order.child.CopyFrom(_call("monotonically_increasing_id"))
    order.direction = Expression.SortOrder.SORT_DIRECTION_ASCENDING
    order.null_ordering = Expression.SortOrder.SORT_NULLS_FIRST
    one = Expression()
    one.literal.integer = 1
    return _cast(_call("-", numbered, one), "bigint")


def _size(column: Any, less: float = 0) -> Any:
    counted = _cast(_call("count", column), "double")
    return _call("-", counted, _number(less)) if less else counted


def _divided(value: Any, by: Any) -> Any:
    """The quotient, or null where too few rows leave nothing to divide by."""
    return _call("when", _call(">", by, _number(0)), _call("/", value, by))


def _variance(column: Any, ddof: Any) -> Any:
    degrees = ddof.literal.integer or ddof.literal.long
    return _divided(_call("*", _call("var_pop", column), _size(column)), _size(column, degrees))


def _deviation(column: Any, ddof: Any) -> Any:
    return _call("sqrt", _variance(column, ddof))


def _covariance(one: Any, other: Any, ddof: Any) -> Any:
    degrees = ddof.literal.integer or ddof.literal.long
    both = _call("when", _call("isnotnull", other), one)
    return _divided(_call("*", _call("covar_pop", one, other), _size(both)), _size(both, degrees))


def _skewness(column: Any) -> Any:
    corrected = _call("sqrt", _call("*", _size(column), _size(column, 1)))
    return _divided(_call("*", _call("skewness", column), corrected), _size(column, 2))


def _kurtosis(column: Any) -> Any:
    excess = _call("+", _call("*", _call("kurtosis", column), _size(column, -1)), _number(6))
    return _divided(_divided(_call("*", excess, _size(column, 1)), _size(column, 2)), _size(column, 3))


def _product(column: Any, dropna: Any) -> Any:
    result, value = (Expression.UnresolvedNamedLambdaVariable(name_parts=[name]) for name in ("result_", "value_"))
    step = Expression()
    body = step.lambda_function.function.unresolved_function
    step.lambda_function.arguments.extend([result, value])
    body.function_name = "*"
    body.arguments.extend(Expression(unresolved_named_lambda_variable=one) for one in (result, value))
    product = _call("reduce", _call("collect_list", _cast(column, "double")), _number(1), step)
    if dropna.literal.boolean:
        return product
    return _call("when", _call("==", _call("count", column), _call("count", _number(1))), product)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "distributed_id": lambda: _call("monotonically_increasing_id"),
    "distributed_sequence_id": _sequence,
    "pandas_covar": _covariance,
    "pandas_kurt": _kurtosis,
    "pandas_product": _product,
    "pandas_skew": _skewness,
    "pandas_stddev": _deviation,
    "pandas_var": _variance,
}
