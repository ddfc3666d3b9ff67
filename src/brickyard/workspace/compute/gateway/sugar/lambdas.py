"""Functions with lambda functions that Sail lacks: `zip_with` and its kin for maps, by `transform` over pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from brickyard.workspace.compute.gateway.sugar.names import labelled
from brickyard.workspace.compute.gateway.sugar.tree import replace

__all__ = ["LAMBDAS", "rewrite_lambdas"]

#: The functions, with the number of their lambda function's variables.
LAMBDAS = {"zip_with": 2, "transform_keys": 2, "transform_values": 2, "map_zip_with": 3}


def rewrite_lambdas(tree: Any) -> None:
    """Rewrite the calls in a statement, the inner ones first."""
    from sqlglot import exp

    names = (f"_v{at}" for at in count())
    for call in list(tree.find_all(exp.Anonymous))[::-1]:
        name = call.name.lower()
        arguments = call.expressions
        if name not in LAMBDAS or len(arguments) != (2 if name in {"transform_keys", "transform_values"} else 3):
            continue
        function = arguments[-1]
        if isinstance(function, exp.Lambda) and len(function.expressions) == LAMBDAS[name]:
            text = str(call.meta.get("text") or call.sql(dialect="databricks"))
            replace(labelled(call, text), _REWRITES[name](arguments[:-1], function, next(names)))


def _zip_with(arrays: list[Any], function: Any, name: str) -> Any:
    pairs = _call("arrays_zip", *[_call("coalesce", array) for array in arrays])  # which are then called 0 and 1
    return _transform(pairs, function, name, [_field(name, "0"), _field(name, "1")])


def _transform_keys(maps: list[Any], function: Any, name: str) -> Any:
    entries = _call("map_entries", maps[0])
    keys = _transform(entries, function, name, [_field(name, "key"), _field(name, "value")])
    return _call("map_from_arrays", keys, _call("map_values", maps[0]))


def _transform_values(maps: list[Any], function: Any, name: str) -> Any:
    entries = _call("map_entries", maps[0])
    values = _transform(entries, function, name, [_field(name, "key"), _field(name, "value")])
    return _call("map_from_arrays", _call("map_keys", maps[0]), values)


def _map_zip_with(maps: list[Any], function: Any, name: str) -> Any:
    keys = _call("array_union", *[_call("map_keys", one) for one in maps])
    key = _variable(name)
    values = _transform(keys, function, name, [key, *[_call("try_element_at", one, key) for one in maps]])
    return _call("map_from_arrays", keys, values)


_REWRITES: Mapping[str, Callable[[list[Any], Any, str], Any]] = {
    "zip_with": _zip_with,
    "transform_keys": _transform_keys,
    "transform_values": _transform_values,
    "map_zip_with": _map_zip_with,
}


def _call(name: str, *arguments: Any) -> Any:
    from sqlglot import exp

    return exp.Anonymous(this=name, expressions=[one.copy() for one in arguments])


def _variable(name: str) -> Any:
    from sqlglot import exp

    return exp.to_identifier(name, quoted=True)


def _field(name: str, field: str) -> Any:
    from sqlglot import exp

    return exp.Dot(this=_variable(name), expression=exp.to_identifier(field, quoted=True))


def _transform(array: Any, function: Any, name: str, values: list[Any]) -> Any:
    """`transform(array, name -> body)`, where the variables of the function stand for values."""
    from sqlglot import exp

    holder = exp.Paren(this=function.this.copy())
    variables = (one.name.lower() for one in function.expressions)
    _put(holder, dict(zip(variables, values, strict=True)))
    return _call("transform", array, exp.Lambda(this=holder.this, expressions=[_variable(name)]))


def _put(node: Any, values: Mapping[str, Any]) -> None:
    """Put values in place of variables below a node."""
    from sqlglot import exp

    if isinstance(node, exp.Lambda):
        hidden = {one.name.lower() for one in node.expressions}
        values = {name: value for name, value in values.items() if name not in hidden}
    for child in list(node.iter_expressions()):
        if isinstance(child, exp.Tuple):  # a struct, whose fields are called as the variables are
            child = child.replace(exp.Anonymous(this="struct", expressions=[one.copy() for one in child.expressions]))
        if isinstance(child, exp.Column):
            if child.parts[0].name.lower() in values:
                new = values[child.parts[0].name.lower()].copy()
                for part in child.parts[1:]:
                    new = exp.Dot(this=new, expression=part.copy())
                replace(child, _called(new, child))
        elif isinstance(child, exp.Identifier):
            if child.name.lower() in values and not _is_name(child):
                replace(child, _called(values[child.name.lower()].copy(), child))
        else:
            _put(child, values)


def _called(value: Any, child: Any) -> Any:
    """The value as a field of a struct has the name of what it stands for."""
    from sqlglot import exp

    if isinstance(child.parent, exp.Anonymous) and child.parent.name.lower() == "struct":
        return exp.alias_(value, child.name, quoted=True)
    return value


def _is_name(identifier: Any) -> bool:
    """Whether it is a field's name, an alias, or the variable of a lambda function where that is declared."""
    from sqlglot import exp

    parent, key = identifier.parent, identifier.arg_key
    declared = isinstance(parent, exp.Lambda) and key == "expressions"
    return declared or key == "alias" or (isinstance(parent, exp.Dot) and key == "expression")
