"""What a policy definition says: a rule for each attribute, and whether a value keeps to it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.policies.attributes import ANY, Attribute, attribute

__all__ = ["Rule", "as_text", "definition_of", "rules_of"]

# What each type of rule has besides the type: what it must have, and what it may have.
_MAY = frozenset({"hidden", "isOptional"})
_LIMITS = _MAY | {"defaultValue"}
_TYPES: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "fixed": (frozenset({"value"}), _MAY),
    "forbidden": (frozenset(), _MAY),
    "allowlist": (frozenset({"values"}), _LIMITS),
    "blocklist": (frozenset({"values"}), _LIMITS),
    "regex": (frozenset({"pattern"}), _LIMITS),
    "range": (frozenset(), _LIMITS | {"minValue", "maxValue"}),
    "unlimited": (frozenset(), _LIMITS),
}


@dataclass(frozen=True)
class Rule:
    """What one attribute may be.

    Attributes:
        attribute: Which attribute.
        type: `fixed`, `forbidden`, `allowlist`, `blocklist`, `regex`, `range` or `unlimited`.
        values: The fixed value, or those that are allowed or not allowed.
        pattern: What the whole value matches.
        least: The smallest number.
        most: The largest number.
        default: What is taken where a cluster that wants defaults says nothing.
        optional: Whether a cluster may leave it out.
    """

    attribute: Attribute
    type: str
    values: tuple[Any, ...] = ()
    pattern: str = ""
    least: float | None = None
    most: float | None = None
    default: Any = None
    optional: bool = False

    @property
    def required(self) -> bool:
        """Whether a cluster must have the attribute."""
        return not self.optional and self.type != "forbidden"

    def fault(self, value: Any) -> str | None:
        """What is wrong with a value, or with there being none; nothing where it is as it must be."""
        if value is None:
            return "must be present" if self.required else None
        shown = f'(is "{as_text(value)}")'
        listed = ", ".join(as_text(one) for one in self.values)
        known = any(_same(one, value) for one in self.values)
        match self.type:
            case "forbidden":
                return "cannot be present"
            case "fixed" if not known:
                return f"must be {listed} {shown}"
            case "allowlist" if not known:
                return f"must be one of {listed} {shown}"
            case "blocklist" if known:
                return f"cannot be one of {listed} {shown}"
            case "regex" if re.fullmatch(self.pattern, as_text(value)) is None:
                return f"must match the pattern {self.pattern} {shown}"
            case "range":
                return self._outside(value, shown)
        return None

    def _outside(self, value: Any, shown: str) -> str | None:
        number = _number(value)
        if number is None:
            return f"must be a number {shown}"
        if self.least is not None and number < self.least:
            return f"must be at least {as_text(self.least)} {shown}"
        if self.most is not None and number > self.most:
            return f"must be at most {as_text(self.most)} {shown}"
        return None


def as_text(value: Any) -> str:
    """A value as JSON has it, without quotes."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _same(one: Any, other: Any) -> bool:
    """Whether two values mean the same; policies may have numbers and booleans as text."""
    return as_text(one) == as_text(other)


def definition_of(text: Any, field: str = "definition") -> dict[str, Any]:
    """A definition as an object, checked.

    Raises:
        InvalidParameterValue: It is no JSON object, or a rule in it is none; names the path.
    """
    if not isinstance(text, str):
        raise InvalidParameterValue(f"{field} must be a string with a JSON document, not {text!r:.80}")
    try:
        found = json.loads(text or "{}", object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InvalidParameterValue(f"Cluster policy is invalid as its {field} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidParameterValue(f"Cluster policy is invalid as its {field} is not a JSON object")
    rules_of(found)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"there is more than one {twice!r}, and there can only be one limitation per attribute")
    return found


def rules_of(definition: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The rules of a definition, in its order.

    Raises:
        InvalidParameterValue: A path is no attribute of clusters, or a rule does not fit it.
    """
    return tuple(_rule(path, given) for path, given in definition.items())


def _rule(path: str, given: Any) -> Rule:
    found = attribute(path)
    if found is None:
        raise InvalidParameterValue(f"Cluster policy is invalid as unsupported path {path} was provided")
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(kind, str) or kind not in _TYPES:
        raise _invalid(path, f"its type is not one of {', '.join(_TYPES)}")
    must, may = _TYPES[kind]
    for name in must - given.keys():
        raise _invalid(path, f"{name} is required for the type {kind}")
    for name in given.keys() - must - may - {"type"}:
        raise _invalid(path, f"{name!r:.80} is not part of the type {kind}")
    for name in _MAY & given.keys():
        if not isinstance(given[name], bool):
            raise _invalid(path, f"{name} must be true or false")
    return _made(found, kind, given)


def _made(found: Attribute, kind: str, given: Mapping[str, Any]) -> Rule:
    values = given["values"] if "values" in given else [given["value"]] if "value" in given else []
    if not isinstance(values, list) or ("values" in given and not values):
        raise _invalid(found.path, "values must be a list with at least one value")
    least, most = given.get("minValue"), given.get("maxValue")
    if kind == "range":
        _check_range(found, least, most)
    rule = Rule(
        found,
        kind,
        tuple(_typed(found, one) for one in values),
        _pattern(found, given.get("pattern", "")),
        least,
        most,
        _typed(found, given["defaultValue"]) if given.get("defaultValue") is not None else None,
        bool(given.get("isOptional")),
    )
    # The vendor's documentation of policies has an allowlist with a default that is none of its values.
    is_free = rule.default is None or str(rule.default).startswith("auto:") or kind == "allowlist"
    if not is_free and (wrong := rule.fault(rule.default)):
        raise _invalid(found.path, f"its defaultValue {wrong}")
    if rule.default is not None and ANY in found.parts:
        raise _invalid(found.path, f"there is no defaultValue for what {ANY} stands for")
    return rule


def _check_range(found: Attribute, *bounds: Any) -> None:
    if found.kind not in (int, float) and not found.in_map:
        raise _invalid(found.path, "a range is for numbers only")
    numbers = [one for one in bounds if one is not None]
    if not numbers or any(_number(one) is None or isinstance(one, str) for one in numbers):
        raise _invalid(found.path, "a range has a number as minValue, maxValue or both")
    if len(numbers) == 2 and numbers[0] > numbers[1]:
        raise _invalid(found.path, "its minValue is greater than its maxValue")


def _pattern(found: Attribute, pattern: Any) -> str:
    if not isinstance(pattern, str):
        raise _invalid(found.path, "pattern must be a string")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise _invalid(found.path, f"its pattern is not a regular expression: {error}") from error
    return pattern


def _typed(found: Attribute, value: Any) -> Any:
    """A value as the attribute has it; numbers and booleans may be given as text."""
    if isinstance(value, list | dict) or value is None:
        raise _invalid(found.path, f"{json.dumps(value)[:80]} is not a single value")
    if found.kind is str:
        return as_text(value)
    if found.kind is bool:
        if as_text(value) not in ("true", "false"):
            raise _invalid(found.path, f"{value!r:.80} is neither true nor false")
        return as_text(value) == "true"
    number = _number(value)
    if number is None or (found.kind is int and not number.is_integer()):
        raise _invalid(found.path, f"{value!r:.80} is not a {'whole ' if found.kind is int else ''}number")
    return int(number) if number.is_integer() else number


def _invalid(path: str, why: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"Cluster policy is invalid as the rule for {path} is none: {why}")
