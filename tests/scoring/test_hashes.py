"""Hashes of rows, sets of rows, and work in order on several threads."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pyarrow as pa
import pytest

from brickyard.cli.score import progress_line
from brickyard.scoring.hashes import RowSet, has_repeats, row_hashes
from brickyard.scoring.ordered import in_order

NUMBERS = [3, -1, 0, None, 2**31 - 1]


def batch(**columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


@pytest.mark.parametrize("kind", [pa.int32(), pa.int64(), pa.float64()])
def test_equal_numbers_are_equal_in_any_type(kind: pa.DataType) -> None:
    expected = row_hashes(batch(a=pa.array(NUMBERS, pa.int64())), ["a"])
    assert (row_hashes(batch(a=pa.array(NUMBERS, kind)), ["a"]) == expected).all()
    assert len(set(expected.tolist())) == len(NUMBERS)


def test_texts_are_equal_plain_and_as_dictionaries_and_nulls_are_no_texts() -> None:
    plain = pa.array(["b", None, "", "a", "b"])
    hashes = row_hashes(batch(a=plain), ["a"])
    for other in (plain.dictionary_encode(), plain.cast(pa.large_string()), plain.cast(pa.string_view())):
        assert (row_hashes(batch(a=other), ["a"]) == hashes).all()
    assert len(set(hashes.tolist())) == 4
    nothing = pa.DictionaryArray.from_arrays(pa.array([None, None], pa.int32()), pa.array([], pa.string()))
    assert (row_hashes(batch(a=nothing), ["a"]) == hashes[1]).all()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([0.5, -0.5, float("inf"), float("-inf"), 1e300, 5e-324, None]),
        pa.array([2**63, 2**64 - 1, 1], pa.uint64()),
        pa.array([[1], [1, 2], [], None]),
        pa.array([b"a", b"", None]),
        pa.array([1, 2**40, None], pa.timestamp("us", "UTC")),
        pa.array([1, 2, None], pa.date32()),
        pa.array([True, False, None]),
    ],
    ids=lambda column: str(column.type),
)
def test_different_values_differ_and_parts_of_a_batch_hash_alike(column: pa.Array) -> None:
    whole = batch(a=column)
    hashes = row_hashes(whole, ["a"])
    assert len(set(hashes.tolist())) == len(column)
    assert (row_hashes(whole.slice(1), ["a"]) == hashes[1:]).all()
    assert len(row_hashes(whole.slice(0, 0), ["a"])) == 0


def test_zeros_and_missing_numbers_have_one_hash_each_and_the_order_of_columns_counts() -> None:
    hashes = row_hashes(batch(a=pa.array([0.0, -0.0, float("nan"), None])), ["a"])
    assert hashes[0] == hashes[1] and hashes[2] == hashes[3] != hashes[0]
    both = batch(a=pa.array([1, 2]), b=pa.array([2, 1]))
    first, second = row_hashes(both, ["a", "b"]).tolist()
    assert first != second and [second, first] == row_hashes(both, ["b", "a"]).tolist()


def test_a_set_knows_its_rows_and_no_others() -> None:
    parts = [batch(a=pa.array(range(first, first + 500)), b=pa.array(["x"] * 500)) for first in (0, 500)]
    known = RowSet(parts, ["a", "b"])
    asked = batch(a=pa.array(range(-500, 1500)), b=pa.array(["x"] * 2000), c=pa.array([0] * 2000))
    assert np.flatnonzero(known.contains(asked)).tolist() == list(range(500, 1500))
    other = batch(a=pa.array(range(1000)), b=pa.array(["y"] * 1000))
    assert not known.contains(other).any() and not RowSet([], ["a"]).contains(other).any()
    hashes = [row_hashes(part, ["a"]) for part in (*parts, parts[0].slice(0, 3))]
    assert has_repeats(hashes) == (1003, 1000) and has_repeats([]) == (0, 0)


def test_results_come_in_order_from_threads_that_are_few_items_ahead() -> None:
    taken, released = itertools.count(), threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert released.wait(10)  # the first is the last to be done
        else:
            released.set()
        return item

    results = in_order(work, (next(taken) for _ in range(20)), 2)
    assert next(results) == 0 and next(taken) <= 4
    assert [*results] == [*range(1, 3), *range(4, 21)]


def test_the_first_error_ends_the_work() -> None:
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    results = in_order(work, itertools.count(), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert list(results) == []


def test_progress_says_how_far_how_fast_and_how_long() -> None:
    assert progress_line(500_000, 2_000_000, 2.0) == "500,000 of 2,000,000 rows, 250,000 rows/s, 0:06 left"
    assert progress_line(10, None, 5.0) == "10 rows, 2 rows/s"
    assert progress_line(0, 0, 0.0) == "0 of 0 rows, 0 rows/s, 0:00 left"
