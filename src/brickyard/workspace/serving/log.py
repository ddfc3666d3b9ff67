"""What a model prints, written to its log as it comes, without the values of secrets."""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import threading
from pathlib import Path

from brickyard.runtime.redaction import Redactor

__all__ = ["ModelLog"]

_CHUNK = 1 << 16
# After this long without output, a beginning that is no longer than `_SHORT` is taken for what it is.
_PATIENCE_SECONDS = 1.0
_SHORT = 6
# A log that has become larger loses its older half.
_MOST_BYTES = 16 << 20


class ModelLog:
    """Empties a pipe into a file on a thread of its own, until it is closed.

    On a full disk lines are lost, not predictions: the pipe is emptied all the same, so that the model need not wait.

    Args:
        pipe: The descriptor to read from.
        path: The file that is added to.
        redactor: Takes the secrets out.
    """

    def __init__(self, pipe: int, path: Path, redactor: Redactor) -> None:
        self._pipe = pipe
        self._path = path
        self._file = path.open("ab", buffering=0)
        self._redactor = redactor
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._run, name=f"log-{path.stem}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what is in the pipe now, and end; whoever still holds its other end is not waited for."""
        os.close(self._stopper)
        self._thread.join()
        os.close(self._stop)
        self._file.close()

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._pipe, self._stop], [], [], _PATIENCE_SECONDS)
            if self._pipe in ready:
                data = os.read(self._pipe, _CHUNK)
                if not data:
                    break
                self._add(self._decoder.decode(data))
            elif ready:  # only the word to stop, and nothing more to read
                break
            elif len(self._held) <= _SHORT:
                self._write(len(self._held))
        self._add(self._decoder.decode(b"", final=True))
        self._write(len(self._held))

    def _add(self, text: str) -> None:
        self._held += text
        self._write(self._redactor.unfinished(self._held))  # the rest could be the beginning of a secret

    def _write(self, length: int) -> None:
        text, self._held = self._held[:length], self._held[length:]
        with contextlib.suppress(OSError):
            self._file.write(self._redactor.redact(text).encode())
            if self._file.tell() > _MOST_BYTES:
                self._shorten()

    def _shorten(self) -> None:
        with self._path.open("rb") as file:
            file.seek(-(_MOST_BYTES // 2), os.SEEK_END)
            newer = file.read().partition(b"\n")[2]
        self._file.truncate(0)
        self._file.write(newer)
