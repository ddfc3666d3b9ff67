"""The processes of warehouses, as the server sees them: one for each principal that has statements."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from brickyard.workspace.compute.tasks import TaskOutcome, TaskSpec

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["TOKEN_COMMENT", "Job", "Runner"]

#: What the tokens of warehouses' processes are for.
TOKEN_COMMENT = "SQL warehouse"


class Job(Protocol):
    """A statement as a runner sees it."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def order(self) -> dict[str, Any]:
        """What the process is told to do."""

    def running(self) -> None:
        """It is being executed."""

    def ended(self, message: dict[str, Any]) -> None:
        """It has ended, with a manifest, an error, or canceled."""


class Runner:
    """One process, which executes statements with the rights of one principal.

    Args:
        workspace: Whose compute it uses.
        principal: On whose behalf.
        directory: For its files.
        ready: Called when it executes statements.
        gone: Called when it has ended.
    """

    def __init__(
        self,
        workspace: Workspace,
        principal: Principal,
        directory: Path,
        ready: Callable[[], None],
        gone: Callable[[Runner], None],
    ) -> None:
        self._workspace = workspace
        self._gone = gone
        self._tell_ready = ready
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._ready = False
        self._over: str | None = None
        self._token = workspace.identity.issue_token(principal, TOKEN_COMMENT)
        spec = TaskSpec(
            run_id=0,
            job_id=0,
            job_run_id=0,
            task_key="warehouse",
            kind="sql_warehouse",
            source="",
            user_name=principal.user_name,
            token=self._token,
            directory=directory / uuid.uuid4().hex,
        )
        self._handle = workspace.compute.start_task(spec, self._heard)
        self._handle.when_done(self._ended)

    @property
    def busy(self) -> int:
        """How many statements it has."""
        return len(self._jobs)

    @property
    def is_over(self) -> bool:
        """Whether the process has ended."""
        return self._over is not None

    def close_session(self, session_id: str) -> None:
        """End a connector's session."""
        with self._lock:
            if self._over is None and self._ready:
                self._tell({"close_session": session_id})

    def submit(self, job: Job) -> None:
        """Execute a statement, once the process is there."""
        with self._lock:
            if self._over is None:
                self._jobs[job.id] = job
                if self._ready:
                    self._tell({"statement": job.order})
                return
        job.ended(_ended_with_process(self._over))

    def cancel(self, statement_id: str) -> None:
        """Stop a statement, which then says that it has ended."""
        with self._lock:
            if self._ready:
                self._tell({"cancel": statement_id})
                return
            job = self._jobs.pop(statement_id, None)
        if job is not None:
            job.ended({"canceled": True})

    def stop(self) -> None:
        """End the process."""
        self._handle.cancel()

    def wait(self) -> None:
        """Wait until the process has ended."""
        self._handle.wait(30)

    def _tell(self, message: dict[str, Any]) -> None:
        if self._handle.tell is not None:
            self._handle.tell(message)

    def _heard(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            with self._lock:
                self._ready = True
                for job in self._jobs.values():
                    self._tell({"statement": job.order})
            self._tell_ready()
        elif message.get("running"):
            begun = self._jobs.get(message["statement_id"])
            if begun is not None:
                begun.running()
        else:
            ended = self._jobs.pop(message["statement_id"], None)
            if ended is not None:
                ended.ended(message)

    def _ended(self, outcome: TaskOutcome) -> None:
        with self._lock:
            self._over = outcome.message or "The process has ended."
            left, self._jobs = list(self._jobs.values()), {}
        self._workspace.identity.revoke_token(self._token)
        for job in left:
            job.ended(_ended_with_process(self._over, stopped=outcome.state == "CANCELED"))
        self._gone(self)


def _ended_with_process(message: str, *, stopped: bool = False) -> dict[str, Any]:
    code, text = "ABORTED", "The SQL warehouse was stopped while the statement was running."
    if not stopped:
        code = "INTERNAL_ERROR"
        text = f"The process of the SQL warehouse has ended: {message} Run the statement again; it starts a new one."
    return {"error": {"message": text, "sql_state": None, "code": code}}
