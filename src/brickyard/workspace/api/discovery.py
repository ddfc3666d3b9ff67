"""What a client asks before it signs in: `/.well-known/databricks-config`, and whether the server is alive."""

from __future__ import annotations

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.workspace import Workspace

__all__ = ["family"]

family = Family()


@family.call("GET", "/.well-known/databricks-config", access=anyone)
def databricks_config(workspace: Workspace, call: Call) -> dict[str, str]:
    """Where to sign in; the shape is what `databricks.sdk.config` reads."""
    return {
        "oidc_endpoint": f"{workspace.url}/oidc",
        "account_id": "",
        "workspace_id": str(workspace.workspace_id),
        "cloud": "Azure",
    }


@family.call("GET", "/health", access=anyone)
def health(workspace: Workspace, call: Call) -> dict[str, str]:
    """Whether the workspace answers, and its name."""
    return {"status": "ok", "workspace": workspace.name}
