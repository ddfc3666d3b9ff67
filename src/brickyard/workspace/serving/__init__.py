"""Serving endpoints: which model versions answer, by which processes, with which share of the traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.serving.executable import ExecutableModels
from brickyard.workspace.serving.payload_table import PayloadTables
from brickyard.workspace.serving.service import Serving

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["Serving", "build"]


def build(workspace: Workspace) -> Serving:
    """The endpoints of a workspace, following the aliases of its registry."""
    registry = workspace.registry
    permissions, directory = workspace.identity.permissions, workspace.root / "serving"
    tables = PayloadTables(workspace.catalog)
    wake = workspace.notifications.delivery.wake
    models = ExecutableModels(workspace)
    serving = Serving(workspace.store, models, workspace.secrets, permissions, tables, directory, workspace.url, wake)
    registry.on_alias_change(serving.alias_changed)
    return serving
