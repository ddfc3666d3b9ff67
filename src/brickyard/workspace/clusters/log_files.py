"""Files that logs are read from and added to, which programs may have replaced by pipes or links."""

from __future__ import annotations

import logging
import os
import shutil
from io import FileIO
from pathlib import Path

from brickyard.runtime.regular_files import open_regular

__all__ = ["Output", "append", "copy"]

_CHUNK = 1 << 20
_log = logging.getLogger(__name__)


class Output:
    """What a process prints to a file, read as far as it has been delivered."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._delivered = 0
        self._file: FileIO | None = None

    def end(self) -> None:
        """Nothing more is printed, and the file may be removed before the rest is delivered."""
        self._file = self._opened()

    def deliver(self, path: Path) -> None:
        """Add what is new to a file.

        Raises:
            OSError: It cannot be written: the next delivery goes on from there.
        """
        source = self._file or self._opened()
        if source is None:
            return
        try:
            source.seek(self._delivered)
            while data := source.read(_CHUNK):
                append(path, data)
                self._delivered += len(data)
        finally:
            if source is not self._file:
                source.close()

    def close(self) -> None:
        """Nothing of it is delivered any more."""
        if self._file is not None:
            self._file.close()

    def _opened(self) -> FileIO | None:
        try:
            return open_regular(self._path, "r", os.O_NOFOLLOW)
        except FileNotFoundError:  # nothing has been printed
            return None
        except OSError as error:  # the program has put something else there: the others are delivered
            _log.warning("%s cannot be delivered: %s", self._path, error)
            return None


def append(path: Path, data: bytes) -> None:
    """Add all of the data to a file, or nothing of it.

    Raises:
        OSError: The disk is full, say, or it is no file.
    """
    with open_regular(path, "a") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
        except OSError:
            file.truncate(size)
            raise


def copy(source: Path, path: Path) -> None:
    """Copy a file where the copy is not whole.

    Raises:
        OSError: It cannot be read or written.
    """
    if not path.exists() or path.stat().st_size < source.stat().st_size:
        shutil.copyfile(source, path)
