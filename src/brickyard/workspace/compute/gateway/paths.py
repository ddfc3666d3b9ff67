"""From the paths that Spark code names (`dbfs:/`, `/Volumes`, `file:/`) to places inside the workspace.

Rules of https://docs.databricks.com/aws/en/files/ : in Spark a path without a scheme is `dbfs:`; `/Volumes` is
one place under both; `file:` is the driver's own disk, where `/dbfs`, `/Volumes` and `/Workspace` are mounts.
"""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from brickyard.workspace.compute.gateway.errors import SparkError, not_found, unsupported

__all__ = ["PathMapper", "glob_below"]

WILDCARDS = frozenset("*?[{")


@dataclass(frozen=True)
class PathMapper:
    """Maps paths of Spark code into one workspace; what it returns is never outside of it, `file:` excepted.

    Args:
        data: The workspace's data directory (`tables`, `volumes`, `dbfs`).
        fetch: Gives a local copy of a `/Workspace/...` path, which lives in the workspace's file store.
        allow: Raises unless a place may be read or, where the first flag is set, written; where the second is set,
            also all that is below it.
    """

    data: Path
    fetch: Callable[[str], Path] | None = None
    allow: Callable[[Path, bool, bool], None] | None = None

    def to_local(self, path: str, *, write: bool = False, deep: bool = False) -> Path:
        """The local file or directory (existing or not, wildcards kept) that `path` means.

        Args:
            path: As the user wrote it.
            write: Whether it is to be written.
            deep: Whether what is below it is used too.

        Raises:
            SparkError: If the scheme is a cloud's, the volume does not exist, a link leads out, or it may not be used.
        """
        local = self._local(path)
        if self.allow is not None and not _split(path)[1].startswith("/Workspace/"):  # of those there are copies only
            self.allow(_fixed(local).resolve(), write, deep and WILDCARDS.isdisjoint(str(local)))
        return local

    def _local(self, path: str) -> Path:
        if "\0" in path or not path.strip():
            raise SparkError("INVALID_PATH", f"{path!r} is not a path.")
        scheme, place = _split(path)
        if scheme == "file":
            first = place.split("/")[1] if place.count("/") else ""
            return self._mount(place, path) if first in {"Volumes", "dbfs", "Workspace"} else Path(place)
        if scheme != "dbfs":
            raise unsupported(
                f"the file system '{scheme}:' ({path})", "Use a volume, /Volumes/<catalog>/<schema>/<volume>/..."
            )
        return self._mount(place, path)

    def to_write(self, path: str) -> Path:
        """The same, for a place that is to be written.

        Raises:
            SparkError: If it is in the workspace's own tree, of which the engine has copies only.
        """
        _, place = _split(path)
        if place.startswith("/Workspace/"):
            raise unsupported(f"writing {path} from Spark", "Write to a volume, or with Python's open().")
        return self.to_local(path, write=True, deep=True)

    def existing(self, path: str, *, write: bool = False, deep: bool = False) -> list[Path]:
        """The existing local places that `path`, with or without wildcards, means; the flags are those of `to_local`.

        Raises:
            SparkError: If there is none (PATH_NOT_FOUND).
        """
        local = self.to_local(path, write=write, deep=deep)
        plain = WILDCARDS.isdisjoint(str(local))
        if plain and not local.exists():
            raise not_found("path", _shown(path))
        found = [local] if local.exists() else self._matches(local, path)
        if self.allow is not None and not plain:  # so far only what stands before the wildcards was asked for
            for match in _samples(found):
                self.allow(match.resolve(), write, deep)
        return found

    def _matches(self, local: Path, path: str) -> list[Path]:
        patterns = _braces(str(local))
        found = sorted({match for pattern in patterns for match in _glob(Path(pattern))})
        if not found:
            raise not_found("path", _shown(path))
        if not local.is_relative_to(self.data):
            return found
        names = local.relative_to(self.data).parts
        root = self.data.joinpath(*names[: 4 if names[0] == "volumes" else 1])
        return [self._inside(match, root, path) for match in found]

    def _mount(self, place: str, path: str) -> Path:
        parts = place.strip("/").split("/")
        if parts[0].lower() == "volumes":
            return self._volume(parts[1:], path)
        if parts[0] == "Workspace":
            return self._workspace(place, path)
        rest = parts[1:] if parts[0] == "dbfs" else parts
        root, rest = self._mounted(rest) or (self.data / "dbfs", rest)
        return self._inside(root.joinpath(*rest), root, path)

    def _mounted(self, parts: list[str]) -> tuple[Path, list[str]] | None:
        """The directory that is mounted at the beginning of a path of DBFS, and the rest of the path."""
        for depth in range(len(parts), 0, -1):
            link = self.data / ".mounts" / quote("/" + "/".join(parts[:depth]), safe="")
            if link.is_symlink():
                return link.readlink(), parts[depth:]
        return None

    def mounts(self) -> dict[Path, str]:
        """The directories that are mounted into DBFS, and where."""
        links = self.data / ".mounts"
        found = sorted(links.iterdir()) if links.is_dir() else []
        return {link.readlink(): unquote(link.name) for link in found}

    def _volume(self, parts: list[str], path: str) -> Path:
        if len(parts) < 3:
            raise SparkError("INVALID_PATH", f"{path} must be /Volumes/<catalog>/<schema>/<volume>/...")
        root = (self.data / "volumes").joinpath(*[part.lower() for part in parts[:3]])
        if not root.is_dir():
            raise not_found("volume", ".".join(parts[:3]))
        return self._inside(root.joinpath(*parts[3:]), root, path)

    def _workspace(self, place: str, path: str) -> Path:
        if self.fetch is None:
            raise unsupported(f"reading {path} from Spark", "Copy the file to a volume first.")
        return self.fetch(place)

    def _inside(self, local: Path, root: Path, path: str) -> Path:
        """Follow links of the part without wildcards, and refuse when they lead out of `root`."""
        place = _fixed(local).resolve()
        if not place.is_relative_to(root.resolve()) and not any(map(place.is_relative_to, self.mounts())):
            raise SparkError("INSUFFICIENT_PERMISSIONS", f"{path} leads out of the workspace.", sql_state="42501")
        return local


