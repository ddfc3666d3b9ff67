"""Columns of Arrow data as arrays: every way in which Arrow keeps text has the same rows, with and without chunks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from brickyard.scoring.columns import array_of_json, arrays_of

ROWS = ["a", "b", None, "a", "é"]
TYPES = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]


def rows_of(data: Any, kind: str) -> list[Any]:
    arrays = arrays_of(data, {"column": kind})
    assert arrays is not None
    return np.asarray(arrays["column"]).tolist()


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_text_has_its_rows(kind: pa.DataType) -> None:
    array = pa.array(ROWS, pa.string()).cast(kind)
    other = pa.array([None, "c", "b"], pa.string()).cast(kind)
    assert rows_of(pa.record_batch([array], names=["column"]), "string") == ROWS
    assert rows_of(pa.table({"column": pa.chunked_array([array, other])}), "string") == [*ROWS, None, "c", "b"]
    assert rows_of(pa.table({"column": array.slice(2, 2)}), "string") == [None, "a"]
    assert rows_of(pa.table({"column": pa.chunked_array([other[:1], other[:1]])}), "string") == [None, None]


def test_a_dictionary_of_numbers_has_its_rows() -> None:
    numbers = pa.array([1.5, 2.5, 1.5]).dictionary_encode()
    assert rows_of(pa.table({"column": numbers}), "double") == [1.5, 2.5, 1.5]
    with_null = pa.array([1.5, None, 2.5]).dictionary_encode()
    assert np.isnan(rows_of(pa.table({"column": with_null}), "double")[1])


def test_text_in_a_column_of_numbers_is_not_plain() -> None:
    for array in (pa.array(["1", "2"]), pa.array(["1", "2"]).dictionary_encode()):
        assert arrays_of(pa.table({"column": array}), {"column": "double"}) is None
        assert arrays_of(pa.table({"column": pa.array([1, 2])}), {"column": "string"}) is None


def test_an_integer_that_float32_would_round_twice_is_not_plain() -> None:
    twice = 4611686293305294851
    assert np.float32(float(twice)) != np.array([twice]).astype(np.float32)[0]
    assert array_of_json([1, twice], "float") is None
    assert array_of_json([1, 2.5, None], "float") is not None
    assert array_of_json([1, twice], "double") is not None
