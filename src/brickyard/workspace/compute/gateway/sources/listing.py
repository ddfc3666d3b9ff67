"""Which files a path means, where the gateway must know each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.paths import glob_below
from brickyard.workspace.compute.gateway.places import Places

__all__ = ["Found", "chosen", "found_below", "nothing_found", "readable"]


@dataclass(frozen=True)
class Found:
    """The files that a read is about.

    Attributes:
        source: The path that the user gave.
        partitions: The files, each with the texts of its partitions' values by their names.
    """

    source: str
    partitions: Mapping[Path, Mapping[str, str]]

    @property
    def files(self) -> list[Path]:
        """The files, in their order."""
        return list(self.partitions)

    def values(self) -> dict[str, set[str]]:
        """The names of the partitions' columns, with the values of each."""
        found: dict[str, set[str]] = {}
        for values in self.partitions.values():
            for name, value in values.items():
                found.setdefault(name, set()).add(value)
        return found


def found_below(source: str, roots: Iterable[Path], base: Path | None = None, *, deep: bool = False) -> Found:
    """The files of some places; `base` is where partitions begin, by default each place itself."""
    found: dict[Path, Mapping[str, str]] = {}
    for root in roots:
        start = base or (root if root.is_dir() else root.parent)
        for file in sorted(files_below(root, deep=deep)):
            inside = file.parent.relative_to(start).parts if file.is_relative_to(start) else ()
            pairs = (part.partition("=") for part in inside if "=" in part)
            found[file] = {unquote(name): unquote(value) for name, _, value in pairs}
    return Found(source, found)


def chosen(
    places: Places, source: str, names: Sequence[str] | None = None, pattern: str | None = None, *, deep: bool = False
) -> list[Path]:
    """The files that are to be read, in the order of their names.

    Args:
        places: From the user's paths to local places.
        source: The path of a file or directory, or a pattern of such.
        names: Files below the source; without them, all.
        pattern: A pattern of files below the source.
        deep: Whether directories inside are read that are no partitions.

    Raises:
        SparkError: PATH_NOT_FOUND.
    """
    if names is not None:
        found = [place for name in names for place in places.mapper.existing(f"{source.rstrip('/')}/{name}", deep=True)]
    elif pattern is not None:
        below = places.mapper.existing(source, deep=True)
        found = [place for root in below if root.is_dir() for place in glob_below(root, pattern)]
    else:
        found = places.mapper.existing(source, deep=True)
    return sorted({file for place in found for file in files_below(place, deep=deep)})


def files_below(place: Path, *, deep: bool = False) -> Iterator[Path]:
    """The files of a place, without hidden ones (`_` and `.` are, as in Spark); also those of its partitions."""
    if place.is_file():
        yield place
        return
    for child in place.iterdir() if place.is_dir() else ():
        if child.name[0] in "_." and "=" not in child.name:
            continue
        if child.is_file() or deep or "=" in child.name:
            yield from files_below(child, deep=deep)


def readable(kind: str, files: Sequence[Path]) -> list[Path]:
    """The files that are not corrupt, of a format that tells."""
    return [file for file in files if kind not in CHECKS or _is_sound(kind, file)]


def _is_sound(kind: str, file: Path) -> bool:
    import pyarrow as pa

    try:
        CHECKS[kind](file)
    except (pa.ArrowInvalid, OSError):
        return False
    return True


def _parquet(file: Path) -> None:
    import pyarrow.parquet as pq

    pq.read_metadata(file)


def _orc(file: Path) -> None:
    from pyarrow import orc

    orc.ORCFile(str(file))


def _avro(file: Path) -> None:
    with file.open("rb") as opened:
        if opened.read(4) != b"Obj\x01":
            raise OSError("no Avro file")


CHECKS = {"parquet": _parquet, "orc": _orc, "avro": _avro}


def nothing_found(kind: str, path: str) -> SparkError:
    """There are no files whose columns could be told."""
    text = f"Unable to infer schema for {kind}: {path} has no data files. Give a schema, or write data."
    return SparkError("UNABLE_TO_INFER_SCHEMA", text, sql_state="42KD9")
