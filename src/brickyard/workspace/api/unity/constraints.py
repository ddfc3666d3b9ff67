"""Constraints of tables: `w.table_constraints` of the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.api.unity.guards import caller, manages
from brickyard.workspace.api.unity.requests import flag
from brickyard.workspace.catalog.constraints import FOREIGN
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import TableConstraint

__all__ = ["declare"]

_BASE = "/api/2.1/unity-catalog/constraints"


def declare(family: Family) -> None:
    """Add these calls to the family."""
    family.call("POST", _BASE, access=_creates)(create)
    family.call("DELETE", _BASE + "/{name}", access=_deletes)(delete)


def _table(call: Call) -> str:
    name = call.body.get("full_name_arg")
    if not isinstance(name, str):
        raise InvalidParameterValue("full_name_arg is required: the table's name")
    return name


def _creates(workspace: Workspace, call: Call) -> None:
    """Whoever manages the table, and that which a foreign key refers to."""
    manages(ObjectKind.TABLE, _table)(workspace, call)
    constraint = call.body.get("constraint")
    foreign = constraint.get(FOREIGN) if isinstance(constraint, dict) else None
    if isinstance(foreign, dict):
        manages(ObjectKind.TABLE, lambda _: str(foreign.get("parent_table")))(workspace, call)


def _deletes(workspace: Workspace, call: Call) -> None:
    """Whoever manages the table and, with `cascade`, those whose foreign keys go."""
    manages(ObjectKind.TABLE)(workspace, call)
    if call.principal.is_admin or not flag(call, "cascade"):
        return
    for child in workspace.catalog.constraints.children(call.path["name"], call.query.get("constraint_name", "")):
        caller(workspace, call).require_management(ObjectKind.TABLE, child)


def create(workspace: Workspace, call: Call) -> TableConstraint:
    """Add a primary or foreign key."""
    from databricks.sdk.service.catalog import TableConstraint

    constraint = call.body.get("constraint")
    check_shape(TableConstraint, constraint, "constraint")
    return TableConstraint.from_dict(workspace.catalog.constraints.create(_table(call), constraint or {}))


def delete(workspace: Workspace, call: Call) -> None:
    """Remove a constraint."""
    name = call.query.get("constraint_name")
    if not name:
        raise InvalidParameterValue("constraint_name is required")
    workspace.catalog.constraints.delete(call.path["name"], name, cascade=flag(call, "cascade"))
