"""Checks a tree against a typed class or call; the types are the vendor's own, so no field list is copied."""

from __future__ import annotations

import dataclasses
import enum
import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from brickyard.project.faults import Faults, nearest
from brickyard.project.interpolation import has_reference
from brickyard.project.source import Node

__all__ = ["check", "shape_of"]


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    hint: Any
    required: bool


@functools.cache
def shape_of(source: type | Callable[..., Any]) -> Mapping[str, _Field]:
    """The fields of a dataclass, or the parameters of a call, with their types and whether they are needed."""
    hints = typing.get_type_hints(source)
    if isinstance(source, type):
        return {
            item.name: _Field(
                hints[item.name], item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
            )
            for item in dataclasses.fields(source)
            if item.init
        }
    return {
        name: _Field(hints.get(name, Any), parameter.default is inspect.Parameter.empty)
        for name, parameter in inspect.signature(source).parameters.items()
        if name != "self"
    }


def check(node: Node, source: type | Callable[..., Any], faults: Faults, *, what: str) -> Node:
    """Check a mapping against a class or call.

    Args:
        node: The mapping.
        source: The dataclass, or the call whose parameters the fields are.
        faults: Takes unknown and missing fields and wrong types.
        what: What the mapping is, for messages.

    Returns:
        The mapping with scalars written as their type asks (a number where text is wanted becomes text).
    """
    if not node.is_mapping:
        faults.add(node.at, f"{what} is {_kind(node)}", expected="a mapping")
        return node
    shape = shape_of(source)
    fields: dict[str, Node] = {}
    for name, item in node.fields.items():
        if name not in shape:
            faults.add(node.position_of(name), f"{what} has no field '{name}'", nearest=nearest(name, shape))
            continue
        fields[name] = _value(item, shape[name].hint, faults, f"{what}.{name}")
    for name, field in shape.items():
        if field.required and name not in node.fields:
            faults.add(node.at, f"{what} needs the field '{name}'")
    return Node(fields, node.at, node.key_at)


def _value(node: Node, hint: Any, faults: Faults, what: str) -> Node:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if node.value is None:
            return node
        return _value(node, next(item for item in arguments if item is not type(None)), faults, what)
    if hint is Any or (isinstance(node.value, str) and has_reference(node.value)):
        return node
    if origin is typing.Literal:
        return _choice(node, [str(item) for item in arguments], faults, what)
    if origin in (list, tuple) or (isinstance(origin, type) and issubclass(origin, list | tuple)):
        return _sequence(node, arguments[0] if arguments else Any, faults, what)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(node, arguments[1] if arguments else Any, faults, what)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _choice(node, [str(item.value) for item in hint], faults, what)
    if dataclasses.is_dataclass(hint):
        return check(node, typing.cast(type, hint), faults, what=what)
    return _scalar(node, hint, faults, what)


def _sequence(node: Node, item_hint: Any, faults: Faults, what: str) -> Node:
    if not node.is_sequence:
        faults.add(node.at, f"{what} is {_kind(node)}", expected="a list")
        return node
    return Node(
        tuple(_value(item, item_hint, faults, f"{what}[{index}]") for index, item in enumerate(node.items)), node.at
    )


def _mapping(node: Node, item_hint: Any, faults: Faults, what: str) -> Node:
    if not node.is_mapping:
        faults.add(node.at, f"{what} is {_kind(node)}", expected="a mapping")
        return node
    return Node(
        {name: _value(item, item_hint, faults, f"{what}.{name}") for name, item in node.fields.items()},
        node.at,
        node.key_at,
    )


def _choice(node: Node, allowed: list[str], faults: Faults, what: str) -> Node:
    if node.value not in allowed:
        shown = ", ".join(allowed[:12]) + (", ..." if len(allowed) > 12 else "")
        faults.add(node.at, f"{what} is {_shown(node)}", expected=shown, nearest=nearest(str(node.value), allowed))
    return node


def _scalar(node: Node, hint: Any, faults: Faults, what: str) -> Node:
    if hint not in (str, int, float, bool):
        return node
    converted = _convert(node.value, hint)
    if converted is None:
        names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
        faults.add(node.at, f"{what} is {_shown(node)}", expected=names[hint])
        return node
    return Node(converted, node.at)


def _convert(value: Any, hint: type) -> str | int | float | bool | None:
    """A scalar as another type where nothing is lost, as the vendor's tool does; None where it cannot be."""
    if isinstance(value, hint) and not (hint is not bool and isinstance(value, bool)):
        return typing.cast("str | int | float | bool", value)
    if hint is str and isinstance(value, bool):
        return "true" if value else "false"
    if hint is str and isinstance(value, int | float):
        return str(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    if hint is bool and value in ("true", "false"):
        return bool(value == "true")
    return None


def _kind(node: Node) -> str:
    return "a mapping" if node.is_mapping else "a list" if node.is_sequence else _shown(node)


def _shown(node: Node) -> str:
    if node.is_mapping or node.is_sequence:
        return _kind(node)
    return (
        "empty" if node.value is None else f"'{node.value}'" if isinstance(node.value, str) else str(node.value).lower()
    )
