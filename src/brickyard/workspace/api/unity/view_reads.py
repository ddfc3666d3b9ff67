"""What a view reads: each table with the rights of the view's owner, as its reader needs none on it.

Only this workspace's own engines ask this; on Databricks it happens inside the service. Source of the rule:
https://docs.databricks.com/views/ ("a user who queries a view needs no privileges on the tables that it reads").
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, PermissionDenied
from brickyard.workspace.api.unity import tables
from brickyard.workspace.api.unity.guards import caller
from brickyard.workspace.catalog import TableRecord
from brickyard.workspace.catalog.hive import in_hive
from brickyard.workspace.catalog.principals import owner_principal
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import TableInfo

    from brickyard.workspace.identity import Principal

__all__ = ["declare"]

_DEEPEST = 100  # views inside each other, as on Databricks


def declare(family: Family) -> None:
    """Add this call to the family."""
    family.call("POST", "/api/2.1/unity-catalog/view-reads", access=_reads_through, changes=False)(get)


def get(workspace: Workspace, call: Call) -> TableInfo:
    """The table or view that is read."""
    return tables.described(workspace, call, workspace.catalog.table(_names(call)[-1]))


def _reads_through(workspace: Workspace, call: Call) -> None:
    """Whoever may read the first view, if each view reads the next and its owner may read that."""
    names = _names(call)
    if not call.principal.is_admin:
        caller(workspace, call).require(ObjectKind.TABLE, names[0], "SELECT")
    for view, name in itertools.pairwise(names):
        record = workspace.catalog.table(view)
        if name not in _tables_in(record):
            raise PermissionDenied(f"View '{view}' does not read '{name}'.")
        if in_hive(view):  # anybody may change what is there, so that its owner's rights would be everybody's
            owner: Principal | None = call.principal
        else:
            owner = owner_principal(workspace.identity.principals, record.owner)
        if owner is None:
            raise PermissionDenied(f"The owner '{record.owner}' of View '{view}' does not exist any more.")
        if not owner.is_admin:
            _require_of_owner(workspace, record, owner, name)


def _require_of_owner(workspace: Workspace, view: TableRecord, owner: Principal, name: str) -> None:
    try:
        workspace.catalog.access(owner).require(ObjectKind.TABLE, name, "SELECT")
    except PermissionDenied as error:
        raise PermissionDenied(f"View '{view.full_name}' is read as its owner '{view.owner}': {error}") from error


def _names(call: Call) -> list[str]:
    views, name = call.body.get("views"), call.body.get("name")
    names = [*views, name] if isinstance(views, list) else []
    if not 2 <= len(names) <= _DEEPEST or not all(isinstance(one, str) for one in names):
        raise InvalidParameterValue("views must be a list of names, outermost first, and name the one that is read")
    return [one.lower() for one in names]


def _tables_in(view: TableRecord) -> frozenset[str]:
    """What a view reads, by full names."""
    from brickyard.workspace.compute.gateway.names import TableName
    from brickyard.workspace.compute.gateway.queries import names_inside, tables_in

    if view.view_definition is None:
        return frozenset()
    name = TableName(*view.full_name.split("."))
    return tables_in(view.view_definition, names_inside(view.properties or {}, name))
