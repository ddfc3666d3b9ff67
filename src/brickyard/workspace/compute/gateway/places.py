"""Places as text that Sail reads correctly."""

from __future__ import annotations

import contextlib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.paths import PathMapper

__all__ = ["Places", "flat"]

#: Formats whose columns come from the files, so that a directory without files has none.
INFERRED = frozenset({"parquet", "orc", "avro", "csv", "json"})
#: Sail writes other characters percent-encoded once or twice, so that it does not find what it wrote (0.7.2).
PLAIN = re.compile(r"[A-Za-z0-9_./=,+@-]+")


@dataclass(frozen=True)
class Places:
    """Gives Sail a path for each place; a place whose name Sail would mangle is reached by a link.

    Args:
        mapper: From the user's paths to local places.
        links: A private directory, whose own name is plain, for such links.
    """

    mapper: PathMapper
    links: Path

    def text(self, place: Path) -> str:
        """The path to give to Sail for a local place."""
        text = str(place)
        if PLAIN.fullmatch(text):
            return text
        suffix = place.suffix if PLAIN.fullmatch(place.suffix or ".") else ""
        link = self.links / (hashlib.sha256(text.encode()).hexdigest()[:32] + suffix)
        if not link.is_symlink():
            self.links.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):  # another thread made the same link
                link.symlink_to(place)
        return str(link)

    def shown(self, place: Path) -> str:
        """The address of a place as users know it: of what is in DBFS or mounted there, `dbfs:/...`."""
        for root, name in {self.mapper.data / "dbfs": "", **self.mapper.mounts()}.items():
            if place.is_relative_to(root):
                return f"dbfs:{name}/{place.relative_to(root).as_posix()}"
        return place.as_uri()

    def sources(self, path: str, kind: str, *, inferred: bool = True, deep: bool = False) -> list[str]:
        """The places to read as the format `kind`; `inferred` when the files must tell the columns.

        Sail reads what is in a directory's directories, Spark only if they are partitions or it is told to (`deep`).

        Raises:
            SparkError: If there is nothing to read: Sail would answer with no rows.
        """
        places = self.mapper.existing(path, deep=True)
        for place in places:
            if kind in INFERRED and inferred and not _has_files(place):
                text = f"Unable to infer schema for {kind}: {path} has no data files. Give a schema, or write data."
                raise SparkError("UNABLE_TO_INFER_SCHEMA", text, sql_state="42KD9")
            if kind == "delta" and not (place / "_delta_log").is_dir():
                raise SparkError("DELTA_TABLE_NOT_FOUND", f"{path} is not a Delta table.", sql_state="42P01")
        if kind != "delta" and not deep:
            places = [one for place in places for one in flat(place)]
        return [self.text(place) for place in places]

    def target(self, path: str) -> str:
        """Where to write for a user's path; the directory of a linked place is made, as Sail cannot."""
        place = self.mapper.to_write(path)
        text = self.text(place)
        if text != str(place):
            place.mkdir(parents=True, exist_ok=True)
        return text


def _has_files(place: Path) -> bool:
    """Whether there is at least one file that is not hidden (`_` and `.` are, as in Spark)."""
    if place.is_file():
        return True
    return any(
        file.is_file() and not any(part[0] in "_." for part in file.relative_to(place).parts)
        for file in place.rglob("*")
    )


def flat(place: Path) -> list[Path]:
    """The place, or only its files where it has directories besides that are no partitions."""
    if not place.is_dir():
        return [place]
    shown = [child for child in place.iterdir() if child.name[0] not in "_."]
    directories = [child for child in shown if child.is_dir()]
    if not directories or any("=" in child.name for child in directories):
        return [place]
    files = sorted(child for child in shown if child.is_file())
    if not files:
        raise unsupported(f"reading {place.name}, which has directories only", "Set recursiveFileLookup to true.")
    return files
