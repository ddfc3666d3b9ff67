"""Rows of a table through a model, batch by batch, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from brickyard.errors import BrickyardError, DataError, ModelError
from brickyard.scoring.source import ModelSource

if TYPE_CHECKING:
    import pyarrow as pa

    from brickyard.scoring.model import ScoringModel

__all__ = ["ScoredRows", "check_columns"]

_STAMP = ("model_name", "model_version", "run_id")
_INTEGERS = frozenset({"integer", "long"})


class ScoredRows:
    """An Arrow stream of keys, predictions and stamps, made while it is read.

    The error of a failed read is kept in `failure`, because a stream that crosses into the Delta writer loses its
    type on the way.

    Args:
        batches: Rows with the key columns and the model's inputs.
        model: The model.
        source: What each row is stamped with.
        keys: The columns that identify a row.
        scored_at: The time of the run, in UTC.
        progress: Called with the number of rows after each batch.
    """

    def __init__(
        self,
        batches: Iterator[pa.RecordBatch],
        model: ScoringModel,
        source: ModelSource,
        keys: Sequence[str],
        scored_at: datetime,
        progress: Callable[[int], None],
    ) -> None:
        self.rows = 0
        self.failure: BrickyardError | None = None
        self._model = model
        self._source = source
        self._keys = list(keys)
        self._scored_at = scored_at
        self._progress = progress
        self._seen: list[Any] = []
        self._batches = (batch for batch in batches if batch.num_rows)
        first = next(self._batches, None)
        self._first = None if first is None else self._score(first)

    @property
    def empty(self) -> bool:
        """Whether there is no row at all."""
        return self._first is None

    def reader(self) -> pa.RecordBatchReader:
        """The stream; it can be read once."""
        import pyarrow as pa

        if self._first is None:
            raise DataError("there are no rows to score")
        return pa.RecordBatchReader.from_batches(self._first.schema, self._generate(self._first))

    def _generate(self, first: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        try:
            yield first
            for batch in self._batches:
                yield self._score(batch).cast(first.schema)
            self._check_unique()
        except BrickyardError as error:
            self.failure = error
            raise

    def _score(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa

        self._seen.append(_hashes(batch, self._keys))
        inputs = batch.select(list(self._model.input_names)) if self._model.input_names else batch
        predicted = _column(self._predict(inputs), batch.num_rows)
        stamp = {name: _constant(value, batch.num_rows) for name, value in zip(_STAMP, self._values(), strict=True)}
        moment = pa.scalar(self._scored_at, pa.timestamp("us", tz="UTC"))
        columns = {name: batch.column(name) for name in self._keys}
        columns |= {"prediction": predicted, **stamp, "scored_at": pa.repeat(moment, batch.num_rows)}
        self.rows += batch.num_rows
        self._progress(self.rows)
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))

    def _values(self) -> tuple[str, str, str]:
        return self._source.name, self._source.version, self._source.run_id

    def _predict(self, inputs: pa.RecordBatch) -> Any:
        try:
            return self._model.predict(inputs)
        except Exception as error:
            # The model's own code may raise anything.
            raise ModelError(
                f"the model could not score rows {self.rows + 1} to {self.rows + inputs.num_rows}: {error}",
                where=f"{self._source.name} version {self._source.version}",
            ) from error

    def _check_unique(self) -> None:
        import numpy as np

        hashes = np.concatenate(self._seen)
        if len(np.unique(hashes)) != len(hashes):
            raise DataError(
                f"the keys ({', '.join(self._keys)}) do not identify a row: {len(hashes)} rows have "
                f"{len(np.unique(hashes))} different keys",
                next="name the columns that identify a row in `scoring.keys` or with --keys",
            )


def check_columns(schema: pa.Schema, model: ScoringModel, keys: Sequence[str], table: str) -> None:
    """Refuse a table that lacks columns, or has them in types that the model's signature would silently change.

    Raises:
        DataError: Names every such column.
    """
    import pyarrow.types as types

    wanted = dict.fromkeys([*keys, *model.required_names])
    missing = [name for name in wanted if name not in schema.names]
    if missing:
        raise DataError(
            f"the table has no column {', '.join(missing)}", where=table, next=f"it has: {', '.join(schema.names)}"
        )
    inputs = model.input_schema.inputs if model.input_schema is not None and model.input_names else []
    cut = [
        column.name
        for column in inputs
        if column.name in schema.names
        and getattr(column.type, "name", "") in _INTEGERS
        and not types.is_integer(schema.field(column.name).type)
    ]
    if cut:
        raise DataError(
            f"the model takes whole numbers in {', '.join(map(str, cut))}; the table has others", where=table
        )


def _hashes(batch: pa.RecordBatch, keys: Sequence[str]) -> Any:
    """A 64-bit hash of each row's keys; eight bytes a row are all that is kept to find keys that repeat."""
    import pandas as pd

    nulls = [name for name in keys if batch.column(name).null_count]
    if nulls:
        raise DataError(f"the key column {', '.join(nulls)} has nulls; a key identifies a row")
    return pd.util.hash_pandas_object(batch.select(list(keys)).to_pandas(), index=False, categorize=False).to_numpy()


def _constant(value: str, rows: int) -> pa.Array:
    import pyarrow as pa

    return pa.repeat(pa.scalar(value, pa.string()), rows)


def _column(predicted: Any, rows: int) -> pa.Array:
    """Predictions as one column: a number, text, a list (classes) or a struct (several outputs) for each row."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    if isinstance(predicted, pd.DataFrame):
        if len(predicted.columns) == 1:
            predicted = predicted.iloc[:, 0]
        else:
            parts = [pa.array(predicted[name], from_pandas=False) for name in predicted.columns]
            column = pa.StructArray.from_arrays(parts, names=[str(name) for name in predicted.columns])
            return _checked(column, rows)
    if isinstance(predicted, np.ndarray) and predicted.ndim == 2:
        return _checked(pa.array(list(predicted)), rows)
    return _checked(pa.array(predicted, from_pandas=False), rows)


def _checked(column: pa.Array, rows: int) -> pa.Array:
    if len(column) != rows:
        raise ValueError(f"{rows} rows gave {len(column)} predictions")
    return column
