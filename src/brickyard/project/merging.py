"""How a target's overrides and included files are laid over the base."""

from __future__ import annotations

from brickyard.project.source import Node

__all__ = ["KEYS", "merge"]

# Lists whose members have a name: an override with the same name changes that member.
KEYS = {
    "tasks": "task_key",
    "job_clusters": "job_cluster_key",
    "environments": "environment_key",
    "parameters": "name",
    "served_entities": "name",
    "routes": "served_model_name",
}


def merge(base: Node, override: Node, name: str = "") -> Node:
    """Lay `override` over `base`.

    Mappings are merged name by name, lists with named members (tasks, job clusters, environments, ...) member by
    member, other lists are joined, and anything else is replaced. What is left empty overrides nothing.
    """
    if override.value is None:
        return base
    if base.is_mapping and override.is_mapping:
        fields = dict(base.fields)
        for key, item in override.fields.items():
            fields[key] = merge(fields[key], item, key) if key in fields else item
        return Node(fields, base.at, {**override.key_at, **base.key_at})
    if base.is_sequence and override.is_sequence:
        return Node(_join(base.items, override.items, KEYS.get(name)), base.at)
    return override


def _join(base: tuple[Node, ...], override: tuple[Node, ...], key: str | None) -> tuple[Node, ...]:
    joined = list(base)
    places = {item.text(key): place for place, item in enumerate(base) if key and item.text(key)}
    for item in override:
        place = places.get(item.text(key)) if key and item.text(key) else None
        if place is None:
            joined.append(item)
        else:
            joined[place] = merge(joined[place], item)
    return tuple(joined)
