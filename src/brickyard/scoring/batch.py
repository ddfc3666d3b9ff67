"""Batch scoring: rows through a model into a Delta table, in one commit, and not twice.

The commit carries what it was made of (table versions, model version), so that the same run again is recognised
and changes nothing. A crash leaves the output at its last commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from brickyard.errors import UsageError
from brickyard.scoring.input_types import check_types
from brickyard.scoring.inputs import InputRows, range_rows, table_rows
from brickyard.scoring.leakage import Leakage, LeakageCheck, check_for
from brickyard.scoring.output import Mode, OutputTable
from brickyard.scoring.queries import create_table, query_rows
from brickyard.scoring.source import ModelSource, resolve
from brickyard.scoring.stream import ScoredRows, Scoring, check_columns, threads_for
from brickyard.scoring.threads import cap_threads
from brickyard.scoring.warehouses import Warehouse, find_warehouse

if TYPE_CHECKING:
    import pyarrow as pa

    from brickyard.plan.connect import Connection
    from brickyard.scoring.hashes import RowSet
    from brickyard.scoring.model import ScoringModel
    from brickyard.scoring.output import Arriving

__all__ = ["BatchResult", "BatchScoring", "Progress", "score_table"]

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class BatchScoring:
    """What to score with what into what.

    Attributes:
        model_uri: `models:/CATALOG.SCHEMA.MODEL@ALIAS` or `models:/CATALOG.SCHEMA.MODEL/VERSION`.
        input: Full name of the table with the rows; none where a query gives them.
        output: Full name of the table that gets the predictions; it is made where it does not exist.
        keys: The columns that identify a row; `append` and `overwrite` can do without.
        mode: `merge` replaces rows with known keys and adds others; `append` adds all rows; `overwrite` replaces all
            rows; `incremental` scores only rows that this version of the model has not scored, and merges them.
        leakage: Whether rows that the model was trained on are reported, refused, or not looked for.
        columns: Further columns of the input that the output has as well; `*` for all.
        version: The Delta version of the input; the newest by default.
        since: Score only the rows that versions from this one on have added or changed.
        query: A SQL query that gives the rows, instead of a table.
        warehouse: The name or id of the SQL warehouse that executes it; not needed where there is only one.
    """

    model_uri: str
    input: str | None
    output: str
    keys: tuple[str, ...] = ()
    mode: Mode = "merge"
    leakage: Leakage = "report"
    columns: tuple[str, ...] = ()
    version: int | None = None
    since: int | None = None
    query: str | None = None
    warehouse: str | None = None


@dataclass(frozen=True)
class BatchResult:
    """What a run did.

    Attributes:
        source: The model version.
        what: What was read, in words.
        rows: Rows that were scored; 0 where nothing changed.
        output_version: Delta version of the output afterwards; None where it still does not exist.
        changed: Whether the output has a new commit.
        seconds: How long it took.
        leakage: What was found of the training data; None where nothing was looked for.
    """

    source: ModelSource
    what: str
    rows: int
    output_version: int | None
    changed: bool
    seconds: float
    leakage: LeakageCheck | None = None


def score_table(
    connection: Connection, job: BatchScoring, progress: Progress = lambda rows, total: None
) -> BatchResult:
    """Score rows; a repetition with the same input and model version changes nothing.

    Args:
        connection: The workspace that has the model and the tables.
        job: What to score.
        progress: Called with the rows read so far and the number of all rows, if that is known.

    Raises:
        DataError: A table or column is missing, or the keys do not identify a row.
        ModelError: The model is missing, or could not score the rows.
        UsageError: The mode needs keys, or one is named twice.
    """
    begun = datetime.now(UTC)
    if not job.keys and job.mode in ("merge", "incremental"):
        raise UsageError(
            f"no keys are named, and the mode '{job.mode}' finds rows by them",
            next="name the columns that identify a row, or use the mode append or overwrite",
        )
    twice = [key for key in dict.fromkeys(job.keys) if job.keys.count(key) > 1]
    if twice:
        raise UsageError(f"the key {', '.join(twice)} is named twice", next="name each column once")
    cap_threads()
    from brickyard.scoring.registered import loading_version

    source = resolve(job.model_uri, connection)
    with loading_version(source, connection) as load:
        return _score(connection, job, source, load, begun, progress)


def _score(
    connection: Connection,
    job: BatchScoring,
    source: ModelSource,
    load: Callable[[], ScoringModel],
    begun: datetime,
    progress: Progress,
) -> BatchResult:
    warehouse = find_warehouse(connection.api, job.warehouse) if job.query is not None else None
    rows = _input(connection, job, warehouse)
    output = OutputTable.find(connection.api, job.output, beside=rows.beside)
    stamp = _stamp(job, source, rows.identity)
    written: int | None = None
    check: LeakageCheck | None = None
    if not output.has(stamp, job.mode):
        scored, arriving, check = _scored(connection, job, source, load(), rows, output, begun, progress)
        if not scored.empty and not output.placed and warehouse is not None:
            create_table(warehouse, job.output, scored.schema)
            output = OutputTable.find(connection.api, job.output, beside=None)
            output.require_empty()
        if not scored.empty or (job.mode == "overwrite" and output.count()):
            written = output.write(scored, job.keys, stamp, job.mode, arriving)
    output.register(connection.api)
    seconds = (datetime.now(UTC) - begun).total_seconds()
    return BatchResult(source, rows.what, written or 0, output.version, written is not None, seconds, check)


def _input(connection: Connection, job: BatchScoring, warehouse: Warehouse | None) -> InputRows:
    if (job.input is None) == (warehouse is None):
        raise UsageError("rows come from a table or from a query", next="give --input or --query, one of them")
    if warehouse is not None:
        if job.version is not None or job.since is not None:
            raise UsageError("a query has no versions", next="write them into it: SELECT ... FROM t VERSION AS OF 3")
        return query_rows(warehouse, job.query or "")
    name = job.input or ""
    if job.since is not None:
        return range_rows(connection.api, name, job.since, job.version, job.keys)
    return table_rows(connection.api, name, job.version)


def _stamp(job: BatchScoring, source: ModelSource, identity: Mapping[str, str]) -> dict[str, str]:
    # What was only reported is looked at when it is to be refused. Appended rows would come twice.
    refused = {"leakage": "refuse"} if job.leakage == "refuse" and job.mode != "append" else {}
    return {
        **identity,
        **refused,
        "model": source.name,
        "model_version": source.version,
        "mode": job.mode,
        "keys": ",".join(job.keys),
        "columns": ",".join(job.columns),
    }


def _scored(
    connection: Connection,
    job: BatchScoring,
    source: ModelSource,
    model: ScoringModel,
    rows: InputRows,
    output: OutputTable,
    begun: datetime,
    progress: Progress,
) -> tuple[ScoredRows, Arriving, LeakageCheck | None]:
    """The scored rows, what gives their keys where they are merged, and what is found of training data meanwhile."""
    names = rows.schema.names
    kept = tuple(names) if job.columns == ("*",) else job.columns
    check_columns(rows.schema, model, [*job.keys, *kept], rows.what)
    check_types(rows.schema, model, rows.what)
    inputs = [name for name in model.input_names or names if name in names]
    check = check_for(connection, source, job.leakage, job.keys, model.input_names, rows.schema)
    scoring = Scoring(model, source, job.keys, kept, begun, threads_for(model), check or (lambda batch: None))
    wanted = {*job.keys, *inputs, *kept}
    # In the order of the table: a model whose inputs have no names knows them by their places.
    batches = _counted(rows.read([name for name in names if name in wanted]), rows.total, progress)
    keys, stored = partial(rows.read, job.keys), output.type_of("prediction")
    if job.mode != "incremental":
        return ScoredRows(batches, scoring, stored), keys if job.mode == "merge" else None, check
    known = output.scored_keys(job.keys, source)
    others = output.count() > len(known)
    arriving = (lambda: _unknown(keys(), known)) if others else None
    return ScoredRows(_unknown(batches, known), scoring, stored), arriving, check


def _counted(batches: Iterator[pa.RecordBatch], total: int | None, progress: Progress) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in batches:
        yield batch
        rows += batch.num_rows
        progress(rows, total)


def _unknown(batches: Iterator[pa.RecordBatch], known: RowSet) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for batch in batches:
        yield batch.filter(pa.array(~known.contains(batch)))
