"""Hashes of rows: what is kept of many rows to find one again in bounded memory.

Equal values have equal hashes whatever their Arrow type: whole numbers of any width and as floats, text plain or as
a dictionary. A single whole number has a hash of its own, so keys of that kind are compared exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from brickyard.scoring.arrow_types import plain

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Hashes: TypeAlias = np.ndarray[tuple[int], np.dtype[np.uint64]]

__all__ = ["RowSet", "has_repeats", "row_hashes", "same"]

_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # of splitmix64
_NULL, _FRACTION = 0x6E756C6C6E756C6C, 0x66726163746F6E21
_EXACT = 2.0**63


def row_hashes(batch: pa.RecordBatch, names: Sequence[str], salt: int = 0) -> Hashes:
    """A 64-bit hash of these columns for each row.

    Args:
        batch: The rows.
        names: The columns, whose order counts.
        salt: Another one gives hashes that are independent of those of the first.
    """
    import numpy as np

    hashes = np.full(batch.num_rows, salt, dtype=np.uint64)
    for name in names:
        hashes *= np.uint64(_GOLDEN)
        hashes += _column(batch.column(name), salt)
        _mix(hashes)
    return hashes


def same(one: pa.DataType, other: pa.DataType) -> bool:
    """Whether equal values of two types have equal hashes."""
    import pyarrow.types as types

    one, other = plain(one), plain(other)
    numbers = (types.is_boolean, types.is_integer, types.is_floating)
    if types.is_decimal(one) and types.is_decimal(other):
        return bool(one.scale == other.scale)
    if types.is_timestamp(one) and types.is_timestamp(other):
        return True
    return bool(one == other) or all(any(is_number(kind) for is_number in numbers) for kind in (one, other))


def has_repeats(parts: list[Hashes]) -> tuple[int, int]:
    """How many hashes there are, and how many different ones; the list is empty then, so they are held once."""
    import numpy as np

    hashes, place = np.empty(sum(map(len, parts)), np.uint64), 0
    while parts:
        part = parts.pop()
        hashes[place : place + len(part)] = part
        place += len(part)
    hashes.sort()
    return len(hashes), int(np.count_nonzero(hashes[1:] != hashes[:-1])) + (len(hashes) > 0)


class RowSet:
    """Rows that are known by two independent hashes: 16 bytes a row.

    Args:
        batches: Batches with these columns.
        names: The columns.
    """

    def __init__(self, batches: Iterable[pa.RecordBatch], names: Sequence[str]) -> None:
        import numpy as np

        self._names = list(names)
        parts = [(row_hashes(batch, self._names), row_hashes(batch, self._names, 1)) for batch in batches]
        first = np.concatenate([np.empty(0, np.uint64), *(part for part, _ in parts)])
        second = np.concatenate([np.empty(0, np.uint64), *(part for _, part in parts)])
        order = np.argsort(first)
        self._first, self._second = first[order], second[order]

    def __len__(self) -> int:
        return len(self._first)

    def contains(self, batch: pa.RecordBatch) -> np.ndarray:
        """Whether each row of a batch is among them."""
        import numpy as np

        found: np.ndarray = np.zeros(batch.num_rows, dtype=bool)
        if not len(self) or not batch.num_rows:
            return found
        first, second = row_hashes(batch, self._names), row_hashes(batch, self._names, 1)
        order = np.argsort(first)  # looking up in order is several times faster
        places = np.minimum(np.searchsorted(self._first, first[order]), len(self) - 1)
        found[order] = (self._first[places] == first[order]) & (self._second[places] == second[order])
        return found


def _mix(hashes: Hashes) -> None:
    """The last steps of splitmix64, in place: a bijection."""
    import numpy as np

    hashes ^= hashes >> np.uint64(30)
    hashes *= np.uint64(_FIRST)
    hashes ^= hashes >> np.uint64(27)
    hashes *= np.uint64(_SECOND)
    hashes ^= hashes >> np.uint64(31)


def _column(column: pa.Array, salt: int) -> Hashes:
    import numpy as np
    import pyarrow.types as types

    hashes: Hashes
    if types.is_dictionary(column.type):
        distinct, places = column.dictionary, column.indices
        hashes = np.take(_valid(distinct, salt), places.fill_null(0).to_numpy(zero_copy_only=False))
    else:
        hashes = _valid(column, salt)
    if column.null_count:
        hashes = np.where(column.is_null().to_numpy(zero_copy_only=False), np.uint64(_NULL), hashes)
    return hashes


def _valid(column: pa.Array, salt: int) -> Hashes:
    """Hashes of a column; what nulls have does not matter."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.types as types

    kind = column.type
    if len(column) == 0:
        return np.zeros(1, np.uint64)  # what the place of a null in a dictionary without values leads to
    if types.is_uint64(kind):
        return _numbers(column)
    if types.is_boolean(kind) or types.is_integer(kind):
        return _numbers(column.cast(pa.int64()))
    if types.is_floating(kind):
        return _floats(column.cast(pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False))
    if types.is_timestamp(kind):
        return _numbers(column.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64()))
    if types.is_date(kind):
        return _numbers(column.cast(pa.date32()).cast(pa.int32()).cast(pa.int64()))
    return _texts(column, salt)


def _numbers(column: pa.Array) -> Hashes:
    import numpy as np

    numbers: Hashes = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.uint64)
    return numbers


def _floats(values: np.ndarray) -> Hashes:
    """Whole floats as their integers, all NaN alike and as nulls, others by their bits."""
    import numpy as np

    with np.errstate(invalid="ignore"):
        whole = (values == np.floor(values)) & (values >= -_EXACT) & (values < _EXACT)
        integers = np.where(whole, values, 0).astype(np.int64).view(np.uint64)
    bits = values.view(np.uint64) ^ np.uint64(_FRACTION)
    return np.where(whole, integers, np.where(np.isnan(values), np.uint64(_NULL), bits))


def _texts(column: pa.Array, salt: int) -> Hashes:
    """Text and bytes by SipHash of each different value; anything else by how it is written."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.types as types

    if not (types.is_string(column.type) or types.is_large_string(column.type) or types.is_string_view(column.type)):
        written = [None if value is None else str(value) for value in column.to_pylist()]
        column = pa.array(written, pa.string())
    if types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    encoded = column.fill_null("").dictionary_encode()
    values = encoded.dictionary.to_numpy(zero_copy_only=False).astype(object)
    distinct = pd.util.hash_array(values, hash_key=f"brickyard {salt:06d}", categorize=False)
    hashes: Hashes = np.take(distinct.astype(np.uint64), encoded.indices.to_numpy(zero_copy_only=False))
    return hashes
