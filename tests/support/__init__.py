"""What several tests need: real workspaces, and waiting with a deadline."""

from tests.support.waiting import wait_for
from tests.support.workspaces import LocalWorkspace, WorkspaceHome

__all__ = ["LocalWorkspace", "WorkspaceHome", "wait_for"]
