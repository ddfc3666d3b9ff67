"""Reads `resources`: each is checked against the vendor's types and tied to those it refers to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from brickyard.project.faults import Faults, nearest
from brickyard.project.interpolation import Resolver, references
from brickyard.project.jobs import check_job
from brickyard.project.paths import Paths
from brickyard.project.project import Resource
from brickyard.project.shape import check
from brickyard.project.source import Node
from brickyard.project.types import TYPES, UNSUPPORTED_TYPES, vendor_shapes

__all__ = ["is_known_later", "read_resources", "resource_fields"]

# What every resource may have beside its own fields.
_COMMON = ("lifecycle", "permissions", "grants")
_DEFAULTS: Mapping[str, Mapping[str, str | int]] = {
    "jobs": {"max_concurrent_runs": 1, "edit_mode": "UI_LOCKED", "format": "MULTI_TASK"},
    "volumes": {"volume_type": "MANAGED"},
}


def resource_fields(resources: Node) -> Node:
    """The `resources` mapping as references see it: with the names that are derived from a resource's fields."""
    groups = {}
    for type_name, group in resources.fields.items():
        items = {key: _with_derived(type_name, item) for key, item in group.fields.items()}
        groups[type_name] = Node(items, group.at, group.key_at)
    return Node(groups, resources.at, resources.key_at)


def is_known_later(type_name: str, field: str) -> bool:
    """Whether a field of a resource has a value once it is deployed: its id, and fields that have a default."""
    kind = TYPES.get(type_name)
    return kind is not None and (field == "id" or field.partition("[")[0] in vendor_shapes()[kind.shape])


def _with_derived(type_name: str, item: Node) -> Node:
    """Add `full_name`, by which Unity Catalog knows a schema, volume or model."""
    levels = {
        "schemas": ("catalog_name", "name"),
        "volumes": ("catalog_name", "schema_name", "name"),
        "registered_models": ("catalog_name", "schema_name", "name"),
    }.get(type_name)
    names = [item.text(level) for level in levels or ()]
    if not levels or None in names:
        return item
    full_name = ".".join(name for name in names if name is not None)
    derived = {"full_name": Node(full_name, item.at)}
    if type_name == "volumes":
        derived["volume_path"] = Node("/Volumes/" + full_name.replace(".", "/"), item.at)
    return Node({**derived, **item.fields}, item.at, item.key_at)


def read_resources(
    resources: Node, resolver: Resolver, variables: Mapping[str, Node], paths: Paths, faults: Faults
) -> tuple[Resource, ...]:
    """Read and check every resource.

    Args:
        resources: The `resources` mapping, with presets applied and references not yet filled in.
        resolver: Fills them in.
        variables: The variables' values, which may refer to resources too.
        paths: Translates local paths.
        faults: Takes what is wrong.
    """
    found = []
    for type_name, group in resources.fields.items():
        if not _known_type(type_name, resources, faults):
            continue
        if not group.is_mapping and group.value is not None:
            faults.add(group.at, f"'resources.{type_name}' must be a mapping", expected="{key: {...}, ...}")
        for key, raw in group.fields.items():
            address = f"{type_name}.{key}"
            depends_on = tuple(sorted({*_dependencies(raw, variables, resources)} - {address}))
            node = resolver.resolve(raw)
            if not node.is_mapping:
                faults.add(group.position_of(key), f"'{address}' must be a mapping")
                continue
            prevent_destroy = _common(node, faults)
            config = _checked(type_name, key, node, paths, faults)
            found.append(Resource(type_name, key, config, group.position_of(key), depends_on, prevent_destroy))
    _check_order(found, faults)
    return tuple(found)


def _check_order(found: list[Resource], faults: Faults) -> None:
    try:
        TopologicalSorter({resource.address: resource.depends_on for resource in found}).prepare()
    except CycleError as error:
        ring = error.args[1]
        at = next(resource.at for resource in found if resource.address == ring[0])
        faults.add(at, f"resources refer to each other, and none can be the first: {' -> '.join(ring)}")


def _known_type(type_name: str, resources: Node, faults: Faults) -> bool:
    at = resources.position_of(type_name)
    if type_name in TYPES:
        return True
    if type_name in UNSUPPORTED_TYPES:
        faults.add(at, f"resources of type '{type_name}' are not supported yet", expected=", ".join(TYPES))
    else:
        faults.add(at, f"there is no resource type '{type_name}'", nearest=nearest(type_name, TYPES))
    return False


def _common(node: Node, faults: Faults) -> bool:
    for name in ("permissions", "grants"):
        if name in node.fields:
            faults.add(node.position_of(name), f"'{name}' of a resource is not supported yet")
    lifecycle = node.get("lifecycle")
    if lifecycle is None or lifecycle.value is None:
        return False
    if not lifecycle.is_mapping:
        faults.add(lifecycle.at, "'lifecycle' must be a mapping", expected="{prevent_destroy: true}")
    for name in lifecycle.fields:
        if name != "prevent_destroy":
            faults.add(lifecycle.position_of(name), f"'lifecycle.{name}' is not supported yet")
    prevent = lifecycle.get("prevent_destroy")
    if prevent is not None and prevent.value not in (None, True, False, "true", "false"):
        faults.add(prevent.at, f"prevent_destroy is '{prevent.plain()}'", expected="true or false")
    return prevent is not None and prevent.value in (True, "true")


def _checked(type_name: str, key: str, node: Node, paths: Paths, faults: Faults) -> dict[str, object]:
    own = {name: item for name, item in node.fields.items() if name not in _COMMON}
    for name, value in _DEFAULTS.get(type_name, {}).items():
        own.setdefault(name, Node(value, node.at))
    if type_name == "jobs":
        own.setdefault("queue", Node({"enabled": Node(True, node.at)}, node.at))
    kind = TYPES[type_name]
    checked = check(Node(own, node.at, node.key_at), kind.shape, vendor_shapes(), faults, what=f"{type_name}.{key}")
    for name in kind.needs:
        if name not in own:
            faults.add(node.at, f"{type_name}.{key} needs the field '{name}'")
    if type_name == "jobs":
        checked = check_job(key, checked, paths, faults)
    config: dict[str, object] = checked.plain()
    return config


def _dependencies(
    node: Node, variables: Mapping[str, Node], resources: Node, seen: frozenset[str] = frozenset()
) -> Iterator[str]:
    """The addresses of resources that a tree refers to, also through variables."""
    for _, scalar in node.walk():
        for path in references(scalar.value) if isinstance(scalar.value, str) else ():
            steps = path.split(".")
            if steps[0] == "resources" and len(steps) > 2 and resources.get(steps[1], steps[2]) is not None:
                yield f"{steps[1]}.{steps[2]}"
            elif steps[0] == "var" and len(steps) > 1 and path not in seen:
                value = variables.get(steps[1].partition("[")[0])
                if value is not None:
                    yield from _dependencies(value, variables, resources, seen | {path})
