"""Updates of single fields of a definition, as a field mask names them (https://google.aip.dev/161)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.clusters.records import Json

__all__ = ["masked"]


def masked(before: Json, body: Mapping[str, Any]) -> Json:
    """A definition with what a request of `clusters/update` changes; a field that it leaves out is removed.

    Raises:
        InvalidParameterValue: The mask is missing, or names no field.
    """
    from databricks.sdk.service.compute import UpdateClusterResource

    cluster, mask = body.get("cluster") or {}, body.get("update_mask")
    check_shape(UpdateClusterResource, cluster, "cluster")
    if not isinstance(mask, str) or not mask.strip():
        raise InvalidParameterValue("update_mask is required: the names of the fields to change, with commas between")
    names = UpdateClusterResource.__dataclass_fields__
    if mask.strip() == "*":
        return {name: cluster[name] for name in names if cluster.get(name) is not None}
    after = dict(before)
    for path in mask.split(","):
        name, _, rest = path.strip().partition(".")
        if name not in names:
            raise InvalidParameterValue(f"update_mask: a cluster has no field {path.strip()!r}")
        _set(after, cluster, name, rest)
    if "num_workers" in mask.split(","):
        after.pop("autoscale", None)
    if "autoscale" in mask.split(","):
        after.pop("num_workers", None)
    return after


def _set(after: Json, source: Mapping[str, Any], name: str, rest: str) -> None:
    """Take the field at a path over from another object."""
    if rest:
        inner = after.get(name)
        after[name] = dict(inner) if isinstance(inner, dict) else {}
        first, _, more = rest.partition(".")
        inside = source.get(name)
        _set(after[name], inside if isinstance(inside, Mapping) else {}, first, more)
    elif source.get(name) is None:
        after.pop(name, None)
    else:
        after[name] = source[name]
