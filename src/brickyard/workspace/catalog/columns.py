"""Columns on the wire and in a Delta log.

Source of the type names: the Delta protocol (primitive types) and `databricks.sdk.service.catalog.ColumnTypeName`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace import statistics
from brickyard.workspace.api.errors import InvalidParameterValue, InvalidState
from brickyard.workspace.catalog.type_texts import type_of_text

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import ColumnInfo
    from deltalake import DeltaTable

__all__ = ["create_log", "has_log", "read_columns", "read_properties"]

#: What delta-rs says of a table that has no columns yet.
NO_COLUMNS = "Delta table with empty schema"
_SQL = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}
_NAMES = {"integer": "INT", "void": "NULL"}
_DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)")


def has_log(directory: Path) -> bool:
    """Whether a directory has a Delta log."""
    return (directory / "_delta_log").is_dir()


def read_columns(directory: Path) -> list[ColumnInfo]:
    """The columns that the Delta log of a directory says now; none where there is no log.

    Raises:
        InvalidState: There is a log, and it cannot be read.
    """
    table = _opened(directory)
    if table is None:
        return []
    partitions = list(table.metadata().partition_columns)
    described = json.loads(table.schema().to_json())["fields"]
    return [_column(field, position, partitions) for position, field in enumerate(described)]


def read_properties(directory: Path) -> dict[str, str]:
    """The properties that the Delta log of a directory says now; none where there is no log.

    Raises:
        InvalidState: There is a log, and it cannot be read.
    """
    table = _opened(directory)
    return {} if table is None else dict(table.metadata().configuration)


def _opened(directory: Path) -> DeltaTable | None:
    """The Delta table of a directory, if it has columns."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    if not has_log(directory):
        return None
    try:
        return DeltaTable(directory)
    except TableNotFoundError:
        return None
    except DeltaError as error:
        if NO_COLUMNS in str(error):
            return None
        raise InvalidState(f"The Delta log in {directory} cannot be read: {error}") from error


def create_log(directory: Path, columns: list[dict[str, Any]], name: str) -> None:
    """Make an empty Delta table, as the catalog's own `create` does.

    Raises:
        InvalidParameterValue: There are no columns, or one has no name, or a type that is not understood.
    """
    if not columns:
        raise InvalidParameterValue(
            f"There is no Delta table in {directory.as_uri()}, and no columns to make {name} of."
        )
    from deltalake import DeltaTable, Schema
    from deltalake.exceptions import DeltaError

    fields = [_field(column) for column in columns]
    partitioned = [column for column in columns if column.get("partition_index") is not None]
    partitions = [column["name"] for column in sorted(partitioned, key=lambda column: int(column["partition_index"]))]
    try:
        schema = Schema.from_json(json.dumps({"type": "struct", "fields": fields}))
        directory.mkdir(parents=True, exist_ok=True)
        settings: dict[str, str] = {}
        statistics.stop(settings, json.loads(schema.to_json())["fields"])
        DeltaTable.create(
            directory, schema=schema, mode="error", partition_by=partitions or None, configuration=settings or None
        )
    except (DeltaError, ValueError) as error:
        raise InvalidParameterValue(f"The columns are not those of a Delta table: {error}") from error


def _column(field: dict[str, Any], position: int, partitions: list[str]) -> ColumnInfo:
    from databricks.sdk.service.catalog import ColumnInfo, ColumnTypeName

    kind = field["type"]
    base = kind["type"] if isinstance(kind, dict) else kind
    decimal = _DECIMAL.fullmatch(base)
    name = "DECIMAL" if decimal else _NAMES.get(base, base.upper())
    return ColumnInfo(
        name=field["name"],
        position=position,
        nullable=field["nullable"],
        comment=field["metadata"].get("comment"),
        type_text=_sql(kind),
        type_json=json.dumps(field, separators=(",", ":")),
        type_name=ColumnTypeName(name if name in ColumnTypeName.__members__ else "USER_DEFINED_TYPE"),
        type_precision=int(decimal[1]) if decimal else 0,
        type_scale=int(decimal[2]) if decimal else 0,
        partition_index=partitions.index(field["name"]) if field["name"] in partitions else None,
    )


def _sql(kind: Any) -> str:
    """A type as SQL writes it, for example `array<bigint>`."""
    if isinstance(kind, str):
        return _SQL.get(kind, kind)
    if kind["type"] == "array":
        return f"array<{_sql(kind['elementType'])}>"
    if kind["type"] == "map":
        return f"map<{_sql(kind['keyType'])},{_sql(kind['valueType'])}>"
    return f"struct<{','.join(field['name'] + ':' + _sql(field['type']) for field in kind['fields'])}>"


def _field(column: dict[str, Any]) -> dict[str, Any]:
    name = column.get("name")
    if not isinstance(name, str) or not name:
        raise InvalidParameterValue("every column needs a name")
    comment = column.get("comment")
    return {
        "name": name,
        "type": _type(name, column),
        "nullable": column.get("nullable") is not False,
        "metadata": {} if comment is None else {"comment": comment},
    }


def _type(name: str, column: dict[str, Any]) -> Any:
    if column.get("type_json"):
        try:
            kind = json.loads(column["type_json"])
        except ValueError as error:
            raise InvalidParameterValue(f"type_json of the column {name} is not JSON: {error}") from error
        return kind["type"] if isinstance(kind, dict) and {"name", "type"} <= kind.keys() else kind
    text = str(column.get("type_text") or str(column.get("type_name") or "").lower()).strip()
    found = type_of_text(text)
    if found is None or found == "void":
        raise InvalidParameterValue(f"The type {text!r} of the column {name} is not understood; give its type_json.")
    return found
