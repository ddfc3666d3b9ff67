"""Cluster policies: rules about what clusters may be, and what clusters become under them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.policies.service import Policies

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["Policies", "build"]


def build(workspace: Workspace) -> Policies:
    """The policies of a workspace."""
    return Policies(workspace)
