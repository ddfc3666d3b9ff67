"""Batch scoring: a Delta table through a model into a Delta table, in one commit, and not twice.

The commit carries what it was made of (table versions, model version), so that the same run again is recognised
and changes nothing. A crash leaves the output at its last commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from brickyard.errors import DataError
from brickyard.scoring.output import OutputTable
from brickyard.scoring.source import ModelSource, fetch_version, resolve
from brickyard.scoring.stream import ScoredRows, check_columns
from brickyard.scoring.tables import open_table
from brickyard.scoring.threads import cap_threads

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

    from brickyard.plan.connect import Connection

__all__ = ["BatchResult", "BatchScoring", "score_table"]

_BATCH_ROWS = 65_536


@dataclass(frozen=True)
class BatchScoring:
    """What to score with what into what.

    Attributes:
        model_uri: `models:/CATALOG.SCHEMA.MODEL@ALIAS` or `models:/CATALOG.SCHEMA.MODEL/VERSION`.
        input: Full name of the table with the rows.
        output: Full name of the table that gets the predictions; it is made where it does not exist.
        keys: The columns that identify a row.
    """

    model_uri: str
    input: str
    output: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class BatchResult:
    """What a run did.

    Attributes:
        rows: Rows that were scored; 0 where nothing changed.
        input_version: Delta version of the input that was read.
        output_version: Delta version of the output afterwards; None where it still does not exist.
        changed: Whether the output has a new commit.
        seconds: How long it took.
    """

    source: ModelSource
    rows: int
    input_version: int
    output_version: int | None
    changed: bool
    seconds: float


def score_table(
    connection: Connection, job: BatchScoring, progress: Callable[[int, int], None] = lambda rows, total: None
) -> BatchResult:
    """Score a table; a repetition with the same input and model version changes nothing.

    Args:
        connection: The workspace that has the model and the tables.
        job: What to score.
        progress: Called with the rows scored so far and the number of all rows.

    Raises:
        DataError: A table or column is missing, or the keys do not identify a row.
        ModelError: The model is missing, or could not score the rows.
    """
    begun = datetime.now(UTC)
    if not job.keys:
        raise DataError("no keys are named", where=job.input, next="name the columns that identify a row")
    source = resolve(job.model_uri, connection)
    table = open_table(connection.api, job.input)
    output = OutputTable.find(connection.api, job.output, beside=table.table_uri)
    stamp = {
        "input": job.input,
        "input_id": str(table.metadata().id),
        "input_version": str(table.version()),
        "model": source.name,
        "model_version": source.version,
        "keys": ",".join(job.keys),
    }
    written = None
    if not output.has(stamp):
        scored = _scored(connection, job, source, table, begun, progress)
        written = None if scored.empty else output.write(scored, job.keys, stamp)
    output.register(connection.api)
    seconds = (datetime.now(UTC) - begun).total_seconds()
    return BatchResult(source, written or 0, table.version(), output.version, written is not None, seconds)


def _scored(
    connection: Connection,
    job: BatchScoring,
    source: ModelSource,
    table: DeltaTable,
    begun: datetime,
    progress: Callable[[int, int], None],
) -> ScoredRows:
    cap_threads()
    from brickyard.scoring.model import load_model

    model = load_model(fetch_version(source, connection))
    dataset = table.to_pyarrow_dataset()
    check_columns(dataset.schema, model, job.keys, job.input)
    total = dataset.count_rows()
    inputs = model.input_names or tuple(dataset.schema.names)
    names = dict.fromkeys([*job.keys, *(name for name in inputs if name in dataset.schema.names)])
    batches: Iterator[pa.RecordBatch] = dataset.to_batches(
        columns=list(names), batch_size=_BATCH_ROWS, batch_readahead=1, fragment_readahead=1
    )
    return ScoredRows(batches, model, source, job.keys, begun, lambda rows: progress(rows, total))
