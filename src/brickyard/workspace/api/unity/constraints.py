"""Constraints of tables: `w.table_constraints` of the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.api.unity.guards import in_path, manages
from brickyard.workspace.api.unity.requests import flag
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import TableConstraint

__all__ = ["declare"]

_BASE = "/api/2.1/unity-catalog/constraints"


def declare(family: Family) -> None:
    """Add these calls to the family."""
    family.call("POST", _BASE, access=manages(ObjectKind.TABLE, _table))(create)
    family.call("DELETE", _BASE + "/{name}", access=manages(ObjectKind.TABLE, in_path))(delete)


def _table(call: Call) -> str:
    name = call.body.get("full_name_arg")
    if not isinstance(name, str):
        raise InvalidParameterValue("full_name_arg is required: the table's name")
    return name


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
