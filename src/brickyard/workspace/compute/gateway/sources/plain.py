"""CSV files that every reader splits alike: these need not be read line by line."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from brickyard.workspace.compute.gateway.sources.csv_records import is_plain
from brickyard.workspace.compute.gateway.sources.read_csv import dialect_of

__all__ = ["columns_of_texts", "has_plain_lines"]

#: Options that change what a line or a value is.
PECULIAR = frozenset({"comment", "linesep", "multiline", "encoding", "charset", "emptyvalue"})


def has_plain_lines(file: Path, options: dict[str, str]) -> bool:
    """Whether quotes stand around whole values only, in which nothing is special but escaped quotes."""
    state = file.stat()
    given = tuple(sorted(options.items()))
    return state.st_size == 0 or _has_plain_lines(file, state.st_mtime_ns, state.st_size, given)


@lru_cache(256)
def _has_plain_lines(file: Path, modified: int, size: int, options: tuple[tuple[str, str], ...]) -> bool:
    dialect = dialect_of(dict(options))
    if dialect.trims_left or dialect.trims_right:
        return False
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(dialect.quote.encode()) < 0 or is_plain(content, dialect)


def _has_quotes(file: Path, quote: str) -> bool:
    if not file.stat().st_size:
        return False
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(quote.encode()) >= 0


def columns_of_texts(file: Path, options: dict[str, str], names: list[str]) -> Iterator[pa.RecordBatch] | None:
    """The texts of a file in batches, without its header; None if Arrow would not read it as Spark does."""
    plain = not PECULIAR.intersection(options) and file.suffix not in {".gz", ".bz2"}
    if not plain or not has_plain_lines(file, options):
        return None
    dialect = dialect_of(options)
    if len(dialect.separator) != 1 or len(names) < 2:  # of one column, a blank line is a value for Arrow
        return None
    quoted = bool(dialect.quote) and _has_quotes(file, dialect.quote)
    signs = csv.ParseOptions(
        delimiter=dialect.separator,
        quote_char=dialect.quote if quoted else False,
        escape_char=dialect.escape if quoted else False,
        double_quote=False,
    )
    skipped = 1 if options.get("header", "").lower() == "true" else 0
    places = [str(place) for place in range(len(names))]
    try:
        found: Iterator[pa.RecordBatch] = csv.open_csv(
            file,
            csv.ReadOptions(column_names=places, skip_rows=skipped, block_size=2**22),
            signs,
            csv.ConvertOptions(column_types=dict.fromkeys(places, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    return found
