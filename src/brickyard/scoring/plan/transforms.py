"""Transformers of scikit-learn as arrays, with its arithmetic, its types and its memory order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from brickyard.scoring.plan.steps import Declined, Features, matrix_of

__all__ = ["Arithmetic", "Finite", "Impute", "Passthrough", "as_float"]

_OPERATIONS = {"-": np.subtract, "/": np.divide, "*": np.multiply, "+": np.add}


def as_float(features: Features, *, copy: bool) -> np.ndarray:
    """Return the float matrix that `check_array(dtype=FLOAT_DTYPES)` makes: float32 stays, all else is float64.

    Raises:
        Declined: For text and infinities, for which scikit-learn raises.
    """
    matrix = matrix_of(features)
    if matrix.dtype.kind == "O":
        raise Declined("text in a column of numbers")
    if matrix.dtype.kind != "f":
        return matrix.astype(np.float64)
    if np.isinf(matrix).any():
        raise Declined("an infinity, which scikit-learn refuses")
    return matrix.copy(order="K") if copy and isinstance(features, np.ndarray) else matrix


@dataclass(frozen=True)
class Passthrough:
    """Columns as they are, made a matrix as pandas makes it: booleans beside numbers become objects, then float64."""

    def check(self) -> None:
        """Nothing can be wrong."""

    def transform(self, features: Features) -> Features:
        """Return one matrix."""
        if isinstance(features, list):
            kinds = {column.dtype.kind for column in features}
            if "b" in kinds and len(kinds) > 1:
                features = [column.astype(np.float64) if column.dtype.kind in "biu" else column for column in features]
        return matrix_of(features)


@dataclass(frozen=True)
class Finite:
    """Features that an estimator takes as a sparse matrix, in which scikit-learn refuses NaN and infinities."""

    def check(self) -> None:
        """Nothing can be wrong."""

    def transform(self, features: Features) -> Features:
        """Return the features."""
        matrix = matrix_of(features)
        if matrix.dtype.kind == "f" and not np.isfinite(matrix).all():
            raise Declined("NaN or infinity in a sparse matrix")
        return matrix


@dataclass(frozen=True)
class Arithmetic:
    """A scaler: one operation after the other with a number a feature, in place.

    Attributes:
        operations: `-`, `/`, `*` or `+`.
        vectors: A number a feature for each operation.
        cast: Whether the numbers are cast to the type of the features first.
        limits: Lowest and highest result, or none.
    """

    operations: tuple[str, ...]
    vectors: tuple[np.ndarray, ...]
    cast: bool = False
    limits: tuple[float, float] | None = None

    def check(self) -> None:
        """Find operations without numbers."""
        if len(self.operations) != len(self.vectors) or not set(self.operations) <= _OPERATIONS.keys():
            raise ValueError("each operation of a scaler has its numbers")
        if self.limits is not None and len(self.limits) != 2:
            raise ValueError("a scaler has a lowest and a highest result")
        if len({vector.shape for vector in self.vectors}) > 1 or any(v.ndim != 1 for v in self.vectors):
            raise ValueError("a scaler has a number a feature")

    def transform(self, features: Features) -> Features:
        """Scale."""
        matrix = as_float(features, copy=True)
        if self.vectors and len(self.vectors[0]) != matrix.shape[1]:
            raise Declined("the scaler has another number of features")
        with np.errstate(all="ignore"):
            for operation, vector in zip(self.operations, self.vectors, strict=True):
                by = vector.astype(matrix.dtype) if self.cast else vector
                _OPERATIONS[operation](matrix, by, out=matrix, casting="same_kind")
        if self.limits is not None:
            low, high = (np.asarray(limit, dtype=matrix.dtype) for limit in self.limits)
            np.clip(matrix, low, high, out=matrix)
        return matrix


@dataclass(frozen=True)
class Impute:
    """A value in the place of missing ones.

    Attributes:
        fill: The value a feature, of the type that was fitted.
        keep: Which features are kept; those that were empty when fitted are not.
        missing: What counts as missing: NaN, None, a number or a text.
        numeric: Whether features are cast to floats (mean, median), or stay what they are.
        indicated: Features that get a column which says where they were missing, after all others.
    """

    fill: np.ndarray
    keep: np.ndarray
    missing: float | int | str | None
    numeric: bool
    indicated: tuple[int, ...] = ()

    def check(self) -> None:
        """Find features without a value."""
        if self.keep.dtype != bool or self.keep.ndim != 1 or self.fill.shape != (int(self.keep.sum()),):
            raise ValueError("an imputer has a value for each feature that it keeps")
        if not all(type(i) is int and 0 <= i < len(self.keep) for i in self.indicated):
            raise ValueError("an imputer indicates features that it has")

    def transform(self, features: Features) -> Features:
        """Fill."""
        matrix = self._checked(features)
        missing = self._missing(matrix)
        kept = matrix[:, np.flatnonzero(self.keep)] if not self.keep.all() else matrix
        if missing.any():
            kept = kept.copy(order="K") if kept is matrix and isinstance(features, np.ndarray) else kept
            at = missing[:, self.keep]
            for position in np.flatnonzero(at.any(axis=0)):
                kept[at[:, position], position] = self.fill[position]
        if not self.indicated:
            return kept
        fewer = len(self.indicated) < matrix.shape[1]
        return np.hstack([kept, missing[:, list(self.indicated)] if fewer else missing])

    def _checked(self, features: Features) -> np.ndarray:
        matrix = as_float(features, copy=False) if self.numeric else matrix_of(features)
        if matrix.dtype.kind not in "ifO" or (matrix.dtype.kind == "O") != (self.fill.dtype.kind == "O"):
            raise Declined("the imputer was fitted on another type")
        if matrix.shape[1] != len(self.keep):
            raise Declined("the imputer has another number of features")
        if matrix.dtype.kind == "f":
            refused = np.isinf(matrix) if self._is_nan else ~np.isfinite(matrix)
            if refused.any():
                raise Declined("an infinity, or NaN that does not count as missing")
        return matrix

    @property
    def fills_nan(self) -> bool:
        """Whether it does nothing but fill NaN in features of floats."""
        return self.numeric and self._is_nan and not self.indicated

    @property
    def _is_nan(self) -> bool:
        return isinstance(self.missing, float) and self.missing != self.missing

    def _missing(self, matrix: np.ndarray) -> np.ndarray:
        found: np.ndarray
        if not self._is_nan:
            found = matrix == self.missing
        elif matrix.dtype.kind == "i":
            found = np.zeros(matrix.shape, dtype=bool)
        else:
            found = matrix != matrix
        return np.asarray(found, dtype=bool)
