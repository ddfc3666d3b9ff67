"""New tables of files, and `saveAsTable` to them.

Source: https://docs.databricks.com/aws/en/tables/external
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

from pyspark.sql.types import StructType

from brickyard.workspace.compute.gateway.alignment import assign, check_columns
from brickyard.workspace.compute.gateway.errors import SparkError, already_exists, unsupported
from brickyard.workspace.compute.gateway.file_options import check_read_options
from brickyard.workspace.compute.gateway.file_tables.definition import OPTION, FileTable, columns_of
from brickyard.workspace.compute.gateway.file_tables.reading import READ, files_of, schema_of
from brickyard.workspace.compute.gateway.file_tables.writing import Target, clear, need_writable, write
from brickyard.workspace.compute.gateway.names import HIVE
from brickyard.workspace.compute.gateway.new_table import NewTable
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sources.listing import found_below, nothing_found
from brickyard.workspace.compute.gateway.sources.reads import read_found
from brickyard.workspace.compute.gateway.table import Table

__all__ = ["create_empty", "insert", "save"]

#: What a table can be of; `binaryFile` has no tables on Databricks.
FORMATS = frozenset({"csv", "json", "parquet", "avro", "orc", "text"})


def _check(session: Session, new: NewTable) -> None:
    """Refuse a format that there is not, and managed tables where Unity Catalog has Delta only."""
    if new.format not in FORMATS:
        text = f"Failed to find the data source: {new.format}. Use delta or one of {', '.join(sorted(FORMATS))}."
        raise SparkError("DATA_SOURCE_NOT_FOUND", text, sql_state="42K02")
    if new.policies:
        raise unsupported(
            f"a row filter or masks of tables of the format {new.format}", "Use a Delta table, or a view."
        )
    if new.location is None and new.name.catalog != HIVE:
        text = (
            f"Creating a managed table {new.name} using datasource {new.format} is not supported. You need to use "
            f"datasource DELTA, or create an external table using CREATE TABLE {new.name} ... USING {new.format} ... "
            "LOCATION ..."
        )
        raise SparkError("UNSUPPORTED_MANAGED_TABLE_CREATION", text, sql_state="0AKDD")
    session.catalog.need_schema(new.name.catalog, new.name.schema)
    if not session.sail.capabilities.is_spark and new.format not in READ:
        raise unsupported(f"tables of the format {new.format}", "Use Parquet, CSV, JSON or Delta.")


def create_empty(session: Session, new: NewTable, fields: list[dict[str, Any]]) -> None:
    """`CREATE TABLE t (columns) USING format`; without columns, those of the files at its place.

    Raises:
        SparkError: UNABLE_TO_INFER_SCHEMA, or a partition's column that there is not.
    """
    _check(session, new)
    check_read_options(new.format, new.options)
    schema = StructType.fromJson({"type": "struct", "fields": fields})
    if not fields:
        schema, found = _inferred(session, new)
        new = replace(new, partitions=found)
    _register(session, new, _ordered(schema, new))


def _inferred(session: Session, new: NewTable) -> tuple[StructType, tuple[str, ...]]:
    """The columns of the files, and which of them are of partitions."""
    found = found_below(str(new.location), [] if new.location is None else [new.location])
    if not found.files:
        raise nothing_found(new.format, str(new.location or new.name))
    return session.schema(read_found(new.format, found, new.options, session)), tuple(found.values())


def _ordered(schema: StructType, new: NewTable) -> StructType:
    """The columns, those of partitions last and in the order of the partitions."""
    fields = {field.name.lower(): field for field in schema.fields}
    missing = [name for name in new.partitions if name.lower() not in fields]
    if missing:
        text = f"Partition column {missing[0]} not found in the table's columns: {', '.join(fields)}."
        raise SparkError("COLUMN_NOT_DEFINED_IN_TABLE", text, sql_state="42703")
    if fields and len(new.partitions) == len(fields):
        text = "Cannot use all columns for partition columns."
        raise SparkError("ALL_PARTITION_COLUMNS_NOT_ALLOWED", text, sql_state="KD005")
    if new.format == "text" and [field.dataType.simpleString() for field in schema.fields] != ["string"]:
        text = "Text data source supports only a single column of the type STRING."
        raise SparkError("UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE", text, sql_state="0A000")
    apart = [fields.pop(name.lower()) for name in new.partitions]
    return StructType([*fields.values(), *apart])


def _register(session: Session, new: NewTable, schema: StructType) -> None:
    """Enter the table whose files are at its place or, of a managed table, where it was staged."""
    place = new.location or session.staged()
    place.mkdir(parents=True, exist_ok=True)
    try:
        _enter(session, new, schema, place)
    finally:
        if new.location is None:
            shutil.rmtree(place, ignore_errors=True)


def _enter(session: Session, new: NewTable, schema: StructType, place: Any) -> None:
    wire = {
        "table_type": "MANAGED" if new.location is None else "EXTERNAL",
        "data_source_format": new.format.upper(),
        "storage_location": place.as_uri(),
        "columns": columns_of(schema.fields, new.partitions),
        "properties": new.properties | {OPTION + key: value for key, value in new.options.items()},
    }
    session.catalog.create_table(new.name, wire | ({"comment": new.comment} if new.comment else {}))


def save(session: Session, rows: Any, table: Table | None, new: NewTable, mode: str) -> None:
    """`saveAsTable` and CTAS; mode is append, overwrite, replace, error or ignore.

    Raises:
        SparkError: TABLE_OR_VIEW_ALREADY_EXISTS, or the rows or the format are not those of the table.
    """
    if table is None:
        _create(session, rows, new, mode)
        return
    if table.is_view or mode == "error":
        raise already_exists("table", str(new.name))
    if mode == "ignore":
        return
    if mode == "replace":
        table.need_delta("REPLACE TABLE")
    session.catalog.need_data(table, write=True)
    kind = "delta" if table.files is None else table.files.kind
    if kind != new.format:
        text = f"The format of the existing table {new.name} is `{kind}`. It doesn't match the specified format"
        raise SparkError("_LEGACY_ERROR_TEMP_1159", f"{text} `{new.format}`.")
    if mode == "append":
        _append(session, rows, table, new)
    else:
        _overwrite(session, rows, table, new)


def _create(session: Session, rows: Any, new: NewTable, mode: str) -> None:
    _check(session, new)
    check_columns(session, rows)
    schema = _ordered(session.schema(rows), new)
    place = new.location or session.staged()
    filled = place.exists() and any(place.iterdir())
    if filled and mode != "overwrite":
        text = f"CREATE-TABLE-AS-SELECT cannot create table with location to a non-empty directory {place}."
        raise SparkError("_LEGACY_ERROR_TEMP_1241", text)
    target = Target(new.format, place, new.options, new.partitions)
    need_writable(session, target)
    write(session, target, _in_order(session, rows, schema), replaces=True)
    try:
        _enter(session, new, schema, place)
    except SparkError:
        if not filled:
            clear(place)
        raise
    finally:
        if new.location is None:
            shutil.rmtree(place, ignore_errors=True)


def _in_order(session: Session, rows: Any, schema: StructType) -> Any:
    return assign(session, rows, {field.name.lower(): field for field in schema.fields}, None, by_name=True)


def _append(session: Session, rows: Any, table: Table, new: NewTable) -> None:
    files, _ = files_of(table)
    schema, given = schema_of(session, files), session.schema(rows)
    if len(given.names) != len(schema.names):
        text = f"The column number of the existing table {new.name} ({schema.simpleString()}) doesn't match the data"
        raise SparkError("_LEGACY_ERROR_TEMP_1161", f"{text} schema ({given.simpleString()}).")
    have = {name.lower() for name in given.names}
    missing = [name for name in schema.names if name.lower() not in have]
    if missing:
        text = f"Cannot resolve '{missing[0]}' given input columns: [{', '.join(given.names)}]."
        raise SparkError("_LEGACY_ERROR_TEMP_1162", text)
    if new.partitions and [one.lower() for one in new.partitions] != [one.lower() for one in files.partitions]:
        text = f"Specified partitioning does not match that of the existing table {new.name}. Specified partition "
        text += f"columns: [{', '.join(new.partitions)}]. Existing partition columns: [{', '.join(files.partitions)}]."
        raise SparkError("_LEGACY_ERROR_TEMP_1163", text)
    insert(session, table, _in_order(session, rows, schema))


def _overwrite(session: Session, rows: Any, table: Table, new: NewTable) -> None:
    """The table is made anew at its place, with the rows' columns."""
    _, place = files_of(table)
    if new.location not in (None, place):
        text = f"The location of the existing table {new.name} is {place}. It doesn't match the specified location"
        raise SparkError("_LEGACY_ERROR_TEMP_1160", f"{text} {new.location}.")
    check_columns(session, rows)
    schema = _ordered(session.schema(rows), new)
    target = Target(new.format, place, new.options, new.partitions)
    need_writable(session, target)
    write(session, target, _in_order(session, rows, schema), replaces=True)
    kept = {key: value for key, value in table.properties.items() if not key.startswith(OPTION)}
    properties = kept | new.properties | {OPTION + key: value for key, value in new.options.items()}
    session.catalog.change(
        "tables", new.name.full, {"columns": columns_of(schema.fields, new.partitions), "properties": properties}
    )


def insert(session: Session, table: Table, rows: Any, *, replaces: bool = False, only: Any = None) -> None:
    """Write rows that have the table's columns in their order."""
    files, place = files_of(table)
    write(session, _target(files, place), rows, replaces=replaces, only=only)


def _target(files: FileTable, place: Any) -> Target:
    return Target(files.kind, place, files.options, files.partitions)
