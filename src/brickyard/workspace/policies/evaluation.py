"""One cluster under one policy: what the policy adds to it, and where it does not keep to the policy."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.policies.attributes import (
    ANY,
    VIRTUAL,
    Attribute,
    from_policy_form,
    places,
    put,
    to_policy_form,
    value_at,
)
from brickyard.workspace.policies.rules import Rule, as_text

__all__ = ["Change", "Evaluation", "Facts", "changes", "enforce_rules", "evaluate", "refuse"]

Json = dict[str, Any]
_VERSION = ("spark_version",)
_AUTO = "auto:"


@dataclass(frozen=True)
class Facts:
    """What a cluster does not say itself.

    Attributes:
        cluster_type: `all-purpose`, `job` or `dlt`.
        dbus_per_hour: What a cluster costs at its largest; nothing where that is not known.
        version: The Spark version that a value such as `auto:latest-lts` stands for.
    """

    cluster_type: str
    dbus_per_hour: Callable[[Json], float | None] = lambda cluster: None
    version: Callable[[str], str] = lambda name: name


@dataclass(frozen=True)
class Evaluation:
    """A cluster under a policy.

    Attributes:
        cluster: The cluster with what the policy adds.
        violations: What is wrong, by the path of the attribute.
    """

    cluster: Json
    violations: Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """What enforcing a policy changed: values as text, empty where there is none."""

    field: str
    previous: str
    new: str


def evaluate(rules: Iterable[Rule], cluster: Mapping[str, Any], facts: Facts, *, defaults: bool = False) -> Evaluation:
    """Add the fixed values of a policy, and its default values where they are asked for; then check every rule.

    Args:
        rules: The policy's.
        cluster: The vendor's `ClusterSpec` as JSON; it is left as it is.
        facts: What it does not say itself.
        defaults: Whether default values are to be added (`apply_policy_default_values`).
    """
    wanted = [_with_versions(rule, facts) for rule in rules]
    form = to_policy_form(copy.deepcopy(dict(cluster)))
    for rule in wanted:
        if not _is_single(rule) or value_at(form, rule.attribute.parts) is not None:
            continue
        if rule.type == "fixed" and not rule.optional:
            put(form, rule.attribute, rule.values[0])
        elif defaults and rule.default is not None:
            put(form, rule.attribute, rule.default)
    made = from_policy_form(form)
    return Evaluation(made, dict(_violations(wanted, form, made, facts)))


def enforce_rules(rules: Iterable[Rule], cluster: Mapping[str, Any], facts: Facts) -> Evaluation:
    """Change what does not keep to a policy: fixed and default values are taken, what is forbidden goes.

    What is left in `violations` cannot be put right by rule, such as a value that matches no pattern.
    """
    rules = tuple(rules)
    form = to_policy_form(copy.deepcopy(dict(cluster)))
    for rule in (_with_versions(one, facts) for one in rules):
        if rule.attribute.path in VIRTUAL:
            continue
        for place in list(_places(rule, rules, form)):
            if rule.fault(value_at(form, place)) is None:
                continue
            if rule.type == "forbidden":
                put(form, rule.attribute.at(place), None)
            elif rule.type == "fixed":
                put(form, rule.attribute.at(place), rule.values[0])
            elif rule.default is not None:
                put(form, rule.attribute.at(place), rule.default)
    return evaluate(rules, from_policy_form(_pruned(form)), facts)


def _pruned(value: Any) -> Any:
    """Without the objects and list elements in which nothing is left."""
    if isinstance(value, list):
        return [one for one in map(_pruned, value) if one not in ({}, [], None)]
    if isinstance(value, dict):
        kept = {name: _pruned(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in ({}, [])}
    return value


def refuse(violations: Mapping[str, str]) -> None:
    """Refuse a cluster that does not keep to its policy, in the vendor's words.

    Raises:
        InvalidParameterValue: There are violations.
    """
    if violations:
        raise InvalidParameterValue("Cluster validation error: " + "; ".join(violations.values()))


def _violations(rules: list[Rule], form: Json, made: Json, facts: Facts) -> Iterator[tuple[str, str]]:
    for rule in rules:
        for place in _places(rule, rules, form):
            value = value_at(form, place)
            if rule.attribute.path == "cluster_type":
                value = facts.cluster_type
            elif rule.attribute.path == "dbus_per_hour":
                value = facts.dbus_per_hour(made)
            wrong = rule.fault(value)
            if wrong:
                named: Attribute = rule.attribute.at(place)
                yield named.path, f"Validation failed for {named.where} {wrong}"


def _places(rule: Rule, rules: Iterable[Rule], form: Json) -> Iterator[tuple[str, ...]]:
    """Where a rule holds; of elements that have a rule of their own, that one holds."""
    parts = rule.attribute.parts
    if ANY not in parts:
        yield parts
        return
    own = {one.attribute.parts for one in rules}
    for place in places(form, parts):
        if place not in own:
            yield place


def _is_single(rule: Rule) -> bool:
    return ANY not in rule.attribute.parts and rule.attribute.path not in VIRTUAL


def _with_versions(rule: Rule, facts: Facts) -> Rule:
    """A rule with the Spark versions that names such as `auto:latest-lts` stand for today."""
    if rule.attribute.parts != _VERSION:
        return rule

    def named(value: Any) -> Any:
        return facts.version(value) if isinstance(value, str) and value.startswith(_AUTO) else value

    return replace(rule, values=tuple(named(one) for one in rule.values), default=named(rule.default))


def changes(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[Change]:
    """What differs between two clusters, attribute by attribute."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        where = f"{path}.{name}" if path else name
        if old == new:
            continue
        if isinstance(old, list) or isinstance(new, list):
            old = {str(place): one for place, one in enumerate(old or [])}
            new = {str(place): one for place, one in enumerate(new or [])}
        if isinstance(old, Mapping) or isinstance(new, Mapping):
            yield from changes(_mapping(old), _mapping(new), where)
        else:
            yield Change(where, "" if old is None else as_text(old), "" if new is None else as_text(new))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
