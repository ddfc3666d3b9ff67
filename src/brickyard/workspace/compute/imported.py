"""The versions of what is imported before any task: read once, while nobody waits, for all processes forked later."""

from __future__ import annotations

from brickyard.workspace.compute.requirements import preloaded

__all__ = ["VERSIONS"]

VERSIONS = preloaded()
