"""Global init scripts: what every cluster of a workspace executes when it starts, before its own scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.global_scripts.service import GlobalScripts

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["GlobalScripts", "build"]


def build(workspace: Workspace) -> GlobalScripts:
    """The global init scripts of a workspace."""
    return GlobalScripts(workspace.store)
