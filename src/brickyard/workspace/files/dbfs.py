"""DBFS as its ten calls know it: whole files, and files written block by block through a handle.

Source of the limits and errors: https://docs.databricks.com/api/workspace/dbfs.
"""

from __future__ import annotations

import os
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import (
    ApiError,
    InvalidParameterValue,
    NotFound,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
    ResourceExhausted,
)
from brickyard.workspace.files.errors import AlreadyExists, explained
from brickyard.workspace.files.storage import open_file
from brickyard.workspace.files.transfers import make_parents

if TYPE_CHECKING:
    from brickyard.workspace.files.paths import Place
    from brickyard.workspace.files.service import Files
    from brickyard.workspace.files.storage import Spool

__all__ = ["MAX_BLOCK", "BlockTooLarge", "Dbfs", "DbfsEntry"]

MAX_BLOCK = 1024 * 1024
_IDLE_SECONDS = 600
_MOST_HANDLES = 1000


class BlockTooLarge(ApiError):
    """A block, or the content of `put`, has more than 1 MiB."""

    status, code = 400, "MAX_BLOCK_SIZE_EXCEEDED"


class _ReadTooLarge(ApiError):
    """A part of more than 1 MiB was asked for."""

    status, code = 400, "MAX_READ_SIZE_EXCEEDED"


class _NotEmpty(ApiError):
    """A directory has entries and the deletion was not recursive."""

    status, code = 400, "IO_ERROR"


@dataclass(frozen=True)
class DbfsEntry:
    """A file or directory; the size is in bytes, the time epoch milliseconds."""

    path: str
    is_dir: bool
    size: int
    modified_at: int


@dataclass
class _Open:
    """A file that is being written; nobody sees it before it is closed."""

    place: Place
    spool: Spool
    owner: int
    overwrite: bool
    used_at: float


