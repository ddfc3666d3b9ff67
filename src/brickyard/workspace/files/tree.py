"""The workspace tree: notebooks, files and directories.

The disk says what exists and what is in it, so that a task may read and write `/Workspace/...` as plain files; the
database gives each object its identity and says which files are notebooks. A row is written before its file and
deleted after it, so a server that is killed in between leaves at most a row without a file, which nobody sees and
which the next start removes.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from brickyard.workspace.api.errors import (
    BadRequest,
    InvalidParameterValue,
    NotFound,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from brickyard.workspace.files.errors import AlreadyExists, DirectoryNotEmpty, LeadsAway, explained
from brickyard.workspace.files.index import Index, Known
from brickyard.workspace.files.notebooks import EXTENSIONS, NotebookSource, format_of, language_of, recognise
from brickyard.workspace.files.paths import Roots, normal, tree_path
from brickyard.workspace.files.storage import Spool, Storage, open_file
from brickyard.workspace.identity.permissions import tree_object

if TYPE_CHECKING:
    from brickyard.workspace.identity.permissions import Permissions
    from brickyard.workspace.store import Store

__all__ = ["FOLDERS", "Tree", "TreeObject"]

_log = logging.getLogger(__name__)
FOLDERS = ("DIRECTORY", "REPO")
_OF_NOTEBOOKS = (*EXTENSIONS, ".ipynb")


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
    notebook: str | None = None  # the language of a notebook in a Git folder, which its content tells


class Tree:
    """The workspace tree of one workspace.

    Args:
        store: Where the identities are.
        roots: Where the content is.
        storage: How content is written.
        permissions: What is granted on objects; of those that are deleted, it is forgotten.
        home: The directories that are always there and cannot be deleted, for example `/Users/me@localhost`.
    """

    def __init__(
        self, store: Store, roots: Roots, storage: Storage, permissions: Permissions, home: tuple[str, ...]
    ) -> None:
        self._index = Index(store)
        self._permissions = permissions
        self._roots = roots
        self._storage = storage
        self._protected = {"/", "/Users", *home}
        self._lock = threading.RLock()
        for path in home:
            self.protect(path)
        self._index.forget(path for path in self._index.paths() if not self._kept(path))

    def protect(self, path: str) -> None:
        """Make a directory that cannot be deleted, such as a user's home."""
        self._protected.add(path)
        try:
            self._local(path).mkdir(parents=True, exist_ok=True)
        except (LeadsAway, FileExistsError) as error:  # a task did it; the rest of the workspace goes on
            _log.warning("something else is in the place of the folder %s: %s", path, error)

    def is_protected(self, path: str) -> bool:
        """Whether a path is one of the directories that are always there."""
        return tree_path(path) in self._protected

    def real(self, path: str) -> str:
        """The path that an object really has, where links lead to it from another one."""
        path = tree_path(path)
        root = os.path.realpath(self._roots.workspace.directory)
        inside = os.path.relpath(os.path.realpath(self._file(path)), root)
        found = "/" if inside == "." else f"/{inside}"
        return path if found in {f"{path}{extension}" for extension in _OF_NOTEBOOKS} else found

    def is_link(self, path: str) -> bool:
        """Whether an object is a link, which a task has made."""
        try:
            return self._file(path).is_symlink()
        except LeadsAway:
            return True

    def repo_of(self, path: str) -> str | None:
        """The path of the Git folder that an object is or is in."""
        return self._index.repo_of(tree_path(path))

    def reserve(self, path: str) -> int:
        """The number of a Git folder that is about to be at a path."""
        return self._index.remember(tree_path(path), "REPO").id

    def adopt(self, directory: Path, path: str) -> None:
        """Give a directory, with all that is in it, its place in the tree.

        Raises:
            ResourceAlreadyExists: There is something at the path.
        """
        with self._lock:
            if os.path.lexists(self._local(path)):
                raise ResourceAlreadyExists(f"Path ({path}) already exists.")
            with explained(path):
                directory.rename(self._local(path))

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
        return None if seen is None else self._identified(seen)

    def path_of(self, object_id: str) -> str:
        """The path of the object with a number.

        Raises:
            ResourceDoesNotExist: There is none.
        """
        path = self._index.path_of(int(object_id)) if object_id.isdecimal() and len(object_id) <= 18 else None
        if path is None or self.find(path) is None:
            raise ResourceDoesNotExist(f"Object {object_id} does not exist.")
        return path

    def children(self, path: str) -> list[TreeObject]:
        """The objects directly in a directory, by name; of a file or notebook, itself.

        Raises:
            ResourceDoesNotExist: There is nothing at the path.
        """
        found = self.get(path)
        if found.kind not in FOLDERS:
            return [found]
        with explained(found.path), os.scandir(self._local(found.path)) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
        return [self._identified(one) for entry in ordered if (one := self._listed(found.path, entry)) is not None]

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
            self._check_target(path, kind, overwrite)
            self._index.remember(path, kind, language, changed_at=spool.changed_at)
            before = local = self._file(path)
            if kind == "NOTEBOOK" and self._index.repo_of(path):
                bare = local.stem if local.suffix.lower() in _OF_NOTEBOOKS else local.name
                local = local.with_name(bare + _extension(spool, language))
            try:
                with explained(path):
                    self._storage.publish(spool, local, overwrite=overwrite)
            except AlreadyExists as error:
                raise ResourceAlreadyExists(f"Path ({path}) already exists.") from error
            if local != before:  # in a Git folder, the format or language is told by the extension
                before.unlink(missing_ok=True)

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
            path = self.get(path).path
            local = self._file(path)
            with explained(path):
                if local.is_dir() and not recursive and any(local.iterdir()):
                    raise DirectoryNotEmpty(f"Folder ({path}) is not empty.")
                self._storage.discard(local)
            self._index.forget_below(path)
            self._permissions.forget(tree_object(path))

    def read(self, path: str) -> bytes:
        """The content of a file or notebook as it is kept.

        Raises:
            ResourceDoesNotExist: There is nothing at the path.
            InvalidParameterValue: It is a directory.
        """
        with self.open(path) as file:
            return file.read()

    def open(self, path: str) -> BinaryIO:
        """The same, to be read in parts.

        Raises:
            ResourceDoesNotExist: There is nothing at the path.
            InvalidParameterValue: It is a directory.
        """
        found = self.get(path)
        if found.kind in FOLDERS:
            raise InvalidParameterValue(f"Path ({found.path}) is a directory.")
        with explained(found.path):
            return open_file(self._file(found.path))

    def read_notebook(self, path: str) -> NotebookSource:
        """A notebook with its language and format.

        Raises:
            ResourceDoesNotExist: There is nothing at the path.
            InvalidParameterValue: It is not a notebook.
        """
        found = self.get(path)
        if found.kind != "NOTEBOOK":
            raise InvalidParameterValue(f"Path ({found.path}) is a {found.kind.lower()}, not a notebook.")
        content = self.read(found.path)
        return NotebookSource(found.path, language_of(content, found.language), content, format_of(content))

    def _local(self, path: str) -> Path:
        return self._roots.place("/Workspace" + path).local

    def _file(self, path: str) -> Path:
        """The file behind a path; in a Git folder, notebooks have an extension that their path has not."""
        local = self._local(path)
        if self._index.repo_of(path) is None or os.path.lexists(local):
            return local
        named = (self._local(path + extension) for extension in _OF_NOTEBOOKS)
        return next((one for one in named if _notebook_language(one) is not None), local)

    def _look(self, path: str) -> _Seen | None:
        local = self._file(path)
        try:
            with explained(path):
                status = local.stat()
        except (NotFound, AlreadyExists):  # the latter: it would be below a file
            return None
        if not _is_object(status):
            return None
        seen = _seen(path, status)
        if seen.directory or self._index.repo_of(path) is None:
            return seen
        language = _notebook_language(local)
        if language is None:
            return seen
        bare = f"{_parent(path).rstrip('/')}/{local.stem}"
        return replace(seen, path=bare if self._file(bare) == local else path, notebook=language)

    def _listed(self, parent: str, entry: os.DirEntry[str]) -> _Seen | None:
        path = f"{parent.rstrip('/')}/{entry.name}"
        try:
            normal(path)
        except InvalidParameterValue:  # a task gave it a name by which no client can ask for it
            return None
        try:
            if entry.is_symlink() or self._index.repo_of(parent) is not None:
                return self._look(path)
            status = entry.stat()
            return _seen(path, status) if _is_object(status) else None
        except (LeadsAway, InvalidParameterValue):  # shown as what it is, but not followed
            return _seen(path, entry.stat(follow_symlinks=False))
        except FileNotFoundError:
            return None

    def _check_target(self, path: str, kind: str, overwrite: bool) -> TreeObject | None:
        parent = self.find(_parent(path))
        if parent is None or parent.kind not in FOLDERS:
            raise ResourceDoesNotExist(f"The parent folder ({_parent(path)}) does not exist.")
        existing = self.find(path)
        if existing is None:
            return None
        if existing.kind in FOLDERS or not overwrite:
            raise ResourceAlreadyExists(f"Path ({path}) already exists.")
        if existing.kind != kind:
            raise InvalidParameterValue(
                f"Cannot overwrite the asset at {path} due to type mismatch (asked: {kind}, actual: {existing.kind})."
            )
        return existing

    def _identified(self, seen: _Seen) -> TreeObject:
        known = self._index.get(seen.path)
        if known is None or not _fits(seen, known):  # written by a task or by git, past the API
            kind = "DIRECTORY" if seen.directory else "FILE" if seen.notebook is None else "NOTEBOOK"
            known = self._index.remember(seen.path, kind, seen.notebook, changed_at=seen.modified_at)
        return _object(seen, known)

    def _kept(self, path: str) -> bool:
        try:
            return self._look(path) is not None
        except (LeadsAway, InvalidParameterValue):  # a task has put a link in its place
            return False


