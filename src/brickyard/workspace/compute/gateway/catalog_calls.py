"""`spark.catalog`, answered from the workspace's Unity Catalog."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
from pyspark.sql.connect.proto import catalog_pb2, relations_pb2

from brickyard.workspace.compute.gateway import catalog_functions, literals
from brickyard.workspace.compute.gateway.caching import keeping
from brickyard.workspace.compute.gateway.caching.answers import level_of
from brickyard.workspace.compute.gateway.errors import SparkError, not_found, unsupported
from brickyard.workspace.compute.gateway.names import GLOBAL, is_global, quote
from brickyard.workspace.compute.gateway.patterns import matches
from brickyard.workspace.compute.gateway.refreshing import refresh, refresh_table
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements import caches, maintenance, namespaces, tables, views
from brickyard.workspace.compute.gateway.statements.describe import partition_columns
from brickyard.workspace.compute.gateway.unity import Table
from brickyard.workspace.compute.gateway.unparse import string, type_text

__all__ = ["answer"]

TEXT, FLAG = pa.string(), pa.bool_()
DATABASE = {"name": TEXT, "catalog": TEXT, "description": TEXT, "locationUri": TEXT}
TABLE = {
    "name": TEXT,
    "catalog": TEXT,
    "namespace": pa.list_(TEXT),
    "description": TEXT,
    "tableType": TEXT,
    "isTemporary": FLAG,
}
COLUMN = {
    "name": TEXT,
    "description": TEXT,
    "dataType": TEXT,
    "nullable": FLAG,
    "isPartition": FLAG,
    "isBucket": FLAG,
    "isCluster": FLAG,
}


def answer(catalog: catalog_pb2.Catalog, session: Session) -> relations_pb2.Relation:
    """The result of one call of `spark.catalog`.

    Raises:
        SparkError: If it is not supported, or what it names does not exist.
    """
    kind = catalog.WhichOneof("cat_type") or ""
    if kind == "analyze_table":
        session.need_table(_parts(catalog.analyze_table.table_name))
        return literals.empty()
    if kind == "refresh_table":
        refresh_table(session, _parts(catalog.refresh_table.table_name))
        return literals.empty()
    if kind == "refresh_by_path":
        refresh(session, session.places.mapper.to_local(catalog.refresh_by_path.path))
        return literals.empty()
    handler = HANDLERS.get(str(kind))
    if handler is None:
        raise unsupported(f"spark.catalog: {kind}", "Use SQL, or the workspace's API.")
    result = handler(getattr(catalog, str(kind)), session)
    return result if isinstance(result, relations_pb2.Relation) else literals.rows(*result)


def _flag(value: bool) -> Any:
    return {"value": FLAG}, [(value,)]


def _parts(name: str) -> list[str]:
    cursor = Cursor(name)
    parts = cursor.name()
    cursor.end()
    return parts


def _like(name: str, call: Any) -> bool:
    return not call.HasField("pattern") or matches(name, call.pattern)


def _namespace(call: Any, session: Session) -> tuple[str, str]:
    if not call.HasField("db_name"):
        return session.names.catalog, session.names.schema
    return session.names.namespace(_parts(call.db_name))


def _set_catalog(call: Any, session: Session) -> Any:
    namespaces.use_catalog(call.catalog_name, session)
    return literals.empty()


def _set_database(call: Any, session: Session) -> Any:
    namespaces.use_schema(_parts(call.db_name), session)
    return literals.empty()


def _catalogs(call: Any, session: Session) -> Any:
    found = [
        (wire["name"], wire.get("comment")) for wire in session.catalog.all_catalogs() if _like(wire["name"], call)
    ]
    return {"name": TEXT, "description": TEXT}, sorted(found)


def _databases(call: Any, session: Session) -> Any:
    wires = session.catalog.schemas(session.names.catalog)
    return DATABASE, [_database(wire) for wire in wires if _like(wire["name"], call)]


def _database(wire: dict[str, Any]) -> tuple[Any, ...]:
    return wire["name"], wire["catalog_name"], wire.get("comment"), wire.get("storage_location")


def _get_database(call: Any, session: Session) -> Any:
    catalog, schema = session.names.namespace(_parts(call.db_name))
    for wire in session.catalog.schemas(catalog):
        if wire["name"] == schema:
            return DATABASE, [_database(wire)]
    raise not_found("schema", quote(catalog, schema))


def _database_exists(call: Any, session: Session) -> Any:
    return _flag(session.catalog.has_schema(*session.names.namespace(_parts(call.db_name))))


def _table_row(table: Table) -> tuple[Any, ...]:
    name = table.name
    return name.name, name.catalog, [name.schema], table.comment, table.kind, False


def _temporary_row(name: str, *namespace: str) -> tuple[Any, ...]:
    return name, None, list(namespace), None, "TEMPORARY", True


def _tables(call: Any, session: Session) -> Any:
    return _list(call, session, lambda table: True)


def _views(call: Any, session: Session) -> Any:
    return _list(call, session, lambda table: table.is_view)


def _list(call: Any, session: Session, wanted: Callable[[Table], bool]) -> Any:
    catalog, schema = _namespace(call, session)
    if schema == GLOBAL:
        rows = [_temporary_row(name, GLOBAL) for name in session.global_views.names if _like(name, call)]
    else:
        session.catalog.need_schema(catalog, schema)
        found = [table for table in session.catalog.tables(catalog, schema) if wanted(table)]
        rows = [_table_row(table) for table in found if _like(table.name.name, call)]
    return TABLE, rows + [_temporary_row(name) for name in sorted(session.names.temporary) if _like(name, call)]


def _table_parts(call: Any) -> list[str]:
    schema = _parts(call.db_name) if call.HasField("db_name") else []
    return [*schema, *_parts(call.table_name)]


def _get_table(call: Any, session: Session) -> Any:
    parts = _table_parts(call)
    if session.names.is_temporary(parts):
        return TABLE, [_temporary_row(parts[-1])]
    if _is_global(parts, session):
        return TABLE, [_temporary_row(parts[-1], GLOBAL)]
    return TABLE, [_table_row(session.catalog.table(session.names.table(parts)))]


def _table_exists(call: Any, session: Session) -> Any:
    parts = _table_parts(call)
    if session.names.is_temporary(parts) or _is_global(parts, session):
        return _flag(True)
    return _flag(not is_global(parts) and session.catalog.find_table(session.names.table(parts)) is not None)


def _is_global(parts: list[str], session: Session) -> bool:
    return is_global(parts) and parts[-1] in session.global_views


def _columns(call: Any, session: Session) -> Any:
    parts = _table_parts(call)
    partitions: set[str] = set()
    if not session.names.is_temporary(parts) and not is_global(parts):
        table = session.catalog.table(session.names.table(parts))
        partitions = set(partition_columns(table))
    schema = session.sail.schema(session.key, session.relation(f"SELECT * FROM {quote(*parts)}"))
    return COLUMN, [
        (f.name, f.metadata.get("comment"), f.dataType.simpleString(), f.nullable, f.name in partitions, False, False)
        for f in schema.fields
    ]


def _drop_temp_view(call: Any, session: Session) -> Any:
    known = session.names.is_temporary([call.view_name])
    if known:
        views.drop_temporary(session, call.view_name)
    return _flag(known)


def _drop_global_temp_view(call: Any, session: Session) -> Any:
    return _flag(session.global_views.drop(call.view_name))


def _create_table(call: Any, session: Session) -> Any:
    """`spark.catalog.createTable`: new with a schema, or one that is at a path."""
    kind = call.source.lower() or "delta"
    options = {key: value for key, value in call.options.items() if key.lower() != "path"}
    path = call.path or call.options.get("path", "")
    fields = call.schema.struct.fields if call.HasField("schema") else []
    if kind == "delta" and not path and not fields:
        raise SparkError("DELTA_EMPTY_TABLE", "spark.catalog.createTable needs a schema, or the path of a Delta table.")
    parts = [f"CREATE TABLE {call.table_name}"]
    if fields:
        parts.append(f"({', '.join(map(_column, fields))})")
    parts.append(f"USING {quote(kind)}")
    if path:
        parts.append(f"LOCATION {string(session.places.mapper.to_local(path).as_uri())}")
    if call.description:
        parts.append(f"COMMENT {string(call.description)}")
    if options:
        pairs = ", ".join(f"{string(key)} = {string(options[key])}" for key in sorted(options))
        parts.append(f"{'TBLPROPERTIES' if kind == 'delta' else 'OPTIONS'} ({pairs})")
    tables.create(Cursor(" ".join(parts)), session)
    return session.relation(f"SELECT * FROM {call.table_name}")


def _column(field: Any) -> str:
    return f"{quote(field.name)} {type_text(field.data_type)}{'' if field.nullable else ' NOT NULL'}"


def _cache_table(call: Any, session: Session) -> Any:
    parts = _parts(call.table_name)
    session.need_table(parts)
    keeping.keep(session, caches.named(parts), level_of(call))
    return literals.empty()


def _is_cached(call: Any, session: Session) -> Any:
    parts = _parts(call.table_name)
    session.need_table(parts)
    return _flag(keeping.kept(session, caches.named(parts)) is not None)


def _clear_cache(call: Any, session: Session) -> Any:
    keeping.clear(session)
    return literals.empty()


def _sql(handler: Any, prefix: str) -> Callable[[Any, Session], Any]:
    """A call that is the same as a statement; it has `table_name`, `view_name` or `db_name`, and flags."""

    def run(call: Any, session: Session) -> Any:
        kinds = [name for name in ("table_name", "view_name", "db_name") if name in call.DESCRIPTOR.fields_by_name]
        exists = " IF EXISTS" if getattr(call, "if_exists", False) else ""
        cascade = " CASCADE" if getattr(call, "cascade", False) else ""
        return handler(Cursor(f"{prefix}{exists} {getattr(call, kinds[0])}{cascade}"), session)

    return run


HANDLERS: dict[str, Callable[[Any, Session], Any]] = {
    "current_catalog": lambda call, session: ({"value": TEXT}, [(session.names.catalog,)]),
    "current_database": lambda call, session: ({"value": TEXT}, [(session.names.schema,)]),
    "set_current_catalog": _set_catalog,
    "set_current_database": _set_database,
    "list_catalogs": _catalogs,
    "list_databases": _databases,
    "get_database": _get_database,
    "database_exists": _database_exists,
    "list_tables": _tables,
    "list_views": _views,
    "get_table": _get_table,
    "table_exists": _table_exists,
    "list_columns": _columns,
    "drop_temp_view": _drop_temp_view,
    "drop_global_temp_view": _drop_global_temp_view,
    "create_table": _create_table,
    "create_external_table": _create_table,
    "cache_table": _cache_table,
    "uncache_table": _sql(caches.uncache, "UNCACHE TABLE"),
    "is_cached": _is_cached,
    "function_exists": catalog_functions.function_exists,
    "get_function": catalog_functions.get_function,
    "list_functions": catalog_functions.list_functions,
    "clear_cache": _clear_cache,
    "drop_table": _sql(tables.drop, "DROP TABLE"),
    "drop_view": _sql(tables.drop, "DROP VIEW"),
    "create_database": _sql(tables.create, "CREATE SCHEMA"),
    "drop_database": _sql(tables.drop, "DROP SCHEMA"),
    "truncate_table": _sql(maintenance.truncate, "TRUNCATE TABLE"),
}
