"""Scoring inside Spark: a function over Arrow batches for `DataFrame.mapInArrow`.

    score = scoring_udf("models:/main.flights.delay@champion", keep=["flight_id"])
    frame = spark.table("main.flights.upcoming")
    frame.mapInArrow(score, score.schema(frame)).write.saveAsTable("main.flights.predictions")

The model goes to the workers with the function, so they need no access to the registry, only this package and the
libraries of the model.
"""

from __future__ import annotations

import atexit
import functools
import io
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.errors import DataError, ModelError
from brickyard.scoring.arrow_types import plain_schema
from brickyard.scoring.input_types import check_types
from brickyard.scoring.prediction_types import PredictionType
from brickyard.scoring.source import ModelSource, fetch_version, is_remote, resolve
from brickyard.scoring.stream import Scoring, check_columns
from brickyard.scoring.threads import cap_threads

if TYPE_CHECKING:
    import pyarrow as pa

    from brickyard.plan.connect import Connection
    from brickyard.scoring.model import ScoringModel

__all__ = ["ScoringFunction", "scoring_udf"]

_MOST_BYTES = 64 << 20
_loading = threading.Lock()


@dataclass(frozen=True)
class ScoringFunction:
    """Scores Arrow batches: the kept columns, the prediction, and the stamps of batch scoring.

    Attributes:
        source: The model version; each row is stamped with it.
        files: The model's files, packed.
        keep: The columns of the input that the output has as well.
        scored_at: When the function was made, which each row is stamped with.
    """

    source: ModelSource
    files: bytes = field(repr=False)
    keep: tuple[str, ...]
    scored_at: datetime

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Score a partition."""
        score, rows = self._scoring(), 0
        predictions = PredictionType(None, score.model.outputs, score.where)
        for batch in batches:
            if batch.num_rows:
                if not rows:
                    check_types(batch.schema, score.model, "the data frame")
                scored, _ = score((rows, batch))
                scored = predictions.fitted(scored, rows)
                rows += batch.num_rows
                yield scored.cast(plain_schema(scored.schema))

    def schema(self, frame: Any) -> Any:
        """The Spark schema of the output, found by scoring the frame's first row here.

        Args:
            frame: The `DataFrame` that will be scored.

        Raises:
            DataError: The frame has no rows, or not the model's columns.
        """
        from pyspark.sql.pandas.types import from_arrow_schema

        first = frame.limit(1).toArrow().combine_chunks()
        score = self._scoring()
        check_columns(first.schema, score.model, self.keep, "the data frame")
        for batch in self(iter(first.to_batches())):
            return from_arrow_schema(batch.schema)
        raise DataError("the data frame has no rows, so it is not known what the predictions are", next="name a schema")

    def _scoring(self) -> Scoring:
        with _loading:
            model = _load(self.files)
        return Scoring(model, self.source, (), self.keep, self.scored_at)


def scoring_udf(model_uri: str, *, keep: Sequence[str] = (), connection: Connection | None = None) -> ScoringFunction:
    """A function for `DataFrame.mapInArrow` that predicts what `brickyard score` does.

    Args:
        model_uri: `models:/CATALOG.SCHEMA.MODEL@ALIAS`, `models:/CATALOG.SCHEMA.MODEL/VERSION`, or a directory.
            An alias is looked up now, so that all rows are scored by one version.
        keep: The columns of the input that the output has as well, such as those that identify a row.
        connection: The workspace of the model; by default that of the environment.

    Raises:
        ModelError: There is no such model, or it is larger than 64 MiB, packed.
    """
    from brickyard.plan.connect import connect

    if is_remote(model_uri):
        connection = connection or connect()
        source = resolve(model_uri, connection)
        directory = fetch_version(source, connection)
    else:
        directory, source = Path(model_uri.removeprefix("file://")), ModelSource(model_uri, "", "")
    if not (directory / "MLmodel").is_file():
        raise ModelError("there is no MLflow model here: no file MLmodel", where=str(directory))
    files = _packed(directory)
    if len(files) > _MOST_BYTES:
        size = len(files) / (1 << 20)
        raise ModelError(
            f"the model is too large to be sent to workers: {size:.0f} MiB, of at most 64",
            where=model_uri,
            next="score the table with `brickyard score`",
        )
    return ScoringFunction(source, files, tuple(keep), datetime.now(UTC))


def _packed(directory: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(directory.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, file.relative_to(directory))
    return packed.getvalue()


@functools.lru_cache(maxsize=4)
def _load(files: bytes) -> ScoringModel:
    """Load packed files, once in a process."""
    cap_threads()
    from brickyard.scoring.model import load_model

    directory = tempfile.mkdtemp(prefix="brickyard-model-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    with zipfile.ZipFile(io.BytesIO(files)) as archive:
        archive.extractall(directory)
    return load_model(directory)
