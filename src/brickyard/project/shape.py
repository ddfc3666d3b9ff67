"""The fields that a mapping may have, as data: derived from typed classes and calls, and checked against."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from brickyard.project.faults import Faults, nearest
from brickyard.project.interpolation import has_reference
from brickyard.project.source import Node

__all__ = ["Field", "Shapes", "check", "derive", "name_of"]

# A type as data: "text", "int", "number", "bool", "any", ["list", type], ["map", type], ["choice", [value, ...]],
# ["object", name of a shape].
Type = str | list[Any]

_SCALARS = {str: "text", int: "int", float: "number", bool: "bool"}
_EXPECTED = {"text": "text", "int": "a whole number", "number": "a number", "bool": "true or false"}


class Field(typing.NamedTuple):
    """A field: its type, and whether it is needed."""

    type: Type
    required: bool


# Shapes by name; a shape is its fields by name.
Shapes = Mapping[str, Mapping[str, Field]]


def name_of(source: type | Callable[..., Any]) -> str:
    """What a class or a call is called among shapes: the end of its module and its own name."""
    return f"{source.__module__.rpartition('.')[2]}.{source.__qualname__}"


def derive(source: type | Callable[..., Any], into: dict[str, Mapping[str, Field]] | None = None) -> Shapes:
    """Derive the shape of a dataclass, or of a call's parameters, and of every class that it refers to.

    Args:
        source: The class or call.
        into: Takes the shapes; a new mapping by default.
    """
    shapes = {} if into is None else into
    name = name_of(source)
    if name in shapes:
        return shapes
    fields: dict[str, Field] = {}
    shapes[name] = fields
    hints = typing.get_type_hints(source)
    for field, required in _fields(source):
        fields[field] = Field(_type(hints.get(field, Any), shapes), required)
    return shapes


def _fields(source: type | Callable[..., Any]) -> list[tuple[str, bool]]:
    if isinstance(source, type):
        missing = dataclasses.MISSING
        return [
            (item.name, item.default is missing and item.default_factory is missing)
            for item in dataclasses.fields(source)
        ]
    parameters = inspect.signature(source).parameters.items()
    return [(name, item.default is inspect.Parameter.empty) for name, item in parameters if name != "self"]


def _type(hint: Any, shapes: dict[str, Mapping[str, Field]]) -> Type:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _type(next(item for item in arguments if item is not type(None)), shapes)
    if origin is typing.Literal:
        return ["choice", [str(item) for item in arguments]]
    if isinstance(origin, type) and issubclass(origin, list | tuple):
        return ["list", _type(arguments[0], shapes)]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return ["map", _type(arguments[1], shapes)]
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return ["choice", [str(item.value) for item in hint]]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        derive(hint, shapes)
        return ["object", name_of(hint)]
    return _SCALARS.get(hint, "any")


def check(node: Node, name: str, shapes: Shapes, faults: Faults, *, what: str) -> Node:
    """Check a mapping against a shape.

    Args:
        node: The mapping.
        name: The shape's name.
        shapes: Where it and those it refers to are.
        faults: Takes unknown and missing fields and wrong types.
        what: What the mapping is, for messages.

    Returns:
        The mapping with scalars written as their type asks (a number where text is wanted becomes text).
    """
    if not node.is_mapping:
        faults.add(node.at, f"{what} is {_kind(node)}", expected="a mapping")
        return node
    shape = shapes[name]
    fields: dict[str, Node] = {}
    for key, item in node.fields.items():
        if key not in shape:
            faults.add(node.position_of(key), f"{what} has no field '{key}'", nearest=nearest(key, shape))
            continue
        if item.value is not None:  # a name without a value is as if it were not there
            fields[key] = _value(item, shape[key].type, shapes, faults, f"{what}.{key}")
    for key, field in shape.items():
        if field.required and key not in fields:
            faults.add(node.at, f"{what} needs the field '{key}'")
    return Node(fields, node.at, node.key_at)


def _value(node: Node, type_: Type, shapes: Shapes, faults: Faults, what: str) -> Node:
    if node.value is None or type_ == "any" or (isinstance(node.value, str) and has_reference(node.value)):
        return node
    if isinstance(type_, str):
        return _scalar(node, type_, faults, what)
    kind, inner = type_
    if kind == "choice":
        return _choice(node, inner, faults, what)
    if kind == "object":
        return check(node, inner, shapes, faults, what=what)
    if kind == "list":
        return _sequence(node, inner, shapes, faults, what)
    return _mapping(node, inner, shapes, faults, what)


def _sequence(node: Node, inner: Type, shapes: Shapes, faults: Faults, what: str) -> Node:
    if not node.is_sequence:
        faults.add(node.at, f"{what} is {_kind(node)}", expected="a list")
        return node
    items = (_value(item, inner, shapes, faults, f"{what}[{index}]") for index, item in enumerate(node.items))
    return Node(tuple(items), node.at)


def _mapping(node: Node, inner: Type, shapes: Shapes, faults: Faults, what: str) -> Node:
    if not node.is_mapping:
        faults.add(node.at, f"{what} is {_kind(node)}", expected="a mapping")
        return node
    fields = {key: _value(item, inner, shapes, faults, f"{what}.{key}") for key, item in node.fields.items()}
    return Node(fields, node.at, node.key_at)


def _choice(node: Node, allowed: list[str], faults: Faults, what: str) -> Node:
    if node.value not in allowed:
        shown = ", ".join(allowed[:12]) + (", ..." if len(allowed) > 12 else "")
        faults.add(node.at, f"{what} is {_shown(node)}", expected=shown, nearest=nearest(str(node.value), allowed))
    return node


def _scalar(node: Node, type_: str, faults: Faults, what: str) -> Node:
    converted = _convert(node.value, type_)
    if converted is None:
        faults.add(node.at, f"{what} is {_shown(node)}", expected=_EXPECTED[type_])
        return node
    return Node(converted, node.at)


def _convert(value: Any, type_: str) -> str | int | float | bool | None:
    """A scalar as another type where nothing is lost, as the vendor's tool does; None where it cannot be."""
    match type_, value:
        case ("text", bool()):
            return "true" if value else "false"
        case ("text", str() | int() | float()):
            return str(value)
        case ("bool", bool()):
            return value
        case ("bool", "true" | "false"):
            return bool(value == "true")
        case ("int" | "number", bool()):
            return None
        case ("number", int() | float()):
            return float(value)
        case ("number", str()):
            return _number(value)
        case ("int", float()) if value.is_integer():
            return int(value)
        case ("int", int()):
            return value
        case ("int", str()) if value.lstrip("-").isdigit():
            return int(value)
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _kind(node: Node) -> str:
    return "a mapping" if node.is_mapping else "a list" if node.is_sequence else _shown(node)


def _shown(node: Node) -> str:
    if node.is_mapping or node.is_sequence:
        return _kind(node)
    if node.value is None:
        return "empty"
    return f"'{node.value}'" if isinstance(node.value, str) else str(node.value).lower()
