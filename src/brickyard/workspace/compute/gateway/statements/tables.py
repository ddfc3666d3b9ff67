"""CREATE and DROP of tables, views and what contains them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway import creation, feed, literals, log, writes
from brickyard.workspace.compute.gateway.clustering import CLUSTERING, need_columns, read_clustering
from brickyard.workspace.compute.gateway.errors import (
    SparkError,
    already_exists,
    not_found,
    parse_error,
    unsupported,
)
from brickyard.workspace.compute.gateway.filling import features_of
from brickyard.workspace.compute.gateway.names import is_global
from brickyard.workspace.compute.gateway.new_table import NewTable
from brickyard.workspace.compute.gateway.protocol import PREFIX
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements import functions, locations, policies, variables, views
from brickyard.workspace.compute.gateway.statements.clones import clone, read_clone, schema_like
from brickyard.workspace.compute.gateway.statements.columns import delta_fields, read_column
from brickyard.workspace.compute.gateway.statements.copy_text import read_options
from brickyard.workspace.compute.gateway.statements.definitions import Definitions, read_definitions
from brickyard.workspace.compute.gateway.statements.describe import target
from brickyard.workspace.compute.gateway.statements.filling_checks import check_fields
from brickyard.workspace.compute.gateway.statements.namespaces import (
    KINDS,
    create_namespace,
    drop_namespace,
    read_properties,
)
from brickyard.workspace.compute.gateway.statements.of_files import create_of_files
from brickyard.workspace.compute.gateway.table import Table
from brickyard.workspace.compute.gateway.table_keys import enter, exchange
from brickyard.workspace.compute.gateway.table_keys import need_columns as need_key_columns

__all__ = ["create", "drop"]

#: What cannot be created, and what to use instead.
ELSEWHERE = {
    "BLOOMFILTER": "Use OPTIMIZE ... ZORDER BY, which brings like rows together.",
    "MATERIALIZED": "Use CREATE VIEW, or a job that writes a table.",
    "PROCEDURE": "Use a Python function, or a job.",
    "STREAMING": "Use a job that appends to a table.",
}


def create(cursor: Cursor, session: Session) -> Any:
    """`CREATE [OR REPLACE] TABLE | [TEMP] VIEW | SCHEMA | CATALOG | VOLUME ...`, `REPLACE TABLE`."""
    replace = cursor.take("REPLACE") or (cursor.take("CREATE") and cursor.take("OR", "REPLACE"))
    if cursor.peek() in KINDS and not replace:
        return create_namespace(cursor, session)
    if cursor.take("TEMPORARY", "FUNCTION") or cursor.take("TEMP", "FUNCTION"):
        return functions.create_function(cursor, session, replace=bool(replace), temporary=True)
    if cursor.peek() in {"TEMP", "TEMPORARY", "VIEW", "GLOBAL"}:
        return views.create_view(cursor, session, replace=bool(replace))
    kind = locations.kind_of(cursor)
    if kind is not None:
        return locations.create(cursor, session, kind)
    external = cursor.take("EXTERNAL")
    if external and cursor.peek() == "VOLUME":
        return create_namespace(cursor, session, external=True)
    if cursor.take("FUNCTION"):
        return functions.create_function(cursor, session, replace=bool(replace), temporary=False)
    if not cursor.take("TABLE"):
        raise unsupported(
            f"CREATE {cursor.peek()}",
            ELSEWHERE.get(cursor.peek(), "Use schemas, tables, views, volumes and functions."),
        )
    return _create_table(cursor, session, "replace" if replace else "error")


def _create_table(cursor: Cursor, session: Session, mode: str) -> Any:
    if cursor.take("IF", "NOT", "EXISTS"):
        mode = "ignore"
    name = session.names.table(cursor.name())
    like = target(cursor, session, rows=False)[0] if cursor.take("LIKE") else None
    copied = read_clone(cursor, session) if cursor.peek() in {"CLONE", "SHALLOW", "DEEP"} else None
    defined = read_definitions(cursor, session) if cursor.peek() == "(" else Definitions()
    new, query = _clauses(cursor, session, NewTable(name), defined)
    if masked := policies.masks(defined.columns, session):
        new = dataclasses.replace(new, policies={**new.policies, "columns": masked})
    if new.policies:
        policies.need_unchecked(str(name), {**defined.checks, **new.properties}, rows="row_filter" in new.policies)
    existing = session.catalog.find_table(name)
    if existing is not None and mode == "ignore":
        return literals.empty()
    if new.format != "delta":
        return create_of_files(session, new, defined, query, existing, mode, bare=not (like or copied))
    if existing is not None:
        _check_replaced(session, new, existing, mode, like=bool(like), copied=copied is not None)
    if copied is not None:
        return clone(session, new, copied, existing.place if existing else None)
    if query is not None:
        if defined.columns:
            text = "Operation not allowed: Schema may not be specified in a Create Table As Select (CTAS) statement."
            raise parse_error(text)
        rows = session.relation(query)
        if CLUSTERING in new.properties:
            need_columns(new.properties[CLUSTERING], session.schema(rows).jsonValue()["fields"])
        writes.replace_or_create(session, rows, new, mode, {})
    elif like is not None:
        fields, partitions = schema_like(like)
        asked = {PREFIX + name: "supported" for name in features_of(fields)}
        _empty_table(session, dataclasses.replace(new, partitions=partitions), fields, properties=asked)
    elif not defined.columns and new.location is not None:
        _adopt(session, new)
    elif not defined.columns and existing is None:
        writes.create(session, new, lambda place: log.begin(place, new.comment, new.properties))
    else:
        fields = delta_fields(defined.columns, session)
        need_columns(new.properties.get(CLUSTERING), fields)
        need_key_columns(defined.keys, fields)
        place, checks = existing.place if existing else None, defined.checks
        _set_keys(session, new, _empty_table(session, new, fields, place, checks, defined.keys), made=existing is None)
    return literals.empty()


def _check_replaced(session: Session, new: NewTable, existing: Table, mode: str, *, like: bool, copied: bool) -> None:
    if mode == "replace" and like:
        raise unsupported("OR REPLACE of a table that exists with LIKE", "Drop the table first.")
    if mode == "error" or existing.is_view:
        raise already_exists("table", str(new.name))
    if new.policies:
        raise unsupported("OR REPLACE with a row filter or masks", "Drop the table first, or use ALTER TABLE.")
    session.catalog.need_data(existing, write=True)
    if copied and existing.policies:
        raise existing.policies.refused(str(new.name), "TABLE_CLONE_TARGET_NOT_SUPPORTED", "A clone in the place")


def _set_keys(session: Session, new: NewTable, keys: list[dict[str, Any]], *, made: bool) -> None:
    """Enter the keys; a new table whose keys are refused is not made."""
    try:
        for key in keys:
            enter(session, new.name, key)
    except SparkError:
        if made:
            session.catalog.drop_table(new.name)
        raise


def _partitions(cursor: Cursor, defined: Definitions) -> tuple[str, ...]:
    """Read `(a, b type ...)`; what has a type is a column of its own, after the others."""
    names: list[str] = []
    cursor.expect("(")
    while not names or cursor.take(","):
        if cursor.peek(1) == "(":
            raise unsupported(f"PARTITIONED BY {cursor.peek().lower()}(...)", "Keep what it gives in a column.")
        if cursor.peek(1) in {",", ")", "."}:
            names.append(".".join(cursor.name()))
        else:
            defined.columns.append(read_column(cursor))
            names.append(defined.columns[-1].name)
    cursor.expect(")")
    return tuple(names)


def _clauses(cursor: Cursor, session: Session, new: NewTable, defined: Definitions) -> tuple[NewTable, str | None]:
    """USING, PARTITIONED BY, LOCATION, COMMENT, TBLPROPERTIES, CLUSTER BY; then AS and the query."""
    found: dict[str, Any] = {"name": new.name}
    while not cursor.done:
        if cursor.take("USING") or (cursor.take("STORED", "AS") and cursor.peek() in {"PARQUET", "ORC", "AVRO"}):
            found["format"] = cursor.next().text.lower()
        elif cursor.take("OPTIONS"):
            found["options"] = read_options(cursor)
        elif cursor.take("PARTITIONED", "BY"):
            found["partitions"] = _partitions(cursor, defined)
        elif cursor.take("CLUSTER", "BY"):
            found["clustering"] = read_clustering(cursor)
        elif cursor.take("LOCATION"):
            found["location"] = session.places.mapper.to_write(cursor.string())
        elif cursor.take("COMMENT"):
            found["comment"] = cursor.string()
        elif cursor.take("TBLPROPERTIES"):
            found["properties"] = read_properties(cursor)
        elif cursor.take("WITH", "ROW", "FILTER") or cursor.take("ROW", "FILTER"):
            found["policies"] = {"row_filter": policies.read_row_filter(cursor, session)}
        elif cursor.take("AS") or cursor.peek() in {"SELECT", "WITH"}:
            return _completed(found, session), cursor.rest()
        else:
            raise unsupported(f"{cursor.peek()} in CREATE TABLE", "Leave the clause out.")
    return _completed(found, session), None


def _completed(found: dict[str, Any], session: Session) -> NewTable:
    """What the clauses say together."""
    clustering = found.pop("clustering", None)
    if clustering is not None:
        if "partitions" in found:
            text = "Operation not allowed: Clustering and partitioning cannot both be specified. Remove PARTITIONED BY."
            raise parse_error(text)
        if found.get("format", "delta") != "delta":
            raise unsupported("CLUSTER BY of tables of files", "Leave it out, or use Delta.")
        found["properties"] = {**found.get("properties", {}), CLUSTERING: clustering}
    return _with_path(NewTable(**found), session)


def _with_path(new: NewTable, session: Session) -> NewTable:
    """The option `path` is the same as LOCATION; a Delta table has no other options."""
    options = {key: value for key, value in new.options.items() if key.lower() != "path"}
    if new.format == "delta" and options:
        raise unsupported(f"OPTIONS ({next(iter(options))} ...) of a Delta table", "Use TBLPROPERTIES.")
    path = next((value for key, value in new.options.items() if key.lower() == "path"), None)
    if path is None or new.location is not None:
        return dataclasses.replace(new, options=options)
    return dataclasses.replace(new, options=options, location=session.places.mapper.to_write(path))


def _adopt(session: Session, new: NewTable) -> None:
    """`CREATE TABLE t USING delta LOCATION '...'`: the table is there, only its name is new."""
    if new.location is None:
        raise SparkError("DELTA_EMPTY_TABLE", f"{new.name} needs columns, a query or a LOCATION.")
    if not (new.location / "_delta_log").is_dir():
        raise not_found("path", str(new.location))
    session.catalog.need_schema(new.name.catalog, new.name.schema)
    writes.register(session, new, new.location)


def _empty_table(
    session: Session,
    new: NewTable,
    fields: list[dict[str, Any]],
    existing: Path | None = None,
    properties: dict[str, str] | None = None,
    keys: Sequence[dict[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Make a table without rows, or replace one that exists, in one commit; the keys that it has not yet.

    Args:
        session: The session that makes it.
        new: What it is to be.
        fields: Its columns, as the schema's JSON has them.
        existing: The place of the table that it replaces.
        properties: What its log has beside the properties of the catalog: CHECK constraints, features.
        keys: The keys that it is to have, as the API has them.
    """
    check_fields(fields, new.partitions, session)
    if existing is None:
        new = dataclasses.replace(new, properties={**feed.defaults(session.settings), **new.properties})
    definition = creation.Definition(fields, new.properties | (properties or {}), new.partitions, new.comment)
    left = list(keys)

    def before() -> None:
        left[:] = exchange(session, new.name, keys)

    if existing is not None:
        creation.replace(existing, definition, before)
        session.catalog.describe(new.name, new.comment, new.properties)
    else:
        writes.create(session, new, lambda place: creation.create(place, definition))
    return left


