"""An execution context as the server sees it: a process, and the commands that it is given one after the other."""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from brickyard.workspace.api.errors import NotFound
from brickyard.workspace.commands.results import RESULTS, error
from brickyard.workspace.compute.tasks import OUTPUT_FILE, TaskOutcome, TaskSpec

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["TOKEN_COMMENT", "Attachment", "Command", "Context"]

#: What the tokens of contexts' processes are for.
TOKEN_COMMENT = "command execution"
#: How long a command may take to react to an interrupt, before its process is ended.
_CANCEL_SECONDS = 10.0
#: How many commands of a context are remembered.
_KEPT = 1000
_log = logging.getLogger(__name__)


class Attachment(Protocol):
    """What a running cluster gives to a context (`brickyard.workspace.clusters.claims.Claim`)."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """The secrets that they refer to."""

    @property
    def search_path(self) -> tuple[str, ...]:
        """Directories with its libraries."""

    def remote(self, token: str, user_name: str) -> str:
        """Where its Spark engine listens."""

    def follow(self, output: Path, what: str) -> None:
        """Deliver what is printed to a file with the cluster's logs."""

    def rest(self, resting: bool) -> None:
        """Nothing is done on it now, or something is again."""

    def when_lost(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with the reason when the cluster ends."""

    def release(self) -> None:
        """Use it no more."""


@dataclass
class Command:
    """One command.

    Attributes:
        id: Its id.
        text: The code.
        language: `python` or `sql`.
        state: The vendor's `CommandStatus`.
        results: The results, where the process has written none.
    """

    text: str
    language: str
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    state: str = "Queued"
    results: dict[str, Any] | None = None


class Context:
    """One process on a cluster, for one principal.

    Args:
        workspace: Whose compute it uses.
        cluster_id: The cluster.
        attachment: What the cluster gives; it is released at the end.
        principal: On whose behalf.
        directory: For its files.
        gone: Called when the process has ended.

    Attributes:
        id: Its id, a number of 19 digits as the service's.
    """

    def __init__(
        self,
        workspace: Workspace,
        cluster_id: str,
        attachment: Attachment,
        principal: Principal,
        directory: Path,
        gone: Callable[[Context], None],
    ) -> None:
        self.id = str(10**18 + secrets.randbelow(8 * 10**18))
        self.cluster_id = cluster_id
        self.principal_id = principal.id
        self.ended_at: float | None = None
        self._workspace = workspace
        self._attachment = attachment
        self._directory = directory / self.id
        self._gone = gone
        self._lock = threading.RLock()
        self._commands: dict[str, Command] = {}
        self._queue: list[Command] = []
        self._running: Command | None = None
        self._ready = self._destroyed = False
        self._over: str | None = None
        self._token = workspace.identity.issue_token(principal, TOKEN_COMMENT)
        try:
            attachment.rest(True)
            attachment.follow(self._directory / OUTPUT_FILE, f"context {self.id} of {principal.user_name}")
            self._handle = workspace.compute.start_task(self._spec(principal), self._heard)
        except BaseException:
            workspace.identity.revoke_token(self._token)
            raise
        self._handle.when_done(self._ended)
        attachment.when_lost(self._cluster_ended)

    def _spec(self, principal: Principal) -> TaskSpec:
        return TaskSpec(
            run_id=0,
            job_id=0,
            job_run_id=0,
            task_key="context",
            kind="repl",
            source="/",
            user_name=principal.user_name,
            token=self._token,
            directory=self._directory,
            environment=self._attachment.environment,
            secrets=self._attachment.secrets,
            cluster_id=self.cluster_id,
            remote=self._attachment.remote(self._token, principal.user_name),
            search_path=self._attachment.search_path,
        )

    @property
    def state(self) -> str:
        """The vendor's `ContextStatus`."""
        if self._over is not None:
            return "Error"
        return "Running" if self._ready else "Pending"

    @property
    def error(self) -> str | None:
        """Why it can execute nothing any more."""
        return self._over

    def execute(self, text: str, language: str) -> Command | None:
        """Execute a command after those that it has; none where it has ended."""
        command = Command(text, language)
        with self._lock:
            if self._over is not None or self._destroyed:
                return None
            self._commands[command.id] = command
            for old in [one for one in self._commands.values() if one.state not in _GOING_ON][: -_KEPT or None]:
                del self._commands[old.id]
                self._file(old).unlink(missing_ok=True)
            self._queue.append(command)
            self._next()
        return command

    def command(self, command_id: str) -> Command | None:
        """A command by its id."""
        return self._commands.get(command_id)

    def results(self, command: Command) -> dict[str, Any] | None:
        """What the command put out, once it has ended."""
        if command.results is not None or command.state != "Finished":
            return command.results
        try:
            found: dict[str, Any] = json.loads(self._file(command).read_text())
        except FileNotFoundError as error:
            raise NotFound(f"ContextNotFound: the execution context {self.id} has been destroyed") from error
        return found

    def cancel(self, command: Command) -> None:
        """Stop a command; does nothing where it has ended."""
        with self._lock:
            if command in self._queue:
                self._queue.remove(command)
                _canceled(command)
            elif command is self._running and command.state == "Running":
                command.state = "Cancelling"
                self._tell({"cancel": command.id})
                timer = threading.Timer(_CANCEL_SECONDS, self._overdue, [command])
                timer.daemon = True
                timer.start()

    def destroy(self) -> None:
        """End the process, and forget everything."""
        with self._lock:
            self._destroyed = True
            over = self._over is not None
        self._handle.cancel()
        if over:
            self._forget()

    def _next(self) -> None:
        """Give the process the next command, if it has none."""
        if self._ready and self._running is None and self._queue:
            self._running = self._queue.pop(0)
            self._running.state = "Running"
            order = {"id": self._running.id, "text": self._running.text, "language": self._running.language}
            self._tell({"command": order})
        self._attachment.rest(self._running is None and not self._queue)

    def _tell(self, message: dict[str, Any]) -> None:
        if self._handle.tell is not None:
            self._handle.tell(message)

    def _heard(self, message: dict[str, Any]) -> None:
        with self._lock:
            if "ready" in message:
                self._ready = True
            elif self._running is not None and self._running.id == message["done"]:
                if message["canceled"]:
                    _canceled(self._running)
                else:
                    self._running.state = "Finished"
                self._running = None
            self._next()

    def _overdue(self, command: Command) -> None:
        if command.state == "Cancelling":
            self._handle.stop("FAILED", f"a command did not react to its cancellation within {_CANCEL_SECONDS:g} s")

    def _cluster_ended(self, reason: str) -> None:
        self._handle.stop("FAILED", reason)

    def _ended(self, outcome: TaskOutcome) -> None:
        """The process has ended: nothing is waited for any more."""
        with self._lock:
            self._over = outcome.message or "the process has ended"
            self.ended_at = time.monotonic()
            left = [*([self._running] if self._running else []), *self._queue]
            self._running, self._queue = None, []
            for command in left:
                if command.state == "Cancelling":
                    _canceled(command)
                else:
                    command.state = "Error"
                    command.results = error("ContextEnded", self._over, self._over)
        self._workspace.identity.revoke_token(self._token)
        self._attachment.release()
        if self._destroyed:
            self._forget()
        self._gone(self)

    def _forget(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    def _file(self, command: Command) -> Path:
        return self._directory / RESULTS / f"{command.id}.json"


_GOING_ON = frozenset({"Queued", "Running", "Cancelling"})


def _canceled(command: Command) -> None:
    command.state = "Cancelled"
    command.results = error("Cancelled", "", "The command was cancelled.")
