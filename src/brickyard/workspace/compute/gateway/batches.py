"""Results larger than a client takes in one message (128 MiB): Sail sends a batch of rows of any size."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql.connect.proto import base_pb2

__all__ = ["in_parts"]

#: More than this in one message is divided.
LARGEST_BYTES = 2**26


def in_parts(raw: bytes, *, divisible: bool) -> Iterator[bytes]:
    """An answer as several, if it is too large.

    Args:
        raw: An ExecutePlanResponse.
        divisible: Whether the client puts a batch together again that comes in pieces of bytes.
    """
    if len(raw) <= LARGEST_BYTES:
        yield raw
        return
    answer = base_pb2.ExecutePlanResponse.FromString(raw)
    if not answer.HasField("arrow_batch"):
        yield raw
        return
    pieces = list(_pieces(answer, divisible=divisible))
    last, own = len(pieces) - 1, answer.response_id
    for place, piece in enumerate(pieces):
        answer.arrow_batch.CopyFrom(piece)
        answer.response_id = own if place == last else f"{own}#{place}"
        yield bytes(answer.SerializeToString())


def _pieces(
    answer: base_pb2.ExecutePlanResponse, *, divisible: bool
) -> Iterator[base_pb2.ExecutePlanResponse.ArrowBatch]:
    with pa.ipc.open_stream(answer.arrow_batch.data) as reader:
        table = reader.read_all()
    start = answer.arrow_batch.start_offset
    count = max(1, table.num_rows * LARGEST_BYTES // max(1, table.nbytes))
    for at in range(0, table.num_rows, count):
        rows = table.slice(at, count).combine_chunks()
        data = _stream(rows)
        if len(data) <= LARGEST_BYTES or not divisible:
            yield base_pb2.ExecutePlanResponse.ArrowBatch(row_count=rows.num_rows, data=data, start_offset=start + at)
        else:
            yield from _bytes(data, rows.num_rows, start + at)


def _bytes(data: bytes, rows: int, start: int) -> Iterator[base_pb2.ExecutePlanResponse.ArrowBatch]:
    parts = [data[at : at + LARGEST_BYTES] for at in range(0, len(data), LARGEST_BYTES)]
    for index, part in enumerate(parts):
        yield base_pb2.ExecutePlanResponse.ArrowBatch(
            row_count=rows, data=part, start_offset=start, chunk_index=index, num_chunks_in_batch=len(parts)
        )


def _stream(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue().to_pybytes())
