"""Local paths of resources: what they must point at, and what they are called in the workspace."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from brickyard.project.faults import Faults, nearest
from brickyard.project.source import Node

__all__ = ["LOCAL", "Paths", "is_notebook"]

# How a local wheel is written in a resolved project: relative to the project's root.
LOCAL = "./"

_HEADERS = {
    ".py": b"# Databricks notebook source",
    ".sql": b"-- Databricks notebook source",
    ".scala": b"// Databricks notebook source",
    ".r": b"# Databricks notebook source",
}
_REMOTE = re.compile(r"^(?:/|[a-z][a-z0-9+.-]*:)|\$\{", re.IGNORECASE)


def is_notebook(path: Path) -> bool:
    """Whether the workspace would import a file as a notebook: its first line or its suffix says so."""
    suffix = path.suffix.lower()
    if suffix == ".ipynb":
        return True
    header = _HEADERS.get(suffix)
    if header is None:
        return False
    with path.open("rb") as file:
        return file.readline(200).removeprefix(b"\xef\xbb\xbf").rstrip() == header


class Paths:
    """Translates the local paths of one project.

    Args:
        root: The project's directory.
        file_path: Where the project's files go in the workspace.
        built: The directories that artifacts are built in.
        faults: Takes paths that point at nothing, or at the wrong kind of file.
    """

    def __init__(self, root: Path, file_path: str, built: list[Path], faults: Faults) -> None:
        self._root = root
        self._file_path = file_path.rstrip("/")
        self._built = built
        self._faults = faults

    def notebook(self, node: Node) -> Node:
        """A notebook's path; in the workspace it has no suffix."""
        found = self._local(node, "notebook")
        if found is None:
            return node
        if not is_notebook(found):
            expected = "the first line '# Databricks notebook source', or a .ipynb file"
            self._faults.add(node.at, f"'{node.value}' is a file and not a notebook", expected=expected)
        return self._remote(found.with_suffix(""), node)

    def python_file(self, node: Node) -> Node:
        """A Python file's path."""
        found = self._local(node, "Python file")
        if found is None:
            return node
        if is_notebook(found):
            self._faults.add(node.at, f"'{node.value}' is a notebook", expected="a Python file, or a notebook_task")
        return self._remote(found, node)

    def file(self, node: Node) -> Node:
        """A plain file's path."""
        found = self._local(node, "file")
        return node if found is None else self._remote(found, node)

    def wheel(self, node: Node) -> Node:
        """A wheel's path or pattern; it stays local, because its name is known only when it is built."""
        if not isinstance(node.value, str) or _REMOTE.search(node.value):
            return node
        pattern = Path(os.path.normpath(self._base(node) / node.value))
        built = any(pattern.is_relative_to(place) for place in self._built)
        if not built and not any(pattern.parent.glob(pattern.name)):
            self._faults.add(node.at, f"'{node.value}' is no wheel, and no artifact builds it")
        if not pattern.is_relative_to(self._root):
            self._faults.add(
                node.at, f"'{node.value}' lies outside the project", expected=f"a path below {self._root.name}"
            )
            return node
        return Node(LOCAL + pattern.relative_to(self._root).as_posix(), node.at)

    def jar(self, node: Node) -> Node:
        """A jar's path; one that is not in the workspace yet would have to be built and uploaded."""
        if isinstance(node.value, str) and not _REMOTE.search(node.value):
            expected = "a jar that is in the workspace, or a wheel"
            self._faults.add(node.at, f"'{node.value}' is a local jar, which is not supported yet", expected=expected)
        return node

    def dependency(self, node: Node) -> Node:
        """A line of an environment's dependencies: a wheel, a requirements file, or a requirement of pip."""
        text = node.value
        if not isinstance(text, str):
            return node
        if text.startswith("-r "):
            moved = self.file(Node(text[3:].strip(), node.at))
            return Node(f"-r {moved.value}", node.at)
        if text.startswith(("./", "../")) or (text.endswith(".whl") and " @ " not in text):
            return self.wheel(node)
        return node

    def _base(self, node: Node) -> Path:
        return self._root / node.at.file.parent

    def _local(self, node: Node, what: str) -> Path | None:
        """The file that a local path names, or None if it is remote or wrong."""
        if not isinstance(node.value, str) or _REMOTE.search(node.value):
            return None
        path = Path(os.path.normpath(self._base(node) / node.value))
        if not path.is_relative_to(self._root):
            self._faults.add(
                node.at, f"'{node.value}' lies outside the project", expected=f"a path below {self._root.name}"
            )
            return None
        if not path.is_file():
            self._faults.add(node.at, f"the {what} '{node.value}' does not exist", nearest=self._like(path, node))
            return None
        return path

    def _like(self, path: Path, node: Node) -> str | None:
        siblings = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
        likely = nearest(path.name, siblings)
        return str(PurePosixPath(str(node.value)).with_name(likely)) if likely else None

    def _remote(self, path: Path, node: Node) -> Node:
        return Node(f"{self._file_path}/{path.relative_to(self._root).as_posix()}", node.at)
