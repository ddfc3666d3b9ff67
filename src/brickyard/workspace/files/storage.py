"""Writing and deleting in one step: content is complete under a temporary name before it takes its own."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import anyio.to_thread

from brickyard.workspace.api.errors import RequestTooLarge
from brickyard.workspace.files.errors import explained

__all__ = ["Spool", "Storage", "open_file"]

_BUFFER = 1024 * 1024
_MOST_PIECES = 256  # of one `writev`
_WRITTEN_AT_ONCE = 2 * 1024 * 1024


def open_file(local: Path) -> BinaryIO:
    """A file to read, without waiting for the writer of a pipe that a task has made.

    Raises:
        FileNotFoundError: There is none, or it is a directory, pipe or device.
    """
    handle = os.open(local, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise FileNotFoundError(errno.ENOENT, "it is not a file", str(local))
    return os.fdopen(handle, "rb", buffering=0)


class Spool:
    """Content that has arrived but is not in its place yet; deleted on exit unless it was published."""

    def __init__(self, directory: Path) -> None:
        handle, name = tempfile.mkstemp(dir=directory)
        self.path = Path(name)
        self.file: BinaryIO = os.fdopen(handle, "w+b", buffering=_BUFFER)

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.file.close()
        except OSError:
            if error is None:  # otherwise the first failure is the one to report
                raise
        finally:
            self.path.unlink(missing_ok=True)

    @property
    def changed_at(self) -> int:
        """When the content was written, in epoch milliseconds; it keeps this time in its place."""
        self.file.flush()
        return os.fstat(self.file.fileno()).st_mtime_ns // 1_000_000

    def read(self, limit: int = -1) -> bytes:
        """The content from its beginning, at most `limit` bytes of it."""
        self.file.seek(0)
        return self.file.read(limit)

    def replace(self, content: bytes) -> None:
        """Put other content in the place of this."""
        with explained("the upload"):
            self.file.seek(0)
            self.file.truncate()
            self.file.write(content)
            self.file.flush()

    async def receive(self, chunks: AsyncIterator[bytes], limit: int | None = None) -> None:
        """Write a stream in bounded memory.

        Args:
            chunks: The stream.
            limit: How many bytes are accepted at most.

        Raises:
            RequestTooLarge: There are more.
            StorageFull: The disk is full.
        """
        writing = None  # what has arrived is written while the next arrives
        waiting: list[bytes] = []
        size = written = 0
        try:
            async for chunk in chunks:
                size += len(chunk)
                if limit is not None and size > limit:
                    raise RequestTooLarge(f"The content is larger than {limit} bytes.")
                waiting.append(chunk)
                if size - written >= _WRITTEN_AT_ONCE:
                    if writing is not None:
                        await writing
                    writing = asyncio.ensure_future(anyio.to_thread.run_sync(self._write, waiting))
                    waiting, written = [], size
            if writing is not None:
                await writing
            await anyio.to_thread.run_sync(self._write, waiting)
        finally:
            if writing is not None:
                await asyncio.wait([writing])

    def _write(self, chunks: list[bytes]) -> None:
        with explained("the upload"):
            self.file.flush()
            _write_all(self.file.fileno(), chunks if len(chunks) <= _MOST_PIECES else [b"".join(chunks)])


def _write_all(handle: int, chunks: list[bytes]) -> None:
    """Write pieces in as few calls as the system does: it is faster with larger ones."""
    rest = [memoryview(chunk) for chunk in chunks if chunk]
    while rest:
        count = os.writev(handle, rest)
        while rest and count >= len(rest[0]):
            count -= len(rest.pop(0))
        if count:
            rest[0] = rest[0][count:]


class Storage:
    """Temporary names and the bin, on the same file system as the data."""

    def __init__(self, data: Path) -> None:
        self._incoming = data / ".incoming"
        self._bin = data / ".bin"
        for directory in (self._incoming, self._bin):
            shutil.rmtree(directory, ignore_errors=True)  # what a killed server left
            directory.mkdir(parents=True)

    def incoming(self, name: str) -> Path:
        """Where a directory is put together before it takes its place."""
        return self._incoming / name

    def spool(self) -> Spool:
        """Where an upload goes first."""
        with explained("the upload"):
            return Spool(self._incoming)

    def publish(self, spool: Spool, target: Path, *, overwrite: bool) -> None:
        """Give the content its name; others see the old content or the whole new one, never a part.

        Raises:
            FileExistsError: There is something at the target and `overwrite` is false.
        """
        spool.file.flush()
        os.fchmod(spool.file.fileno(), 0o644)
        if overwrite:
            spool.path.replace(target)
        else:
            os.link(spool.path, target)  # fails where there is something, even when two do it at once

    def discard(self, target: Path) -> None:
        """Delete a file or a whole directory; it is gone at once, also where the process dies on the way."""
        if target.is_symlink() or not target.is_dir():
            target.unlink()
            return
        bin_name = self._bin / uuid.uuid4().hex
        target.rename(bin_name)
        shutil.rmtree(bin_name)
