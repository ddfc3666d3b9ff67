"""The one metastore: `w.metastores` of the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import admins_only, anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.catalog.errors import does_not_exist
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import GetMetastoreSummaryResponse, MetastoreAssignment, MetastoreInfo

__all__ = ["declare"]

_BASE = "/api/2.1/unity-catalog"


def declare(family: Family) -> None:
    """Add these calls to the family."""
    family.call("GET", f"{_BASE}/metastore_summary", access=anyone)(summary)
    family.call("GET", f"{_BASE}/current-metastore-assignment", access=anyone)(assignment)
    family.call("GET", f"{_BASE}/metastores", access=admins_only)(list_metastores)
    family.call("GET", f"{_BASE}/metastores/{{id}}", access=admins_only)(get)


def summary(workspace: Workspace, call: Call) -> GetMetastoreSummaryResponse:
    """The metastore of this workspace."""
    from databricks.sdk.service.catalog import GetMetastoreSummaryResponse

    return GetMetastoreSummaryResponse.from_dict(_wire(workspace))


def assignment(workspace: Workspace, call: Call) -> MetastoreAssignment:
    """The metastore of this workspace, and its default catalog."""
    from databricks.sdk.service.catalog import MetastoreAssignment

    return MetastoreAssignment(
        workspace_id=workspace.workspace_id,
        metastore_id=workspace.catalog.metastore_id,
        default_catalog_name=workspace.identity.settings.default_catalog,
    )


def list_metastores(workspace: Workspace, call: Call) -> dict[str, Any]:
    """All metastores: there is one."""
    return {"metastores": [_wire(workspace)]}


def get(workspace: Workspace, call: Call) -> MetastoreInfo:
    """A metastore by its id."""
    from databricks.sdk.service.catalog import MetastoreInfo

    if call.path["id"] != workspace.catalog.metastore_id:
        raise does_not_exist("METASTORE", call.path["id"])
    return MetastoreInfo.from_dict(_wire(workspace))


def _wire(workspace: Workspace) -> dict[str, Any]:
    return {
        "metastore_id": workspace.catalog.metastore_id,
        "name": workspace.name,
        "owner": workspace.identity.owner.user_name,
        "storage_root": workspace.data.as_uri(),
        "privilege_model_version": "1.0",
        "global_metastore_id": f"local:local:{workspace.catalog.metastore_id}",
        "cloud": "local",
        "region": "local",
        "delta_sharing_scope": "INTERNAL",
        "external_access_enabled": True,
        "created_by": workspace.identity.owner.user_name,
    }
