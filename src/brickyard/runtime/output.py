"""What a task prints: everything that reaches its two outputs goes, without secrets, to one file as it comes."""

from __future__ import annotations

import codecs
import fcntl
import os
import select
import struct
import termios
import threading
from collections.abc import Callable
from pathlib import Path

from brickyard.runtime.journal import Journal
from brickyard.runtime.redaction import Redactor
from brickyard.runtime.regular_files import open_regular

__all__ = ["OutputFile", "OutputPump"]

_SHORT, _PATIENCE_SECONDS = 6, 1.0


class OutputFile:
    """Appends text to a file without secrets, also where one comes in several pieces.

    Args:
        path: The file.
        redactor: What takes secrets out.
        size: Where to begin; what the file has behind that is dropped. Without it, the file's end.

    Attributes:
        size: How many bytes the file has.
    """

    def __init__(self, path: Path, redactor: Redactor, size: int | None = None) -> None:
        self._file = open_regular(path, "a", os.O_NOFOLLOW)
        if size is not None:
            self._file.truncate(size)
        self.size = os.fstat(self._file.fileno()).st_size
        self._redactor = redactor
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    @property
    def held(self) -> bytes:
        """What is held back."""
        return self._held.encode() + self._decoder.getstate()[0]

    def write(self, data: bytes) -> None:
        """Add output; the end of it is held back while it could be the beginning of a secret."""
        text = self._held + self._decoder.decode(data)
        cut = self._redactor.unfinished(text)
        self._held = text[cut:]
        self._append(text[:cut])

    def rest(self) -> None:
        """Write a short beginning that was held back, as nothing has followed it for a while."""
        if len(self._held) <= _SHORT:
            self._append(self._held)
            self._held = ""

    def finish(self) -> None:
        """Write what was held back."""
        self._append(self._held + self._decoder.decode(b"", final=True))
        self._held = ""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, text: str) -> None:
        data = self._redactor.redact(text).encode()
        while data:
            count = self._file.write(data)
            self.size += count
            data = data[count:]


class OutputPump:
    """Reads a pipe on a thread of its own and writes an output file.

    Args:
        pipe: The descriptor to read from.
        file: Where the output goes.
        journal: Tells another process what is not written yet, if this one ends at once; none where nobody asks.

    Attributes:
        failure: Why the file could not be written, once that has happened; what comes then is lost.
    """

    def __init__(self, pipe: int, file: OutputFile, journal: Journal | None = None) -> None:
        self.failure: OSError | None = None
        self._pipe = pipe
        self._file = file
        self._journal = journal or Journal()
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what is in the pipe now, and end; whoever still holds the other end is not waited for."""
        os.write(self._stopper, b"\0")  # a forked process may have it open, too
        self._thread.join()
        os.close(self._stopper)
        os.close(self._stop)
        self._write(self._file.finish)
        self._file.close()

    def _run(self) -> None:
        going = True
        while going:
            ready, _, _ = select.select([self._pipe, self._stop], [], [], _PATIENCE_SECONDS)
            if self._stop in ready:
                self._drain()
                return
            if ready:
                going = self._read() > 0
            else:
                self._write(self._file.rest)

    def _drain(self) -> None:
        """Write what is in the pipe by now; who still holds the other end may go on to fill it."""
        (left,) = struct.unpack("i", fcntl.ioctl(self._pipe, termios.FIONREAD, bytes(struct.calcsize("i"))))
        while left > 0:
            left -= self._read()

    def _read(self) -> int:
        data = self._journal.read(self._pipe)
        if data:
            self._write(self._file.write, data)
        return len(data)

    def _write(self, action: Callable[..., None], *data: bytes) -> None:
        """Write; where that fails the pipe is still emptied, so that nobody waits for room in it."""
        if self.failure is None:
            try:
                action(*data)
            except OSError as error:
                self.failure = error
        self._journal.settle(self._file.size, self._file.held)
