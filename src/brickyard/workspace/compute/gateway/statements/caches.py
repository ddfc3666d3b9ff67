"""CACHE TABLE and UNCACHE TABLE."""

from __future__ import annotations

from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.caching import Level, keeping
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.views import register_temporary, register_text
from brickyard.workspace.compute.gateway.temporary_views import of_text

__all__ = ["cache", "named", "uncache"]

DISK, MEMORY = Level(use_memory=False, deserialized=False), Level(use_disk=False)
LEVELS = {
    "DISK_ONLY": DISK,
    "DISK_ONLY_2": Level(use_memory=False, deserialized=False, replication=2),
    "MEMORY_ONLY": MEMORY,
    "MEMORY_AND_DISK": Level(),
    "MEMORY_AND_DISK_DESER": Level(),
}


def cache(cursor: Cursor, session: Session) -> Any:
    """`CACHE [LAZY] TABLE t [OPTIONS ('storageLevel' 'DISK_ONLY')] [AS query]`."""
    cursor.expect("CACHE")
    lazy = cursor.take("LAZY")
    cursor.expect("TABLE")
    parts = cursor.name()
    level = _level(cursor) if cursor.take("OPTIONS") else Level()
    if cursor.take("AS") or cursor.peek() in {"SELECT", "WITH"}:
        if len(parts) != 1:
            raise SparkError("TEMP_VIEW_NAME_TOO_MANY_NAME_PARTS", "A temporary view has a name of one part.")
        _register(cursor.rest(), parts[0], session)
    else:
        cursor.end()
        session.need_table(parts)
    keep = keeping.keep if lazy else keeping.keep_now
    keep(session, named(parts), level)
    return literals.empty()


def _register(query: str, name: str, session: Session) -> None:
    """Make a view of a query; of its rows, if some are held for this statement only."""
    relation = session.relation(query)
    if not session.held:
        register_text(session, name, query, replace=True)
        return
    rows = literals.table(session.rows(relation))
    session.let_go()
    register_temporary(session, name, lambda: of_text(name, rows, session), replace=True)


def _level(cursor: Cursor) -> Level:
    cursor.expect("(")
    key = cursor.string_or_name()
    cursor.take("=")
    value = cursor.string_or_name().upper()
    cursor.expect(")")
    if key.lower() != "storagelevel" or value not in LEVELS:
        text = f"Invalid StorageLevel: {value}. Use one of {', '.join(LEVELS)}."
        raise SparkError("INVALID_STORAGE_LEVEL", text)
    return LEVELS[value]


def uncache(cursor: Cursor, session: Session) -> Any:
    """`UNCACHE TABLE [IF EXISTS] t`."""
    cursor.expect("UNCACHE", "TABLE")
    missing_ok = cursor.take("IF", "EXISTS")
    parts = cursor.name()
    cursor.end()
    try:
        session.need_table(parts)
    except SparkError:
        if missing_ok:
            return literals.empty()
        raise
    keeping.forget(session, named(parts))
    return literals.empty()


def named(parts: list[str]) -> relations_pb2.Relation:
    """A table or view as a plan."""
    relation = relations_pb2.Relation()
    relation.read.named_table.unparsed_identifier = quote(*parts)
    return relation
