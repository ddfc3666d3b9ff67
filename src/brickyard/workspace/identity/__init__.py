"""Who may come in: principals and tokens."""

from brickyard.workspace.identity.service import Identity, Principal, build

__all__ = ["Identity", "Principal", "build"]
