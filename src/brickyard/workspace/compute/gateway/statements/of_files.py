"""CREATE TABLE and INSERT of tables of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.alignment import assign
from brickyard.workspace.compute.gateway.errors import SparkError, already_exists, parse_error, unsupported
from brickyard.workspace.compute.gateway.file_tables import creating
from brickyard.workspace.compute.gateway.file_tables.reading import files_of, schema_of
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.new_table import NewTable
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.statements.columns import delta_fields
from brickyard.workspace.compute.gateway.statements.default_words import says_default
from brickyard.workspace.compute.gateway.statements.definitions import Definitions
from brickyard.workspace.compute.gateway.statements.file_partitions import values_of
from brickyard.workspace.compute.gateway.table import Table

__all__ = ["Insertion", "create_of_files", "insert_into_files"]


def create_of_files(
    session: Session,
    new: NewTable,
    defined: Definitions,
    query: str | None,
    existing: Table | None,
    mode: str,
    *,
    bare: bool,
) -> Any:
    """`CREATE TABLE t [(columns)] USING csv | json | parquet | ... [AS query]`.

    Args:
        session: The session that makes it.
        new: What it is to be.
        defined: Its columns.
        query: The query after AS.
        existing: The table that there is.
        mode: `error`, `ignore` or `replace`.
        bare: Whether it is neither like another table nor a clone of one.

    Raises:
        SparkError: For what such tables do not have.
    """
    if existing is not None and mode == "error":
        raise already_exists("table", str(new.name))
    if mode == "replace":
        raise _refused(new, "REPLACE TABLE")
    if defined.keys or defined.checks:
        raise _refused(new, "CONSTRAINT")
    if not bare or any(column.rules for column in defined.columns):
        what = "LIKE, CLONE, DEFAULT and GENERATED of tables"
        raise unsupported(f"{what} of the format {new.format}", "Write the columns, or use Delta.")
    if query is None:
        fields = delta_fields(defined.columns, session) if defined.columns else []
        creating.create_empty(session, new, fields)
    elif defined.columns:
        text = "Operation not allowed: Schema may not be specified in a Create Table As Select (CTAS) statement."
        raise parse_error(text)
    else:
        creating.save(session, session.relation(query), existing, new, mode)
    return literals.empty()


def _refused(new: NewTable, what: str) -> SparkError:
    text = f"The feature is not supported: Table {new.name} does not support {what}: its format is {new.format}."
    return SparkError("UNSUPPORTED_FEATURE.TABLE_OPERATION", text, sql_state="0A000")


@dataclass(frozen=True)
class Insertion:
    """What an INSERT says after the name of the table.

    Attributes:
        query: The query.
        columns: The columns that it lists.
        fixed: The partitions that it names, with the SQL of their values, in lower case.
        by_name: Whether the rows' columns are matched by their names.
        replaces: Whether it is INSERT OVERWRITE.
    """

    query: str
    columns: list[str] | None
    fixed: Mapping[str, str]
    by_name: bool
    replaces: bool


def insert_into_files(session: Session, table: Table, what: Insertion) -> Any:
    """`INSERT INTO | OVERWRITE t [PARTITION (...)] [(columns)] [BY NAME] query` of a table of files."""
    files, _ = files_of(table)
    fields = {field.name.lower(): field for field in schema_of(session, files).fields}
    if says_default(what.query):
        raise unsupported(f"DEFAULT in a table of the format {files.kind}", "Write NULL.")
    columns, text, only = what.columns, what.query, None
    if what.fixed:
        only = values_of(session, table, what.fixed)
        names = list(fields) if columns is None else [name.lower() for name in columns]
        if what.by_name:
            names = [name.lower() for name in session.schema(session.relation(text)).names]
            _need_known(names, fields)
        columns = [name for name in names if name not in what.fixed] + list(what.fixed)
        text = f"SELECT *, {', '.join(what.fixed.values())} FROM ({text})"
    given = session.relation(text)
    if what.by_name and not what.fixed:
        _need_known(session.schema(given).names, fields)
    rows = assign(session, given, fields, columns, by_name=what.by_name and not what.fixed)
    creating.insert(session, table, rows, replaces=what.replaces, only=only)
    return literals.empty()


def _need_known(names: list[str], fields: Mapping[str, Any]) -> None:
    extra = [name for name in names if name.lower() not in fields]
    if extra:
        text = f"Cannot write incompatible data for the table: Cannot write extra columns {quote(extra[0])}."
        raise SparkError("INCOMPATIBLE_DATA_FOR_TABLE.EXTRA_COLUMNS", text, sql_state="KD000")
