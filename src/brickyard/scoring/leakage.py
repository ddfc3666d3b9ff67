"""Whether rows that are scored were in the model's training data, by what the training run has recorded.

A run records its data with `mlflow.log_input(dataset, context="training")`, where the dataset is a table of Unity
Catalog. Rows are compared by the keys, where the training table has them, else by the model's input columns.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from brickyard.errors import BrickyardError, DataError, WorkspaceRefused
from brickyard.scoring.hashes import RowSet, same
from brickyard.scoring.inputs import BATCH_ROWS, reading
from brickyard.scoring.tables import open_table

if TYPE_CHECKING:
    import pyarrow as pa
    from databricks.sdk.service.ml import DatasetInput

    from brickyard.plan.connect import Connection
    from brickyard.scoring.source import ModelSource

__all__ = ["Leakage", "LeakageCheck", "TrainingTable", "check_for", "training_tables"]

Leakage: TypeAlias = Literal["report", "refuse", "off"]

_OTHER_CONTEXTS = frozenset({"eval", "evaluation", "test", "testing", "val", "validation", "inference", "scoring"})
_NEXT = "log the table in the training run: mlflow.log_input(dataset, context='training'); or score with --leakage off"


@dataclass(frozen=True)
class TrainingTable:
    """A table that a model was trained on.

    Attributes:
        name: Its full name.
        version: Its Delta version; None where the run did not say.
        at: When the run began, for a table without version.
    """

    name: str
    version: int | None
    at: datetime | None


class LeakageCheck:
    """Counts rows that were trained on; several threads may call it.

    Args:
        known: The rows of each training table.
        unknown: Why some training data, or all of it, could not be compared with.
        refuse: Whether a row that was trained on is an error.
    """

    def __init__(self, known: Sequence[tuple[str, RowSet]], unknown: Sequence[str], *, refuse: bool) -> None:
        self.rows = 0
        self.unknown = tuple(unknown)
        self.compared = tuple(what for what, _ in known)
        self._known = tuple(known)
        self._refuse = refuse
        self._lock = threading.Lock()

    def __call__(self, batch: pa.RecordBatch) -> None:
        """Look at a batch of the input.

        Raises:
            DataError: A row was trained on, and such rows are refused.
        """
        import numpy as np

        found = np.zeros(batch.num_rows, dtype=bool)
        for _, rows in self._known:
            found |= rows.contains(batch)
        leaked = int(found.sum())
        with self._lock:
            self.rows += leaked
        if leaked and self._refuse:
            raise DataError(
                f"{leaked} of {batch.num_rows} rows of a batch were in the model's training data; nothing was written",
                where=", ".join(self.compared),
                next="score other rows, or use --leakage report",
            )


def check_for(
    connection: Connection,
    source: ModelSource,
    mode: Leakage,
    keys: Sequence[str],
    inputs: Sequence[str],
    scored: pa.Schema,
) -> LeakageCheck | None:
    """Read what a model was trained on; None where no check is wanted.

    Args:
        connection: The workspace of the model.
        source: The version.
        mode: What to do.
        keys: The columns that identify a row.
        inputs: The model's input columns.
        scored: The columns of the rows that are scored; optional inputs may be missing.

    Raises:
        DataError: Rows that were trained on are to be refused, and it is not known which these are.
    """
    if mode == "off":
        return None
    known: list[tuple[str, RowSet]] = []
    columns = {"keys": keys, "input columns": inputs}
    comparable = {by: names for by, names in columns.items() if names and set(names) <= set(scored.names)}
    tables, unknown = training_tables(connection, source)
    for table in tables:
        try:
            known.append(_rows(connection, table, comparable, scored))
        except (DataError, WorkspaceRefused) as error:
            unknown.append(f"{table.name}: {error.message}")
    if mode == "refuse" and (unknown or not known):
        raise DataError(
            f"it is not known which rows the model was trained on: {'; '.join(unknown)}",
            where=f"{source.name} version {source.version}",
            next=_NEXT,
        )
    return LeakageCheck(known, unknown, refuse=mode == "refuse")


def training_tables(connection: Connection, source: ModelSource) -> tuple[list[TrainingTable], list[str]]:
    """The tables that a version's run has recorded as training data, and why others are not among them."""
    if not source.run_id:
        return [], ["the run that made the version is not in this workspace"]
    from databricks.sdk.service.ml import ExperimentsAPI

    from brickyard.plan.connect import calling

    try:
        with calling(f"read the run '{source.run_id}'"):
            run = ExperimentsAPI(connection.api).get_run(source.run_id).run
    except BrickyardError as error:
        return [], [error.message]
    begun = run.info.start_time if run and run.info else None
    at = datetime.fromtimestamp(begun / 1000, UTC) if begun else None
    recorded = (run.inputs.dataset_inputs if run and run.inputs else None) or []
    tables, unknown = [], []
    for entry in recorded:
        if _context(entry).lower() in _OTHER_CONTEXTS:
            continue
        table = _table(entry, at)
        if isinstance(table, str):
            unknown.append(table)
        else:
            tables.append(table)
    if not tables and not unknown:
        unknown.append("the training run recorded no data")
    return tables, unknown


def _context(entry: DatasetInput) -> str:
    return next((tag.value or "" for tag in entry.tags or [] if tag.key == "mlflow.data.context"), "")


def _table(entry: DatasetInput, at: datetime | None) -> TrainingTable | str:
    """The table of a recorded dataset, or why there is none."""
    try:
        source: Any = json.loads(entry.dataset.source)
    except ValueError:
        source = None
    if not isinstance(source, Mapping):
        source = {}
    name = source.get("delta_table_name") or source.get("table_name")
    if not isinstance(name, str):
        return f"the dataset '{entry.dataset.name}' is not a table but {entry.dataset.source_type}"
    version = source.get("delta_table_version")
    return TrainingTable(name, int(version) if version is not None else None, at)


def _rows(
    connection: Connection, wanted: TrainingTable, comparable: Mapping[str, Sequence[str]], scored: pa.Schema
) -> tuple[str, RowSet]:
    table = open_table(connection.api, wanted.name, wanted.version)
    with reading(wanted.name):
        if wanted.version is None and wanted.at is not None and table.history(1)[0]["timestamp"] > _millis(wanted.at):
            table.load_as_version(wanted.at)
        dataset = table.to_pyarrow_dataset()
        by = next((by for by, names in comparable.items() if set(names) <= set(dataset.schema.names)), None)
        if by is None:
            raise DataError("it and the scored rows have neither the keys nor all input columns of the model in common")
        names = list(comparable[by])
        _check_same(dataset.schema, scored, names)
        batches = dataset.to_batches(columns=names, batch_size=BATCH_ROWS, batch_readahead=2)
        return f"{wanted.name} (version {table.version()}, by {by})", RowSet(batches, names)


def _check_same(training: pa.Schema, scored: pa.Schema, names: Sequence[str]) -> None:
    """Refuse to compare values that could not be found equal, although they say the same."""
    types = {name: (training.field(name).type, scored.field(name).type) for name in names}
    said = [f"{name} is {one} there and {other} here" for name, (one, other) in types.items() if not same(one, other)]
    if said:
        raise DataError(f"its types are not those of the scored rows: {', '.join(said)}")


def _millis(moment: datetime) -> float:
    return moment.timestamp() * 1000
