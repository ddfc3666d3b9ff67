"""SHOW: what the catalog has."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals, log
from brickyard.workspace.compute.gateway.clustering import columns_in
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.file_tables.reading import schema_of
from brickyard.workspace.compute.gateway.filling import filled_columns
from brickyard.workspace.compute.gateway.names import GLOBAL, quote
from brickyard.workspace.compute.gateway.patterns import matches, read_pattern
from brickyard.workspace.compute.gateway.protocol import DEFAULTS, PREFIX
from brickyard.workspace.compute.gateway.redaction import redacted
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements import grants, locations, metadata, objects, people, undrop
from brickyard.workspace.compute.gateway.statements.describe import (
    column_comments,
    partition_columns,
    set_properties,
    shown_properties,
)
from brickyard.workspace.compute.gateway.statements.functions import show_functions
from brickyard.workspace.compute.gateway.statements.partitions import show_partitions
from brickyard.workspace.compute.gateway.sugar.constants import string
from brickyard.workspace.compute.gateway.table import Table
from brickyard.workspace.compute.gateway.view_queries import users_own

__all__ = ["show"]

TEXT, FLAG = pa.string(), pa.bool_()


def show(cursor: Cursor, session: Session) -> Any:
    """`SHOW TABLES | VIEWS | SCHEMAS | CATALOGS | VOLUMES | COLUMNS | PARTITIONS | TBLPROPERTIES | CREATE TABLE`."""
    cursor.expect("SHOW")
    if cursor.peek() == "FUNCTIONS" or (cursor.peek() in {"USER", "SYSTEM", "ALL"} and cursor.peek(1) == "FUNCTIONS"):
        return show_functions(cursor, session)
    kind = locations.kind_of(cursor, "S")
    if kind is not None:
        return locations.show(cursor, session, kind)
    what = cursor.next().text.upper()
    if what == "TABLES" and cursor.take("DROPPED"):
        return undrop.show_dropped(cursor, session)
    if what == "TABLE" and cursor.take("EXTENDED"):
        return objects.show_table_extended(cursor, session)
    if what == "CREATE" and cursor.take("TABLE"):
        what = "CREATE TABLE"
    everywhere = metadata.of_catalogs(what, cursor, session)
    if everywhere is not None:
        return everywhere
    handler = {
        "TABLES": _tables,
        "VIEWS": _views,
        "SCHEMAS": _schemas,
        "DATABASES": _schemas,
        "CATALOGS": _catalogs,
        "COLUMNS": _columns,
        "PARTITIONS": show_partitions,
        "TBLPROPERTIES": _properties,
        "CREATE TABLE": _create_table,
        "VOLUMES": _volumes,
        "GRANTS": grants.show_grants,
        "GRANT": grants.show_grants,
        "USERS": people.show_users,
        "GROUPS": people.show_groups,
    }.get(what)
    if handler is None:
        raise unsupported(f"SHOW {what}", "Use spark.catalog or the workspace's API.")
    return handler(cursor, session)


def _namespace(cursor: Cursor, session: Session) -> tuple[str, str]:
    if cursor.take("IN") or cursor.take("FROM"):
        return session.names.namespace(cursor.name())
    return session.names.catalog, session.names.schema


def _tables(cursor: Cursor, session: Session) -> Any:
    return _listed(cursor, session, "tableName", views_only=False)


def _views(cursor: Cursor, session: Session) -> Any:
    return _listed(cursor, session, "viewName", views_only=True)


def _listed(cursor: Cursor, session: Session, column: str, *, views_only: bool) -> Any:
    catalog, schema = _namespace(cursor, session)
    pattern = read_pattern(cursor)
    if schema == GLOBAL:
        rows = [(schema, name, True) for name in session.global_views.names if matches(name, pattern)]
    else:
        session.catalog.need_schema(catalog, schema)
        found = [t.name.name for t in session.catalog.tables(catalog, schema) if t.is_view or not views_only]
        rows = [(schema, name, False) for name in sorted(found) if matches(name, pattern)]
    rows += [("", name, True) for name in sorted(session.names.temporary) if matches(name, pattern)]
    return literals.rows({"database" if not views_only else "namespace": TEXT, column: TEXT, "isTemporary": FLAG}, rows)


def _schemas(cursor: Cursor, session: Session) -> Any:
    named = cursor.take("IN") or cursor.take("FROM")
    catalog = session.names.catalog_of(cursor.name()[0]) if named else session.names.catalog
    pattern = read_pattern(cursor)
    names = sorted(wire["name"] for wire in session.catalog.schemas(catalog))
    return literals.rows({"databaseName": TEXT}, [(name,) for name in names if matches(name, pattern)])


def _catalogs(cursor: Cursor, session: Session) -> Any:
    pattern = read_pattern(cursor)
    names = sorted(wire["name"] for wire in session.catalog.all_catalogs())
    return literals.rows({"catalog": TEXT}, [(name,) for name in names if matches(name, pattern)])


def _volumes(cursor: Cursor, session: Session) -> Any:
    catalog, schema = _namespace(cursor, session)
    pattern = read_pattern(cursor)
    names = sorted(wire["name"] for wire in session.catalog.volumes(catalog, schema))
    return literals.rows(
        {"database": TEXT, "volume_name": TEXT}, [(schema, name) for name in names if matches(name, pattern)]
    )


def _columns(cursor: Cursor, session: Session) -> Any:
    _ = cursor.take("IN") or cursor.take("FROM")
    parts = cursor.name()
    if cursor.take("IN") or cursor.take("FROM"):
        space = cursor.name()
        if [part.lower() for part in parts[:-1][-len(space) :]] not in ([], [part.lower() for part in space]):
            text = f"SHOW COLUMNS with conflicting namespaces: {quote(*parts[:-1])} and {quote(*space)}. Name one."
            raise SparkError("SHOW_COLUMNS_WITH_CONFLICT_NAMESPACE", text, sql_state="42K05")
        parts = [*space, *parts] if len(parts) == 1 else parts
    cursor.end()
    relation = session.relation(f"SELECT * FROM {quote(*parts)}")
    schema = session.sail.schema(session.key, relation)
    return literals.rows({"col_name": TEXT}, [(name,) for name in schema.names])


def _properties(cursor: Cursor, session: Session) -> Any:
    table = session.catalog.table(session.names.table(cursor.name()))
    key = _key(cursor)
    found = set_properties(table)
    if key is not None:
        missing = f"Table {table.name.full} does not have property: {key}"
        found = {key: found.get(key, missing)}
    return literals.rows({"key": TEXT, "value": TEXT}, sorted(redacted(found).items()))


def _key(cursor: Cursor) -> str | None:
    """Read `('key')`, if there is one."""
    if not cursor.take("("):
        return None
    key = cursor.string() if cursor.tokens[cursor.position].kind == "STRING" else ".".join(cursor.name())
    cursor.expect(")")
    return key


def _create_table(cursor: Cursor, session: Session) -> Any:
    table = session.catalog.table(session.names.table(cursor.name()))
    if table.is_view:
        return literals.rows({"createtab_stmt": TEXT}, [(_view_text(table),)])
    comments, filled = column_comments(table), {} if table.files else filled_columns(table.directory)
    columns = schema_of(session, table.files) if table.files else session.schema_of(table.directory)
    lines = []
    for column in columns.fields:
        comment = f" COMMENT {string(comments[column.name])}" if column.name in comments else ""
        needed = "" if column.nullable else " NOT NULL"
        rule = filled[column.name.lower()].clause if column.name.lower() in filled else ""
        lines.append(f"  {_name(column.name)} {_type(column.dataType)}{needed}{rule}{comment}")
    text = f"CREATE TABLE {table.name.full} (\n" + ",\n".join(lines) + ")\nUSING "
    text += "delta" if table.files is None else table.files.kind
    if table.files is not None and table.files.options:
        pairs = [f"  {string(key)} = {string(value)}" for key, value in sorted(redacted(table.files.options).items())]
        text += "\nOPTIONS (\n" + ",\n".join(pairs) + ")"
    partitions = partition_columns(table)
    if partitions:
        text += f"\nPARTITIONED BY ({', '.join(partitions)})"
    clustering = columns_in({} if table.files else log.read(table.directory).configuration)
    if clustering:
        text += f"\nCLUSTER BY ({', '.join('.'.join(map(_name, one)) for one in clustering)})"
    if table.kind == "EXTERNAL" and table.location is not None:
        text += f"\nLOCATION '{session.places.shown(table.location)}'"
    if table.comment:
        text += f"\nCOMMENT {string(table.comment)}"
    feature = {PREFIX + DEFAULTS: "supported"} if any(one.default is not None for one in filled.values()) else {}
    if shown_properties(table) or feature:
        given = sorted(redacted(feature | shown_properties(table)).items())
        pairs = [f"  {string(key)} = {string(value)}" for key, value in given]
        text += "\nTBLPROPERTIES (\n" + ",\n".join(pairs) + ")"
    return literals.rows({"createtab_stmt": TEXT}, [(text,)])


def _view_text(view: Table) -> str:
    """The statement that makes a view."""
    said = view.comments
    columns = [
        f"  {_name(one)}" + (f" COMMENT {string(said[one])}" if one in said else "") for one in view.columns.names
    ]
    text = f"CREATE VIEW {'.'.join(map(_name, view.name.full.split('.')))}"
    text += " (\n" + ",\n".join(columns) + ")\n" if columns else "\n"
    text += f"COMMENT {string(view.comment)}\n" if view.comment else ""
    pairs = [f"  {string(key)} = {string(value)}" for key, value in sorted(users_own(shown_properties(view)).items())]
    text += "TBLPROPERTIES (\n" + ",\n".join(pairs) + ")\n" if pairs else ""
    return f"{text}WITH SCHEMA {view.columns.mode}\nAS {view.definition}\n"


def _name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) else quote(name)


def _type(kind: Any) -> str:
    """A type as SQL writes it; names of fields keep their case."""
    if hasattr(kind, "fields"):
        return f"STRUCT<{', '.join(f'{_name(one.name)}: {_type(one.dataType)}' for one in kind.fields)}>"
    if hasattr(kind, "elementType"):
        return f"ARRAY<{_type(kind.elementType)}>"
    if hasattr(kind, "keyType"):
        return f"MAP<{_type(kind.keyType)}, {_type(kind.valueType)}>"
    return str(kind.simpleString().upper())