class Dbfs:
    """The tree behind `dbfs:/`, without what is mounted into it.

    Args:
        files: The files of the workspace.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._open: dict[int, _Open] = {}
        self._lock = threading.Lock()

    def status(self, path: str) -> DbfsEntry:
        """A file or directory.

        Raises:
            ResourceDoesNotExist: There is none.
        """
        return self._entry(self._place(path))

    def list(self, path: str) -> list[DbfsEntry]:
        """The entries of a directory, by name; of a file, itself.

        Raises:
            ResourceDoesNotExist: There is nothing at the path.
        """
        place = self._place(path)
        found = self._entry(place)
        if not found.is_dir:
            return [found]
        with explained(path):
            names = sorted(entry.name for entry in place.local.iterdir())
        states = ((name, self._files.roots.status(place, name)) for name in names)
        return [_entry(f"{found.path.rstrip('/')}/{name}", status) for name, status in states if status is not None]

    def read(self, path: str, offset: int, length: int) -> bytes:
        """A part of a file, at most 1 MiB.

        Raises:
            ResourceDoesNotExist: There is nothing at the path.
            InvalidParameterValue: It is a directory, or offset or length is negative.
        """
        if offset < 0 or length < 0:
            raise InvalidParameterValue("offset and length must not be negative")
        if length > MAX_BLOCK:
            raise _ReadTooLarge(f"at most {MAX_BLOCK} bytes can be read at once, not {length}")
        place = self._place(path)
        if self._entry(place).is_dir:
            raise InvalidParameterValue(f"{path} is a directory, which cannot be read")
        with explained(path), open_file(place.local) as file:
            file.seek(offset)
            return file.read(length)

    def make_directory(self, path: str) -> None:
        """Make a directory and its parents; does nothing where it exists.

        Raises:
            ResourceAlreadyExists: There is a file at the path or at a parent of it.
        """
        place = self._place(path)
        try:
            with explained(path):
                place.local.mkdir(parents=True, exist_ok=True)
        except AlreadyExists as error:
            raise ResourceAlreadyExists(f"A file is in the way of the directory {path}.") from error

    def put(self, path: str, spool: Spool, *, overwrite: bool) -> None:
        """Write a whole file; missing parents are made.

        Raises:
            ResourceAlreadyExists: There is a file that may not be replaced, or a directory.
        """
        self._publish(self._new(path, overwrite), spool, overwrite)

    def move(self, source: str, destination: str) -> None:
        """Move a file or a whole directory.

        Raises:
            ResourceDoesNotExist: There is nothing at the source.
            ResourceAlreadyExists: There is something at the destination.
            InvalidParameterValue: A directory would be moved into itself.
        """
        old, new = self._place(source), self._place(destination)
        self._entry(old)
        if not old.names:
            raise InvalidParameterValue("the root of DBFS cannot be moved")
        self._files.mounting.require_none_below(old.names, source)
        if new.names[: len(old.names)] == old.names and new != old:
            raise InvalidParameterValue(f"{source} cannot be moved into itself")
        if new.local.is_dir() and not old.local.is_dir():
            new = self._place(f"{destination.rstrip('/')}/{old.names[-1]}")
        if os.path.lexists(new.local):
            raise ResourceAlreadyExists(f"{destination} already exists.")
        with _parents_of(new):
            old.local.rename(new.local)

    def delete(self, path: str, *, recursive: bool) -> None:
        """Delete a file or directory; does nothing where there is none.

        Raises:
            ApiError: `IO_ERROR` where a directory has entries and the call is not recursive.
        """
        place = self._place(path)
        if not place.names:
            raise InvalidParameterValue("the root of DBFS cannot be deleted")
        if not os.path.lexists(place.local):
            return
        self._files.mounting.require_none_below(place.names, path)
        with explained(path):
            if place.local.is_dir() and not recursive and any(place.local.iterdir()):
                raise _NotEmpty(f"The directory {path} is not empty; delete it with recursive=true.")
            self._files.storage.discard(place.local)

    def create(self, path: str, owner: int, *, overwrite: bool) -> int:
        """Begin to write a file block by block; answers the handle.

        Raises:
            ResourceAlreadyExists: There is a file that may not be replaced, or a directory.
            ResourceExhausted: There are too many files open.
        """
        place = self._new(path, overwrite)
        with self._lock:
            self._drop_idle()
            if len(self._open) >= _MOST_HANDLES:
                raise ResourceExhausted(f"{_MOST_HANDLES} files are open for writing; close some first.")
            handle = secrets.randbelow(2**53 - 1) + 1
            self._open[handle] = _Open(place, self._files.storage.spool(), owner, overwrite, time.monotonic())
        return handle

    def add_block(self, handle: int, owner: int, block: bytes) -> None:
        """Append a block to an open file.

        Raises:
            ResourceDoesNotExist: There is no such handle, or it is another principal's.
            ApiError: `MAX_BLOCK_SIZE_EXCEEDED` where the block has more than 1 MiB.
        """
        if len(block) > MAX_BLOCK:
            raise BlockTooLarge(f"a block has at most {MAX_BLOCK} bytes, not {len(block)}")
        with self._lock:
            opened = self._mine(handle, owner)
            opened.used_at = time.monotonic()
            with explained(opened.place.path):
                opened.spool.file.write(block)

    def close(self, handle: int, owner: int) -> None:
        """End an open file: now it is there, as a whole.

        Raises:
            ResourceDoesNotExist: There is no such handle, or it is another principal's.
        """
        with self._lock:
            opened = self._mine(handle, owner)
            del self._open[handle]
        with opened.spool:
            self._publish(opened.place, opened.spool, opened.overwrite)

    def _mine(self, handle: int, owner: int) -> _Open:
        opened = self._open.get(handle)
        if opened is None or opened.owner != owner:
            raise ResourceDoesNotExist(
                f"No file is open under the handle {handle}; it was closed or idle for too long."
            )
        return opened

    def _drop_idle(self) -> None:
        oldest = time.monotonic() - _IDLE_SECONDS
        for handle, opened in list(self._open.items()):
            if opened.used_at < oldest:
                del self._open[handle]
                with opened.spool:
                    pass

    def _new(self, path: str, overwrite: bool) -> Place:
        place = self._place(path)
        if place.local.is_dir():
            raise ResourceAlreadyExists(f"{path} is a directory.")
        if os.path.lexists(place.local) and not overwrite:
            raise ResourceAlreadyExists(f"A file already exists at {path}; overwrite=true replaces it.")
        return place

    def _publish(self, place: Place, spool: Spool, overwrite: bool) -> None:
        with _parents_of(place):
            self._files.storage.publish(spool, place.local, overwrite=overwrite)

    def _place(self, path: str) -> Place:
        place = self._files.roots.located(path if path.startswith("dbfs:") else f"dbfs:{path}")
        if place.root is not self._files.roots.dbfs:
            raise InvalidParameterValue(f"{path} is not in DBFS; use the Files API for {place.root.prefix}.")
        return place

    def _entry(self, place: Place) -> DbfsEntry:
        path = "/" + "/".join(place.names)
        try:
            with explained(path):
                status = place.local.stat()
        except (NotFound, AlreadyExists) as error:
            raise ResourceDoesNotExist(f"No file or directory exists on path dbfs:{path}.") from error
        return _entry(path, status)


def _entry(path: str, status: os.stat_result) -> DbfsEntry:
    directory = stat.S_ISDIR(status.st_mode)
    return DbfsEntry(path, directory, 0 if directory else status.st_size, status.st_mtime_ns // 1_000_000)


@contextmanager
def _parents_of(place: Place) -> Iterator[None]:
    """Make the directories above a place, then give it its content."""
    try:
        with explained(place.path):
            make_parents(place)
            yield
    except AlreadyExists as error:
        raise ResourceAlreadyExists(error.message) from error
