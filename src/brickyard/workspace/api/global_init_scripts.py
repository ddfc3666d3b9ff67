"""Global init scripts: `/api/2.0/global-init-scripts`. Wire types: `databricks.sdk.service.compute`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.api.access import admins_only
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.compute import (
        CreateResponse,
        GlobalInitScriptDetailsWithContent,
        ListGlobalInitScriptsResponse,
    )

__all__ = ["family"]

family = Family()
_ROOT = "/api/2.0/global-init-scripts"
_ONE = _ROOT + "/{id}"


@family.call("POST", _ROOT, access=admins_only)
def create(workspace: Workspace, call: Call) -> CreateResponse:
    """Add a script."""
    from databricks.sdk.service.compute import CreateResponse

    return CreateResponse(workspace.global_scripts.create(call.body, call.principal.user_name).script_id)


@family.call("GET", _ROOT, access=admins_only)
def list_global_init_scripts(workspace: Workspace, call: Call) -> ListGlobalInitScriptsResponse:
    """All scripts in their order, without their texts."""
    from databricks.sdk.service.compute import GlobalInitScriptDetails, ListGlobalInitScriptsResponse

    scripts = [GlobalInitScriptDetails.from_dict(vars(one)) for one in workspace.global_scripts.all()]
    return ListGlobalInitScriptsResponse(scripts)


@family.call("GET", _ONE, access=admins_only)
def get(workspace: Workspace, call: Call) -> GlobalInitScriptDetailsWithContent:
    """A script with its text."""
    from databricks.sdk.service.compute import GlobalInitScriptDetailsWithContent

    return GlobalInitScriptDetailsWithContent.from_dict(vars(workspace.global_scripts.get(call.path["id"])))


@family.call("PATCH", _ONE, access=admins_only)
def update(workspace: Workspace, call: Call) -> None:
    """Change a script."""
    workspace.global_scripts.update(call.path["id"], call.body, call.principal.user_name)


@family.call("DELETE", _ONE, access=admins_only)
def delete(workspace: Workspace, call: Call) -> None:
    """Delete a script."""
    workspace.global_scripts.delete(call.path["id"])