def drop(cursor: Cursor, session: Session) -> Any:
    """`DROP TABLE | VIEW | SCHEMA | CATALOG | VOLUME [IF EXISTS] name`."""
    cursor.expect("DROP")
    if cursor.take("TEMPORARY", "VARIABLE") or cursor.take("TEMPORARY", "VAR"):
        return variables.drop_variable(cursor, session)
    kind = locations.kind_of(cursor)
    if kind is not None:
        return locations.drop(cursor, session, kind)
    temporary = cursor.take("TEMPORARY") or cursor.take("TEMP")
    if cursor.take("FUNCTION"):
        return functions.drop_function(cursor, session, temporary=temporary)
    if cursor.peek() in KINDS:
        return drop_namespace(cursor, session)
    if cursor.peek() not in {"TABLE", "VIEW"}:
        raise unsupported(f"DROP {cursor.peek()}", "Use the workspace's API.")
    is_view = cursor.next().text.upper() == "VIEW"
    missing_ok = cursor.take("IF", "EXISTS")
    parts = cursor.name()
    cursor.take("PURGE")
    cursor.end()
    if session.names.is_temporary(parts):
        return views.drop_temporary(session, parts[-1])
    if is_global(parts) and (session.global_views.drop(parts[-1]) or missing_ok):
        return literals.empty()
    name = session.names.table(parts)
    table = None if is_global(parts) else session.catalog.find_table(name)
    if table is None:
        if missing_ok:
            return literals.empty()
        raise not_found("table", str(name))
    if table.is_view != is_view:
        raise SparkError(
            "WRONG_COMMAND_FOR_OBJECT_TYPE",
            f"{name} is a {'view; use DROP VIEW' if table.is_view else 'table; use DROP TABLE'}.",
            sql_state="42809",
        )
    session.catalog.drop_table(name)
    return literals.empty()
