"""Reads `brickyard.yml` into environments and model policies."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brickyard.project.faults import Faults, nearest
from brickyard.project.interpolation import Resolver
from brickyard.project.policy import Bar, ChampionRule, Environment, Gate, ModelPolicy, RolloutPolicy, ScoringPolicy
from brickyard.project.shape import check, derive, name_of
from brickyard.project.source import Node, read_yaml

__all__ = ["FILE", "Policies", "read_policies"]

FILE = Path("brickyard.yml")

_ROOT_KEYS = ("environments", "models")


@dataclass(frozen=True, slots=True)
class Policies:
    """What `brickyard.yml` says."""

    environments: tuple[Environment, ...] = ()
    models: Mapping[str, ModelPolicy] = dataclasses.field(default_factory=dict)


def read_policies(root: Path, targets: tuple[str, ...], resolver: Resolver, faults: Faults) -> Policies:
    """Read the policies of a project; a project without `brickyard.yml` has none.

    Args:
        root: The project's directory.
        targets: The targets that environments may name.
        resolver: Fills in references with the chosen target's values.
        faults: Takes what is wrong.
    """
    if not (root / FILE).exists():
        return Policies()
    tree = read_yaml(root / FILE, FILE, faults)
    if tree is None:
        return Policies()
    if not tree.is_mapping:
        faults.add(tree.at, f"{FILE} is not a mapping", expected=", ".join(_ROOT_KEYS))
        return Policies()
    for name in tree.fields:
        if name not in _ROOT_KEYS:
            at, like = tree.position_of(name), nearest(name, _ROOT_KEYS)
            faults.add(at, f"{FILE} has no field '{name}'", expected=", ".join(_ROOT_KEYS), nearest=like)
        elif not tree.fields[name].is_mapping and tree.fields[name].value is not None:
            faults.add(tree.fields[name].at, f"'{name}' must be a mapping of names")
    tree = resolver.resolve(tree)
    environments = _environments(tree.get("environments"), targets, faults)
    return Policies(environments, _models(tree.get("models"), faults))


def _environments(node: Node | None, targets: tuple[str, ...], faults: Faults) -> tuple[Environment, ...]:
    found: list[Environment] = []
    names = list(node.fields) if node else []
    for name, item in node.fields.items() if node else ():
        values = _checked(item, Environment, ("name",), faults, f"the environment '{name}'")
        target = values.get("target")
        if isinstance(target, str) and target not in targets:
            at, like = item.fields["target"].at, nearest(str(target), targets)
            faults.add(at, f"there is no target '{target}'", expected=f"one of {', '.join(targets)}", nearest=like)
        source = values.get("promote_from")
        if isinstance(source, str) and source not in names[: names.index(name)]:
            expected = "an environment that is written above it"
            faults.add(item.fields["promote_from"].at, f"'{name}' is promoted from '{source}'", expected=expected)
        approvals = values.get("approvals")
        if isinstance(approvals, int) and approvals < 0:
            faults.add(item.fields["approvals"].at, "approvals is negative", expected="zero or more")
        if isinstance(target, str):
            found.append(Environment(name=name, **values))
    return tuple(found)


def _models(node: Node | None, faults: Faults) -> dict[str, ModelPolicy]:
    found = {}
    for key, item in node.fields.items() if node else ():
        before = len(faults.found)
        values = _checked(item, ModelPolicy, ("key",), faults, f"the model '{key}'")
        gate = _gate(item.get("gate"), f"the gate of '{key}'", faults)
        scoring = _scoring(item.get("scoring"), f"the scoring of '{key}'", faults)
        rollout = _rollout(item.get("rollout"), f"the rollout of '{key}'", faults)
        _three_levels(item, faults)
        if rollout is not None and not values.get("endpoint"):
            faults.add(item.fields["rollout"].at, f"'{key}' has a rollout, but no endpoint", expected="'endpoint'")
        if gate is not None and len(faults.found) == before:
            found[key] = ModelPolicy(**{**values, "key": key, "gate": gate, "scoring": scoring, "rollout": rollout})
    return found


def _scoring(node: Node | None, what: str, faults: Faults) -> ScoringPolicy | None:
    scoring: ScoringPolicy | None = _part(node, ScoringPolicy, what)
    if node is None or scoring is None:
        return None
    if (scoring.input is None) == (scoring.query is None):
        faults.add(node.at, f"{what} has {'both' if scoring.input else 'neither'}", expected="'input' or 'query'")
    if scoring.warehouse is not None and scoring.query is None:
        faults.add(node.fields["warehouse"].at, f"{what} has a warehouse, but no query for it", expected="'query'")
    if not scoring.keys and scoring.mode in ("merge", "incremental"):
        at = node.fields["mode"].at if "mode" in node.fields else node.at
        faults.add(
            at,
            f"{what} names no keys, by which the mode '{scoring.mode}' finds rows",
            expected="'keys', the columns that identify a row; or the mode append or overwrite",
        )
    if "*" in scoring.columns and len(scoring.columns) > 1:
        faults.add(node.fields["columns"].at, f"{what} has '*' and more columns", expected="'*' alone, or names")
    return scoring


def _rollout(node: Node | None, what: str, faults: Faults) -> RolloutPolicy | None:
    rollout: RolloutPolicy | None = _part(node, RolloutPolicy, what)
    if node is None or rollout is None:
        return None
    steps = list(rollout.steps)
    if steps != sorted(set(steps)) or any(not 1 <= step <= 100 for step in steps):
        faults.add(
            node.fields["steps"].at, f"{what} has the steps {steps}", expected="rising percentages from 1 to 100"
        )
    if steps[:1] == [100] and rollout.compares and not rollout.shadow:
        faults.add(
            node.fields["steps"].at,
            f"{what} compares with the live version, which the first step leaves no requests",
            expected="a first step below 100, or 'shadow'",
        )
    if not steps and not rollout.shadow:
        faults.add(node.at, f"{what} has no steps", expected="'steps', 'shadow', or both")
    if rollout.min_requests < 1:
        faults.add(
            node.fields["min_requests"].at, f"{what} judges without requests", expected="min_requests of 1 or more"
        )
    rules = ("max_error_rate", "max_latency_ms", "max_latency_ratio", "max_drift")
    for name in ("step_minutes", "max_minutes", *rules):
        if (getattr(rollout, name) or 0) < 0:
            faults.add(node.fields[name].at, f"{what}: {name} is negative", expected="zero or more")
    if all(getattr(rollout, name) is None for name in rules):
        faults.add(node.at, f"{what} asks for nothing", expected=f"one of {', '.join(rules)}")
    return rollout


def _gate(node: Node | None, what: str, faults: Faults) -> Gate | None:
    if node is None or not node.is_mapping:
        return None
    # What is wrong with its fields was noted with the model's.
    values = _checked(node, Gate, (), Faults(), what)
    bars = {
        metric: bar
        for metric, item in (node.fields["bars"].fields if "bars" in node.fields else {}).items()
        if (bar := _bar(metric, item, faults)) is not None
    }
    champion = _part(node.get("champion"), ChampionRule, f"{what}: champion")
    written = node.get("bars")
    if "champion" not in node.fields and (written is None or written.plain() in (None, {})):
        faults.add(node.at, f"{what} asks for nothing", expected="'bars', 'champion', or both")
    if "data" not in values or "label" not in values:
        return None
    return Gate(**{**values, "keys": tuple(values.get("keys") or ()), "bars": bars, "champion": champion})


def _bar(metric: str, node: Node, faults: Faults) -> Bar | None:
    bar: Bar | None = _part(node, Bar, f"the bar of '{metric}'")
    if bar is not None and bar.min is None and bar.max is None:
        faults.add(node.at, f"the bar of '{metric}' has no limit", expected="'min', 'max', or both")
    return bar


def _three_levels(item: Node, faults: Faults) -> None:
    for path in (("name",), ("gate", "data"), ("scoring", "input"), ("scoring", "output")):
        node = item.get(*path)
        if node is not None and isinstance(node.value, str) and "${" not in node.value and node.value.count(".") != 2:
            faults.add(node.at, f"'{node.value}' is not a full name", expected="catalog.schema.name")


def _part(node: Node | None, type_: type[Any], what: str) -> Any:
    """A flat dataclass from a mapping, or None where it is missing or wrong, which was noted with the model."""
    if node is None or node.value is None:
        return None
    faults = Faults()
    values = _checked(node, type_, (), faults, what)
    if faults.found:
        return None
    return type_(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def _checked(node: Node, type_: type[Any], implied: tuple[str, ...], faults: Faults, what: str) -> dict[str, Any]:
    """The plain fields of a mapping, checked against a dataclass whose `implied` fields are not written."""
    for name in implied:
        if node.is_mapping:
            node = node if name in node.fields else node.with_fields(**{name: Node("", node.at)})
    checked = check(node, name_of(type_), derive(type_), faults, what=what)
    values = checked.plain() if checked.is_mapping else {}
    return {name: value for name, value in values.items() if name not in implied and value is not None}
