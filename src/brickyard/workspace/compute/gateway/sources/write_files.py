"""Rows written to CSV and JSON files, where the engine runs Python functions: Sail writes other texts than Spark."""

from __future__ import annotations

import bz2
import gzip
import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql.types import StructType

from brickyard.workspace.compute.gateway.sources.write_columns import csv_column
from brickyard.workspace.compute.gateway.sources.write_values import csv_row, json_value

__all__ = ["Target", "written"]

OPENERS: dict[str, Callable[..., IO[str]]] = {"gz": gzip.open, "bz2": bz2.open}
#: What Hive percent-encodes in the names of directories.
ENCODED = frozenset("\"#%'*/:=?\\{[]^\x7f") | frozenset(map(chr, range(1, 32)))


@dataclass(frozen=True)
class Target:
    """Where and how rows are written.

    Attributes:
        kind: `csv` or `json`.
        directory: A directory of this write alone.
        columns: The columns, as JSON; those of the partitions are texts.
        partitions: The names of the columns that become directories.
        options: Options of the writer, their names in lower case.
        zone: The session's time zone.
        suffix: That of compressed files, `gz` or `bz2`.
    """

    kind: str
    directory: str
    columns: str
    partitions: tuple[str, ...]
    options: dict[str, str]
    zone: str
    suffix: str = ""


def written(target: Target, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Write the rows; the names of the files, below the directory."""
    part = _Part(target)
    for batch in batches:
        part.write(batch)
    yield pa.RecordBatch.from_pydict({"file": pa.array(part.finish(), pa.string())})


class _Part:
    """The files that one part of the rows goes to."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._schema = StructType.fromJson(json.loads(target.columns))
        self._fields = [field for field in self._schema.fields if field.name not in target.partitions]
        self._zone = ZoneInfo(target.zone or "UTC")
        self._name = f"part-00000-{uuid.uuid4()}-c000.{target.kind}" + (f".{target.suffix}" if target.suffix else "")
        self._files: list[str] = []
        self._csv = csv_row(target.options)
        nulls = target.options.get("ignorenullfields", "true").lower() == "false"
        own = StructType(self._fields)
        self._json = json_value(own, self._zone, nulls=nulls)

    def write(self, batch: pa.RecordBatch) -> None:
        groups: dict[tuple[Any, ...], list[str]] = {}
        lines = self._csv_lines(batch) if self._target.kind == "csv" else map(self._json, batch.to_pylist())
        keys = zip(*(batch.column(name).to_pylist() for name in self._target.partitions), strict=True)
        for key, line in zip(keys if self._target.partitions else repeat(()), lines, strict=False):
            if line:
                groups.setdefault(key, []).append(line)
        for key, lines in groups.items():
            pairs = zip(self._target.partitions, key, strict=True)
            self._append("".join(f"{_encoded(name)}={_encoded(value)}/" for name, value in pairs), lines)

    def _csv_lines(self, batch: pa.RecordBatch) -> list[str]:
        columns = [csv_column(batch.column(one.name), one.dataType, self._csv, self._zone) for one in self._fields]
        return list(pc.binary_join_element_wise(*columns, self._csv.separator).to_pylist())

    def finish(self) -> list[str]:
        """The files; of no rows at all, one without any."""
        if not self._files and not self._target.partitions:
            self._append("", [])
        return self._files

    def _append(self, directory: str, lines: list[str]) -> None:
        name = directory + self._name
        place = Path(self._target.directory) / name
        end = self._target.options.get("linesep", "\n")
        if name not in self._files:
            place.parent.mkdir(parents=True, exist_ok=True)
            self._files.append(name)
            if self._target.options.get("header", "").lower() == "true" and self._target.kind == "csv":
                lines = [self._csv.separator.join(self._csv.value(field.name) for field in self._fields), *lines]
        opener: Callable[..., IO[str]] = OPENERS.get(self._target.suffix, open)
        with opener(place, "at", encoding="utf-8", newline="") as opened:
            opened.writelines(line + end for line in lines)


def _encoded(text: str) -> str:
    return "".join(f"%{ord(sign):02X}" if sign in ENCODED else sign for sign in text)
