"""A disk that can be filled: a file system of its own for root, a limit on the size of files for everybody else."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from pathlib import Path

import psutil

MEGABYTES = 160


class SmallDisk:
    """A directory on a file system in memory, of a size that is easily filled; only root may mount one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._filler = directory / "filler"
        options = f"size={MEGABYTES}m,mode=0700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "brickyard-test", str(directory)], check=True)

    def fill(self, left: int) -> None:
        """Leave room for so many bytes."""
        with self._filler.open("wb", buffering=0) as file:
            try:
                while file.write(b"\0" * (1 << 20)):
                    continue
            except OSError as error:
                assert error.errno == errno.ENOSPC
            file.truncate(max(0, file.tell() - left))

    def free(self) -> None:
        """Make room."""
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        """Take the file system away, with everything on it."""
        subprocess.run(["umount", "--lazy", str(self._directory)], check=True)


class SmallFiles:
    """A limit on the size of what a server and its children write: a write beyond it fails."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def fill(self, left: int) -> None:
        """Let no file grow beyond so many bytes."""
        self._limit(left)

    def free(self) -> None:
        """Let files grow."""
        self._limit(None)

    def close(self) -> None:
        """Nothing is left to tidy up: the limit ends with the processes."""

    def _limit(self, size: int | None) -> None:
        for process in psutil.process_iter(["cmdline"]):
            if str(self._directory) in (process.info["cmdline"] or []):
                for one in [process, *process.children(recursive=True)]:
                    _, hard = resource.prlimit(one.pid, resource.RLIMIT_FSIZE)
                    resource.prlimit(one.pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


def small_disk(directory: Path) -> SmallDisk | SmallFiles:
    """What this user can have."""
    return SmallDisk(directory) if os.geteuid() == 0 else SmallFiles(directory)
