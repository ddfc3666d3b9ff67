"""ALTER and COMMENT ON: tables in their logs, everything else in the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from brickyard.workspace import statistics
from brickyard.workspace.compute.gateway import literals, log, mapping
from brickyard.workspace.compute.gateway.checks import CHECKS
from brickyard.workspace.compute.gateway.clustering import CLUSTERING, need_columns, read_clustering
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.names import TableName
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements import (
    altercolumns,
    containers,
    keys,
    locations,
    policies,
    tags,
    views,
)
from brickyard.workspace.compute.gateway.statements.describe import target
from brickyard.workspace.compute.gateway.statements.file_partitions import alter_files, comment_on
from brickyard.workspace.compute.gateway.statements.namespaces import KINDS, full, read_properties
from brickyard.workspace.compute.gateway.unity import Table
from brickyard.workspace.compute.gateway.view_columns import MODE

__all__ = ["alter", "comment"]


def alter(cursor: Cursor, session: Session) -> Any:
    """`ALTER TABLE | VIEW | SCHEMA | CATALOG | VOLUME name ...`."""
    cursor.expect("ALTER")
    if cursor.take("TABLE"):
        _table(cursor, session)
    elif cursor.take("VIEW"):
        _view(cursor, session)
    elif (kind := locations.kind_of(cursor)) is not None:
        locations.alter(cursor, session, kind)
    elif cursor.peek() in KINDS:
        containers.alter(cursor, session)
    else:
        raise unsupported(f"ALTER {cursor.peek()}", "Use the workspace's API.")
    return literals.empty()


def _table(cursor: Cursor, session: Session) -> None:
    place, table = target(cursor, session, write=True, rows=False, files=True)
    if table is not None and table.files is not None:
        if not alter_files(cursor, session, table):
            _object(cursor, session, table, "TABLE")
        return
    policies.keep_columns(cursor, table)
    if policies.alter_table(cursor, session, table):
        return
    if cursor.take("RENAME", "COLUMN"):
        altercolumns.rename(cursor, session, place, table)
    elif cursor.take("DROP", "COLUMNS") or cursor.take("DROP", "COLUMN"):
        altercolumns.drop(cursor, session, place, table)
    elif cursor.take("ADD", "COLUMNS") or cursor.take("ADD", "COLUMN"):
        altercolumns.add(cursor, session, place)
    elif cursor.take("ALTER") or cursor.take("CHANGE"):
        cursor.take("COLUMN")
        if not (_column_tags(cursor, session, table) or policies.alter_column(cursor, session, table)):
            altercolumns.alter(cursor, session, place)
    elif cursor.take("ADD"):
        keys.add(cursor, session, place, table)
    elif cursor.take("DROP", "CONSTRAINT"):
        keys.drop(cursor, session, place, table)
    elif table is not None and cursor.peek(2) == "KEY" and cursor.take("DROP"):
        keys.drop_key(cursor, session, table)
    elif cursor.take("CLUSTER", "BY"):
        _cluster(cursor, place)
    elif _optimizes(cursor):
        cursor.position = len(cursor.tokens)
    elif cursor.peek() in {"SET", "UNSET"} and cursor.peek(1) == "TBLPROPERTIES":
        _properties(cursor, place)
    else:
        _object(cursor, session, table, "TABLE")


def _cluster(cursor: Cursor, place: Path) -> None:
    """`CLUSTER BY (a, b) | NONE | AUTO`."""
    value = read_clustering(cursor)
    cursor.end()

    def edit(metadata: log.Metadata) -> None:
        need_columns(value, metadata.fields)
        if value is not None and metadata.partitions:
            text = "ALTER TABLE CLUSTER BY is not supported for partitioned tables."
            raise SparkError("DELTA_ALTER_TABLE_CLUSTER_BY_ON_PARTITIONED_TABLE_NOT_ALLOWED", text, sql_state="42000")
        metadata.configuration.pop(CLUSTERING, None)
        if value is not None:
            metadata.configuration[CLUSTERING] = value

    log.change(place, "CLUSTER BY", {"newClusteringColumns": value or "[]"}, edit)


def _optimizes(cursor: Cursor) -> bool:
    """Whether it is `ENABLE | DISABLE | INHERIT PREDICTIVE OPTIMIZATION`, which changes no result."""
    return cursor.peek() in {"ENABLE", "DISABLE", "INHERIT"} and cursor.peek(1) == "PREDICTIVE"


def _column_tags(cursor: Cursor, session: Session, table: Table | None) -> bool:
    """`ALTER COLUMN c SET TAGS (...)`, if it is that."""
    begin, parts = cursor.position, cursor.name()
    if table is not None and tags.change(cursor, session, "columns", f"{table.name.full}.{'.'.join(parts)}"):
        return True
    cursor.position = begin
    return False


def _object(cursor: Cursor, session: Session, table: Table | None, what: str) -> None:
    """What the catalog keeps: name and owner."""
    if table is None:
        raise unsupported(f"ALTER TABLE ... {cursor.peek()} of a path", "Name the table.")
    if cursor.take("RENAME", "TO"):
        _rename(session, table.name, session.names.table(_moved(cursor, table.name)))
    elif containers.takes_owner(cursor):
        session.catalog.change("tables", table.name.full, {"owner": containers.principal(cursor)})
    elif tags.change(cursor, session, "tables", table.name.full):
        return
    else:
        raise unsupported(f"ALTER {what} ... {cursor.peek()} {cursor.peek(1)}", "Use the workspace's API.")
    cursor.end()


def _moved(cursor: Cursor, old: TableName) -> list[str]:
    """The new name; of one part, it is in the schema of the old."""
    parts = cursor.name()
    return [old.catalog, old.schema, *parts] if len(parts) == 1 else parts


def _rename(session: Session, old: TableName, new: TableName) -> None:
    if (old.catalog, old.schema) != (new.catalog, new.schema):
        raise unsupported("renaming a table into another schema", "Use CREATE TABLE ... AS SELECT and DROP TABLE.")
    session.catalog.change("tables", old.full, {"new_name": new.name})


def _properties(cursor: Cursor, place: Path) -> None:
    setting = cursor.next().text.upper() == "SET"
    cursor.next()
    if setting:
        values = read_properties(cursor)
        cursor.end()
        if any(key.lower().startswith(CHECKS) for key in values):
            text = "Please use ALTER TABLE ADD CONSTRAINT to add CHECK constraints."
            raise SparkError("DELTA_ADD_CONSTRAINTS", text, sql_state="0A000")
        log.change(
            place, "SET TBLPROPERTIES", {"properties": values}, lambda metadata: mapping.configure(metadata, values)
        )
        return
    cursor.take("IF", "EXISTS")
    names = _keys(cursor)
    log.change(place, "UNSET TBLPROPERTIES", {"properties": names}, lambda metadata: _unset(metadata, names))


def _unset(metadata: log.Metadata, names: list[str]) -> None:
    if log.MAPPING in names and metadata.mapped:
        text = "Changing column mapping mode from 'name' to 'none' is not supported."
        raise SparkError("DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE", text, sql_state="0AKDC")
    for name in names:
        metadata.configuration.pop(name, None)
    statistics.stop(metadata.configuration, metadata.fields)


def _keys(cursor: Cursor) -> list[str]:
    cursor.expect("(")
    names = []
    while not cursor.take(")"):
        names.append(cursor.string_or_name())
        cursor.take(",")
    cursor.end()
    return names


def _view(cursor: Cursor, session: Session) -> None:
    """`ALTER VIEW v AS query | WITH SCHEMA mode | RENAME TO w | SET OWNER TO p`."""
    parts = cursor.name()
    if cursor.take("AS"):
        views.redefine(cursor, session, parts)
        return
    table = session.catalog.table(session.names.table(parts), write=True)
    if not table.is_view:
        raise SparkError("EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE", f"{table.name} is a table; use ALTER TABLE.")
    if cursor.take("WITH", "SCHEMA"):
        mode = views.schema_mode(cursor)
        cursor.end()
        session.catalog.change("tables", table.name.full, {"properties": {**table.properties, MODE: mode}})
    elif not _view_properties(cursor, session, table):
        _object(cursor, session, table, "VIEW")


def _view_properties(cursor: Cursor, session: Session, view: Table) -> bool:
    """`SET TBLPROPERTIES (...)`, `UNSET TBLPROPERTIES [IF EXISTS] (...)`, if it is that."""
    values = dict(view.properties)
    if cursor.take("SET", "TBLPROPERTIES"):
        values |= read_properties(cursor)
    elif cursor.take("UNSET", "TBLPROPERTIES"):
        cursor.take("IF", "EXISTS")
        gone = _keys(cursor)
        values = {key: value for key, value in values.items() if key not in gone}
    else:
        return False
    cursor.end()
    session.catalog.change("tables", view.name.full, {"properties": values})
    return True


def comment(cursor: Cursor, session: Session) -> Any:
    """`COMMENT ON TABLE | VIEW | COLUMN | SCHEMA | CATALOG | VOLUME name IS '...' | NULL`."""
    cursor.expect("COMMENT", "ON")
    kind = cursor.next().text.upper()
    parts = cursor.name()
    cursor.expect("IS")
    text = "" if cursor.take("NULL") else cursor.string()
    cursor.end()
    if kind in KINDS:
        session.catalog.change(KINDS[kind], full(kind, parts, session), {"comment": text})
    elif kind == "COLUMN" and len(parts) > 1:
        table = session.catalog.table(session.names.table(parts[:-1]), write=True)
        if table.files is not None:
            comment_on(session, table, parts[-1], text)
        else:
            altercolumns.comment(table.directory, parts[-1:], text)
    elif kind in {"TABLE", "VIEW"}:
        session.catalog.comment(session.names.table(parts), text)
    else:
        raise unsupported(f"COMMENT ON {kind}", "Use the workspace's API.")
    return literals.empty()
