"""How large a body is once it is decoded, found before that is done.

A few bytes may stand for gigabytes: columns of nulls, runs and dictionaries, compressed buffers, and rows of unequal
length, which pandas fills up to the longest. What is larger than a body of plain JSON can be is refused, as the
memory is all requests'.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from brickyard.scoring.online.answer import ARROW, CSV, Answer, refusal
from brickyard.scoring.online.csv_rows import csv_rows

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["too_large_decoded", "too_large_views"]

# 64 MiB of JSON have at most so many values, and those take so much as doubles.
_MOST_VALUES, _MOST_BYTES = 32 << 20, 256 << 20
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3


def too_large_decoded(media_type: str, body: bytes) -> Answer | None:
    """The refusal of a body that would take too much memory; none for any other, and for one that is no such body.

    Args:
        media_type: The content type without its parameters.
        body: The body.
    """
    measure = _MEASURES.get(media_type)
    try:
        values, size = measure(body) if measure else (0, 0)
    except Exception:
        return None  # whoever decodes it says what is wrong
    return _refusal(values, size)


def _refusal(values: int, size: int) -> Answer | None:
    if values > _MOST_VALUES:
        return refusal(413, f"the rows are {values:,} values, more than {_MOST_VALUES:,}; send them in parts")
    if size > _MOST_BYTES:
        return refusal(413, f"the rows are {size:,} bytes decoded, more than {_MOST_BYTES:,}; send them in parts")
    return None


def too_large_views(table: pa.Table) -> Answer | None:
    """The refusal of text by views, many of which may show the same long text; none where there is not too much.

    Args:
        table: A valid one.
    """
    size = 0
    for column in table.columns:
        if str(column.type) in {"string_view", "binary_view"}:
            size += sum(_view_bytes(chunk) for chunk in column.chunks)
        elif "_view" in str(getattr(column.type, "storage_type", column.type)):
            return refusal(400, f"the type {column.type} is not supported; send lists and text without views")
    return _refusal(0, size)


def _view_bytes(array: pa.Array) -> int:
    import numpy as np

    lengths = np.frombuffer(array.buffers()[1], "<i4")[::4]
    return int(lengths[array.offset : array.offset + len(array)].sum(dtype="int64"))


def _json(body: bytes) -> tuple[int, int]:
    """Rows times columns, as pandas fills shorter rows up; only where there are enough of both to matter."""
    if (body.count(b"{") + body.count(b"[") + body.count(b",")) * (body.count(b",") + 1) <= _MOST_VALUES:
        return 0, 0
    document = json.loads(body)
    contents = list(document.values())
    for content in contents:
        contents.extend(content.values() if isinstance(content, dict) else ())
    split = document.get("dataframe_split")
    if isinstance(split, dict):
        rows, columns = split.get("index"), split.get("columns")
        contents.append([columns] * len(rows) if isinstance(rows, list) and isinstance(columns, list) else None)
    return max(map(_filled, contents)), 0


def _filled(rows: Any) -> int:
    """How many values a list or mapping of lists or mappings is, once all of them have what one of them has."""
    if not isinstance(rows, list | dict):
        return 0
    inner: Collection[Any] = rows if isinstance(rows, list) else rows.values()
    longest = max((len(each) for each in inner if isinstance(each, list)), default=1)
    names: set[str] = set().union(*(each for each in inner if isinstance(each, dict)))
    return len(inner) * max(longest, len(names))


def _csv(body: bytes) -> tuple[int, int]:
    """Rows times columns; pandas takes no row that is longer than both the first two, and fills shorter ones up."""
    most = (body.count(b"\n") + body.count(b"\r") + 1) * (body.count(b",") + 1)
    if most <= _MOST_VALUES:
        return most, 0
    rows = csv_rows(body)
    first = list(islice(rows, 2))
    return (len(first) + sum(1 for _ in rows)) * max(map(len, first), default=0), 0


def _parquet(body: bytes) -> tuple[int, int]:
    """What the file says of itself, and what its dictionaries of text stand for."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    about = pq.read_metadata(pa.BufferReader(body))
    groups = [about.row_group(place) for place in range(about.num_row_groups)]
    chunks = [(place, n, group.column(n)) for place, group in enumerate(groups) for n in range(group.num_columns)]
    values = max(about.num_rows * about.num_columns, sum(chunk.num_values for _, _, chunk in chunks))
    if values > _MOST_VALUES:
        return values, 0
    return values, sum(_chunk_bytes(body, place, chunk, about.schema.column(n).length) for place, n, chunk in chunks)


