"""The seam between the gateway and a Spark engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

__all__ = ["Address", "Capabilities", "Engine", "EngineServer", "Work"]


@dataclass(frozen=True)
class Address:
    """Where an engine speaks Spark Connect.

    Attributes:
        target: `host:port`.
        secure: Whether it speaks TLS.
        metadata: What goes with every call, for example a token.
    """

    target: str
    secure: bool = False
    metadata: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Capabilities:
    """What an engine can do.

    Attributes:
        name: What it is called in errors and in `spark.brickyard.engine`.
        is_spark: It is Apache Spark itself: nothing that only another engine lacks is refused or rewritten.
        own_names: Names and paths are the engine's own, so that plans go through as they are.
    """

    name: str
    is_spark: bool = False
    own_names: bool = False


@dataclass(frozen=True)
class Work:
    """What an engine still does for a session.

    Attributes:
        functions: How many threads execute Python functions.
        computes: Whether it computes something else.
    """

    functions: int = 0
    computes: bool = False


class EngineServer(Protocol):
    """What serves one session."""

    @property
    def address(self) -> Address:
        """Where it listens."""

    @property
    def kept(self) -> Path | None:
        """Where it keeps rows for a session, by the session's id, and does not remove them itself."""

    def interrupt(self, timeout: float) -> Work:
        """Stop Python functions that it executes for the session; what it still does.

        Raises:
            TimeoutError: It does not answer.
        """

    def import_from(self, entry: str) -> None:
        """Let Python functions import what is in a directory or archive."""

    def work_in(self, directory: str) -> None:
        """Let Python functions find files in a directory: it is the current one, and that of `SparkFiles`."""

    def ended(self, timeout: float = 0) -> str | None:
        """How it ended, waiting so many seconds for that; none while it runs."""

    def kill(self) -> None:
        """End it; does nothing where the sessions share it and it ends with the engine."""


class Engine(Protocol):
    """Something that serves sessions."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""

    def start(self) -> EngineServer:
        """A server for one session.

        Raises:
            RuntimeError: It does not start; the text says why and what to do.
        """

    def close(self) -> None:
        """End everything that it has started."""
