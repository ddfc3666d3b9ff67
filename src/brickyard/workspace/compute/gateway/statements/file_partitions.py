"""Partitions, columns and properties of tables of files.

Their partitions are the directories that there are, as in Unity Catalog: none need be told to the catalog.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent
from urllib.parse import unquote

import pyarrow as pa
from pyspark.sql.types import StructType

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.file_tables import OPTION, columns_of
from brickyard.workspace.compute.gateway.file_tables.reading import files_of, schema_of
from brickyard.workspace.compute.gateway.file_tables.writing import clear
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.columns import Column, delta_fields, read_column
from brickyard.workspace.compute.gateway.statements.describe import target
from brickyard.workspace.compute.gateway.statements.namespaces import read_properties
from brickyard.workspace.compute.gateway.table import Table
from brickyard.workspace.compute.gateway.values.partitions import NULL

__all__ = ["alter_files", "comment_on", "repair", "show_of_files", "truncate_files", "values_of"]


def values_of(session: Session, table: Table, given: Mapping[str, str]) -> dict[str, str | None]:
    """The texts of the values of partitions, as the names of directories say them.

    Raises:
        SparkError: PARTITIONS_NOT_FOUND: the table has no such partition columns.
    """
    files, _ = files_of(table)
    kinds = {field.name.lower(): field.dataType.simpleString() for field in schema_of(session, files).fields}
    known = {name.lower() for name in files.partitions}
    for name in given:
        if name not in known:
            raise _no_partitions(table, quote(name))
    texts = [f"CAST(CAST({value} AS {kinds[name]}) AS STRING) AS {quote(name)}" for name, value in given.items()]
    row = session.rows(session.relation(f"SELECT {', '.join(texts)}")).to_pylist()[0]
    return {name: row[name] or None for name in given}


def _no_partitions(table: Table, what: str) -> SparkError:
    text = f"The partition(s) {what} cannot be found in table {table.name}. Verify the partition and the table's name."
    return SparkError("PARTITIONS_NOT_FOUND", text, sql_state="428FT")


def _read_partition(cursor: Cursor) -> dict[str, str]:
    """Read `(column = value, ...)`: the SQL of the values, by the names in lower case."""
    found = {}
    cursor.expect("(")
    while not cursor.take(")"):
        name = cursor.name()[0].lower()
        cursor.expect("=")
        found[name] = cursor.until(",")
        cursor.take(",")
    return found


def _directory(table: Table, values: Mapping[str, str | None]) -> Path | None:
    """The directory of the partition of which each column's value is given; nothing for others."""
    files, place = files_of(table)
    if len(values) != len(files.partitions):
        return None
    for name in files.partitions:
        value = values[name.lower()]
        place = place / f"{name}={NULL if value is None else percent(value, safe=' ,;!$&()+-._~@|<>')}"
    return place


def _directories(table: Table, values: Mapping[str, str | None]) -> list[Path]:
    """The directories of the partitions that have these values."""
    files, place = files_of(table)
    found = [place]
    for name in files.partitions:
        children = [child for one in found for child in sorted(one.iterdir()) if child.is_dir()]
        found = [child for child in children if _fits(child.name, name, values)]
    return found if files.partitions else []


def _fits(directory: str, name: str, values: Mapping[str, str | None]) -> bool:
    own, _, text = directory.partition("=")
    value = None if text == NULL else unquote(text)
    return unquote(own).lower() == name.lower() and values.get(name.lower(), value) == value


def show_of_files(cursor: Cursor, session: Session, table: Table) -> Any:
    """`SHOW PARTITIONS t [PARTITION (...)]`: the names of the directories."""
    files, place = files_of(table)
    if not files.partitions:
        text = f"The partition command is invalid. Table {table.name} is not partitioned."
        raise SparkError("INVALID_PARTITION_OPERATION.PARTITION_SCHEMA_IS_EMPTY", text, sql_state="42601")
    wanted = values_of(session, table, _read_partition(cursor)) if cursor.take("PARTITION") else {}
    cursor.end()
    names = sorted(str(one.relative_to(place)) for one in _directories(table, wanted))
    return literals.rows({"partition": pa.string()}, [(name,) for name in names])


