"""Which files of the project go to the workspace, and which of them are new."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from brickyard.errors import DeploymentError
from brickyard.project.paths import is_notebook
from brickyard.project.project import Project

__all__ = ["LocalFile", "digest", "local_files"]

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
    "dist/",
)


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


def digest(path: Path) -> str:
    """The SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _selected(project: Project) -> Iterator[Path]:
    from pathspec import GitIgnoreSpec

    include = GitIgnoreSpec.from_lines(project.sync.include)
    exclude = GitIgnoreSpec.from_lines(project.sync.exclude)
    walk = _Walk(project.root, include)
    for path in sorted(walk.files(project.root, {"": GitIgnoreSpec.from_lines(_ALWAYS_IGNORED)})):
        if not exclude.match_file(path.relative_to(project.root).as_posix()):
            yield path


class _Walk:
    """Walks a tree as git does: each directory's `.gitignore` counts for what is below it."""

    def __init__(self, root: Path, include: object) -> None:
        from pathspec import GitIgnoreSpec

        self._root = root
        self._spec = GitIgnoreSpec
        self._include = include if isinstance(include, GitIgnoreSpec) else GitIgnoreSpec([])

    def files(self, directory: Path, rules: Mapping[str, object], ignored: bool = False) -> Iterator[Path]:
        rules = self._with_own(directory, rules)
        with os.scandir(directory) as entries:
            listed = list(entries)
        for entry in listed:
            path = Path(entry.path)
            name = path.relative_to(self._root).as_posix()
            is_directory = entry.is_dir(follow_symlinks=False)
            skipped = ignored or self._ignored(name + "/" if is_directory else name, rules)
            if is_directory and (not skipped or len(self._include)):
                yield from self.files(path, rules, skipped)
            elif entry.is_file() and (not skipped or self._include.match_file(name)):
                yield path

    def _with_own(self, directory: Path, rules: Mapping[str, object]) -> Mapping[str, object]:
        own = directory / ".gitignore"
        if not own.is_file():
            return rules
        prefix = "" if directory == self._root else directory.relative_to(self._root).as_posix() + "/"
        lines = own.read_text(encoding="utf-8", errors="replace").splitlines()
        if not prefix:
            return {prefix: self._spec.from_lines([*_ALWAYS_IGNORED, *lines])}
        return {**rules, prefix: self._spec.from_lines(lines)}

    def _ignored(self, name: str, rules: Mapping[str, object]) -> bool:
        for prefix, spec in reversed(rules.items()):
            if isinstance(spec, self._spec):
                verdict = spec.check_file(name.removeprefix(prefix)).include
                if verdict is not None:
                    return verdict
        return False
