"""What a task prints: everything that reaches its two outputs goes, without secrets, to one file as it comes."""

from __future__ import annotations

import codecs
import os
import select
import threading
from pathlib import Path

from brickyard.runtime.redaction import Redactor

__all__ = ["OutputFile", "OutputPump"]

_CHUNK = 1 << 16
_SHORT, _PATIENCE_SECONDS = 6, 1.0


class OutputFile:
    """Appends text to a file without secrets, also where one comes in several pieces."""

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self._file = path.open("ab", buffering=0)
        self._redactor = redactor
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

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

    def close(self) -> None:
        """Write what was held back, and close the file."""
        self._append(self._held + self._decoder.decode(b"", final=True))
        self._held = ""
        self._file.close()

    def _append(self, text: str) -> None:
        if text:
            self._file.write(self._redactor.redact(text).encode())


class OutputPump:
    """Reads a pipe on a thread of its own and writes an output file."""

    def __init__(self, pipe: int, file: OutputFile) -> None:
        self._pipe = pipe
        self._file = file
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what is in the pipe now, and end; whoever still holds the other end is not waited for."""
        os.close(self._stopper)
        self._thread.join()
        os.close(self._stop)
        self._file.close()

    def _run(self) -> None:
        stopping = False
        while True:
            watched = [self._pipe] if stopping else [self._pipe, self._stop]
            ready, _, _ = select.select(watched, [], [], 0 if stopping else _PATIENCE_SECONDS)
            if self._pipe in ready:
                data = os.read(self._pipe, _CHUNK)
                if not data:
                    return
                self._file.write(data)
            elif stopping:
                return
            elif not ready:
                self._file.rest()
            stopping = stopping or self._stop in ready
