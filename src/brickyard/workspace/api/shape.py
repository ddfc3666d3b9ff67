"""The types of JSON bodies, checked against the dataclasses that describe them: the SDK's, or a family's own."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any

from brickyard.workspace.api.errors import InvalidParameterValue

__all__ = ["MAX_INTEGER", "check_shape"]

#: The largest whole number: those of the vendor have 64 bits.
MAX_INTEGER = 2**63 - 1

#: Lists whose numbers become text.
_TEXTS = ("parameters", "python_params")
_WORDS = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}

_LONGEST_NUMBER = 20  # characters of the longest of 64 bits


def check_shape(kind: type, value: Any, path: str = "") -> None:
    """Refuse JSON whose types are not those of a dataclass; unknown fields are left to the caller.

    Numbers may come as text, as older clients send them; parameters and tags may be numbers, which become text.

    Raises:
        InvalidParameterValue: Names the first field with a wrong type, or that is required and missing.
    """
    if not isinstance(value, Mapping):
        raise InvalidParameterValue(f"{path or 'the body'} must be an object, not {_shown(value)}")
    for field in fields(kind):
        where = f"{path}.{field.name}" if path else field.name
        if value.get(field.name) is not None:
            _check(_hints(kind)[field.name], value[field.name], where)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise InvalidParameterValue(f"{where} is required")


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _check(hint: Any, value: Any, path: str, *, inside: bool = False) -> None:
    hint = _without_none(hint)
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        if not isinstance(value, list):
            raise InvalidParameterValue(f"{path} must be a list, not {_shown(value)}")
        for place, one in enumerate(value):
            _check(parts[0], one, f"{path}[{place}]", inside=path.rpartition(".")[2] in _TEXTS)
    elif origin is dict:
        if not isinstance(value, Mapping):
            raise InvalidParameterValue(f"{path} must be an object, not {_shown(value)}")
        for name, one in value.items():
            _check(parts[1], one, f"{path}.{name}", inside=True)
    elif isinstance(hint, type) and is_dataclass(hint):
        check_shape(hint, value, path)
    elif isinstance(hint, type) and not _is(str if issubclass(hint, Enum) else hint, value, inside=inside):
        raise InvalidParameterValue(f"{path} must be {_WORDS.get(hint, 'a string')}, not {_shown(value)}")


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        kinds = [one for one in typing.get_args(hint) if one is not type(None)]
        return kinds[0] if len(kinds) == 1 else Any
    return hint


def _is(kind: type, value: Any, *, inside: bool) -> bool:
    if kind is str:
        return isinstance(value, str) or (inside and isinstance(value, bool | int | float))
    if kind in (int, float):
        numbers = (int,) if kind is int else (int, float)
        is_text = isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) <= _LONGEST_NUMBER
        return is_text or (isinstance(value, numbers) and not isinstance(value, bool))
    return isinstance(value, kind) if kind is bool else True


def _shown(value: Any) -> str:
    """A value in a message, not longer than a line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
