"""Output between a pipe and its file, in memory that outlives the process which carries it over."""

from __future__ import annotations

import io
import mmap
import os
import struct
import tempfile
from typing import Any

__all__ = ["Journal", "memory_file"]

_CHUNK = 1 << 16
_HEADER = struct.Struct("<QQ")  # the size of the file, and the number of bytes that are held back
_SLOT = _HEADER.size + 2 * _CHUNK


def memory_file() -> Any:
    """A file without a name, in memory only where the system has such files."""
    if hasattr(os, "memfd_create"):
        return io.FileIO(os.memfd_create("brickyard"), "r+b")
    return tempfile.TemporaryFile(buffering=0)


class Journal:
    """What a process has read from a pipe and not yet written; the process that forked it sees it, too.

    A process may end at any moment, as with `os._exit` or a signal. So the kernel reads into this memory, and what is
    held back is written to one of two places in turn, of which the first byte names the valid one.

    Args:
        file: The memory that an earlier interpreter of this process has used; new memory without one.

    Attributes:
        file: The memory, as a file that another interpreter of this process can be given.
    """

    def __init__(self, file: Any = None) -> None:
        self.file = file or memory_file()
        self.file.truncate(1 + 2 * _SLOT)
        self._memory = mmap.mmap(self.file.fileno(), 1 + 2 * _SLOT)

    def read(self, pipe: int) -> bytes:
        """Read from the pipe; what is read is pending until it is settled."""
        begin = self._begin(self._memory[0]) + _HEADER.size + _CHUNK
        with memoryview(self._memory) as whole, whole[begin : begin + _CHUNK] as chunk:
            return bytes(chunk[: os.readv(pipe, [chunk])])

    def settle(self, size: int, held: bytes) -> None:
        """The file has `size` bytes now, and of what was read only `held` is not in it."""
        held = held[:_CHUNK]  # nothing that could become a secret is longer, unless it is full of blanks
        old, new = self._memory[0], 1 - self._memory[0]
        begin = self._begin(new)
        header = _HEADER.pack(size, len(held))
        self._memory[begin : begin + len(header) + len(held)] = header + held
        self._memory[0] = new
        begin = self._begin(old) + _HEADER.size + _CHUNK
        self._memory[begin : begin + _CHUNK] = bytes(_CHUNK)

    def pending(self) -> tuple[int, bytes]:
        """The size up to which the file is right, and what belongs behind that."""
        begin = self._begin(self._memory[0])
        size, held = _HEADER.unpack_from(self._memory, begin)
        begin += _HEADER.size
        chunk = self._memory[begin + _CHUNK : begin + 2 * _CHUNK].rstrip(b"\0")  # where it ends, nobody could note
        return size, self._memory[begin : begin + held] + chunk

    def close(self) -> None:
        """Give the memory back, in this process."""
        self._memory.close()
        self.file.close()

    def _begin(self, slot: int) -> int:
        return 1 + slot * _SLOT
