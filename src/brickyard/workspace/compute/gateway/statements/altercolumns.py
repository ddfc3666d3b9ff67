"""Columns of an existing table, changed in its log: ADD, ALTER, RENAME and DROP COLUMN.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-alter-table-manage-column
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from brickyard.workspace import statistics
from brickyard.workspace.compute.gateway import clustering, log
from brickyard.workspace.compute.gateway.errors import SparkError, parse_error, unsupported
from brickyard.workspace.compute.gateway.filling import DEFAULT, GENERATION, MARK, START, STEP
from brickyard.workspace.compute.gateway.mapped_columns import numbered
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.protocol import need_defaults
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.columns import Column, delta_fields, read_column
from brickyard.workspace.compute.gateway.statements.filling_checks import check_default, kind_of, need_independent
from brickyard.workspace.compute.gateway.statements.fillings import need_one_rule
from brickyard.workspace.compute.gateway.table_keys import release
from brickyard.workspace.compute.gateway.unity import Table

__all__ = ["add", "alter", "comment", "drop", "rename"]

Fields = list[dict[str, Any]]
NO_DEFAULT = "WRONG_COLUMN_DEFAULTS_FOR_DELTA_ALTER_TABLE_ADD_COLUMN_NOT_SUPPORTED"
NO_DEFAULT_TEXT = (
    "Failed to execute the command because DEFAULT values are not supported when adding new columns to previously "
    "existing Delta tables; please add the column without a default value first, then run a second ALTER TABLE ALTER "
    "COLUMN SET DEFAULT command to apply for future inserted rows instead."
)
MAPPING = "ALTER TABLE ... SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"


def add(cursor: Cursor, session: Session, place: Path) -> None:
    """`ADD COLUMN[S] (name type [COMMENT '...'] [FIRST | AFTER other], ...)`; `a.b` adds to the struct `a`."""
    bracket = cursor.take("(")
    added = [_added(cursor)]
    while cursor.take(","):
        added.append(_added(cursor))
    if bracket:
        cursor.expect(")")
    cursor.end()

    def edit(metadata: log.Metadata) -> None:
        for parents, column, where in added:
            if DEFAULT in column.rules:
                raise SparkError(NO_DEFAULT, NO_DEFAULT_TEXT, sql_state="0AKDC")
            if column.rules:
                raise parse_error("Syntax error at or near 'GENERATED'.")
            if not column.nullable:
                text = "Operation not allowed: `NOT NULL in ALTER TABLE ADD COLUMNS` is not supported for Delta tables."
                raise SparkError("DELTA_OPERATION_NOT_ALLOWED", text, sql_state="0AKDC")
            fields = metadata.fields
            for parent in parents:
                fields = _struct(_find(fields, parent))
            _not_there(fields, column.name)
            (field,) = delta_fields([column], session)
            _place(fields, numbered(field, metadata.configuration) if metadata.mapped else field, where)
        statistics.stop(metadata.configuration, metadata.fields)

    log.change(place, "ADD COLUMNS", {"columns": [{"column": column.name} for _, column, _ in added]}, edit)


def _added(cursor: Cursor) -> tuple[list[str], Column, list[str]]:
    parents: list[str] = []
    while cursor.peek(1) == ".":
        parents.append(cursor.next().text)
        cursor.expect(".")
    column = read_column(cursor, stop=("FIRST", "AFTER"))
    return parents, column, _position(cursor)


def _position(cursor: Cursor) -> list[str]:
    if cursor.take("FIRST"):
        return ["FIRST"]
    return ["AFTER", cursor.name()[-1]] if cursor.take("AFTER") else []


def _place(fields: Fields, field: dict[str, Any], where: list[str]) -> None:
    """Put a column where the statement says; at the end if it says nothing."""
    if where[:1] == ["AFTER"]:
        fields.insert(fields.index(_find(fields, where[1])) + 1, field)
    else:
        fields.insert(0 if where else len(fields), field)


def _find(fields: Fields, name: str) -> dict[str, Any]:
    for field in fields:
        if field["name"].lower() == name.lower():
            return field
    near = ", ".join(quote(field["name"]) for field in fields)
    text = f"A column, variable, or function parameter with name {quote(name)} cannot be resolved."
    raise SparkError("UNRESOLVED_COLUMN.WITH_SUGGESTION", f"{text} Did you mean one of: {near}?", sql_state="42703")


def _struct(field: dict[str, Any]) -> Fields:
    """The fields inside a struct, or in the struct that an array or a map holds."""
    kind = field["type"]
    while isinstance(kind, dict) and kind["type"] in {"array", "map"}:
        kind = kind["elementType"] if kind["type"] == "array" else kind["valueType"]
    if not isinstance(kind, dict):
        raise SparkError("INVALID_FIELD_NAME", f"{quote(field['name'])} is not a struct.", sql_state="42000")
    inside: Fields = kind["fields"]
    return inside


def _inside(fields: Fields, parts: list[str]) -> tuple[Fields, dict[str, Any]]:
    """The list that holds a (nested) column, and the column."""
    for parent in parts[:-1]:
        fields = _struct(_find(fields, parent))
    return fields, _find(fields, parts[-1])


def _not_there(fields: Fields, name: str) -> None:
    if any(field["name"].lower() == name.lower() for field in fields):
        known = ", ".join(field["name"] for field in fields)
        text = f"Cannot add column, because {quote(name)} already exists in the table's {known}."
        raise SparkError("FIELD_ALREADY_EXISTS", text, sql_state="42710")


def _need_mapping(metadata: log.Metadata, what: str, verb: str) -> None:
    if not metadata.mapped:
        text = f"{verb} is not supported for your Delta table. Enable column mapping first: {MAPPING}."
        raise SparkError(f"DELTA_UNSUPPORTED_{what}_COLUMN", text, sql_state="0AKDC")


def rename(cursor: Cursor, session: Session, place: Path, table: Table | None) -> None:
    """`RENAME COLUMN a TO b`; needs column mapping, as on Databricks. Keys of the column go."""
    old = cursor.name()
    cursor.expect("TO")
    new = cursor.name()[-1]
    cursor.end()

    def edit(metadata: log.Metadata) -> None:
        _need_mapping(metadata, "RENAME", "Column rename")
        fields, field = _inside(metadata.fields, old)
        need_independent(metadata, old)
        _not_there([other for other in fields if other is not field], new)
        metadata.partitions[:] = [new if name == field["name"] else name for name in metadata.partitions]
        field["name"] = new
        clustering.rename(metadata.configuration, old, new)
        _release(session, table, [old])

    log.change(place, "RENAME COLUMN", {"oldColumnPath": ".".join(old), "newColumnPath": new}, edit)


def drop(cursor: Cursor, session: Session, place: Path, table: Table | None) -> None:
    """`DROP COLUMN[S] [IF EXISTS] (a, b)`; needs column mapping, as on Databricks. Keys of the columns go."""
    missing_ok = cursor.take("IF", "EXISTS")
    names = cursor.names()
    cursor.end()

    def edit(metadata: log.Metadata) -> None:
        _need_mapping(metadata, "DROP", "DROP COLUMN")
        for name in names:
            if missing_ok and name.lower() not in {field["name"].lower() for field in metadata.fields}:
                continue
            fields, field = _inside(metadata.fields, name.split("."))
            need_independent(metadata, name.split("."))
            if field["name"] in metadata.partitions and fields is metadata.fields:
                text = f"Dropping partition columns ({field['name']}) is not allowed."
                raise SparkError("DELTA_UNSUPPORTED_DROP_PARTITION_COLUMN", text, sql_state="0AKDC")
            clustering.need_free(metadata.configuration, name.split("."))
            fields.remove(field)
        _release(session, table, [name.split(".") for name in names])

    log.change(place, "DROP COLUMNS", {"columns": names}, edit)


def _release(session: Session, table: Table | None, changed: list[list[str]]) -> None:
    if table is not None:
        release(session, table.name, [path[0] for path in changed if len(path) == 1])


def alter(cursor: Cursor, session: Session, place: Path) -> None:
    """`ALTER | CHANGE COLUMN a COMMENT '...' | DROP NOT NULL | SET NOT NULL | FIRST | AFTER b | TYPE t`."""
    path = cursor.name()
    edit = _alteration(cursor, session, place, path)
    cursor.end()
    log.change(place, "CHANGE COLUMN", {"column": {"name": ".".join(path)}}, edit)


def _alteration(cursor: Cursor, session: Session, place: Path, path: list[str]) -> Callable[[log.Metadata], object]:
    if cursor.take("COMMENT"):
        return _commented(path, cursor.string())
    if cursor.take("DROP", "NOT", "NULL"):
        return lambda metadata: _inside(metadata.fields, path)[1].update(nullable=True)
    if cursor.take("SET", "NOT", "NULL"):
        return _needed(session, place, path)
    if cursor.peek() in {"FIRST", "AFTER"}:
        return _moved(path, _position(cursor))
    if cursor.take("TYPE"):
        return _retyped(path, read_column(Cursor(f"c {_rest(cursor)}")), session)
    if cursor.take("DROP", "DEFAULT"):
        return lambda metadata: _inside(metadata.fields, path)[1]["metadata"].pop(DEFAULT, None)
    if cursor.take("SET", "DEFAULT"):
        return _defaulted(session, path, _rest(cursor))
    if cursor.take("SYNC", "IDENTITY"):
        return _synchronized(session, place, path)
    raise unsupported(f"ALTER COLUMN ... {cursor.peek()}", "Write the table again with overwriteSchema.")


def _rest(cursor: Cursor) -> str:
    text = cursor.rest()
    cursor.position = len(cursor.tokens)
    return text


def comment(place: Path, path: list[str], text: str) -> None:
    """`COMMENT ON COLUMN`; an empty text removes the comment."""
    log.change(place, "CHANGE COLUMN", {"column": {"name": ".".join(path)}}, _commented(path, text))


def _commented(path: list[str], text: str) -> Callable[[log.Metadata], object]:
    def edit(metadata: log.Metadata) -> None:
        notes = _inside(metadata.fields, path)[1]["metadata"]
        notes.pop("comment", None)
        notes.update({"comment": text} if text else {})

    return edit


def _needed(session: Session, place: Path, path: list[str]) -> Callable[[log.Metadata], object]:
    """SET NOT NULL; rows without a value are looked for first, as on Databricks."""

    def edit(metadata: log.Metadata) -> None:
        field = _inside(metadata.fields, path)[1]
        table = f"delta.{quote(session.places.text(place))} VERSION AS OF {metadata.version}"
        found = session.sail.query(session.key, f"SELECT 1 FROM {table} WHERE {quote(*path)} IS NULL LIMIT 1")
        if found is not None and found.num_rows:
            text = f"The column {field['name']} has rows without a value."
            raise SparkError("DELTA_NEW_NOT_NULL_VIOLATION", text, sql_state="23512")
        field["nullable"] = False

    return edit


def _defaulted(session: Session, path: list[str], default: str) -> Callable[[log.Metadata], object]:
    """SET DEFAULT: of rows that are inserted from now on."""

    def edit(metadata: log.Metadata) -> None:
        fields, field = _inside(metadata.fields, path)
        _need_no_identity(field)
        need_defaults(metadata.protocol, "ALTER TABLE")
        if GENERATION in field["metadata"]:
            need_one_rule(field["name"], field["metadata"] | {DEFAULT: default})
        if fields is not metadata.fields:
            raise unsupported("a default of a field of a struct", "Give the struct a default.")
        check_default(session, "ALTER TABLE ALTER COLUMN", field["name"], default, kind_of(field))
        field["metadata"] = {**field["metadata"], DEFAULT: default}

    return edit


def _need_no_identity(field: dict[str, Any]) -> None:
    if START in field["metadata"]:
        text = "ALTER TABLE ALTER COLUMN is not supported for IDENTITY columns."
        raise SparkError("DELTA_IDENTITY_COLUMNS_ALTER_COLUMN_NOT_SUPPORTED", text, sql_state="429BQ")


def _synchronized(session: Session, place: Path, path: list[str]) -> Callable[[log.Metadata], object]:
    """SYNC IDENTITY: count on from the numbers that were given by hand."""

    def edit(metadata: log.Metadata) -> None:
        field = _inside(metadata.fields, path)[1]
        said = field["metadata"]
        if START not in said:
            text = "ALTER TABLE ALTER COLUMN SYNC IDENTITY cannot be called on non IDENTITY columns."
            raise SparkError("DELTA_IDENTITY_COLUMNS_ALTER_NON_IDENTITY_COLUMN", text, sql_state="429BQ")
        last = "max" if said[STEP] > 0 else "min"
        table = f"delta.{quote(session.places.text(place))} VERSION AS OF {metadata.version}"
        found = session.sail.query(session.key, f"SELECT {last}({quote(*path)}) FROM {table}")
        number = None if found is None or not found.num_rows else found.column(0)[0].as_py()
        if number is not None:
            field["metadata"] = {**said, MARK: _reached(said, number)}

    return edit


def _reached(said: dict[str, Any], number: int) -> int:
    """The first of an identity column's numbers that is not before a number, or its last one if that is further."""
    start, step = said[START], said[STEP]
    reached = int(start - (start - number) // step * step)
    return int((max if step > 0 else min)(reached, said.get(MARK, reached)))


def _moved(path: list[str], where: list[str]) -> Callable[[log.Metadata], object]:
    def edit(metadata: log.Metadata) -> None:
        fields, field = _inside(metadata.fields, path)
        if where[0] == "AFTER":
            _find(fields, where[1])
        fields.remove(field)
        _place(fields, field, where)

    return edit


def _retyped(path: list[str], column: Column, session: Session) -> Callable[[log.Metadata], object]:
    """TYPE: Databricks widens only with a table feature that delta-rs cannot read; the same type is no change."""
    wanted = delta_fields([column], session)[0]["type"]

    def edit(metadata: log.Metadata) -> None:
        have = _inside(metadata.fields, path)[1]["type"]
        if have != wanted:
            text = f"ALTER TABLE CHANGE COLUMN is not supported for changing column {'.'.join(path)}"
            said = f"{text} from {_sql(have)} to {column.kind.upper()}. Write the table again with overwriteSchema."
            raise SparkError("DELTA_UNSUPPORTED_ALTER_TABLE_CHANGE_COL_OP", said, sql_state="0AKDC")

    return edit


def _sql(kind: Any) -> str:
    names = {"long": "BIGINT", "integer": "INT", "short": "SMALLINT", "byte": "TINYINT"}
    return names.get(kind, kind.upper()) if isinstance(kind, str) else str(kind["type"]).upper()
