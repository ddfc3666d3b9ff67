"""The value of every variable: `--var`, then the environment, then the target, then the default."""

from __future__ import annotations

import json
from collections.abc import Mapping

from brickyard.project.faults import Faults, nearest
from brickyard.project.source import Node, from_plain

__all__ = ["variable_values"]

_DEFINITION = ("default", "description", "type", "lookup")


def variable_values(
    declared: Node, target: Node, given: Mapping[str, str], environ: Mapping[str, str], faults: Faults
) -> dict[str, Node]:
    """Find the value of every declared variable.

    Args:
        declared: The `variables` mapping of the project.
        target: The `variables` mapping of the target: values, or new defaults.
        given: Values of `--var`.
        environ: The environment; `BUNDLE_VAR_name` sets a variable.
        faults: Takes variables that are unknown or have no value.

    Returns:
        A value for every variable that has one.
    """
    for name in target.fields:
        if name not in declared.fields:
            at, like = target.position_of(name), nearest(name, declared.fields)
            faults.add(at, f"the variable '{name}' is not declared", nearest=like)
    for name in given:
        if name not in declared.fields:
            like = nearest(name, declared.fields)
            faults.add(declared.at, f"--var names '{name}', which is not declared", nearest=like)
    values = {}
    for name, definition in declared.fields.items():
        found = _value(name, definition, target.get(name), given, environ, faults)
        if found is None:
            at = declared.position_of(name)
            faults.add(at, f"the variable '{name}' has no value", expected=f"a default, or --var {name}=...")
        else:
            values[name] = found
    return values


def _value(
    name: str,
    definition: Node,
    override: Node | None,
    given: Mapping[str, str],
    environ: Mapping[str, str],
    faults: Faults,
) -> Node | None:
    if not definition.is_mapping and definition.value is not None:
        faults.add(definition.at, f"the variable '{name}' is a value", expected="a mapping with 'default'")
        return definition
    for field in definition.fields:
        if field not in _DEFINITION:
            at = definition.position_of(field)
            faults.add(at, f"a variable has no field '{field}'", nearest=nearest(field, _DEFINITION))
    if "lookup" in definition.fields:
        faults.add(definition.position_of("lookup"), "looking up a variable's value is not supported yet")
        return definition
    text = given.get(name, environ.get(f"BUNDLE_VAR_{name}"))
    if text is not None:
        return _parsed(name, text, definition, faults)
    if override is not None:
        is_definition = override.is_mapping and any(field in _DEFINITION for field in override.fields)
        return override.get("default") if is_definition else override
    return definition.get("default")


def _parsed(name: str, text: str, definition: Node, faults: Faults) -> Node:
    if definition.text("type") != "complex":
        return Node(text, definition.at)
    try:
        return from_plain(json.loads(text), definition.at)
    except ValueError as error:
        faults.add(definition.at, f"the value given for '{name}' is not JSON: {error}")
        return Node(None, definition.at)
