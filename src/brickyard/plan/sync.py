"""Which files of the project go to the workspace, and which of them are new."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.errors import DeploymentError
from brickyard.project.paths import is_notebook
from brickyard.project.project import Project

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

    _Rules = tuple[tuple[str, GitIgnoreSpec], ...]

__all__ = ["LocalFile", "digest", "files_below", "local_files"]

# Never part of a deployment, whatever .gitignore says; `sync.include` brings them back.
_ALWAYS_IGNORED = (
    ".git/",
    ".databricks/",
    ".brickyard/",
    ".venv/",
    ".ipynb_checkpoints/",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    "__pycache__/",
    "*.pyc",
    "*.egg-info/",
    "/dist/",
)
# Not even looked into for `sync.include`: large, and never what is meant.
_NEVER_ENTERED = (".git", ".venv", "__pycache__")


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to deploy.

    Args:
        path: Its absolute path.
        remote: Its path in the workspace as it is uploaded, with its suffix.
        stored: The path the workspace keeps it under: a notebook loses its suffix.
        sha256: The hash of its content.
        size: Its size in bytes.
    """

    path: Path
    remote: str
    stored: str
    sha256: str
    size: int


def local_files(project: Project) -> dict[str, LocalFile]:
    """The project's files by the path the workspace keeps them under.

    Raises:
        DeploymentError: Two files would have one path in the workspace, or a file cannot be read.
    """
    found: dict[str, LocalFile] = {}
    for path in _selected(project):
        remote = f"{project.workspace.file_path}/{path.relative_to(project.root).as_posix()}"
        try:
            stored = remote.removesuffix(path.suffix) if is_notebook(path) else remote
            file = LocalFile(path, remote, stored, digest(path), path.stat().st_size)
        except OSError as error:
            raise DeploymentError(f"a file cannot be read: {error.strerror}", where=str(path)) from error
        if stored in found:
            other = found[stored].path.relative_to(project.root)
            raise DeploymentError(
                f"'{other}' and '{path.relative_to(project.root)}' have the same path in the workspace",
                where=stored,
                next="rename one of them: a notebook has no suffix there",
            )
        found[stored] = file
    return found


def files_below(directory: Path) -> Iterator[Path]:
    """The files of a directory that git would keep, but for what is never deployed."""
    yield from sorted(_Walk(directory, None, _ALWAYS_IGNORED).files(directory, ()))


def digest(path: Path) -> str:
    """The SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _selected(project: Project) -> Iterator[Path]:
    from pathspec import GitIgnoreSpec

    include = GitIgnoreSpec.from_lines(project.sync.include)
    exclude = GitIgnoreSpec.from_lines(project.sync.exclude)
    built = (artifact.path / "dist" for artifact in project.artifacts if artifact.path.is_relative_to(project.root))
    ignored = (*_ALWAYS_IGNORED, *(f"/{path.relative_to(project.root).as_posix()}/" for path in built))
    walk = _Walk(project.root, include if project.sync.include else None, ignored)
    for path in sorted(walk.files(project.root, ())):
        if not exclude.match_file(path.relative_to(project.root).as_posix()):
            yield path


class _Walk:
    """Walks a tree as git does: each directory's `.gitignore` counts for what is below it."""

    def __init__(self, root: Path, include: GitIgnoreSpec | None, ignored: tuple[str, ...]) -> None:
        self._root = root
        self._include = include
        self._ignored = ignored

    def files(self, directory: Path, rules: _Rules, ignored: bool = False) -> Iterator[Path]:
        """The files below a directory, given the rules of the directories above it."""
        rules = self._with_own(directory, rules)
        with os.scandir(directory) as entries:
            listed = list(entries)
        for entry in listed:
            path = Path(entry.path)
            name = path.relative_to(self._root).as_posix()
            if entry.is_dir(follow_symlinks=False):
                skipped = ignored or _ignored(name + "/", rules)
                if not skipped or (self._include is not None and entry.name not in _NEVER_ENTERED):
                    yield from self.files(path, rules, skipped)
            elif entry.is_file() and (self._included(name) or not (ignored or _ignored(name, rules))):
                yield path

    def _included(self, name: str) -> bool:
        return self._include is not None and self._include.match_file(name)

    def _with_own(self, directory: Path, rules: _Rules) -> _Rules:
        from pathspec import GitIgnoreSpec

        is_root, own = directory == self._root, directory / ".gitignore"
        lines = own.read_text(encoding="utf-8", errors="replace").splitlines() if own.is_file() else []
        if is_root:
            return (("", GitIgnoreSpec.from_lines([*self._ignored, *lines])),)
        prefix = directory.relative_to(self._root).as_posix() + "/"
        return (*rules, (prefix, GitIgnoreSpec.from_lines(lines))) if lines else rules


def _ignored(name: str, rules: _Rules) -> bool:
    """Whether the innermost rule that speaks about a path leaves it out."""
    for prefix, spec in reversed(rules):
        verdict = spec.check_file(name.removeprefix(prefix)).include
        if verdict is not None:
            return verdict
    return False
