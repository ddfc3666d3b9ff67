"""The settings of warehouses: what can be asked for, and what is meant where nothing is.

Source: `databricks.sdk.service.sql.WarehousesAPI`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import check_shape

__all__ = ["settings_of"]

_SIZES = (
    "2X-Small", "X-Small", "Small", "Medium", "Large", "X-Large", "2X-Large", "3X-Large", "4X-Large", "5X-Large",
)  # fmt: skip
_TYPES = ("CLASSIC", "PRO", "TYPE_UNSPECIFIED")
_DEFAULTS: dict[str, Any] = {
    "auto_stop_mins": 120,
    "cluster_size": "X-Small",
    "enable_photon": True,
    "enable_serverless_compute": False,
    "max_num_clusters": 1,
    "min_num_clusters": 1,
    "spot_instance_policy": "COST_OPTIMIZED",
    "warehouse_type": "PRO",
}
_OTHERS = frozenset({"channel", "instance_profile_arn", "tags", "statement_timeout"})
_NOT_SETTINGS = frozenset({"id", "name", "creator_name"})
_LONGEST_NAME, _SHORTEST_STOP = 100, 10


def settings_of(body: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
    """The name and the settings that a body asks for; what it leaves out stays, or is the vendor's default.

    Raises:
        InvalidParameterValue: A value that a warehouse cannot have, or an unknown field.
    """
    from databricks.sdk.service.sql import EndpointInfo

    check_shape(EndpointInfo, body)
    for unknown in body.keys() - _DEFAULTS.keys() - _OTHERS - _NOT_SETTINGS:
        raise InvalidParameterValue(f"{unknown} is not a setting of SQL warehouses of a local workspace")
    name = body.get("name") or ""
    if not 0 < len(name) < _LONGEST_NAME or name != name.strip():
        raise InvalidParameterValue(f"name must have 1 to {_LONGEST_NAME - 1} characters")
    given = {key: value for key, value in body.items() if key not in _NOT_SETTINGS and value is not None}
    if given.get("enable_serverless_compute") and "warehouse_type" not in given:
        given["warehouse_type"] = "PRO"
    found = {**_DEFAULTS, **(before or {}), **given}
    found["auto_stop_mins"] = int(found["auto_stop_mins"])
    _check(found)
    return name, found


def _check(settings: Mapping[str, Any]) -> None:
    minutes = settings["auto_stop_mins"]
    shortest = 1 if settings["enable_serverless_compute"] else _SHORTEST_STOP
    if minutes and minutes < shortest:
        raise InvalidParameterValue(f"auto_stop_mins must be 0 or at least {shortest}, not {minutes}")
    timeout = settings.get("statement_timeout")
    if timeout is not None and int(timeout) < 0:
        raise InvalidParameterValue(f"statement_timeout must be a number of seconds, and not {timeout}")
    _one_of("cluster_size", settings["cluster_size"], _SIZES)
    _one_of("warehouse_type", settings["warehouse_type"], _TYPES)
    least, most = int(settings["min_num_clusters"]), int(settings["max_num_clusters"])
    if not 0 < least <= min(most, 30) or most > 40:
        raise InvalidParameterValue(
            f"min_num_clusters ({least}) must be 1 to 30 and at most max_num_clusters ({most}), which is at most 40"
        )
    if settings["enable_serverless_compute"] and settings["warehouse_type"] == "CLASSIC":
        raise InvalidParameterValue("enable_serverless_compute needs the warehouse_type PRO")
    if len((settings.get("tags") or {}).get("custom_tags") or []) >= 45:
        raise InvalidParameterValue("tags can have at most 44 custom_tags")


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidParameterValue(f"{name} must be one of {', '.join(known)}, not {value!r}")
