"""Results of SQL statements on disk: chunks in the format that was asked for, and the manifest that lists them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql.types import StructField, StructType, VariantType

from brickyard.workspace.sql.columns import column, text_of, type_text

__all__ = ["INLINE_BYTES", "SUFFIXES", "ResultWriter"]

SUFFIXES = {"JSON_ARRAY": "json", "CSV": "csv", "ARROW_STREAM": "arrow"}
#: A chunk is closed when it holds this much: the vendor's are at most some 20 MiB.
_CHUNK_BYTES = 16 << 20
#: What answers can hold of one result.
INLINE_BYTES = 26_214_400


class ResultWriter:
    """Writes the rows of one statement, chunk by chunk.

    Args:
        directory: Where the chunks go: `0.json`, `1.json`, ...
        format: `JSON_ARRAY`, `CSV` or `ARROW_STREAM`.
        row_limit: The most rows; None for all.
        byte_limit: The most bytes, of rows as the engine gives them; None for all.
        inline: Whether answers hold the rows, of which there can then be no more than `INLINE_BYTES`.
        compression: `LZ4_FRAME`, of `ARROW_STREAM`; None for none.
    """

    def __init__(
        self,
        directory: Path,
        format: str,
        row_limit: int | None,
        byte_limit: int | None,
        *,
        inline: bool,
        compression: str | None = None,
    ) -> None:
        self._directory = directory
        self._format = format
        self._row_limit = row_limit
        self._byte_limit = byte_limit
        self._inline = inline
        self._compression = compression
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._chunks: list[dict[str, int]] = []
        self._rows = 0
        self._bytes = 0
        self._taken = 0
        self.truncated = False

    def add(self, table: pa.Table, schema: StructType) -> bool:
        """Take more rows; whether more are wanted."""
        for batch in table.to_batches(max_chunksize=8192):
            if self._row_limit is not None and self._rows + batch.num_rows > self._row_limit:
                batch, self.truncated = batch.slice(0, self._row_limit - self._rows), True
            batch = self._within_bytes(batch)
            self._rows += batch.num_rows
            self._waiting.append(batch)
            self._waiting_bytes += batch.nbytes
            if self._waiting_bytes >= _CHUNK_BYTES:
                self._close_chunk(schema)
            if self.truncated:
                return False
        return True

    def _within_bytes(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows that the byte limit has room for, by the average size of the batch's rows."""
        self._taken += batch.nbytes
        if self._byte_limit is None or self._taken <= self._byte_limit:
            return batch
        self.truncated = True
        room = self._byte_limit - (self._taken - batch.nbytes)
        return batch.slice(0, room * batch.num_rows // batch.nbytes)

    def finish(self, schema: StructType) -> dict[str, Any]:
        """Write what waits, and give the manifest."""
        if any(batch.num_rows for batch in self._waiting):
            self._close_chunk(schema)
        compressed = {"result_compression": self._compression} if self._compression else {}
        return compressed | {
            "format": self._format,
            "schema": {
                "column_count": len(schema.fields),
                "columns": [column(place, field) for place, field in enumerate(schema.fields)],
            },
            "total_chunk_count": len(self._chunks),
            "chunks": self._chunks,
            "total_row_count": self._rows,
            "total_byte_count": self._bytes,
            "truncated": self.truncated,
        }

    def _close_chunk(self, schema: StructType) -> None:
        index = len(self._chunks)
        rows = sum(batch.num_rows for batch in self._waiting)
        data = b"".join(self._encoded(schema, first=index == 0))
        (self._directory / f"{index}.{SUFFIXES[self._format]}").write_bytes(data)
        offset = self._chunks[-1]["row_offset"] + self._chunks[-1]["row_count"] if self._chunks else 0
        self._chunks.append({"chunk_index": index, "row_offset": offset, "row_count": rows, "byte_count": len(data)})
        self._bytes += len(data)
        self._waiting, self._waiting_bytes = [], 0
        if self._inline and self._bytes > INLINE_BYTES:
            raise ValueError(
                "Inline byte limit exceeded. Statements executed with disposition=INLINE can have a result size of at"
                f" most {INLINE_BYTES} bytes. Please execute the statement with disposition=EXTERNAL_LINKS if you want"
                " to download the full result."
            )

    def _encoded(self, schema: StructType, *, first: bool) -> Iterator[bytes]:
        if self._format == "ARROW_STREAM":
            data = _arrow(self._waiting, schema)
            yield pa.compress(data, codec="lz4", asbytes=True) if self._compression else data
            return
        rows = _texts(self._waiting, schema)
        if self._format == "JSON_ARRAY":
            yield json.dumps(list(rows), ensure_ascii=False, separators=(",", ":")).encode()
            return
        sheet = io.StringIO()
        writer = csv.writer(sheet, lineterminator="\n")
        if first:
            writer.writerow(schema.names)
        writer.writerows([["null" if value is None else value for value in row] for row in rows])
        yield sheet.getvalue().encode()


def _arrow(batches: list[pa.RecordBatch], schema: StructType) -> bytes:
    """A stream of Arrow whose fields say what they are in SQL; variants are JSON, as the service sends them."""
    from pyspark.sql.pandas.types import to_arrow_schema

    plain = batches[0].schema if batches else to_arrow_schema(schema)
    kind = pa.schema([_field(*pair) for pair in zip(plain, schema.fields, strict=True)])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, kind) as writer:
        for batch in batches:
            arrays = [_array(*pair) for pair in zip(batch.columns, schema.fields, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=kind))
    return sink.getvalue()


def _field(field: pa.Field, described: StructField) -> pa.Field:
    kind = described.dataType
    told = {"Spark:DataType:SqlName": type_text(kind), "Spark:DataType:JsonType": kind.json()}
    return (field.with_type(pa.string()) if isinstance(kind, VariantType) else field).with_metadata(told)


def _array(array: pa.Array, described: StructField) -> pa.Array:
    if not isinstance(described.dataType, VariantType):
        return array
    convert = text_of(described.dataType)
    return pa.array([None if one is None else convert(one) for one in array.to_pylist()], pa.string())


def _texts(batches: list[pa.RecordBatch], schema: StructType) -> Iterator[list[str | None]]:
    converters = [text_of(field.dataType) for field in schema.fields]
    for batch in batches:
        columns = [
            [None if value is None else convert(value) for value in array.to_pylist()]
            for array, convert in zip(batch.columns, converters, strict=True)
        ]
        yield from map(list, zip(*columns, strict=True))
