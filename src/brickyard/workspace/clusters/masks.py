"""Updates of single fields of a definition, as a field mask names them (https://google.aip.dev/161)."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import is_dataclass
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
    after, paths = dict(before), [path.strip() for path in mask.split(",")]
    for path in paths:
        _check_path(UpdateClusterResource, path)
        name, _, rest = path.partition(".")
        _set(after, cluster, name, rest)
    if "num_workers" in paths:
        after.pop("autoscale", None)
    if any(path.partition(".")[0] == "autoscale" for path in paths):
        after.pop("num_workers", None)
    return after


def _check_path(kind: type, path: str) -> None:
    """Refuse what is no field; the elements of lists and maps are none, as the vendor has it."""
    found: Any = kind
    for name in path.split("."):
        hint = typing.get_type_hints(found).get(name) if is_dataclass(found) else None
        if hint is None:
            raise InvalidParameterValue(f"update_mask: a cluster has no field {path!r}")
        found = next((one for one in typing.get_args(hint) if one is not type(None)), hint)


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
