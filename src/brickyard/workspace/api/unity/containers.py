"""What catalogs and schemas have in common: storage of their own, and modes that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.workspace.api.base import Call
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.unity.requests import text
from brickyard.workspace.catalog.managed import STORAGE_ROOT
from brickyard.workspace.workspace import Workspace

__all__ = ["UPDATED", "created", "shown_storage", "updated"]

_OPTIMIZATION = "enable_predictive_optimization"
#: What an update of a catalog can change besides what all objects have.
UPDATED = ("isolation_mode", "options", _OPTIMIZATION)


def created(workspace: Workspace, call: Call, name: str) -> dict[str, Any]:
    """What a new catalog or schema has besides what all have.

    Raises:
        ApiError: The storage root cannot be one.
    """
    found: dict[str, Any] = {"options": _options(call)}
    if url := text(call, STORAGE_ROOT):
        found[STORAGE_ROOT] = workspace.catalog.managed.require(call.principal, url, name)
    return found


def updated(call: Call) -> dict[str, Any]:
    """What an update changes of that.

    Raises:
        InvalidParameterValue: A value is none of the vendor's.
    """
    from databricks.sdk.service.catalog import CatalogIsolationMode, EnablePredictiveOptimization

    found: dict[str, Any] = {}
    if "options" in call.body:
        found["options"] = _options(call)
    for field, kind in (("isolation_mode", CatalogIsolationMode), (_OPTIMIZATION, EnablePredictiveOptimization)):
        if value := text(call, field):
            if value not in kind.__members__:
                raise InvalidParameterValue(f"{field} must be one of {', '.join(kind.__members__)}")
            found[field] = value
    return found


def _options(call: Call) -> Mapping[str, str] | None:
    value = call.body.get("options")
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise InvalidParameterValue("options must be an object of texts")
    return value


def shown_storage(workspace: Workspace, more: Mapping[str, Any], kind: str, identity: str) -> dict[str, Any]:
    """The fields of the answer about storage and optimization."""
    from databricks.sdk.service.catalog import EnablePredictiveOptimization

    root = more.get(STORAGE_ROOT)
    return {
        "storage_root": root,
        "storage_location": workspace.catalog.managed.shown(root, kind, identity),
        _OPTIMIZATION: EnablePredictiveOptimization(more.get(_OPTIMIZATION, "INHERIT")),
    }
