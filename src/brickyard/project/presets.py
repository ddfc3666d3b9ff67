"""What a target's `mode` and `presets` do to its resources: name prefixes, tags, paused schedules."""

from __future__ import annotations

import re

from brickyard.project.faults import Faults, nearest
from brickyard.project.source import Node, from_plain

__all__ = ["apply_presets"]

_SHORT_NAME = "${workspace.current_user.short_name}"
_SUPPORTED = ("name_prefix", "tags", "trigger_pause_status", "jobs_max_concurrent_runs")
_UNSUPPORTED = ("pipelines_development", "source_linked_deployment", "artifacts_dynamic_version")
_SCHEDULES = ("schedule", "trigger", "continuous")
# Names in Unity Catalog and of endpoints take letters, digits and underscores only.
_PLAIN_NAMES = ("schemas", "registered_models", "catalogs", "model_serving_endpoints")


def apply_presets(resources: Node, mode: str | None, presets: Node, faults: Faults) -> Node:
    """Apply presets to resources; a job without a name takes its key.

    Args:
        resources: The `resources` mapping, before references are filled in.
        mode: The target's mode; `development` has presets of its own.
        presets: The target's presets; they win over those of the mode.
        faults: Takes presets that are unknown or not supported.
    """
    for name in presets.fields:
        if name in _UNSUPPORTED:
            faults.add(presets.position_of(name), f"the preset '{name}' is not supported yet")
        elif name not in _SUPPORTED:
            faults.add(presets.position_of(name), f"there is no preset '{name}'", nearest=nearest(name, _SUPPORTED))
    resources = _with_names(resources)
    settings = {**(_development(presets) if mode == "development" else {}), **presets.fields}
    if not settings:
        return resources
    return Node(
        {
            type_name: Node(
                {key: _apply(type_name, item, settings) for key, item in group.fields.items()}, group.at, group.key_at
            )
            for type_name, group in resources.fields.items()
        },
        resources.at,
        resources.key_at,
    )


def _with_names(resources: Node) -> Node:
    jobs = resources.get("jobs")
    if jobs is None:
        return resources
    named = {
        key: job.with_fields(name=Node(key, job.at)) if job.is_mapping and "name" not in job.fields else job
        for key, job in jobs.fields.items()
    }
    return resources.with_fields(jobs=Node(named, jobs.at, jobs.key_at))


def _development(presets: Node) -> dict[str, Node]:
    return from_plain(
        {
            "name_prefix": f"[dev {_SHORT_NAME}] ",
            "tags": {"dev": _SHORT_NAME},
            "trigger_pause_status": "PAUSED",
            "jobs_max_concurrent_runs": 4,
        },
        presets.at,
    ).fields


def _apply(type_name: str, resource: Node, settings: dict[str, Node]) -> Node:
    if not resource.is_mapping:
        return resource
    prefix = settings.get("name_prefix")
    name = resource.text("name")
    if prefix is not None and isinstance(prefix.value, str) and name is not None:
        resource = resource.with_fields(name=Node(_prefixed(type_name, prefix.value, name), resource.fields["name"].at))
    if type_name == "jobs":
        resource = _job(resource, settings)
    return resource


def _prefixed(type_name: str, prefix: str, name: str) -> str:
    if type_name in _PLAIN_NAMES:
        return _plain_name(prefix) + name
    if type_name == "experiments":
        directory, _, last = name.rpartition("/")
        return f"{directory}/{prefix}{last}" if directory else prefix + last
    return prefix + name if type_name == "jobs" else name


def _plain_name(prefix: str) -> str:
    parts = re.split(r"(\$\{[^}]*\})", prefix)
    plain = "".join(part if part.startswith("${") else re.sub(r"[^A-Za-z0-9]+", "_", part) for part in parts)
    return plain.strip("_") + "_" if plain.strip("_") else ""


def _job(job: Node, settings: dict[str, Node]) -> Node:
    if "tags" in settings and settings["tags"].is_mapping:
        tags = {**settings["tags"].fields, **(job.fields["tags"].fields if "tags" in job.fields else {})}
        job = job.with_fields(tags=Node(tags, job.at))
    if "jobs_max_concurrent_runs" in settings and "max_concurrent_runs" not in job.fields:
        job = job.with_fields(max_concurrent_runs=settings["jobs_max_concurrent_runs"])
    status = settings.get("trigger_pause_status")
    for name in _SCHEDULES if status is not None else ():
        schedule = job.fields.get(name)
        if schedule is not None and status is not None and "pause_status" not in schedule.fields:
            job = job.with_fields(**{name: schedule.with_fields(pause_status=status)})
    return job
