"""Files that programs may have replaced by pipes or links, for which whoever opens them could wait for ever."""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO
from pathlib import Path

__all__ = ["open_regular", "read_regular"]


def open_regular(path: Path, mode: str, flags: int = 0) -> FileIO:
    """Open a file, and nothing for which that would have to wait.

    Args:
        path: The file.
        mode: `r` or `a`, unbuffered bytes.
        flags: Further flags of open(2), `O_NOFOLLOW` for example.

    Raises:
        OSError: It is no file, or cannot be opened.
    """
    flags |= os.O_RDONLY if mode == "r" else os.O_WRONLY | os.O_CREAT | os.O_APPEND
    try:
        opened = FileIO(path, mode, opener=lambda name, _: os.open(name, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666))
    except OSError as error:
        if error.errno != errno.ENXIO:  # a pipe that nobody reads
            raise
    else:
        if stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            return opened
        opened.close()
    raise OSError(f"{path.name} is no file: remove it")


def read_regular(path: Path) -> bytes:
    """The content of a file.

    Raises:
        OSError: It is no file, or cannot be read.
    """
    with open_regular(path, "r", os.O_NOFOLLOW) as file:
        return file.readall() or b""
