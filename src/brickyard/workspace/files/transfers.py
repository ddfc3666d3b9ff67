"""What the Files API does, on whichever tree the path is in."""

from __future__ import annotations

import asyncio
import base64
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import anyio.to_thread

from brickyard.workspace.api.errors import InvalidParameterValue, NotFound
from brickyard.workspace.files import storage
from brickyard.workspace.files.errors import DirectoryNotEmpty, explained, with_reason

if TYPE_CHECKING:
    from brickyard.workspace.files.paths import Place
    from brickyard.workspace.files.service import Files
    from brickyard.workspace.files.storage import Spool

__all__ = ["Entry", "delete_directory", "delete_file", "find_directory", "list_directory", "make_directory"]
__all__ += ["make_parents", "open_file", "read_chunks", "upload"]

MAX_PAGE = 1000
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Entry:
    """One entry of a directory; the time is epoch milliseconds, the size is in bytes."""

    path: str
    name: str
    is_directory: bool
    modified_at: int
    size: int


def upload(files: Files, path: str, spool: Spool, *, overwrite: bool) -> None:
    """Put content at a path; missing parent directories are made.

    Raises:
        AlreadyExists: There is a file and `overwrite` is false, or there is a directory.
    """
    place = files.writable(path)
    if len(place.names) <= place.root.depth:
        raise InvalidParameterValue(f"The path {place.path} is not the path of a file.")
    with explained(place.path):
        make_parents(place)
        files.storage.publish(spool, place.local, overwrite=overwrite)


def open_file(files: Files, path: str) -> tuple[BinaryIO, os.stat_result]:
    """A file to read, and its state; the content stays the one that was opened.

    Raises:
        NotFound: There is none.
    """
    place = files.loadable(path)
    with explained(place.path):
        file = storage.open_file(place.local)
    return file, os.fstat(file.fileno())


async def read_chunks(file: BinaryIO, start: int, length: int) -> AsyncIterator[bytes]:
    """A part of a file, in bounded memory: the next chunk is read while one is sent; closes the file."""
    left = length

    def read() -> bytes:
        nonlocal left
        chunk = file.read(min(_CHUNK, left))
        left -= len(chunk)
        return chunk

    def close(ended: asyncio.Future[bytes]) -> None:
        file.close()
        if not ended.cancelled():
            ended.exception()  # of a read that nobody waits for any more

    file.seek(start)
    reading = asyncio.ensure_future(anyio.to_thread.run_sync(read))
    try:
        while chunk := await reading:
            reading = asyncio.ensure_future(anyio.to_thread.run_sync(read))
            yield chunk
    finally:  # nothing is waited for: where the client has left, this is being cancelled
        reading.add_done_callback(close)


def delete_file(files: Files, path: str) -> None:
    """Delete a file.

    Raises:
        NotFound: There is none.
    """
    place = files.writable(path)
    if place.local.is_dir() and not place.local.is_symlink():
        raise InvalidParameterValue(f"The path {place.path} is a directory.")
    _discard(files, place)


def make_directory(files: Files, path: str) -> None:
    """Make a directory and its parents; does nothing where it exists.

    Raises:
        AlreadyExists: There is a file at the path or at a parent of it.
    """
    place = files.readable(path)
    if place.local.is_dir():
        return
    place = files.writable(path)
    with explained(place.path):
        make_parents(place)
        place.local.mkdir(exist_ok=True)


def find_directory(files: Files, path: str) -> Place:
    """A directory.

    Raises:
        NotFound: There is none, or it is a file.
    """
    place = files.readable(path)
    if not place.local.is_dir():
        raise NotFound(f"The directory {place.path} does not exist.")
    return place


def list_directory(
    files: Files, path: str, size: int = MAX_PAGE, token: str | None = None
) -> tuple[list[Entry], str | None]:
    """One page of a directory, by name, and the token of the next page where there is one.

    Raises:
        NotFound: There is no such directory.
        InvalidParameterValue: The token is not one of an earlier page.
    """
    place = find_directory(files, path)
    with explained(place.path):
        names = sorted(entry.name for entry in place.local.iterdir())
    after = None if token is None else _name_of(token)
    rest = [name for name in names if after is None or name > after]
    page = rest[:size]
    entries = [entry for name in page if (entry := _entry(files, place, name)) is not None]
    return entries, _token_of(page[-1]) if len(rest) > size else None


def delete_directory(files: Files, path: str) -> None:
    """Delete an empty directory.

    Raises:
        NotFound: There is none.
        DirectoryNotEmpty: It has entries.
    """
    place = files.writable(path)
    find_directory(files, path)
    with explained(place.path):
        if any(place.local.iterdir()):
            error = DirectoryNotEmpty(f"The directory {place.path} is not empty.")
            raise with_reason(error, "FILES_API_DIRECTORY_IS_NOT_EMPTY")
    _discard(files, place)


def make_parents(place: Place) -> None:
    """Make the directories above a place.

    Raises:
        NotADirectoryError: One of them is a file.
    """
    try:
        place.local.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(*error.args) from error


def _discard(files: Files, place: Place) -> None:
    if place.root is files.roots.workspace:
        files.tree.delete(place.path, recursive=False)
        return
    with explained(place.path):
        if place.local.is_dir() and not place.local.is_symlink():
            place.local.rmdir()
        else:
            place.local.unlink()


def _entry(files: Files, place: Place, name: str) -> Entry | None:
    status = files.roots.status(place, name)
    if status is None:
        return None  # deleted since the directory was read
    directory = stat.S_ISDIR(status.st_mode)
    return Entry(f"{place.path}/{name}", name, directory, status.st_mtime_ns // 1_000_000, status.st_size)


def _token_of(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode("utf-8", "surrogateescape")).decode()


def _name_of(token: str) -> str:
    try:
        return base64.b64decode(token, b"-_", validate=True).decode("utf-8", "surrogateescape")
    except ValueError as error:  # also of base64 and of text
        raise InvalidParameterValue("page_token is not one of this listing") from error