def repair(cursor: Cursor, session: Session) -> Any:
    """`[MSCK] REPAIR TABLE t [ADD | DROP | SYNC PARTITIONS]`: the directories are the partitions already."""
    cursor.take("MSCK")
    cursor.expect("REPAIR", "TABLE")
    _, table = target(cursor, session, files=True)
    _ = cursor.take("ADD") or cursor.take("DROP") or cursor.take("SYNC")
    _ = cursor.take("PARTITIONS") or cursor.take("METADATA")
    cursor.end()
    if table is not None and table.files is not None and not table.files.partitions:
        text = f"Operation not allowed: REPAIR TABLE only works on partitioned tables: {table.name}."
        raise SparkError("NOT_A_PARTITIONED_TABLE", text, sql_state="42809")
    return literals.empty()


def truncate_files(cursor: Cursor, session: Session, table: Table) -> Any:
    """`TRUNCATE TABLE t [PARTITION (...)]`, of managed tables only, as Spark has it."""
    _, place = files_of(table)
    if table.kind == "EXTERNAL":
        text = f"Operation not allowed: TRUNCATE TABLE on external tables: {table.name}. Use INSERT OVERWRITE."
        raise SparkError("CANNOT_TRUNCATE_EXTERNAL_TABLE", text, sql_state="0A000")
    only = values_of(session, table, _read_partition(cursor)) if cursor.take("PARTITION") else None
    cursor.end()
    clear(place, only)
    return literals.empty()


def alter_files(cursor: Cursor, session: Session, table: Table) -> bool:
    """What ALTER TABLE changes of such a table; False for its name, owner and tags.

    Raises:
        SparkError: UNSUPPORTED_FEATURE.TABLE_OPERATION.
    """
    if cursor.take("ADD", "COLUMNS") or cursor.take("ADD", "COLUMN"):
        _add_columns(cursor, session, table)
    elif cursor.peek() == "ADD" and cursor.peek(1) in {"PARTITION", "IF"}:
        _add_partitions(cursor, session, table)
    elif cursor.peek() == "DROP" and cursor.peek(1) in {"PARTITION", "IF"}:
        _drop_partitions(cursor, session, table)
    elif cursor.peek() in {"ALTER", "CHANGE"}:
        _change_column(cursor, session, table)
    elif cursor.take("RECOVER", "PARTITIONS"):
        cursor.end()
    elif cursor.peek() in {"SET", "UNSET"} and cursor.peek(1) == "TBLPROPERTIES":
        _properties(cursor, session, table)
    elif (cursor.peek() == "RENAME" and cursor.peek(1) != "COLUMN") or cursor.peek() in {"SET", "UNSET", "OWNER"}:
        return False
    else:
        table.need_delta(f"{cursor.peek()} {cursor.peek(1)}")
    return True


def _add_columns(cursor: Cursor, session: Session, table: Table) -> None:
    """`ADD COLUMNS (a type, ...)`, also without the brackets: before the partitions."""
    files, _ = files_of(table)
    if files.kind == "text":
        table.need_delta("ADD COLUMNS")
    bracket, columns = cursor.take("("), list[Column]()
    while not columns or cursor.take(","):
        columns.append(read_column(cursor))
    if bracket:
        cursor.expect(")")
    cursor.end()
    added = StructType.fromJson({"type": "struct", "fields": delta_fields(columns, session)}).fields
    have = schema_of(session, files).fields
    for one in added:
        if one.name.lower() in {field.name.lower() for field in have}:
            text = f"The column {quote(one.name)} already exists. Choose another name or rename the existing column."
            raise SparkError("COLUMN_ALREADY_EXISTS", text, sql_state="42711")
    count = len(have) - len(files.partitions)
    wires = columns_of([*have[:count], *added, *have[count:]], files.partitions)
    session.catalog.change("tables", table.name.full, {"columns": wires})


def _change_column(cursor: Cursor, session: Session, table: Table) -> None:
    """`ALTER | CHANGE [COLUMN] a COMMENT '...' | TYPE t`; of types, only the one that it has."""
    verb = cursor.next().text.upper()
    cursor.take("COLUMN")
    path = cursor.name()
    if len(path) > 1 or cursor.peek() not in {"COMMENT", "TYPE"}:
        table.need_delta(f"{verb} COLUMN {quote(*path)} {cursor.peek()}")
    elif cursor.take("COMMENT"):
        text = cursor.string()
        cursor.end()
        comment_on(session, table, path[0], text)
    else:
        cursor.expect("TYPE")
        given = StructType.fromJson(
            {"type": "struct", "fields": delta_fields([read_column(Cursor(f"c {cursor.rest()}"))], session)}
        )
        have = _column(schema_of(session, files_of(table)[0]).fields, path[0])
        if given.fields[0].dataType != have.dataType:
            text = (
                f"ALTER TABLE ALTER/CHANGE COLUMN is not supported for changing {table.name}'s column "
                f"{quote(have.name)} to the type {given.fields[0].dataType.simpleString().upper()}. Write the table "
                "again."
            )
            raise SparkError("NOT_SUPPORTED_CHANGE_COLUMN", text, sql_state="0A000")


