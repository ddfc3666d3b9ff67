"""A column plan: a model as arrays and a few steps, from its input columns to its prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from brickyard.scoring.columns import Texts
from brickyard.scoring.plan.row_features import RowFeatures, row_features_of
from brickyard.scoring.plan.row_terms import RowTerms, row_terms_of
from brickyard.scoring.plan.steps import Declined, Estimator, Features, Transform, matrix_of
from brickyard.scoring.plan.terms import LinearTerms, terms_of
from brickyard.scoring.plan.trees import TreeEnsemble

__all__ = ["DTYPES", "Block", "Input", "Plan"]

# The arrays of each MLflow type.
DTYPES = {
    "boolean": np.dtype(bool),
    "integer": np.dtype(np.int32),
    "long": np.dtype(np.int64),
    "float": np.dtype(np.float32),
    "double": np.dtype(np.float64),
    "string": np.dtype(object),
}


# Of how many rows the features are made at once.
_ROWS = 4096


@dataclass(frozen=True)
class Input:
    """An input column.

    Attributes:
        name: Its name.
        kind: Its MLflow type: `boolean`, `integer`, `long`, `float`, `double` or `string`.
    """

    name: str
    kind: str

    def check(self) -> None:
        """Find an unknown type."""
        if not isinstance(self.name, str) or self.kind not in DTYPES:
            raise ValueError(f"no column is like this: {self.name!r}, {self.kind!r}")


@dataclass(frozen=True)
class Block:
    """Columns that go through the same transforms.

    Attributes:
        columns: Positions of the input columns.
        steps: What they go through, in this order.
    """

    columns: tuple[int, ...]
    steps: tuple[Transform, ...] = ()

    def check(self) -> None:
        """Find positions that are none, and what is no transform."""
        if not self.columns or not all(type(position) is int and position >= 0 for position in self.columns):
            raise ValueError("a block is of at least one column, by its position")
        if not all(hasattr(step, "transform") for step in self.steps):
            raise ValueError("a block goes through transforms only")

    def matrix(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Return what comes out: rows x features."""
        features: Features = [arrays[position] for position in self.columns]
        for step in self.steps:
            features = step.transform(features)
        return matrix_of(features)


@dataclass(frozen=True)
class Plan:
    """A model that predicts without the libraries it was made with.

    Attributes:
        inputs: The input columns, in the order of the signature.
        blocks: The transforms of groups of columns, whose outputs stand side by side.
        steps: What all features then go through.
        estimator: What predicts.
    """

    inputs: tuple[Input, ...]
    blocks: tuple[Block, ...]
    steps: tuple[Transform, ...]
    estimator: Estimator

    name = "plan"

    def check(self) -> None:
        """Find parts that do not fit each other."""
        if not self.inputs or not all(isinstance(column, Input) for column in self.inputs):
            raise ValueError("a plan has input columns")
        if not self.blocks or not all(isinstance(block, Block) for block in self.blocks):
            raise ValueError("a plan has blocks of columns")
        if any(position >= len(self.inputs) for block in self.blocks for position in block.columns):
            raise ValueError("a block has a column that the plan does not have")
        if not hasattr(self.estimator, "predict") or not all(hasattr(step, "transform") for step in self.steps):
            raise ValueError("a plan ends in transforms and an estimator")

    @property
    def row_wise(self) -> bool:
        """Whether a row's prediction has the same bits whatever rows are beside it.

        That includes linear classifiers, whose rows near a tie are declined when they come `together`.
        """
        return self.estimator.row_wise or self.terms is not None

    @cached_property
    def terms(self) -> LinearTerms | None:
        """The way around the matrix of a linear model, or none."""
        return terms_of(self)

    @cached_property
    def row(self) -> RowTerms | None:
        """The way of single rows around arrays, or none."""
        return row_terms_of(self, self.terms)

    @cached_property
    def row_features(self) -> RowFeatures | None:
        """The way of one row to its features, or none."""
        return row_features_of(self)

    def predict(self, columns: Mapping[str, np.ndarray], *, together: bool = False) -> np.ndarray:
        """Predict from columns of exactly the signature's types.

        Args:
            columns: By name, one array a column, a row per item: bool, int32, int64, float32, float64, or
                objects (text and None). Others are passed over. None is changed.
            together: Whether these are the rows of several requests, so that a prediction must not depend on the
                rows beside it.

        Returns:
            What the model's pyfunc returns for these rows, bit for bit.

        Raises:
            Declined: If the columns are not plain, or where pyfunc is the one to answer.
        """
        arrays = self._arrays(columns)
        if self.terms is not None:
            answer = self.terms.predict(arrays)
            if answer is not None:
                return answer
        if together and not self.estimator.row_wise:
            raise Declined("the prediction could depend on the rows beside it")
        return self.estimator.predict(self.features(arrays))

    def predict_row(self, values: Sequence[Any]) -> np.ndarray | None:
        """Predict one row from values of decoded JSON, in the order of the inputs; None where `predict` has to."""
        return self.row.predict(values) if self.row is not None else None

    def predict_values(self, values: Sequence[Any]) -> np.ndarray | None:
        """As `predict_row`, for models with features and an estimator; it takes longer, so rows are better together."""
        if self.terms is not None or self.row_features is None:
            return None
        features = self.row_features.numbers(values)
        if features is None:
            return None
        try:
            answer = self.estimator.predict_row(features) if isinstance(self.estimator, TreeEnsemble) else None
            return self.estimator.predict(np.array([features], dtype=np.float64)) if answer is None else answer
        except Declined:
            return None

    def features(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Return the matrix that goes into the estimator."""
        if len(arrays[0]) == 1 and self.row_features is not None:
            made = self.row_features.matrix(arrays)
            if made is not None:
                return made
        if len(arrays[0]) <= 2 * _ROWS:
            return self.features_by_blocks(arrays)
        return self._features_of_many(arrays)

    def _features_of_many(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Return the same matrix, made a part of the rows after the other while that is in the cache."""
        rows = len(arrays[0])
        part = self.features_by_blocks([_part(array, 0, _ROWS) for array in arrays])
        order: Literal["C", "F"] = "F" if part.flags.f_contiguous else "C"
        matrix = np.empty((rows, part.shape[1]), dtype=part.dtype, order=order)
        matrix[:_ROWS] = part
        for start in range(_ROWS, rows, _ROWS):
            end = start + _ROWS
            matrix[start:end] = self.features_by_blocks([_part(array, start, end) for array in arrays])
        return matrix

    def features_by_blocks(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Return the matrix that goes into the estimator, for any number of rows."""
        parts = [block.matrix(arrays) for block in self.blocks]
        features: Features = parts[0] if len(parts) == 1 else np.hstack(parts)
        for step in self.steps:
            features = step.transform(features)
        return matrix_of(features)

    def _arrays(self, columns: Mapping[str, Any]) -> list[np.ndarray]:
        arrays: list[np.ndarray] = []
        for column in self.inputs:
            array = columns.get(column.name)
            if array is None or array.dtype != DTYPES[column.kind]:
                raise Declined(f"the column {column.name!r} is not there as {column.kind}")
            arrays.append(array)
        rows = len(arrays[0])
        if not rows or any(len(array) != rows for array in arrays):
            raise Declined("the columns have no rows, or not equally many")
        return arrays


def _part(array: np.ndarray | Texts, start: int, end: int) -> Any:
    return Texts(array.values, array.indices[start:end]) if isinstance(array, Texts) else array[start:end]
