"""Few bytes that stand for gigabytes are refused before they take that memory."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from brickyard.scoring.online import Protocol
from brickyard.scoring.online.expansion import too_large_decoded
from brickyard.scoring.online.exponents import has_long_exponent
from tests.scoring import models
from tests.scoring.conftest import LoadedModel
from tests.scoring.online.parity import ARROW, CSV, JSON, PARQUET, ask_mlflow

MANY = 40_000_000
NAMES = [f"c{place}" for place in range(6000)]


def stream(table: Mapping[str, Any], compression: str | None = None) -> bytes:
    sink, found = pa.BufferOutputStream(), pa.table(table)
    with pa.ipc.new_stream(sink, found.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(found)
    return sink.getvalue().to_pybytes()


def parquet(table: Mapping[str, Any]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(table), file, compression="zstd")
    return file.getvalue()


def wide_zeros(rows: int) -> pa.Array:
    """A kibibyte of nothing in each row."""
    zeros = pa.py_buffer(np.zeros(rows << 10, dtype="int8"))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(1 << 10), rows, [None, zeros])


def one_text(rows: int) -> pa.Array:
    """The same long text in each row."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype="int32")), pa.array(["x" * 900_000]))


def views(rows: int) -> pa.Array:
    one = pa.array(["x" * 900_000], pa.string_view())
    shown = pa.py_buffer(one.buffers()[1].to_pybytes()[:16] * rows)
    return pa.Array.from_buffers(pa.string_view(), rows, [None, shown, *one.buffers()[2:]])


def text(document: Any) -> bytes:
    return json.dumps(document).encode()


BODIES: dict[str, tuple[Callable[[], bytes], str]] = {
    "nulls": (lambda: stream({name: pa.nulls(MANY // 10) for name in "abcdefghij"}), ARROW),
    "batches of nulls": (lambda: stream({"a": pa.chunked_array([pa.nulls(MANY // 4)] * 4)}), ARROW),
    "rows without columns": (
        lambda: stream({"a": pa.nulls(1)}).replace(b"\1" + b"\0" * 7, MANY.to_bytes(8, "little")),
        ARROW,
    ),
    "runs": (
        lambda: stream({"a": pa.RunEndEncodedArray.from_arrays(pa.array([MANY], pa.int32()), pa.array([1.5]))}),
        ARROW,
    ),
    "nulls in lists": (lambda: stream({"a": pa.FixedSizeListArray.from_arrays(pa.nulls(MANY), MANY)}), ARROW),
    "zstd": (lambda: stream({"a": wide_zeros(300_000)}, "zstd"), ARROW),
    "lz4 dictionary": (
        lambda: stream({"a": pa.DictionaryArray.from_arrays(pa.array([0]), wide_zeros(300_000))}, "lz4"),
        ARROW,
    ),
    "views": (lambda: stream({"a": views(400)}), ARROW),
    "parquet of many rows": (lambda: parquet({"a": pa.nulls(MANY)}), PARQUET),
    "parquet of long values": (lambda: parquet({"a": wide_zeros(300_000)}), PARQUET),
    "parquet of one text": (lambda: parquet({"a": one_text(400)}), PARQUET),
    "csv of short rows": (lambda: ",".join(NAMES).encode() + b"\n" + b"1\n" * 6000, CSV),
    "csv of a wide row": (lambda: b"\n \na\n" + b"1," * 6000 + b"\n" + b"1\n" * 6000, CSV),
    "csv of a long name": (lambda: b"a" * 200_000 + b",b" * 6000 + b"\n" + b"1\n" * 6000, CSV),
    "short rows": (lambda: text({"dataframe_split": {"columns": NAMES, "data": [NAMES] + [[]] * 6000}}), JSON),
    "an index": (lambda: text({"dataframe_split": {"columns": NAMES, "index": NAMES, "data": None}}), JSON),
    "short records": (lambda: text({"dataframe_records": [dict.fromkeys(NAMES, 1)] + [{}] * 6000}), JSON),
    "other records": (lambda: text({"instances": [{name: 1} for name in NAMES]}), JSON),
    "one column for all": (lambda: text({"inputs": {**dict.fromkeys(NAMES, 1), "a": [1] * 6000}}), JSON),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_small_body_of_very_many_values_is_refused(name: str, loaded: LoadedModel) -> None:
    make, content_type = BODIES[name]
    body = make()
    assert len(body) < 4 << 20
    answer = Protocol(loaded("booster")).answer(body, content_type)
    assert answer.status == 413, answer
    assert "in parts" in json.loads(answer.body)["message"]


@pytest.mark.parametrize("kind", ["booster", "custom"])
def test_many_plain_rows_are_answered(kind: str, loaded: LoadedModel) -> None:
    """More rows times columns than there are bytes to tell by: each form is looked at closely, and taken."""
    model = loaded(kind)
    frame = models.mixed_rows(2000)[list(model.input_names)].assign(n1=1.5, gust=np.float32(0.5))
    compressed = stream({name: pa.array(frame[name]) for name in frame}, "zstd")
    expected = None
    for body, content_type in (
        (frame.to_csv(index=False).encode(), CSV),
        (frame.to_parquet(), PARQUET),
        (text({"inputs": frame.astype(object).to_dict("list")}), JSON),
        (text({"instances": frame.astype(object).to_dict("records")}), JSON),
    ):
        answer = Protocol(model).answer(body, content_type)
        assert (answer.status, answer.body) == ask_mlflow(model, body, content_type)
        expected = answer.body
    assert json.loads(Protocol(model).answer(compressed, ARROW).body) == json.loads(expected or b"")


WORDS = "one, two\nthree " * 20_000
LINES = "a\n" * 2000
PROSE = "\n".join(f'{n},"{LINES}",' + ",".join("12345678") for n in range(2000))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (f'text\n"{WORDS}"\n'.encode(), CSV),
        (b"id,text,1,2,3,4,5,6,7,8\n" + PROSE.encode(), CSV),
        (b"a,b,c\r\n" + b"1,2,3\r\n" * 4_000_000, CSV),
        (text({"inputs": {"index": NAMES, "columns": NAMES}}), JSON),
    ],
    ids=["a long text", "texts of many lines", "the line ends of Windows", "columns called index and columns"],
)
def test_what_only_looks_like_many_values_is_taken(body: bytes, content_type: str) -> None:
    assert too_large_decoded(content_type, body) is None


@pytest.mark.parametrize(
    ("value", "long"), [("5e1234567890", False), ("5e2147483648", True), ("4e492493924924x", True)]
)
def test_an_exponent_that_an_int_holds_is_not_too_long(value: str, long: bool) -> None:
    assert has_long_exponent(f"a,b\n1,{value}\n".encode(), set()) is long
    assert not has_long_exponent(f'a,b\n1,"{"x" * 200_000},{value}"\n'.encode(), set())
