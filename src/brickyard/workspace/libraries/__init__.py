"""Libraries: what can be installed, which clusters have which, and what became of installing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brickyard.workspace.libraries.service import Libraries
    from brickyard.workspace.workspace import Workspace

__all__ = ["build"]


def build(workspace: Workspace) -> Libraries:
    """The libraries of a workspace's clusters."""
    from brickyard.workspace.libraries.service import Libraries

    return Libraries(workspace)
