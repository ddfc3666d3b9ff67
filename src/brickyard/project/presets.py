"""What a target's `mode` and `presets` do to its resources: name prefixes, tags, paused schedules."""

from __future__ import annotations

import re

from brickyard.project.faults import Faults, nearest
from brickyard.project.interpolation import as_text
from brickyard.project.merging import merge
from brickyard.project.settings import user_fields
from brickyard.project.source import Node, from_plain

__all__ = ["apply_presets", "check_prefix"]

_SHORT_NAME = "${workspace.current_user.short_name}"
_SUPPORTED = ("name_prefix", "tags", "trigger_pause_status", "jobs_max_concurrent_runs")
_UNSUPPORTED = ("pipelines_development", "source_linked_deployment", "artifacts_dynamic_version")
_SCHEDULES = ("schedule", "trigger", "continuous")
_PAUSE_STATUSES = ("PAUSED", "UNPAUSED")
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
    _check(presets, mode, faults)
    resources = _with_names(resources)
    settings = _settings(mode, presets)
    if not settings:
        return resources
    groups = {
        type_name: group.with_fields(**{key: _apply(type_name, item, settings) for key, item in group.fields.items()})
        for type_name, group in resources.fields.items()
        if group.is_mapping
    }
    return resources.with_fields(**groups)


def _check(presets: Node, mode: str | None, faults: Faults) -> None:
    for name in presets.fields:
        if name in _UNSUPPORTED:
            faults.add(presets.position_of(name), f"the preset '{name}' is not supported yet")
        elif name not in _SUPPORTED:
            faults.add(presets.position_of(name), f"there is no preset '{name}'", nearest=nearest(name, _SUPPORTED))
    status, tags, prefix = (presets.get(name) for name in ("trigger_pause_status", "tags", "name_prefix"))
    if status is not None and status.value not in (None, *_PAUSE_STATUSES):
        faults.add(status.at, f"trigger_pause_status is '{status.value}'", expected=" or ".join(_PAUSE_STATUSES))
    if status is not None and status.value == "UNPAUSED" and mode == "development":
        faults.add(status.at, "development pauses what runs by itself", expected="pause_status: UNPAUSED of a job")
    if tags is not None and tags.value is not None and not tags.is_mapping:
        faults.add(tags.at, "the preset 'tags' must be a mapping")
    if prefix is not None and not isinstance(prefix.value, str | None):
        faults.add(prefix.at, "the preset 'name_prefix' must be text")


def check_prefix(mode: str | None, prefix: Node | None, user: str | None, faults: Faults) -> None:
    """Check that names in development are one user's own.

    Args:
        mode: The target's mode.
        prefix: The preset `name_prefix`, with references filled in.
        user: The signed-in user, if that is known.
        faults: Takes a prefix that all users would share.
    """
    text = prefix.value if prefix is not None else None
    if mode != "development" or prefix is None or not isinstance(text, str) or "${workspace.current_user." in text:
        return
    if user is None or not any(name in text for name in user_fields(user).values()):
        what = f"the prefix '{text}' is the same for all users, in 'mode: development'"
        faults.add(prefix.at, what, expected="${workspace.current_user.short_name} in it")


def _settings(mode: str | None, presets: Node) -> dict[str, Node]:
    """The presets of the mode, with those of the target over them."""
    settings = _development(presets) if mode == "development" else {}
    for name, item in presets.fields.items():
        settings[name] = merge(settings[name], item) if name in settings else item
    return settings


def _with_names(resources: Node) -> Node:
    jobs = resources.get("jobs")
    if jobs is None or not jobs.is_mapping:
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
    prefix, name = settings.get("name_prefix"), resource.get("name")
    if prefix is not None and isinstance(prefix.value, str) and name is not None and name.is_scalar:
        text = _prefixed(type_name, prefix.value, as_text(name.scalar))
        resource = resource.with_fields(name=Node(text, name.at))
    if type_name == "jobs":
        resource = _job(resource, settings)
    if type_name == "experiments":
        resource = _experiment(resource, settings.get("tags"))
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
    plain = "".join(part if part.startswith("${") else re.sub(r"[\W_]+", "_", part.lower()) for part in parts)
    return plain.strip("_") + "_" if plain.strip("_") else ""


def _experiment(experiment: Node, tags: Node | None) -> Node:
    written = experiment.get("tags")
    if (
        tags is None
        or not tags.fields
        or (written is not None and written.value is not None and not written.is_sequence)
    ):
        return experiment
    own = written.items if written is not None else ()
    keys = [item.text("key") for item in own]
    added = [
        from_plain({"key": key, "value": tag.value}, tag.at) for key, tag in tags.fields.items() if key not in keys
    ]
    return experiment.with_fields(tags=Node((*own, *added), written.at if written is not None else tags.at))


def _job(job: Node, settings: dict[str, Node]) -> Node:
    if "tags" in settings and settings["tags"].is_mapping:
        tags = {**settings["tags"].fields, **(job.fields["tags"].fields if "tags" in job.fields else {})}
        job = job.with_fields(tags=Node(tags, job.at))
    if "jobs_max_concurrent_runs" in settings and "max_concurrent_runs" not in job.fields:
        job = job.with_fields(max_concurrent_runs=settings["jobs_max_concurrent_runs"])
    status = settings.get("trigger_pause_status")
    for name in _SCHEDULES if status is not None else ():
        schedule = job.fields.get(name)
        if (
            schedule is not None
            and status is not None
            and schedule.is_mapping
            and "pause_status" not in schedule.fields
        ):
            job = job.with_fields(**{name: schedule.with_fields(pause_status=status)})
    return job
