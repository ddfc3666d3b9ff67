"""SHOW over whole catalogs, by which SQL connectors find what there is: `SHOW TABLES IN CATALOG main LIKE '...'`.

Source of the columns: `databricks-jdbc` (MetadataResultConstants) and `databricks-sql-connector`, which read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.patterns import matches
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor

__all__ = ["of_catalogs"]

_TEXT, _FLAG, _NUMBER = pa.string(), pa.bool_(), pa.int32()
_SCHEMAS = {"databaseName": _TEXT, "catalogName": _TEXT}
_TABLES = {
    "namespace": _TEXT, "tableName": _TEXT, "isTemporary": _FLAG, "information": _TEXT, "catalogName": _TEXT,
    "tableType": _TEXT, "remarks": _TEXT,
}  # fmt: skip
_COLUMNS = {
    "col_name": _TEXT, "catalogName": _TEXT, "namespace": _TEXT, "tableName": _TEXT, "columnType": _TEXT,
    "columnSize": _NUMBER, "decimalDigits": _NUMBER, "radix": _NUMBER, "isNullable": _TEXT, "remarks": _TEXT,
    "ordinalPosition": _NUMBER, "isAutoIncrement": _TEXT, "isGenerated": _TEXT,
}  # fmt: skip
_KEYS = {
    "catalogName": _TEXT, "namespace": _TEXT, "tableName": _TEXT, "col_name": _TEXT, "keySeq": _NUMBER,
    "constraintName": _TEXT, "constraintType": _TEXT,
}  # fmt: skip
#: Bytes or digits of the types that have a size of their own.
_SIZES = {"BYTE": 1, "SHORT": 2, "INT": 4, "LONG": 8, "FLOAT": 4, "DOUBLE": 8, "BOOLEAN": 1, "DATE": 4, "TIMESTAMP": 8}
_NUMBERS = frozenset({"BYTE", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE", "DECIMAL"})
_LONGEST_TEXT = 255


def of_catalogs(what: str, cursor: Cursor, session: Session) -> Any:
    """What follows `SHOW SCHEMAS | TABLES | COLUMNS | KEYS`: none where it is not about whole catalogs."""
    handler = _HANDLERS.get(what)
    if handler is None or not (cursor.peek() in {"IN", "FROM"} and cursor.peek(1) in {"CATALOG", "ALL"}):
        return None
    cursor.next()
    if cursor.take("ALL", "CATALOGS"):
        return handler(cursor, session, [one["name"] for one in session.catalog.all_catalogs()])
    if not cursor.take("CATALOG"):
        return None
    return handler(cursor, session, [session.names.catalog_of(cursor.name()[0])])


def _pattern(cursor: Cursor, *words: str) -> str:
    """`SCHEMA LIKE '...'`; without it, everything."""
    return cursor.string() if cursor.take(*words, "LIKE") else "*"


def _schemas(cursor: Cursor, session: Session, catalogs: list[str]) -> Any:
    pattern = _pattern(cursor)
    cursor.end()
    return literals.rows(_SCHEMAS, [(name, above) for above, name in _in(session, catalogs, pattern)])


def _tables(cursor: Cursor, session: Session, catalogs: list[str]) -> Any:
    in_schema, pattern = _pattern(cursor, "SCHEMA"), _pattern(cursor)
    cursor.end()
    rows = []
    for wire in _wires(session, catalogs, in_schema, pattern, columns=False):
        kind = "VIEW" if wire.get("table_type") == "VIEW" else "TABLE"
        rows.append((wire["schema_name"], wire["name"], False, None, wire["catalog_name"], kind, wire.get("comment")))
    return literals.rows(_TABLES, rows)


def _columns(cursor: Cursor, session: Session, catalogs: list[str]) -> Any:
    in_schema, in_table, pattern = _pattern(cursor, "SCHEMA"), _pattern(cursor, "TABLE"), _pattern(cursor)
    cursor.end()
    rows = [
        _column(wire, column)
        for wire in _wires(session, catalogs, in_schema, in_table, columns=True)
        for column in wire.get("columns") or []
        if matches(column["name"], pattern)
    ]
    return literals.rows(_COLUMNS, rows)


def _column(wire: dict[str, Any], column: dict[str, Any]) -> tuple[Any, ...]:
    kind, text = column.get("type_name") or "", (column.get("type_text") or "").upper()
    size = column.get("type_precision") if kind == "DECIMAL" else _SIZES.get(kind, _LONGEST_TEXT)
    digits = column.get("type_scale") if kind == "DECIMAL" else 0
    return (
        column["name"], wire["catalog_name"], wire["schema_name"], wire["name"], text,
        size, digits, 10 if kind in _NUMBERS else None, str(column.get("nullable") is not False).lower(),
        column.get("comment"), column["position"], "NO", "NO",
    )  # fmt: skip


def _keys(cursor: Cursor, session: Session, catalogs: list[str]) -> Any:
    """`SHOW KEYS IN CATALOG c IN SCHEMA s IN TABLE t`: the columns of its primary key."""
    cursor.expect("IN", "SCHEMA")
    schema = cursor.name()[0]
    cursor.expect("IN", "TABLE")
    table = cursor.name()[0]
    cursor.end()
    rows = []
    for wire in _wires(session, catalogs, schema, table, columns=False):
        for constraint in wire.get("table_constraints") or []:
            key = constraint.get("primary_key_constraint") or {}
            for place, name in enumerate(key.get("child_columns") or [], 1):
                above = (wire["catalog_name"], wire["schema_name"], wire["name"])
                rows.append((*above, name, place, key["name"], "PRIMARY KEY"))
    return literals.rows(_KEYS, rows)


def _in(session: Session, catalogs: list[str], pattern: str) -> Iterator[tuple[str, str]]:
    for above in catalogs:
        for name in sorted(one["name"] for one in session.catalog.schemas(above)):
            if matches(name, pattern):
                yield above, name


def _wires(
    session: Session, catalogs: list[str], in_schema: str, pattern: str, *, columns: bool
) -> Iterator[dict[str, Any]]:
    for above, schema in _in(session, catalogs, in_schema):
        for wire in session.catalog.table_wires(above, schema, columns=columns):
            if matches(wire["name"], pattern):
                yield wire


_HANDLERS: dict[str, Callable[[Cursor, Session, list[str]], Any]] = {
    "SCHEMAS": _schemas,
    "DATABASES": _schemas,
    "TABLES": _tables,
    "COLUMNS": _columns,
    "KEYS": _keys,
}
