"""Settings of the workspace, for administrators."""

from __future__ import annotations

from brickyard.workspace.api.access import admins_only
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.workspace import Workspace

__all__ = ["family"]

family = Family()


@family.call("GET", "/api/2.0/workspace-conf", access=admins_only)
def get_status(workspace: Workspace, call: Call) -> dict[str, str]:
    """The values of the settings whose names are given, with commas between them."""
    names = [name.strip() for name in call.query.get("keys", "").split(",") if name.strip()]
    if not names:
        raise InvalidParameterValue("keys is required: the names of settings, with commas between them")
    return workspace.identity.settings.get(names)


@family.call("PATCH", "/api/2.0/workspace-conf", access=admins_only)
def set_status(workspace: Workspace, call: Call) -> None:
    """Change settings."""
    workspace.identity.settings.change(call.body)
