"""Rows through a model, batch by batch: on all cores, in order, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from brickyard.errors import BrickyardError, DataError, ModelError
from brickyard.scoring.hashes import has_repeats, row_hashes
from brickyard.scoring.input_types import model_inputs
from brickyard.scoring.ordered import in_order
from brickyard.scoring.prediction_types import PredictionType
from brickyard.scoring.predictions import prediction_column
from brickyard.scoring.source import ModelSource

if TYPE_CHECKING:
    import pyarrow as pa

    from brickyard.scoring.hashes import Hashes
    from brickyard.scoring.model import ScoringModel

__all__ = ["RESULT_COLUMNS", "ScoredRows", "Scoring", "check_columns", "threads_for"]

RESULT_COLUMNS = ("prediction", "model_name", "model_version", "run_id", "scored_at")
# Libraries whose predictions may be made on several threads at once; a model of the user's own code may not.
_PARALLEL = frozenset({"mlflow.sklearn", "mlflow.lightgbm", "mlflow.xgboost", "mlflow.onnx", "mlflow.catboost"})


@dataclass(frozen=True)
class Scoring:
    """How rows become rows of the output.

    Attributes:
        model: The model.
        source: What each row is stamped with.
        keys: The columns that identify a row; none where nothing does.
        kept: Further columns of the input that the output has as well.
        scored_at: The time of the run, in UTC.
        threads: How many batches are predicted at once.
        look: Sees each batch of the input, on one of these threads, before it is predicted.
    """

    model: ScoringModel
    source: ModelSource
    keys: tuple[str, ...]
    kept: tuple[str, ...]
    scored_at: datetime
    threads: int = 1
    look: Callable[[pa.RecordBatch], None] = lambda batch: None

    def __call__(self, numbered: tuple[int, pa.RecordBatch]) -> tuple[pa.RecordBatch, Hashes | None]:
        """Score a batch; with it goes the number of rows before it."""
        before, batch = numbered
        self.look(batch)
        predicted = self._predict(model_inputs(batch, self.model), before)
        columns = {name: batch.column(name) for name in dict.fromkeys([*self.keys, *self.kept])}
        columns |= dict(zip(RESULT_COLUMNS, [predicted, *self._stamp(batch.num_rows)], strict=True))
        return _record_batch(columns), self._hashes(batch)

    def _predict(self, inputs: pa.RecordBatch, before: int) -> pa.Array:
        try:
            return prediction_column(self.model.predict(inputs), inputs.num_rows)
        except (Exception, SystemExit) as error:
            # The model's own code may raise anything.
            said = f"its code ended the process (SystemExit: {error})" if isinstance(error, SystemExit) else error
            message = f"the model could not score rows {before + 1} to {before + inputs.num_rows}: {said}"
            raise ModelError(message, where=self.where) from error

    @property
    def where(self) -> str:
        """What errors of the model are about."""
        return f"{self.source.name} version {self.source.version}"

    def _stamp(self, rows: int) -> list[pa.Array]:
        import pyarrow as pa

        texts = (self.source.name, self.source.version, self.source.run_id)
        moment = pa.scalar(self.scored_at, pa.timestamp("us", tz="UTC"))
        return [*(_constant(text, rows) for text in texts), pa.repeat(moment, rows)]

    def _hashes(self, batch: pa.RecordBatch) -> Hashes | None:
        """Eight bytes a row are all that is kept to find keys that repeat."""
        nulls = [name for name in self.keys if batch.column(name).null_count]
        if nulls:
            raise DataError(f"the key column {', '.join(nulls)} has nulls; a key identifies a row")
        return row_hashes(batch, self.keys) if self.keys else None


class ScoredRows:
    """An Arrow stream of keys, predictions and stamps, made while it is read.

    The error of a failed read is kept in `failure`, because a stream that crosses into the Delta writer loses its
    type on the way.

    Args:
        batches: Rows with the key columns and the model's inputs.
        scoring: How they are scored.
        stored: The type of predictions in the table that they go to; none where it is not there yet.
    """

    def __init__(self, batches: Iterable[pa.RecordBatch], scoring: Scoring, stored: pa.DataType | None = None) -> None:
        self.rows = 0
        self.failure: BrickyardError | None = None
        self._keys = scoring.keys
        self._predictions = PredictionType(stored, scoring.model.outputs, scoring.where)
        self._hashes: list[Hashes] = []
        self._scored = in_order(scoring, _numbered(batches), scoring.threads)
        self._first = self._next()

    @property
    def empty(self) -> bool:
        """Whether there is no row at all."""
        return self._first is None

    @property
    def schema(self) -> pa.Schema:
        """Of the stream, which is not empty."""
        assert self._first is not None
        return self._first.schema

    def reader(self, then: Iterable[pa.RecordBatch] = ()) -> pa.RecordBatchReader:
        """The stream, and after it other rows with the same columns; it can be read once."""
        import pyarrow as pa

        if self._first is None:
            raise DataError("there are no rows to score")
        return pa.RecordBatchReader.from_batches(self._first.schema, self._generate(self._first, then))

    def close(self) -> None:
        """Stop the threads, where the stream was not read to its end."""
        self._scored.close()

    def _generate(self, first: pa.RecordBatch, then: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            yield first
            while (batch := self._next()) is not None:
                yield batch if batch.schema == first.schema else batch.cast(first.schema)
            self._check_unique()
            yield from (batch.select(first.schema.names).cast(first.schema) for batch in then)
        except BrickyardError as error:
            self.failure = error
            raise

    def _next(self) -> pa.RecordBatch | None:
        scored = next(self._scored, None)
        if scored is None:
            return None
        batch, hashes = scored
        batch = self._predictions.fitted(batch, self.rows)
        self.rows += batch.num_rows
        if hashes is not None:
            self._hashes.append(hashes)
        return batch

    def _check_unique(self) -> None:
        rows, different = has_repeats(self._hashes)
        if rows != different:
            names = ", ".join(self._keys)
            raise DataError(
                f"the keys ({names}) do not identify a row: {rows} rows have {different} different keys",
                next="name the columns that identify a row in `scoring.keys` or with --keys",
            )


def threads_for(model: ScoringModel) -> int:
    """How many batches a model may predict at once: as many as there are cores, unless it is code of the user's own."""
    if model.rung in ("pyfunc", "frame") and model.pyfunc.loader_module not in _PARALLEL:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_columns(schema: pa.Schema, model: ScoringModel, names: Sequence[str], table: str) -> None:
    """Refuse rows that lack columns.

    Args:
        schema: Of the rows.
        model: What will score them.
        names: The columns of the rows that the output has.
        table: Where they come from.

    Raises:
        DataError: Names every such column.
    """
    taken = [name for name in names if name.lower() in RESULT_COLUMNS]
    if taken:
        raise DataError(
            f"the output has columns of its own called {', '.join(taken)}",
            where=table,
            next="leave them out, or rename them in a query; capital letters make no difference",
        )
    different = dict.fromkeys(names)
    lower = [name.lower() for name in different]
    same = [name for name in different if lower.count(name.lower()) > 1]
    if same:
        message = f"a table cannot have the columns {', '.join(same)}, as capital letters make no difference"
        raise DataError(message, where=table, next="leave some out, or rename them in a query")
    missing = [name for name in dict.fromkeys([*names, *model.required_names]) if name not in schema.names]
    if missing:
        raise DataError(
            f"the table has no column {', '.join(missing)}", where=table, next=f"it has: {', '.join(schema.names)}"
        )


def _numbered(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Batches that have rows, each with the number of rows before it."""
    rows = 0
    for batch in batches:
        if batch.num_rows:
            yield rows, batch
            rows += batch.num_rows


def _constant(value: str, rows: int) -> pa.Array:
    """One text for all rows, as a dictionary: held in less memory, and stored as text; null where it is not known.

    An empty text would say less, and the Delta writer needs as long for a column of them as for all others together.
    """
    import numpy as np
    import pyarrow as pa

    if not value:
        return pa.nulls(rows, pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([value]))


def _record_batch(columns: dict[str, Any]) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