def _seen(path: str, status: os.stat_result) -> _Seen:
    return _Seen(path, stat.S_ISDIR(status.st_mode), status.st_mtime_ns // 1_000_000, status.st_size)


def _is_object(status: os.stat_result) -> bool:
    """Whether it is a file or directory; pipes and sockets, which a task has made, are no objects."""
    return stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)


def _fits(seen: _Seen, known: Known) -> bool:
    """Whether the disk has what the database says."""
    if seen.directory or known.kind in FOLDERS:
        return seen.directory and known.kind in FOLDERS
    return seen.notebook is None or (known.kind, known.language) == ("NOTEBOOK", seen.notebook)


def _notebook_language(local: Path) -> str | None:
    """The language of a notebook in a Git folder; nothing for other files."""
    if local.suffix.lower() not in _OF_NOTEBOOKS or not local.is_file():
        return None
    with local.open("rb") as file:
        beginning = file.read(200)
    if local.suffix.lower() == ".ipynb":
        return "PYTHON" if beginning.lstrip().startswith(b"{") else None
    return recognise(local.name, beginning)


def _extension(spool: Spool, language: str | None) -> str:
    if format_of(spool.read(200)) == "JUPYTER":
        return ".ipynb"
    return next(extension for extension, one in EXTENSIONS.items() if one == language)


def _object(seen: _Seen, known: Known) -> TreeObject:
    return TreeObject(seen.path, known.kind, known.language, known.id, known.created_at, seen.modified_at, seen.size)


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"
