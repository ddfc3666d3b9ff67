"""Tags of catalogs, schemas, tables, columns and volumes: `w.entity_tag_assignments` of the SDK."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotFound, NotImplementedByWorkspace
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.api.unity.guards import caller
from brickyard.workspace.api.unity.requests import page
from brickyard.workspace.catalog.columns import read_columns
from brickyard.workspace.catalog.hive import only_in_unity
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.records import CATALOG, SCHEMA, TABLE, VOLUME, Kind
from brickyard.workspace.catalog.tags import Tag, Tagged
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import EntityTagAssignment

__all__ = ["declare"]

_BASE = "/api/2.1/unity-catalog/entity-tag-assignments"
_KINDS: Mapping[str, ObjectKind] = {
    "catalogs": ObjectKind.CATALOG,
    "schemas": ObjectKind.SCHEMA,
    "tables": ObjectKind.TABLE,
    "columns": ObjectKind.TABLE,
    "volumes": ObjectKind.VOLUME,
}
_TABLE_NAMES = 3


def declare(family: Family) -> None:
    """Add these calls to the family."""
    one = _BASE + "/{type}/{name}/tags/{key}"
    family.call("POST", _BASE, access=_tags)(create_tag_assignment)
    family.call("GET", _BASE + "/{type}/{name}/tags", access=_looks)(list_tag_assignments)
    family.call("GET", _BASE, access=anyone)(all_tag_assignments)
    family.call("GET", one, access=_looks)(get_tag_assignment)
    family.call("PATCH", one, access=_tags)(update_tag_assignment)
    family.call("DELETE", one, access=_tags)(delete_tag_assignment)


def _looks(workspace: Workspace, call: Call) -> None:
    """Whoever may know of the object."""
    kind, name, _ = _entity(call)
    caller(workspace, call).require_sight(kind, name, browse=True)


def _tags(workspace: Workspace, call: Call) -> None:
    """Whoever owns the object or has APPLY TAG."""
    kind, name, _ = _entity(call)
    caller(workspace, call).require(kind, name, "APPLY_TAG")


def _entity(call: Call) -> tuple[ObjectKind, str, str]:
    """The kind, the name, and the column."""
    fields = call.path if "type" in call.path else _assignment(call)
    named, name = (fields[one] for one in (("type", "name") if "type" in call.path else ("entity_type", "entity_name")))
    if named not in _KINDS:
        raise NotImplementedByWorkspace(f"tags of {named} are not implemented; there are {', '.join(_KINDS)}")
    if named != "columns":
        return _KINDS[named], name, ""
    parts = name.split(".", _TABLE_NAMES)
    if len(parts) <= _TABLE_NAMES:
        raise InvalidParameterValue(f"{name!r} is not the full name of a column: catalog.schema.table.column")
    return ObjectKind.TABLE, ".".join(parts[:_TABLE_NAMES]), parts[_TABLE_NAMES]


def _assignment(call: Call) -> Mapping[str, Any]:
    from databricks.sdk.service.catalog import EntityTagAssignment

    check_shape(EntityTagAssignment, call.body)
    return call.body


def _target(workspace: Workspace, call: Call) -> Tagged:
    kind, name, column = _entity(call)
    found = caller(workspace, call).object(kind, name)
    if not column:
        return Tagged(found.id)
    if column.lower() not in _columns(workspace, name):
        raise NotFound(f"The table {name} has no column {column!r}.")
    return Tagged(found.id, column.lower())


def _columns(workspace: Workspace, name: str) -> set[str]:
    table = workspace.catalog.table(name)
    if table.format == "DELTA":
        return {one.name.lower() for one in read_columns(table.directory) if one.name}
    return {str(one["name"]).lower() for one in table.columns or []}


def create_tag_assignment(workspace: Workspace, call: Call) -> EntityTagAssignment:
    """Give an object a tag."""
    only_in_unity(_entity(call)[1], "Tags")
    target, value = _target(workspace, call), call.body.get("tag_value") or ""
    return _wire(call, workspace.catalog.tags.add(target, call.body["tag_key"], value, call.principal.user_name))


def list_tag_assignments(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The tags of an object."""
    found = workspace.catalog.tags.on(_target(workspace, call))
    return page(call, "tag_assignments", found, lambda one: one.key, lambda one: _wire(call, one))


def all_tag_assignments(workspace: Workspace, call: Call) -> dict[str, Any]:
    """All tags of what the caller may see: for `information_schema`, as the vendor's API lists those of one object."""
    tagged = workspace.catalog.tags.all()
    names = _visible(workspace, call) if tagged else {}
    found = []
    for target, tag in tagged:
        if target.object_id in names:
            kind, name = names[target.object_id]
            entity = "columns" if target.column else kind
            full = f"{name}.{target.column}" if target.column else name
            found.append({"entity_type": entity, "entity_name": full, "tag_key": tag.key, "tag_value": tag.value})
    return {"tag_assignments": found}


def _visible(workspace: Workspace, call: Call) -> dict[str, tuple[str, str]]:
    """What the caller may know of, by its id: how the API calls its kind, and its name."""
    records: Mapping[str, Kind[Any]] = {"catalogs": CATALOG, "schemas": SCHEMA, "tables": TABLE, "volumes": VOLUME}
    found: dict[str, tuple[str, str]] = {}
    for entity, kind in records.items():
        with workspace.store.read() as connection:
            there = kind.children(connection)
        seen = caller(workspace, call).visible(_KINDS[entity], there, browse=True)
        found |= {one.id: (entity, one.full_name) for one in seen}
    return found


def get_tag_assignment(workspace: Workspace, call: Call) -> EntityTagAssignment:
    """One tag of an object."""
    return _wire(call, workspace.catalog.tags.get(_target(workspace, call), call.path["key"]))


def update_tag_assignment(workspace: Workspace, call: Call) -> EntityTagAssignment:
    """Give a tag of an object another value."""
    if call.query.get("update_mask") not in ("tag_value", "*"):
        raise InvalidParameterValue("update_mask must be tag_value: there is nothing else to change")
    value = _assignment(call).get("tag_value") or ""
    target, key = _target(workspace, call), call.path["key"]
    return _wire(call, workspace.catalog.tags.change(target, key, value, call.principal.user_name))


def delete_tag_assignment(workspace: Workspace, call: Call) -> None:
    """Take a tag away from an object."""
    workspace.catalog.tags.remove(_target(workspace, call), call.path["key"])


def _wire(call: Call, tag: Tag) -> EntityTagAssignment:
    from databricks.sdk.service.catalog import EntityTagAssignment

    fields = call.path if "type" in call.path else call.body
    named = ("type", "name") if "type" in call.path else ("entity_type", "entity_name")
    when = datetime.fromtimestamp(tag.updated_at / 1000, UTC).isoformat(timespec="milliseconds")
    wire = {"entity_type": fields[named[0]], "entity_name": fields[named[1]], "tag_key": tag.key}
    wire |= {"tag_value": tag.value, "update_time": when.replace("+00:00", "Z"), "updated_by": tag.updated_by}
    return EntityTagAssignment.from_dict(wire)