def comment_on(session: Session, table: Table, name: str, text: str) -> None:
    """Give a column a comment; an empty text takes it away."""
    files, _ = files_of(table)
    fields = schema_of(session, files).fields
    column = _column(fields, name)
    column.metadata = {**column.metadata, "comment": text}
    session.catalog.change("tables", table.name.full, {"columns": columns_of(fields, files.partitions)})


def _column(fields: list[Any], name: str) -> Any:
    found = next((field for field in fields if field.name.lower() == name.lower()), None)
    if found is None:
        known = ", ".join(quote(field.name) for field in fields)
        text = (
            f"A column, variable, or function parameter with name {quote(name)} cannot be resolved. Did you mean one "
        )
        raise SparkError("UNRESOLVED_COLUMN.WITH_SUGGESTION", f"{text}of the following? [{known}].", sql_state="42703")
    return found


def _add_partitions(cursor: Cursor, session: Session, table: Table) -> None:
    """`ADD [IF NOT EXISTS] PARTITION (...) ...`: makes the directories."""
    cursor.expect("ADD")
    exists_ok = cursor.take("IF", "NOT", "EXISTS")
    while cursor.take("PARTITION"):
        given = values_of(session, table, _read_partition(cursor))
        if cursor.peek() == "LOCATION":
            raise unsupported("ADD PARTITION ... LOCATION", "Put the files below the table's directory.")
        directory = _directory(table, given)
        if directory is None:
            text = (
                f"The partition must have a value for each of the columns {', '.join(files_of(table)[0].partitions)}."
            )
            raise SparkError("INVALID_PARTITION_OPERATION.PARTITION_SCHEMA_IS_EMPTY", text, sql_state="42601")
        if _directories(table, given) and not exists_ok:
            text = f"Cannot ADD the partition(s) {directory.name} to table {table.name} because they already exist."
            raise SparkError("PARTITIONS_ALREADY_EXIST", text, sql_state="428FT")
        directory.mkdir(parents=True, exist_ok=True)
    cursor.end()


def _drop_partitions(cursor: Cursor, session: Session, table: Table) -> None:
    """`DROP [IF EXISTS] PARTITION (...)`: removes the directories, of a managed table."""
    import shutil

    cursor.expect("DROP")
    missing_ok = cursor.take("IF", "EXISTS")
    if table.kind == "EXTERNAL":
        raise unsupported("DROP PARTITION of external tables", "Remove the files with dbutils.fs.rm.")
    found: list[Path] = []
    while cursor.take("PARTITION") or cursor.take(","):
        given = _read_partition(cursor)
        directories = _directories(table, values_of(session, table, given))
        if not directories and not missing_ok:
            raise _no_partitions(table, f"PARTITION ({', '.join(f'{key} = {value}' for key, value in given.items())})")
        found += directories
    cursor.take("PURGE")
    cursor.end()
    for directory in found:
        shutil.rmtree(directory)


def _properties(cursor: Cursor, session: Session, table: Table) -> None:
    """`SET TBLPROPERTIES (...)`, `UNSET TBLPROPERTIES [IF EXISTS] (...)`; options stay."""
    kept = dict(table.properties)
    if cursor.take("SET", "TBLPROPERTIES"):
        kept |= {key: value for key, value in read_properties(cursor).items() if not key.startswith(OPTION)}
    else:
        cursor.expect("UNSET", "TBLPROPERTIES")
        cursor.take("IF", "EXISTS")
        for name in _names(cursor):
            kept.pop(name, None)
    cursor.end()
    session.catalog.change("tables", table.name.full, {"properties": kept})


def _names(cursor: Cursor) -> list[str]:
    names: list[str] = []
    while cursor.take(",") if names else cursor.take("("):
        names.append(cursor.string() if cursor.at_string else ".".join(cursor.name()))
    cursor.expect(")")
    return [name for name in names if not name.startswith(OPTION)]
