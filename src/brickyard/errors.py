"""The errors of Brickyard, a class per situation of the user.

* BrickyardError          something is wrong; says what, where, and what to do next (exit code 1)
  * UsageError            the command was called in a way that cannot work (2)
  * ProjectError          the project's files are wrong; each fault with file and line (3)
  * ConnectionFailed      the workspace cannot be reached, or refuses the credentials (4)
  * WorkspaceRefused      the workspace answered with an error (5)
  * DeploymentError       a deployment stopped half-way, is locked, or the state moved (6)
  * RunFailed             a job's run did not succeed (7)
  * GateRefused           a model version did not pass its gate (8)
  * ApprovalMissing       a promotion waits for an approval (9)
  * ModelError            a model or version is missing, or cannot do what was asked (10)
  * DataError             a table is missing or does not have the columns that were asked for (11)
  * WorkspaceProcessError a local workspace could not be started, stopped or found (12)
  * RolloutRefused        a version was tried on an endpoint and taken back (13)
"""

from __future__ import annotations

__all__ = [
    "ApprovalMissing",
    "BrickyardError",
    "ConnectionFailed",
    "DataError",
    "DeploymentError",
    "GateRefused",
    "ModelError",
    "ProjectError",
    "RolloutRefused",
    "RunFailed",
    "UsageError",
    "WorkspaceProcessError",
    "WorkspaceRefused",
]


class BrickyardError(Exception):
    """What went wrong, where, and what to do next.

    Args:
        message: What happened, in one sentence.
        where: The file and line, or the resource, that it is about.
        next: What the user can do about it.
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str | None = None, next: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.next = next

    def __str__(self) -> str:
        lines = [self.message]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.next:
            lines.append(f"  next:  {self.next}")
        return "\n".join(lines)


class UsageError(BrickyardError):
    """The command was called in a way that cannot work."""

    exit_code = 2


class ProjectError(BrickyardError):
    """The project's files are wrong."""

    exit_code = 3


class ConnectionFailed(BrickyardError):
    """The workspace cannot be reached, or refuses the credentials."""

    exit_code = 4


class WorkspaceRefused(BrickyardError):
    """The workspace answered a call with an error."""

    exit_code = 5


class DeploymentError(BrickyardError):
    """A deployment stopped half-way, is locked by another, or its state moved."""

    exit_code = 6


class RunFailed(BrickyardError):
    """A job's run did not succeed."""

    exit_code = 7


class GateRefused(BrickyardError):
    """A model version did not pass its gate."""

    exit_code = 8


class ApprovalMissing(BrickyardError):
    """A promotion waits for an approval."""

    exit_code = 9


class ModelError(BrickyardError):
    """A model or a version is missing, or cannot do what was asked."""

    exit_code = 10


class DataError(BrickyardError):
    """A table is missing, or does not have the columns that were asked for."""

    exit_code = 11


class WorkspaceProcessError(BrickyardError):
    """A local workspace could not be started, stopped or found."""

    exit_code = 12


class RolloutRefused(BrickyardError):
    """A version was tried on an endpoint, did not do what was asked of it, and was taken back."""

    exit_code = 13
