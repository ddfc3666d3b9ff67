"""The Delta table of an endpoint's requests and answers, in the shapes that the vendor gives inference tables.

Sources: https://docs.databricks.com/aws/en/machine-learning/model-serving/inference-tables and
https://docs.databricks.com/aws/en/ai-gateway/inference-tables
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from brickyard.workspace.api.errors import ApiError, InvalidState

if TYPE_CHECKING:
    from brickyard.workspace.catalog import Catalog
    from brickyard.workspace.serving.capture_settings import CaptureConfig

__all__ = ["PayloadTables", "append", "compact"]

# Smaller files are joined; larger ones are not written again.
_FILE_BYTES = 2 << 20

_COLUMNS = {
    "client_request_id": "string",
    "databricks_request_id": "string",
    "date": "date",
    "timestamp_ms": "bigint",
    "status_code": "int",
    "sampling_fraction": "double",
    "execution_time_ms": "bigint",
    "request": "string",
    "response": "string",
    "request_metadata": "map<string,string>",
}
_GATEWAY_COLUMNS = {
    "request_date": "date",
    "databricks_request_id": "string",
    "client_request_id": "string",
    "request_time": "timestamp",
    "status_code": "int",
    "sampling_fraction": "double",
    "execution_duration_ms": "bigint",
    "request": "string",
    "response": "string",
    "served_entity_id": "string",
    "logging_error_codes": "array<string>",
    "requester": "string",
}
#: The properties that say whose requests are in a table, and with which columns.
_ENDPOINT = "brickyard.serving.endpoint_id"
_GATEWAY = "brickyard.serving.ai_gateway"


class Tables(Protocol):
    """What keeps the tables of endpoints."""

    def prepare(self, config: CaptureConfig, endpoint_id: str, owner: str) -> None:
        """Make the table of an endpoint, unless it has it already."""
        ...

    def directory(self, name: str, endpoint_id: str) -> Path:
        """Where the files of an endpoint's table are."""
        ...


class PayloadTables:
    """Makes and finds the tables in Unity Catalog.

    Args:
        catalog: The workspace's.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def prepare(self, config: CaptureConfig, endpoint_id: str, owner: str) -> None:
        """Make the table of an endpoint, unless it has it already.

        Raises:
            ApiError: `TABLE_ALREADY_EXISTS`: it is somebody else's; `SCHEMA_DOES_NOT_EXIST`.
        """
        mine = {_ENDPOINT: endpoint_id, _GATEWAY: str(config.gateway).lower()}
        if self._catalog.has_table(config.table):
            properties = self._catalog.table(config.table).properties or {}
            if mine.items() <= properties.items():
                return
        columns = [{"name": column, "type_text": kind} for column, kind in _columns(config.gateway).items()]
        comment = "Requests to a serving endpoint, and its answers"
        self._catalog.create_table(config.table, owner, columns=columns, comment=comment, properties=mine)

    def directory(self, name: str, endpoint_id: str) -> Path:
        """Where the files of an endpoint's table are.

        Raises:
            InvalidState: It was dropped, or there is another of that name now.
        """
        try:
            table = self._catalog.table(name)
        except ApiError as error:
            raise InvalidState(f"the table {name} cannot be found: {error}") from error
        if (table.properties or {}).get(_ENDPOINT) != endpoint_id:
            raise InvalidState(f"the table {name} is not the one that was made for this endpoint")
        return table.directory


def append(directory: Path, rows: Iterable[list[dict[str, Any]]], *, gateway: bool) -> None:
    """Add rows in one commit.

    Args:
        directory: Of the table.
        rows: With the columns of both shapes, in parts.
        gateway: Whether the table has those of the AI gateway.

    Raises:
        OSError: They cannot be written.
    """
    import pyarrow as pa
    from deltalake import write_deltalake
    from deltalake.exceptions import DeltaError

    kinds = {"string": pa.string(), "date": pa.date32(), "bigint": pa.int64(), "int": pa.int32()}
    kinds |= {"double": pa.float64(), "map<string,string>": pa.map_(pa.string(), pa.string())}
    kinds |= {"timestamp": pa.timestamp("us", "UTC"), "array<string>": pa.list_(pa.string())}
    schema = pa.schema([(name, kinds[kind]) for name, kind in _columns(gateway).items()])
    try:
        batches = [pa.RecordBatch.from_pylist(part, schema) for part in rows]
        write_deltalake(directory, pa.Table.from_batches(batches, schema), mode="append")
    except (DeltaError, ValueError) as error:
        raise OSError(str(error)) from error


def compact(directory: Path) -> None:
    """Join small files, of which each append adds one; the rows, and who reads the changes, notice nothing.

    Raises:
        OSError: It cannot be done now.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        DeltaTable(directory).optimize.compact(target_size=_FILE_BYTES, max_concurrent_tasks=1)
    except (DeltaError, ValueError) as error:
        raise OSError(str(error)) from error


def _columns(gateway: bool) -> dict[str, str]:
    return _GATEWAY_COLUMNS if gateway else _COLUMNS
