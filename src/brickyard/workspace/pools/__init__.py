"""Instance pools: what clusters take their machines from; here, their node types and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.pools.service import Pools

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["Pools", "build"]


def build(workspace: Workspace) -> Pools:
    """The pools of a workspace."""
    return Pools(workspace)