def _split(path: str) -> tuple[str, str]:
    """Scheme and absolute, normalised place; `..` cannot go above the root."""
    head, colon, rest = path.partition(":")
    scheme, place = ("dbfs", path) if not colon or "/" in head else (head.lower(), rest)
    if scheme == "file" and place.startswith("//localhost/"):
        place = place.removeprefix("//localhost")
    if colon and "%" in place and scheme == "file" and place.startswith("///"):
        place = unquote(place)
    return scheme, "/" + posixpath.normpath("/" + place.lstrip("/")).lstrip("/")


def _shown(path: str) -> str:
    """The path as Databricks shows it: with its scheme."""
    scheme, place = _split(path)
    return f"{scheme}:{place}"


def _fixed(place: Path) -> Path:
    """The part of a place before the first name with a wildcard."""
    return Path(*itertools.takewhile(WILDCARDS.isdisjoint, place.parts))


def _glob(pattern: Path) -> Iterator[Path]:
    fixed = _fixed(pattern)
    rest = pattern.relative_to(fixed)
    return fixed.glob(str(rest)) if rest.parts else iter([fixed] if fixed.exists() else [])


def glob_below(root: Path, pattern: str) -> list[Path]:
    """What a pattern means below a directory; nothing above it."""
    parts = [part for part in pattern.split("/") if part not in {"", ".", ".."}]
    found = {match for one in _braces("/".join(parts)) for match in root.glob(one)}
    return sorted(found)


def _samples(found: list[Path]) -> list[Path]:
    """The directories among some places, and one file of each directory: who may read one may read all."""
    files = {(one.parent, one.is_symlink() and one): one for one in found if not one.is_dir()}
    return [*(one for one in found if one.is_dir()), *files.values()]


def _braces(pattern: str) -> list[str]:
    """Expand `{a,b}` as Hadoop's globs do; Python's do not know it."""
    start = pattern.find("{")
    end = pattern.find("}", start)
    if start < 0 or end < 0:
        return [pattern]
    choices = pattern[start + 1 : end].split(",")
    return [full for choice in choices for full in _braces(pattern[:start] + choice + pattern[end + 1 :])]
