"""Arguments by name (`mask(str => 'Ab')`) of Spark's own functions, of which Sail takes the order and not the names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.sugar.names import labelled
from brickyard.workspace.compute.gateway.sugar.tree import replace

__all__ = ["in_order"]

#: The parameters of the functions that take arguments by name, with the defaults of those that have one.
SIGNATURES: dict[str, dict[str, str]] = {
    "mask": {"str": "", "upperchar": "'X'", "lowerchar": "'x'", "digitchar": "'n'", "otherchar": "NULL"},
    "count_min_sketch": {"column": "", "epsilon": "", "confidence": "", "seed": "0"},
    **{name: {"collection": ""} for name in ("explode", "explode_outer", "posexplode", "posexplode_outer")},
    **{name: {"input": ""} for name in ("inline", "inline_outer", "variant_explode", "variant_explode_outer")},
}


def in_order(call: Any, registered: Callable[[str], bool]) -> None:
    """Write the arguments of a call in the order of the function's parameters, without names.

    Raises:
        SparkError: For a name that the function does not have, or if it takes no names.
    """
    from sqlglot import exp

    name = call.name.lower()
    if not any(isinstance(one, exp.Kwarg) for one in call.expressions) or registered(name):
        return
    parameters = SIGNATURES.get(name)
    if parameters is None:
        if isinstance(call.parent, exp.Table):
            return  # a table function, which the engine does not take for another one
        raise SparkError(
            "NAMED_PARAMETERS_NOT_SUPPORTED",
            f"Named parameters are not supported for function `{name}`; please retry the query with positional "
            "arguments to the function call instead.",
            sql_state="4274K",
        )
    values = _values(call, list(parameters))
    given = [at for at, parameter in enumerate(parameters) if parameter in values]
    texts = list(parameters.items())[: max(given) + 1]
    ordered = [
        values[parameter] if parameter in values else _default(name, parameter, text) for parameter, text in texts
    ]
    replace(labelled(call, _name(name, parameters, values)), exp.Anonymous(this=call.name, expressions=ordered))


def _values(call: Any, parameters: list[str]) -> dict[str, Any]:
    """The argument of each parameter that has one."""
    from sqlglot import exp

    values: dict[str, Any] = {}
    for at, argument in enumerate(call.expressions):
        named = isinstance(argument, exp.Kwarg)
        key = argument.this.name if named else parameters[at] if at < len(parameters) else f"_{at}"
        if not named and any(isinstance(one, exp.Kwarg) for one in call.expressions[:at]):
            raise _error(
                "UNEXPECTED_POSITIONAL_ARGUMENT", call, key, "the positional argument stands after a named one"
            )
        if named and key.lower() not in parameters:
            raise _error("UNRECOGNIZED_PARAMETER_NAME", call, key, f"it has the parameters {', '.join(parameters)}")
        if key.lower() in values:
            twice = "DUPLICATE_ROUTINE_PARAMETER_ASSIGNMENT.BOTH_POSITIONAL_AND_NAMED"
            raise _error(twice, call, key, "it is given more than once")
        values[key.lower()] = argument.expression.copy() if named else argument.copy()
    return values


def _default(name: str, parameter: str, text: str) -> Any:
    from sqlglot import exp

    if not text:
        raise SparkError(
            "REQUIRED_PARAMETER_NOT_FOUND",
            f"Cannot invoke routine `{name}` because the parameter named `{parameter}` is required, but the routine "
            "call did not supply a value.",
            sql_state="4274K",
        )
    return (
        exp.Null()
        if text == "NULL"
        else exp.Literal.string(text.strip("'"))
        if "'" in text
        else exp.Literal.number(text)
    )


def _error(condition: str, call: Any, argument: str, reason: str) -> SparkError:
    text = f"Cannot invoke routine `{call.name.lower()}` with the argument `{argument}`: {reason}."
    return SparkError(condition, text, sql_state="4274K")


def _name(name: str, parameters: dict[str, str], values: dict[str, Any]) -> str:
    """The name of a column: Spark writes the defaults too."""
    texts = [
        values[parameter].sql(dialect="databricks").strip("'") if parameter in values else text.strip("'")
        for parameter, text in parameters.items()
    ]
    return f"{name}({', '.join(texts)})"
