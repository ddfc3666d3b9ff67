"""Primary and foreign keys of tables, which the catalog knows: entered, removed, and exchanged with a table.

A table is replaced by a commit of its log, and its keys by calls of the catalog. So old keys go just before the commit,
and new ones come after it: whatever ends meanwhile, no key says of the one table what holds of the other.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.names import TableName, quote
from brickyard.workspace.compute.gateway.session import Session

__all__ = ["FOREIGN", "PRIMARY", "enter", "exchange", "names_of", "need_columns", "release"]

Key = dict[str, Any]
PRIMARY, FOREIGN = "primary_key_constraint", "foreign_key_constraint"
#: What the names begin with that keys get.
NAMES = {PRIMARY: "pk", FOREIGN: "fk"}


def enter(session: Session, table: TableName, key: Key) -> None:
    """Enter a key, as the API has it; one without a name gets one."""
    ((kind, body),) = key.items()
    name = body["name"] or f"{NAMES[kind]}_{uuid.uuid4().hex[:8]}"
    session.catalog.add_constraint(table, {kind: {**body, "name": name}})


def exchange(session: Session, table: TableName, new: Sequence[Key]) -> list[Key]:
    """Remove the keys of a table that is about to be replaced by one with others; those that are to be entered then.

    Raises:
        SparkError: Another table's foreign key refers to one that goes.
    """
    have = session.catalog.keys(table)
    for old in have:
        if not any(_same(key, old) for key in new):
            session.catalog.drop_constraint(table, _body(old)["name"])
    return [key for key in new if not any(_same(key, old) for old in have)]


def release(session: Session, table: TableName, columns: Iterable[str]) -> None:
    """Remove the keys of columns that are renamed or dropped, as Databricks does, and those that refer to them."""
    gone = {column.lower() for column in columns}
    for key in session.catalog.keys(table):
        if gone.intersection(_columns(key)):
            session.catalog.drop_constraint(table, _body(key)["name"], cascade=True)


def names_of(session: Session, table: TableName, kind: str, columns: Sequence[str] | None) -> list[str]:
    """The names of a table's keys of a kind, and of these columns if they are given."""
    wanted = None if columns is None else [column.lower() for column in columns]
    keys = [key for key in session.catalog.keys(table) if kind in key and wanted in (None, _columns(key))]
    return [str(_body(key)["name"]) for key in keys]


def need_columns(keys: Iterable[Key], fields: Iterable[dict[str, Any]]) -> None:
    """Refuse keys that a table of these columns cannot have.

    Raises:
        SparkError: UNRESOLVED_COLUMN.WITH_SUGGESTION, MULTIPLE_PRIMARY_KEYS.
    """
    keys = list(keys)
    known = {field["name"].lower() for field in fields}
    primary = [f"({', '.join(_columns(key))})" for key in keys if PRIMARY in key]
    if len(primary) > 1:
        text = f"Multiple primary keys are defined: {', '.join(primary)}. Please ensure that there is only one."
        raise SparkError("MULTIPLE_PRIMARY_KEYS", text, sql_state="42P16")
    for name in (name for key in keys for name in _columns(key) if name not in known):
        text = f"A column with name {quote(name)} cannot be resolved. Did you mean one of: {', '.join(sorted(known))}?"
        raise SparkError("UNRESOLVED_COLUMN.WITH_SUGGESTION", text, sql_state="42703")


def _body(key: Key) -> dict[str, Any]:
    (body,) = key.values()
    return dict(body)


def _columns(key: Key) -> list[str]:
    return [column.lower() for column in _body(key).get("child_columns") or ()]


def _same(new: Key, old: Key) -> bool:
    """Whether a key that a statement defines is one that there is."""
    mine, its = _body(new), _body(old)
    parents = [column.lower() for column in mine.get("parent_columns") or ()]
    return (
        new.keys() == old.keys()
        and _columns(new) == _columns(old)
        and mine["name"] in ("", its["name"])
        and mine.get("parent_table") == its.get("parent_table")
        and parents in ([], [column.lower() for column in its.get("parent_columns") or ()])
    )