def _chunk_bytes(body: bytes, group: int, chunk: Any, width: int) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    size: int = chunk.total_uncompressed_size
    if chunk.physical_type == "FIXED_LEN_BYTE_ARRAY":
        return max(size, width * int(chunk.num_values))
    is_top = "." not in chunk.path_in_schema
    if not (is_top and chunk.physical_type == "BYTE_ARRAY" and size * chunk.num_values > _MOST_BYTES >= size):
        return size
    file = pq.ParquetFile(pa.BufferReader(body), read_dictionary=[chunk.path_in_schema])
    column = file.read_row_group(group, columns=[chunk.path_in_schema], use_threads=False).column(0)
    return max(size, sum(map(_text_bytes, column.chunks)))


def _text_bytes(encoded: pa.DictionaryArray) -> int:
    import pyarrow.compute as pc

    lengths = pc.binary_length(encoded.dictionary).cast("int64")
    return int(pc.sum(lengths.take(encoded.indices)).as_py() or 0)


def _arrow(body: bytes) -> tuple[int, int]:
    """The lengths of all arrays of a stream, children and dictionaries too, and its buffers without compression."""
    import pyarrow as pa

    values = size = 0
    for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(body)):
        table = _Table.root(memoryview(message.metadata))
        kind, batch = table.number(1, "B"), table.table(2)
        if kind == _DICTIONARY_BATCH and batch:
            batch = batch.table(1)
        if batch and kind in (_DICTIONARY_BATCH, _RECORD_BATCH):
            values += max(batch.number(0, "q"), sum(length for length, _ in batch.pairs(1)))
            size += _buffer_bytes(batch, memoryview(message.body))
    return values, size


def _buffer_bytes(batch: _Table, body: memoryview) -> int:
    """The size of buffers; each that is compressed begins with the size that it has without."""
    if batch.table(3) is None:
        return len(body)
    sizes = [int(struct.unpack_from("<q", body, offset)[0]) for offset, length in batch.pairs(2) if length]
    return len(body) + sum(size for size in sizes if size > 0)


class _Table:
    """A table of a flatbuffer that Arrow has verified, as its messages' metadata are (`Message.fbs` of its format)."""

    def __init__(self, data: memoryview, begin: int) -> None:
        self._data = data
        self._begin = begin
        self._fields = begin - struct.unpack_from("<i", data, begin)[0]

    @classmethod
    def root(cls, data: memoryview) -> _Table:
        return cls(data, struct.unpack_from("<I", data)[0])

    def _place(self, field: int) -> int | None:
        """Where a field is; none where it was left out."""
        (size,) = struct.unpack_from("<H", self._data, self._fields)
        at = 4 + 2 * field
        (offset,) = struct.unpack_from("<H", self._data, self._fields + at) if at < size else (0,)
        return self._begin + offset if offset else None

    def number(self, field: int, form: str) -> int:
        place = self._place(field)
        return 0 if place is None else int(struct.unpack_from(f"<{form}", self._data, place)[0])

    def _target(self, field: int) -> int | None:
        place = self._place(field)
        return None if place is None else place + int(struct.unpack_from("<I", self._data, place)[0])

    def table(self, field: int) -> _Table | None:
        target = self._target(field)
        return None if target is None else _Table(self._data, target)

    def pairs(self, field: int) -> Iterator[tuple[int, int]]:
        """The items of a vector of two long integers each."""
        target = self._target(field)
        if target is not None:
            (count,) = struct.unpack_from("<I", self._data, target)
            yield from struct.iter_unpack("<qq", self._data[target + 4 : target + 4 + 16 * count])


_MEASURES: Mapping[str, Callable[[bytes], tuple[int, int]]] = {
    "application/json": _json,
    CSV: _csv,
    "application/vnd.apache.parquet": _parquet,
    ARROW: _arrow,
}
