"""The contexts of a workspace: who has which, on which cluster, and how many there may be."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import BadRequest, NotFound
from brickyard.workspace.commands.context import TOKEN_COMMENT, Attachment, Command, Context

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["Commands", "build"]

#: What a cluster allows: https://docs.databricks.com/dev-tools/api/1.2/
_MOST = 145
#: How many contexts that have ended by themselves can still be asked about.
_REMEMBERED = 50

Attach = Callable[[str, "Principal"], Attachment]


class Commands:
    """Contexts by their ids. Only who has made one may use it.

    Args:
        workspace: Whose they are.
        attach: Gives what a running cluster has for a context; raises an `ApiError` where it cannot.
    """

    def __init__(self, workspace: Workspace, attach: Attach) -> None:
        self._workspace = workspace
        self._attach = attach
        self._lock = threading.Lock()
        self._contexts: dict[str, Context] = {}
        self._directory = workspace.root / "commands"
        shutil.rmtree(self._directory, ignore_errors=True)
        workspace.identity.tokens.revoke_of(TOKEN_COMMENT)  # of processes that outlived a killed server

    def create(self, cluster_id: str, principal: Principal) -> Context:
        """Start a context on a cluster.

        Raises:
            BadRequest: The cluster has as many as it may have.
            ApiError: There is no such cluster, or it does not run, or the principal may not use it.
        """
        attachment = self._attach(cluster_id, principal)
        try:
            with self._lock:
                if len(self.live(cluster_id)) >= _MOST:
                    raise BadRequest(f"Too many execution contexts are open right now.(Limit set to {_MOST})")
                made = Context(self._workspace, cluster_id, attachment, principal, self._directory, self._gone)
                self._contexts[made.id] = made
        except BaseException:
            attachment.release()
            raise
        return made

    def get(self, cluster_id: str, context_id: str, principal: Principal) -> Context:
        """A context of a principal.

        Raises:
            NotFound: There is none.
        """
        found = self._contexts.get(context_id)
        if found is None or found.cluster_id != cluster_id or found.principal_id != principal.id:
            raise NotFound(f"ContextNotFound: there is no execution context {context_id} on the cluster {cluster_id}")
        return found

    def command(self, context: Context, command_id: str) -> Command:
        """A command of a context.

        Raises:
            NotFound: There is none, or it ended long ago.
        """
        found = context.command(command_id)
        if found is None:
            raise NotFound(f"CommandNotFound: there is no command {command_id} in the execution context {context.id}")
        return found

    def execute(self, context: Context, text: str, language: str) -> Command:
        """Execute a command in a context.

        Raises:
            BadRequest: The context has ended.
        """
        made = context.execute(text, language)
        if made is None:
            raise BadRequest(f"the execution context {context.id} has ended; make another one. {context.error or ''}")
        return made

    def destroy(self, context: Context) -> None:
        """End a context, with what it executes."""
        self._contexts.pop(context.id, None)
        context.destroy()

    def live(self, cluster_id: str) -> list[Context]:
        """The contexts of a cluster that have not ended."""
        return [one for one in list(self._contexts.values()) if one.cluster_id == cluster_id and one.ended_at is None]

    def close(self) -> None:
        """End all contexts."""
        for context in list(self._contexts.values()):
            self.destroy(context)

    def _gone(self, context: Context) -> None:
        """Forget the oldest of those that have ended by themselves."""
        ended = [one for one in list(self._contexts.values()) if one.ended_at is not None]
        for old in sorted(ended, key=lambda one: one.ended_at or 0)[:-_REMEMBERED]:
            self.destroy(old)


def build(workspace: Workspace) -> Commands:
    """The command execution of a workspace."""
    from brickyard.workspace.commands.clusters import attach

    return Commands(workspace, lambda cluster_id, principal: attach(workspace, cluster_id, principal))
