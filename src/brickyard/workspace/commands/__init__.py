"""Command execution: live interpreters on clusters, to which commands are sent one after the other."""

from brickyard.workspace.commands.service import Commands, build

__all__ = ["Commands", "build"]
