"""The attributes of clusters that policies limit, named by paths such as `init_scripts.*.volumes.destination`.

Which there are follows from the dataclass `ClusterSpec` of the vendor's SDK, and two that only policies know. Source:
https://learn.microsoft.com/azure/databricks/admin/clusters/policy-definition
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from typing import Any

__all__ = [
    "ANY",
    "VIRTUAL",
    "Attribute",
    "attribute",
    "from_policy_form",
    "places",
    "put",
    "to_policy_form",
    "value_at",
]

#: Stands for every element of a list, and every name in a map.
ANY = "*"
#: What a cluster has without saying so.
VIRTUAL: dict[str, type] = {"cluster_type": str, "dbus_per_hour": float}
# Of where logs go, the API has an object for each kind of place; policies have the place's kind, path and region.
_LOGS = "cluster_log_conf"
_LOG_PATHS = ("type", "path", "region")
_NOT_LIMITED = frozenset({"policy_id", "apply_policy_default_values"})


@dataclass(frozen=True)
class Attribute:
    """One attribute, or those of every element.

    Attributes:
        path: As the policy names it.
        parts: The names of fields, indices of lists (as text), names in maps, or `ANY`.
        kind: The type of its values.
        in_map: Whether the last part is a name that people choose, such as a tag's.
    """

    path: str
    parts: tuple[str, ...]
    kind: type
    in_map: bool = False

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"{'.'.join(self.parts[:-1])}, {self.parts[-1]}" if self.in_map else f"{self.path}, the value"

    def at(self, parts: tuple[str, ...]) -> Attribute:
        """The same attribute of one element."""
        return Attribute(".".join(parts), parts, self.kind, self.in_map)


@functools.cache
def attribute(path: str) -> Attribute | None:
    """What a path names; nothing where clusters have no such attribute."""
    from databricks.sdk.service.compute import ClusterSpec

    if path in VIRTUAL:
        return Attribute(path, (path,), VIRTUAL[path])
    first, _, rest = path.partition(".")
    if first == _LOGS:
        return Attribute(path, (first, rest), str) if rest in _LOG_PATHS else None
    return None if first in _NOT_LIMITED else _walk(path, ClusterSpec, path, ())


def _walk(path: str, kind: Any, rest: str, parts: tuple[str, ...]) -> Attribute | None:
    kind = _without_none(kind)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if not (origin or is_dataclass(kind)):
        scalar = kind if kind in (int, float, bool) else str  # enumerations are text in JSON
        return None if rest else Attribute(path, parts, scalar)
    if not rest:
        return None
    if origin is dict:
        return Attribute(path, (*parts, rest), str, in_map=True)
    name, _, rest = rest.partition(".")
    if origin is list:
        known = name == ANY or (name.isascii() and name.isdecimal())
        return _walk(path, inner[0], rest, (*parts, name)) if known else None
    hints = typing.get_type_hints(kind)
    return _walk(path, hints[name], rest, (*parts, name)) if name in hints else None


def _without_none(kind: Any) -> Any:
    if typing.get_origin(kind) is typing.Union:
        return next(one for one in typing.get_args(kind) if one is not type(None))
    return kind


def value_at(cluster: Any, parts: Sequence[str]) -> Any:
    """The value of an attribute of one element; nothing where it has none, or an empty text."""
    found = cluster
    for part in parts:
        if isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, list):
            found = found[int(part)] if part.isdecimal() and int(part) < len(found) else None
        else:
            return None
    return None if found == "" else found


def put(cluster: dict[str, Any], at: Attribute, value: Any) -> None:
    """Set an attribute of one element, or remove it where the value is nothing.

    An element can be added at the end of a list; one behind it is left out, and so is missed by what checks the rules.
    """
    found: Any = cluster
    for number, part in enumerate(at.parts[:-1]):
        in_list = at.parts[number + 1].isdecimal() and not (at.in_map and number + 2 == len(at.parts))
        found = _inside(found, part, [] if in_list else {})
        if found is None:
            return
    last = at.parts[-1]
    if isinstance(found, list):
        found[int(last) : int(last) + 1] = [value]
    elif value is None:
        found.pop(last, None)
    else:
        found[last] = value


def _inside(holder: Any, part: str, empty: Any) -> Any:
    """What a list or an object has at a place, made there if need be; nothing where it cannot be."""
    if isinstance(holder, list):
        place = int(part)
        if place == len(holder):
            holder.append(empty)
        return holder[place] if place < len(holder) else None
    if not holder.get(part):
        holder[part] = empty
    return holder[part]


def places(cluster: Any, parts: Sequence[str], done: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """What a path with `ANY` in it stands for in a cluster: the path of every element or name that is there."""
    if not parts:
        yield done
        return
    first, rest = parts[0], parts[1:]
    if first != ANY:
        yield from places(value_at(cluster, [first]), rest, (*done, first))
    elif isinstance(cluster, list):
        for place, element in enumerate(cluster):
            yield from places(element, rest, (*done, str(place)))
    elif isinstance(cluster, dict):
        for name, element in cluster.items():
            yield from places(element, rest, (*done, name))


def to_policy_form(cluster: dict[str, Any]) -> dict[str, Any]:
    """A cluster with the attributes that policies have for where logs go."""
    given = cluster.get(_LOGS)
    there = {kind: place for kind, place in given.items() if place is not None} if isinstance(given, dict) else {}
    if not there:
        return cluster
    kind, place = next(iter(there.items()))
    place = place if isinstance(place, dict) else {}
    logs = {"type": kind.upper(), "path": place.get("destination")}
    return {**cluster, _LOGS: {**logs, "region": place.get("region"), "rest": place}}


def from_policy_form(form: dict[str, Any]) -> dict[str, Any]:
    """The opposite of `to_policy_form`."""
    logs = form.get(_LOGS)
    if logs is None:
        return form
    cluster = {name: value for name, value in form.items() if name != _LOGS}
    if not logs.get("path") or logs.get("type") in (None, "NONE"):
        return cluster
    place = {**logs.get("rest", {}), "destination": logs["path"]}
    if logs.get("region"):
        place["region"] = logs["region"]
    return {**cluster, _LOGS: {logs["type"].lower(): place}}
