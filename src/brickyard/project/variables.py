"""The value of every variable: `--var`, the environment, the overrides' file, the target, then the default."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from brickyard.project.faults import Faults, Position, nearest
from brickyard.project.source import Node, from_plain, read_yaml

__all__ = ["GivenValues", "overrides_file", "variable_values"]

_DEFINITION = ("default", "description", "type", "lookup")


@dataclass(frozen=True, slots=True)
class GivenValues:
    """Values that come from elsewhere than the bundle's files.

    Args:
        options: Values of `--var`.
        environ: The environment; `BUNDLE_VAR_name` sets a variable.
        file: What the target's file of overrides says.
    """

    options: Mapping[str, str]
    environ: Mapping[str, str]
    file: Node


def overrides_file(root: Path, target: str, faults: Faults) -> Node:
    """Read `.databricks/bundle/TARGET/variable-overrides.json`, a developer's own values; empty if it is not there."""
    path = Path(".databricks", "bundle", target, "variable-overrides.json")
    empty = Node({}, Position(path))
    if not (root / path).exists():
        return empty
    # JSON is YAML, and so keeps its positions.
    found = read_yaml(root / path, path, faults)
    if found is not None and not found.is_mapping:
        faults.add(found.at, "the file is not a mapping", expected='{"variable": "value"}')
    return found if found is not None and found.is_mapping else empty


def variable_values(declared: Node, target: Node, given: GivenValues, faults: Faults) -> dict[str, Node]:
    """Find the value of every declared variable.

    Args:
        declared: The `variables` mapping of the project.
        target: The `variables` mapping of the target: values, or new definitions.
        given: Values from elsewhere, which win.
        faults: Takes variables that are unknown or have no value.

    Returns:
        A value for every variable that has one.
    """
    for source in (target, given.file):
        for name in source.fields:
            if name not in declared.fields:
                at, like = source.position_of(name), nearest(name, declared.fields)
                faults.add(at, f"the variable '{name}' is not declared", nearest=like)
    for name in given.options:
        if name not in declared.fields:
            like = nearest(name, declared.fields)
            faults.add(declared.at, f"--var names '{name}', which is not declared", nearest=like)
    values = {}
    for name, definition in declared.fields.items():
        found = _value(name, _overridden(definition, target.get(name)), given, faults)
        if found is None or found.value is None:
            at = declared.position_of(name)
            faults.add(at, f"the variable '{name}' has no value", expected=f"a default, or --var {name}=...")
        else:
            values[name] = found
    return values


def _overridden(definition: Node, override: Node | None) -> Node:
    """The definition as a target changes it: by a value, or by a definition with some of the fields."""
    if override is None or override.value is None:
        return definition
    if override.is_mapping and override.fields and all(field in _DEFINITION for field in override.fields):
        return Node({**definition.fields, **override.fields}, definition.at, {**definition.key_at, **override.key_at})
    kept = {name: item for name, item in definition.fields.items() if name != "lookup"}
    return Node({**kept, "default": override}, definition.at, definition.key_at)


def _value(name: str, definition: Node, given: GivenValues, faults: Faults) -> Node | None:
    if not definition.is_mapping and definition.value is not None:
        faults.add(definition.at, f"the variable '{name}' is a value", expected="a mapping with 'default'")
        return definition
    _check(definition, faults)
    if "lookup" in definition.fields:
        faults.add(definition.position_of("lookup"), "looking up a variable's value is not supported yet")
        return definition
    text = given.options.get(name, given.environ.get(f"BUNDLE_VAR_{name}"))
    if text is not None:
        return _parsed(name, text, definition, faults)
    found = given.file.get(name) or definition.get("default")
    is_complex = definition.text("type") == "complex"
    if found is not None and (found.is_mapping or found.is_sequence) and not is_complex:
        faults.add(
            found.at, f"the variable '{name}' is a mapping or a list", expected="a single value, or 'type: complex'"
        )
    return found


def _check(definition: Node, faults: Faults) -> None:
    for field in definition.fields:
        if field not in _DEFINITION:
            at = definition.position_of(field)
            faults.add(at, f"a variable has no field '{field}'", nearest=nearest(field, _DEFINITION))
    kind = definition.get("type")
    if kind is not None and kind.value not in (None, "complex"):
        faults.add(
            kind.at, f"there is no type '{kind.value}' of variables", expected="complex, or none for a single value"
        )


def _parsed(name: str, text: str, definition: Node, faults: Faults) -> Node:
    if definition.text("type") != "complex":
        return Node(text, definition.at)
    try:
        return from_plain(json.loads(text), definition.at)
    except ValueError as error:
        faults.add(definition.at, f"the value given for '{name}' is not JSON: {error}")
        return definition.get("default") or Node({}, definition.at)
