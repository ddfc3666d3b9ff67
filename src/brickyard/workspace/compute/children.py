"""The children of the fork server: workers, their gateways and Spark engines, and the later generation of itself."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from brickyard.runtime.journal import Journal
from brickyard.runtime.output import OutputFile
from brickyard.runtime.redaction import Redactor
from brickyard.workspace.compute.channel import Channel
from brickyard.workspace.compute.tasks import OUTPUT_FILE

__all__ = ["Child", "OutputPipe"]

_CHUNK = 1 << 16


class OutputPipe:
    """The pipe behind a worker's two outputs; the worker reads it itself, and here what it left is written.

    It may leave text in the pipe, and some that it has read and not yet written, if it ends at once.

    Args:
        directory: The run's directory.
        secrets: What is not to be written; the worker says what comes to be one while it runs.
        parts: The ends of the pipe and the journal that an earlier interpreter of this process has used.
    """

    def __init__(self, directory: Path, secrets: Iterable[str], parts: tuple[int, int, Journal] | None = None) -> None:
        self.journal = parts[2] if parts else Journal()
        self.reader, self.writer = parts[:2] if parts else os.pipe()
        self.secrets = set(secrets)
        self._path = directory / OUTPUT_FILE

    def finish(self) -> None:
        """Write what is left, when no process writes any more.

        Raises:
            OSError: The file cannot be written.
        """
        size, left = self.journal.pending()
        os.set_blocking(self.reader, False)
        with contextlib.suppress(BlockingIOError):  # there is no more; this process could write itself
            while data := os.read(self.reader, _CHUNK):
                left += data
        self.forget()
        if left:
            file = OutputFile(self._path, Redactor(self.secrets), size)
            try:
                file.write(left)
                file.finish()
            finally:
                file.close()

    def forget(self) -> None:
        """Close both ends in a process that does not need them."""
        os.close(self.reader)
        os.close(self.writer)
        self.journal.close()


@dataclass
class Child:
    """A process that the fork server has forked.

    Attributes:
        pid: Its id.
        kind: What it is.
        request: The number of the request that asked for it.
        channel: The conversation with it.
        owner: The child that asked for it; none where the server did.
        output: The pipe behind its outputs, where it is its own.
        kill_at: When it is killed, on the monotonic clock, if it has not ended until then.
        answered: Whether it has answered whoever asked for it.
        told: Whether its end has been told.
    """

    pid: int
    kind: Literal["worker", "engine", "sail", "generation"]
    request: int
    channel: Channel
    owner: Child | None = None
    output: OutputPipe | None = None
    kill_at: float | None = None
    answered: bool = False
    told: bool = False

    @property
    def root(self) -> Child:
        """What the server asked for, on whose behalf this is here."""
        return self if self.owner is None else self.owner.root

    def writer(self) -> int:
        """The pipe that its output, or its owner's, goes to; the fork server's own where there is none."""
        if self.output is not None:
            return self.output.writer
        return 2 if self.owner is None else self.owner.writer()

    def forget(self) -> None:
        """Close what is shared with it, in a process that is not its parent."""
        self.channel.close()
        if self.output is not None:
            self.output.forget()
