"""What clients send in another form than the engine takes: local data in chunks, and compressed plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql.connect.proto import base_pb2, relations_pb2

from brickyard.workspace.compute.gateway.errors import SparkError

__all__ = ["decompress", "local_relation", "local_relation_of_chunks"]

_LARGEST_PLAN = 512 * 2**20  # as in Spark: spark.connect.session.planCompression.maxPlanSize


def local_relation(name: str, blobs: Mapping[str, Path]) -> relations_pb2.LocalRelation:
    """Local data that the client has sent ahead as one artifact."""
    relation = relations_pb2.LocalRelation()
    relation.ParseFromString(_sent([name], blobs)[0])
    return relation


def local_relation_of_chunks(cached: Any, blobs: Mapping[str, Path]) -> relations_pb2.LocalRelation:
    """The same of several artifacts: each is an Arrow stream of the same schema."""
    relation = relations_pb2.LocalRelation()
    chunks = _sent(list(cached.dataHashes), blobs)
    if chunks:
        relation.data = _joined(chunks)
    if cached.HasField("schemaHash"):
        relation.schema = _sent([cached.schemaHash], blobs)[0].decode()
    return relation


def decompress(plan: base_pb2.Plan) -> None:
    """Put what a compressed plan stands for in its place.

    Raises:
        SparkError: It cannot be read; the client then sends its plans as they are.
    """
    if plan.WhichOneof("op_type") != "compressed_operation":
        return
    sent = plan.compressed_operation
    if sent.compression_codec != base_pb2.COMPRESSION_CODEC_ZSTD:
        raise _unreadable("its compression is not known")
    try:
        with pa.CompressedInputStream(pa.BufferReader(sent.data), "zstd") as stream:
            raw = stream.read(_LARGEST_PLAN + 1)
    except OSError as error:
        raise _unreadable(str(error)) from error
    if len(raw) > _LARGEST_PLAN:
        raise _unreadable(f"it has more than {_LARGEST_PLAN} bytes")
    if sent.op_type == base_pb2.Plan.CompressedOperation.OP_TYPE_COMMAND:
        plan.command.ParseFromString(raw)
    else:
        plan.root.ParseFromString(raw)


def _joined(chunks: Sequence[bytes]) -> bytes:
    if len(chunks) == 1:
        return chunks[0]
    sink = pa.BufferOutputStream()
    with pa.ipc.open_stream(chunks[0]) as first, pa.ipc.new_stream(sink, first.schema) as writer:
        for chunk in chunks:
            with pa.ipc.open_stream(chunk) as reader:
                for batch in reader:
                    writer.write_batch(batch)
    return bytes(sink.getvalue())


def _sent(hashes: Sequence[str], blobs: Mapping[str, Path]) -> list[bytes]:
    missing = [name for name in hashes if name not in blobs]
    if missing:
        raise SparkError("INVALID_HANDLE.LOCAL_RELATION", f"Local data {missing[0]} was not sent to this session.")
    return [blobs[name].read_bytes() for name in hashes]


def _unreadable(why: str) -> SparkError:
    return SparkError("CONNECT_INVALID_PLAN.CANNOT_PARSE", f"The compressed plan cannot be read: {why}.")
