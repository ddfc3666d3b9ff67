"""SQL on a warehouse of the workspace, by the vendor's statement API, with results as Arrow."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brickyard.errors import DataError, UsageError
from brickyard.plan.connect import calling

if TYPE_CHECKING:
    import pyarrow as pa
    from databricks.sdk.core import ApiClient
    from databricks.sdk.service.sql import ExternalLink, ResultManifest, StatementResponse

__all__ = ["Statement", "Warehouse", "find_warehouse"]

_LONGEST_PAUSE = 2.0
_DOWNLOAD_SECONDS = 300


@dataclass(frozen=True)
class Warehouse:
    """A SQL warehouse."""

    api: ApiClient
    id: str
    name: str

    def execute(self, sql: str) -> Statement:
        """Execute a statement and wait for its end.

        Raises:
            DataError: It failed; the message is the warehouse's.
        """
        from databricks.sdk.service.sql import Disposition, Format, StatementExecutionAPI, StatementState

        statements = StatementExecutionAPI(self.api)
        with calling("execute the query", f"the SQL warehouse '{self.name}'"):
            answer = statements.execute_statement(
                sql, self.id, disposition=Disposition.EXTERNAL_LINKS, format=Format.ARROW_STREAM, wait_timeout="50s"
            )
            pause = 0.1
            while answer.status and answer.status.state in (StatementState.PENDING, StatementState.RUNNING):
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                answer = statements.get_statement(str(answer.statement_id))
        state = answer.status.state if answer.status else None
        if state is not StatementState.SUCCEEDED:
            error = answer.status.error if answer.status else None
            reason = error.message if error and error.message else f"it ended as {state.value if state else 'unknown'}"
            raise DataError(f"the query failed: {reason}", where=f"the SQL warehouse '{self.name}'")
        return Statement(self, answer)


@dataclass(frozen=True)
class Statement:
    """A statement that succeeded."""

    warehouse: Warehouse
    answer: StatementResponse

    @property
    def schema(self) -> pa.Schema:
        """Of its rows, as its manifest names it.

        Raises:
            DataError: A column has a type that cannot be scored.
        """
        return _schema(self.answer.manifest)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Its rows; the links to them end after minutes, so read them at once."""
        from databricks.sdk.service.sql import StatementExecutionAPI

        statements, data = StatementExecutionAPI(self.warehouse.api), self.answer.result
        while data is not None and data.external_links:
            for link in data.external_links:
                yield from _fetched(link)
            following = data.external_links[-1].next_chunk_index
            if following is None:
                return
            with calling("fetch the query's rows", f"the SQL warehouse '{self.warehouse.name}'"):
                data = statements.get_statement_result_chunk_n(str(self.answer.statement_id), following)


def find_warehouse(api: ApiClient, wanted: str | None) -> Warehouse:
    """The warehouse of that name or id; else that of DATABRICKS_WAREHOUSE_ID, or the only one there is.

    Raises:
        UsageError: There is none, or it is not said which.
    """
    from databricks.sdk.service.sql import WarehousesAPI

    wanted = wanted or os.environ.get("DATABRICKS_WAREHOUSE_ID")
    with calling("list the SQL warehouses"):
        found = [(str(item.id), str(item.name)) for item in WarehousesAPI(api).list()]
    chosen = [pair for pair in found if wanted is None or wanted in pair]
    if len(chosen) != 1:
        what = f"there is no SQL warehouse '{wanted}'" if wanted else "it is not said which SQL warehouse executes it"
        known = ", ".join(name for _, name in found) or "there are none"
        raise UsageError(what, next=f"name one with --warehouse: {known}")
    return Warehouse(api, *chosen[0])


def _fetched(link: ExternalLink) -> Iterator[pa.RecordBatch]:
    """The rows of a link, which is signed: it takes no token, and must not be sent one."""
    import pyarrow as pa
    import requests

    try:
        answer = requests.get(str(link.external_link), headers=link.http_headers or {}, timeout=_DOWNLOAD_SECONDS)
        answer.raise_for_status()
        with pa.ipc.open_stream(answer.content) as reader:
            yield from reader
    except (requests.RequestException, pa.ArrowException) as error:
        raise DataError(
            f"the query's rows could not be fetched: {type(error).__name__}",
            where=str(link.external_link).partition("?")[0],
            next="this machine must reach the storage that the workspace keeps results in",
        ) from error


def _schema(manifest: ResultManifest | None) -> pa.Schema:
    import pyarrow as pa

    types = {
        "BOOLEAN": pa.bool_(),
        "BYTE": pa.int8(),
        "SHORT": pa.int16(),
        "INT": pa.int32(),
        "LONG": pa.int64(),
        "FLOAT": pa.float32(),
        "DOUBLE": pa.float64(),
        "STRING": pa.string(),
        "CHAR": pa.string(),
        "BINARY": pa.binary(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us", "UTC"),
    }
    fields = []
    for column in (manifest.schema.columns if manifest and manifest.schema else None) or []:
        name, text = str(column.name), str(column.type_text or "").upper()
        kind = types.get(column.type_name.value if column.type_name else "")
        if text == "TIMESTAMP_NTZ":
            kind = pa.timestamp("us")
        if column.type_name and column.type_name.value == "DECIMAL":
            kind = pa.decimal128(column.type_precision or 10, column.type_scale or 0)
        if kind is None:
            raise DataError(f"the query's column '{name}' is {text}, which cannot be scored", next="leave it out")
        fields.append(pa.field(name, kind))
    return pa.schema(fields)
