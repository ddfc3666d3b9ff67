"""Encoders of scikit-learn: what each known value of a column becomes, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from brickyard.scoring.columns import Texts
from brickyard.scoring.plan.steps import Declined, Features, matrix_of

__all__ = ["DECLINES", "NOTHING", "Categories", "OneHot", "Ordinal"]

# Codes that are no place: no column of the output is set, or the encoder raises.
NOTHING, DECLINES = -1, -2


@dataclass(frozen=True)
class Categories:
    """The known values of a column.

    Attributes:
        known: The values: numbers in ascending order, or texts and None.
        codes: The code of each, which is never `DECLINES`.
        missing: The code of NaN.
        unknown: The code of every other value.
    """

    known: np.ndarray
    codes: np.ndarray
    missing: int
    unknown: int

    def check(self) -> None:
        """Find values without a code."""
        codes = self.codes
        if codes.dtype != np.int64 or self.known.ndim != 1 or codes.shape != self.known.shape or not len(codes):
            raise ValueError("each category has a code")
        if type(self.missing) is not int or type(self.unknown) is not int:
            raise ValueError("a code is a number")
        if min(self.missing, self.unknown) < DECLINES or codes.min() < NOTHING:
            raise ValueError("a code is a place, or none; only what is missing or not known is refused")

    @cached_property
    def code_by_value(self) -> Mapping[Any, int]:
        """The codes of texts, known or not."""
        return _Codes(zip(self.known.tolist(), self.codes.tolist(), strict=True), self.unknown)

    def encode(self, column: np.ndarray | Texts) -> np.ndarray:
        """Return the code of each value.

        Raises:
            Declined: For a value for which the encoder raises.
        """
        if isinstance(column, Texts):
            codes: np.ndarray = self.encode(column.values)[column.indices]
            return codes
        codes = self._of_objects(column) if self.known.dtype.kind == "O" else self._of_numbers(column)
        if DECLINES in (self.missing, self.unknown) and len(codes) and codes.min() == DECLINES:
            raise Declined("a value that the encoder does not know")
        return codes

    def _of_objects(self, column: np.ndarray) -> np.ndarray:
        if column.dtype.kind not in "Ob":
            raise Declined("a number where the categories are texts")
        return np.fromiter(map(self.code_by_value.__getitem__, column.tolist()), np.int64, len(column))

    def _of_numbers(self, column: np.ndarray) -> np.ndarray:
        if column.dtype.kind not in "fiu":
            raise Declined("text where the categories are numbers")
        at = np.minimum(np.searchsorted(self.known, column), len(self.known) - 1)
        codes = np.where(self.known[at] == column, self.codes[at], self.unknown)
        if column.dtype.kind == "f":
            if np.isinf(column).any():
                raise Declined("an infinity, which scikit-learn refuses")
            codes[np.isnan(column)] = self.missing
        return codes


class _Codes(dict[Any, int]):
    """Codes by value, with one for every other text."""

    def __init__(self, known: Iterable[tuple[Any, int]], unknown: int) -> None:
        super().__init__(known)
        self._unknown = unknown

    def __missing__(self, value: Any) -> int:
        if type(value) in _PLAIN:
            return self._unknown
        raise Declined("a value that is neither text nor nothing")


_PLAIN = frozenset({str, bool, type(None)})


@dataclass(frozen=True)
class OneHot:
    """A column of the output for each category.

    Attributes:
        columns: The categories of each column; a code is the place among its outputs.
        widths: How many outputs each column has.
        dtype: The type of the output.
    """

    columns: tuple[Categories, ...]
    widths: tuple[int, ...]
    dtype: str

    def check(self) -> None:
        """Find a place beyond the outputs."""
        _check_columns(self.columns, self.dtype)
        if len(self.columns) != len(self.widths) or not all(type(w) is int and w >= 0 for w in self.widths):
            raise ValueError("each encoded column has its number of outputs")
        for column, width in zip(self.columns, self.widths, strict=True):
            if max(column.codes.max(), column.missing, column.unknown) >= width:
                raise ValueError("a category's place is beyond the outputs of its column")

    def transform(self, features: Features) -> Features:
        """Encode."""
        codes = self.encode(features)
        matrix = np.zeros((len(codes[0]), sum(self.widths)), dtype=self.dtype)
        start = 0
        for code, width in zip(codes, self.widths, strict=True):
            rows = np.flatnonzero(code >= 0)
            matrix[rows, code[rows] + start] = 1
            start += width
        return matrix

    def encode(self, features: Features) -> list[np.ndarray]:
        """Return the place in its outputs for each value of each column, or `NOTHING`."""
        return [by.encode(column) for by, column in zip(self.columns, _columns(features, self.columns), strict=True)]


@dataclass(frozen=True)
class Ordinal:
    """A number for each category.

    Attributes:
        columns: The categories of each column; a code is a position in `values`.
        values: The numbers of each column.
        dtype: The type of the output.
    """

    columns: tuple[Categories, ...]
    values: tuple[np.ndarray, ...]
    dtype: str

    def check(self) -> None:
        """Find a code without a number."""
        _check_columns(self.columns, self.dtype)
        for column, values in zip(self.columns, self.values, strict=True):
            codes = (int(column.codes.min()), column.missing, column.unknown)
            if values.ndim != 1 or max(int(column.codes.max()), *codes) >= len(values) or NOTHING in codes:
                raise ValueError("a category has no number")

    def transform(self, features: Features) -> Features:
        """Encode."""
        given = _columns(features, self.columns)
        matrix = np.empty((len(given[0]), len(given)), dtype=self.dtype)
        for position, (by, values, column) in enumerate(zip(self.columns, self.values, given, strict=True)):
            matrix[:, position] = values[by.encode(column)]
        return matrix


def _check_columns(columns: tuple[Categories, ...], dtype: str) -> None:
    if not columns or not all(isinstance(column, Categories) for column in columns):
        raise ValueError("an encoder has categories for each column")
    if np.dtype(dtype).kind not in "fiub":
        raise ValueError("an encoder gives numbers")


def _columns(features: Features, expected: tuple[Categories, ...]) -> list[np.ndarray]:
    """Columns in their own types, as encoders take them from a frame."""
    given = features if isinstance(features, list) else list(matrix_of(features).T)
    if len(given) != len(expected):
        raise Declined("the encoder has another number of features")
    return given
