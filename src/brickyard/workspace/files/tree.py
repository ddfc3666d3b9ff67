"""The workspace tree: notebooks, files and directories.

The disk says what exists and what is in it, so that a task may read and write `/Workspace/...` as plain files; the
database gives each object its identity and says which files are notebooks. A row is written before its file and
deleted after it, so a server that is killed in between leaves at most a row without a file, which nobody sees and
which the next start removes.
"""

from __future__ import annotations

import os
import secrets
import stat
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select, update

from brickyard.workspace.api.errors import (
    BadRequest,
    InvalidParameterValue,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from brickyard.workspace.files.errors import AlreadyExists, DirectoryNotEmpty, explained
from brickyard.workspace.files.notebooks import NotebookSource, format_of, language_of
from brickyard.workspace.files.paths import Roots, tree_path
from brickyard.workspace.files.storage import Spool, Storage
from brickyard.workspace.store.files import workspace_objects as objects

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["Tree", "TreeObject"]


@dataclass(frozen=True)
class TreeObject:
    """What is known of one object; times are epoch milliseconds, the size is in bytes."""

    path: str
    kind: str
    language: str | None
    id: int
    created_at: int
    modified_at: int
    size: int


@dataclass(frozen=True)
class _Seen:
    """An object as the disk has it."""

    path: str
    directory: bool
    modified_at: int
    size: int


class Tree:
    """The workspace tree of one workspace.

    Args:
        store: Where the identities are.
        roots: Where the content is.
        storage: How content is written.
        home: The directories that are always there and cannot be deleted, for example `/Users/me@localhost`.
    """

    def __init__(self, store: Store, roots: Roots, storage: Storage, home: tuple[str, ...]) -> None:
        self._store = store
        self._roots = roots
        self._storage = storage
        self._protected = {"/", "/Users", *home}
        self._lock = threading.RLock()
        for path in home:
            self._local(path).mkdir(parents=True, exist_ok=True)
        self._forget_missing()

    def is_protected(self, path: str) -> bool:
        """Whether a path is one of the directories that are always there."""
        return tree_path(path) in self._protected

    def get(self, path: str) -> TreeObject:
        """The object at a path.

        Raises:
            ResourceDoesNotExist: There is none.
        """
        found = self.find(path)
        if found is None:
            raise ResourceDoesNotExist(f"Path ({tree_path(path)}) doesn't exist.")
        return found

    def find(self, path: str) -> TreeObject | None:
        """The object at a path, or nothing."""
        path = tree_path(path)
        seen = self._look(path)
        return None if seen is None else self._identified([seen], objects.c.path == path)[0]

    def children(self, path: str) -> list[TreeObject]:
        """The objects directly in a directory, by name; of a file or notebook, itself.

        Raises:
            ResourceDoesNotExist: There is nothing at the path.
        """
        found = self.get(path)
        if found.kind != "DIRECTORY":
            return [found]
        with explained(found.path), os.scandir(self._local(found.path)) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
        seen = [one for entry in ordered if (one := self._listed(found.path, entry)) is not None]
        return self._identified(seen, objects.c.parent == found.path)

    def make_directory(self, path: str) -> None:
        """Make a directory and its parents; does nothing where it exists.

        Raises:
            ResourceAlreadyExists: There is a file or notebook at the path or at a parent of it.
        """
        path = tree_path(path)
        with self._lock:
            try:
                with explained(path):
                    self._local(path).mkdir(parents=True, exist_ok=True)
            except AlreadyExists as error:
                raise ResourceAlreadyExists(f"A file or notebook is in the way of the directory {path}.") from error

    def write(self, path: str, spool: Spool, *, kind: str, language: str | None, overwrite: bool) -> None:
        """Put content at a path.

        Args:
            path: Where.
            spool: The content; a notebook's is in one of the two formats, source with its header.
            kind: `NOTEBOOK` or `FILE`.
            language: Of a notebook.
            overwrite: Whether existing content of the same kind is replaced.

        Raises:
            ResourceDoesNotExist: The parent directory does not exist.
            ResourceAlreadyExists: There is something that may not be replaced.
            InvalidParameterValue: There is something of another kind.
        """
        path = tree_path(path)
        with self._lock:
            existing = self._check_target(path, kind, overwrite)
            if existing is None or existing.language != language:
                with self._store.write() as connection:
                    _remember(connection, path, kind, language)
            try:
                with explained(path):
                    self._storage.publish(spool, self._local(path), overwrite=overwrite)
            except AlreadyExists as error:
                raise ResourceAlreadyExists(f"Path ({path}) already exists.") from error

    def delete(self, path: str, *, recursive: bool) -> None:
        """Delete an object.

        Raises:
            ResourceDoesNotExist: There is none.
            DirectoryNotEmpty: It is a directory with entries and the call is not recursive.
            BadRequest: It is one of the directories that are always there.
        """
        path = tree_path(path)
        if self.is_protected(path):
            raise BadRequest(f"The folder {path} is protected.")
        with self._lock:
            self.get(path)
            local = self._local(path)
            with explained(path):
                if local.is_dir() and not recursive and any(local.iterdir()):
                    raise DirectoryNotEmpty(f"Folder ({path}) is not empty.")
                self._storage.discard(local)
            below = func.substr(objects.c.path, 1, len(path) + 1) == path + "/"
            with self._store.write() as connection:
                connection.execute(delete(objects).where(or_(objects.c.path == path, below)))

    def read(self, path: str) -> bytes:
        """The content of a file or notebook as it is kept.

        Raises:
            ResourceDoesNotExist: There is nothing at the path.
            InvalidParameterValue: It is a directory.
        """
        found = self.get(path)
        if found.kind == "DIRECTORY":
            raise InvalidParameterValue(f"Path ({found.path}) is a directory.")
        with explained(found.path):
            return self._local(found.path).read_bytes()

    def read_notebook(self, path: str) -> NotebookSource:
        """A notebook with its language and format.

        Raises:
            ResourceDoesNotExist: There is nothing at the path.
            InvalidParameterValue: It is not a notebook.
        """
        found = self.get(path)
        if found.kind != "NOTEBOOK":
            raise InvalidParameterValue(f"Path ({found.path}) is a {found.kind.lower()}, not a notebook.")
        with explained(found.path):
            content = self._local(found.path).read_bytes()
        return NotebookSource(found.path, language_of(content, found.language), content, format_of(content))

    def _local(self, path: str) -> Path:
        return self._roots.place("/Workspace" + path).local

    def _look(self, path: str) -> _Seen | None:
        local = self._local(path)
        try:
            status = local.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _seen(path, status)

    def _listed(self, parent: str, entry: os.DirEntry[str]) -> _Seen | None:
        path = f"{parent.rstrip('/')}/{entry.name}"
        if entry.is_symlink():
            try:
                return self._look(path)
            except InvalidParameterValue:  # it leads out of the tree: shown as what it is, but not followed
                return _seen(path, entry.stat(follow_symlinks=False))
        try:
            return _seen(path, entry.stat())
        except FileNotFoundError:
            return None

    def _check_target(self, path: str, kind: str, overwrite: bool) -> TreeObject | None:
        parent = self.find(_parent(path))
        if parent is None or parent.kind != "DIRECTORY":
            raise ResourceDoesNotExist(f"The parent folder ({_parent(path)}) does not exist.")
        existing = self.find(path)
        if existing is None:
            return None
        if existing.kind == "DIRECTORY" or not overwrite:
            raise ResourceAlreadyExists(f"Path ({path}) already exists.")
        if existing.kind != kind:
            raise InvalidParameterValue(
                f"Cannot overwrite the asset at {path} due to type mismatch (asked: {kind}, actual: {existing.kind})."
            )
        return existing

    def _identified(self, seen: list[_Seen], where: ColumnElement[bool]) -> list[TreeObject]:
        with self._store.read() as connection:
            rows = {row.path: row for row in connection.execute(select(objects).where(where))}
        strangers = [one for one in seen if not _fits(one, rows.get(one.path))]
        if strangers:  # written by a task, past the API
            with self._store.write() as connection:
                for one in strangers:
                    row = connection.execute(select(objects).where(objects.c.path == one.path)).first()
                    kind = "DIRECTORY" if one.directory else "FILE"
                    rows[one.path] = row if row and _fits(one, row) else _remember(connection, one.path, kind, None)
        return [_object(one, rows[one.path]) for one in seen]

    def _kept(self, path: str) -> bool:
        try:
            return self._look(path) is not None
        except InvalidParameterValue:  # a task has put a link out of the tree in its place
            return False

    def _forget_missing(self) -> None:
        with self._store.read() as connection:
            paths = list(connection.execute(select(objects.c.path)).scalars())
        missing = [path for path in paths if not self._kept(path)]
        if missing:
            with self._store.write() as connection:
                for path in missing:
                    connection.execute(delete(objects).where(objects.c.path == path))


def _remember(connection: Connection, path: str, kind: str, language: str | None) -> Row[tuple[object, ...]]:
    """The row of an object: the one it has, else a new one."""
    mine = objects.c.path == path
    if connection.execute(update(objects).where(mine).values(kind=kind, language=language)).rowcount == 0:
        connection.execute(
            insert(objects).values(
                id=secrets.randbelow(10**15) + 10**15,
                path=path,
                parent=_parent(path),
                kind=kind,
                language=language,
                created_at=int(time.time() * 1000),
            )
        )
    return connection.execute(select(objects).where(mine)).one()


def _seen(path: str, status: os.stat_result) -> _Seen:
    return _Seen(path, stat.S_ISDIR(status.st_mode), status.st_mtime_ns // 1_000_000, status.st_size)


def _fits(seen: _Seen, row: Row[tuple[object, ...]] | None) -> bool:
    return row is not None and (row.kind == "DIRECTORY") == seen.directory


def _object(seen: _Seen, row: Row[tuple[object, ...]]) -> TreeObject:
    return TreeObject(seen.path, row.kind, row.language, row.id, row.created_at, seen.modified_at, seen.size)


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"
