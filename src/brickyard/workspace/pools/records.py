"""What the database knows of instance pools, and the settings that a call asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.identity.permissions import Securable

__all__ = ["PoolRecord", "settings_of"]

_LONGEST_NAME, _MOST_TAGS, _LONGEST_IDLE = 100, 45, 10_000
_NOT_SETTINGS = frozenset({"instance_pool_id", "default_tags", "state", "stats", "status"})
_DEFAULTS: Mapping[str, Any] = {
    "min_idle_instances": 0,
    "idle_instance_autotermination_minutes": 60,
    "enable_elastic_disk": True,
}
# What `edit` can change besides the name; it may repeat the rest, as clients do.
_CHANGING = frozenset(
    {
        "custom_tags",
        "idle_instance_autotermination_minutes",
        "max_capacity",
        "min_idle_instances",
        "node_type_flexibility",
        "remote_disk_throughput",
        "total_initial_remote_disk_size",
    }
)


@dataclass(frozen=True)
class PoolRecord:
    """A pool as it was asked for; times are epoch milliseconds."""

    id: str
    name: str
    creator_id: int
    created_at: int
    settings: Mapping[str, Any]

    @property
    def securable(self) -> Securable:
        """What permissions are granted on."""
        return Securable("instance-pools", self.id)

    @property
    def node_type_id(self) -> str:
        """The node type of all its instances."""
        return str(self.settings["node_type_id"])

    @property
    def max_capacity(self) -> int | None:
        """How many instances it can have; nothing where that is not limited."""
        most = self.settings.get("max_capacity")
        return None if most is None else int(most)

    @property
    def min_idle(self) -> int:
        """How many instances are kept ready beside those that are used."""
        return int(self.settings["min_idle_instances"])


def settings_of(body: Mapping[str, Any], before: PoolRecord | None = None) -> tuple[str, dict[str, Any]]:
    """The name and the settings that a body asks for; what an edit cannot change stays.

    Raises:
        InvalidParameterValue: A value that a pool cannot have, or an unknown field.
    """
    from databricks.sdk.service.compute import InstancePoolAndStats

    check_shape(InstancePoolAndStats, body)
    known = InstancePoolAndStats.__dataclass_fields__.keys() - _NOT_SETTINGS
    for unknown in body.keys() - known - {"instance_pool_id"}:
        raise InvalidParameterValue(f"{unknown:.80} is not a setting of instance pools")
    name = body.get("instance_pool_name")
    if not name or len(name) > _LONGEST_NAME:
        raise InvalidParameterValue(f"instance_pool_name is required, and has 1 to {_LONGEST_NAME} characters")
    given = {key: body[key] for key in known - {"instance_pool_name"} if body.get(key) is not None}
    if not given.get("node_type_id"):
        raise InvalidParameterValue("node_type_id is required")
    if before is not None:
        if given["node_type_id"] != before.node_type_id:
            raise InvalidParameterValue(
                f"node_type_id of an instance pool cannot be changed from {before.node_type_id}; make another pool"
            )
        kept = {key: value for key, value in before.settings.items() if key not in _CHANGING}
        given = kept | {key: value for key, value in given.items() if key in _CHANGING}
    found = {**_DEFAULTS, **given}
    _check(found)
    return name, found


def _check(settings: dict[str, Any]) -> None:
    for field in ("min_idle_instances", "max_capacity", "idle_instance_autotermination_minutes"):
        if field in settings:
            settings[field] = int(settings[field])
            if settings[field] < 0:
                raise InvalidParameterValue(f"{field} must be 0 or more, not {settings[field]}")
    if settings["idle_instance_autotermination_minutes"] > _LONGEST_IDLE:
        raise InvalidParameterValue(f"idle_instance_autotermination_minutes must be at most {_LONGEST_IDLE}")
    most = settings.get("max_capacity")
    if most is not None and most < max(1, settings["min_idle_instances"]):
        raise InvalidParameterValue(f"max_capacity must be at least 1 and min_idle_instances, not {most}")
    if len(settings.get("custom_tags") or {}) > _MOST_TAGS:
        raise InvalidParameterValue(f"custom_tags has at most {_MOST_TAGS} tags")
    if len(settings.get("preloaded_spark_versions") or []) > 1:
        raise InvalidParameterValue("preloaded_spark_versions has at most one version")
