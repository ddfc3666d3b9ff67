"""Names that tables keep of others: the parents of foreign keys, and the functions of row filters and masks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from brickyard.workspace.catalog.constraints import FOREIGN
from brickyard.workspace.catalog.policies import COLUMN_MASKS, ROW_FILTER
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.store.catalog import attributes, constraints

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["rename_references"]

_CONTAINERS = (ObjectKind.CATALOG, ObjectKind.SCHEMA)


def rename_references(connection: Connection, kind: ObjectKind, old: str, new: str) -> None:
    """Write the new name of an object, and of what is in it, where tables keep the old one.

    Args:
        connection: The transaction in which the object is renamed.
        kind: What it is.
        old: Its full name until now.
        new: Its full name from now on.
    """
    if kind in (*_CONTAINERS, ObjectKind.TABLE):
        _parents(connection, old, new)
    if kind in _CONTAINERS:  # functions have no other name by themselves
        _functions(connection, old, new)


def _parents(connection: Connection, old: str, new: str) -> None:
    for row in connection.execute(select(constraints)).all():
        found = json.loads(row.definition)
        key = found.get(FOREIGN)
        if key is None or (name := _renamed(key["parent_table"], old, new)) == key["parent_table"]:
            continue
        mine = (constraints.c.table_id == row.table_id) & (constraints.c.name == row.name)
        text = json.dumps({**found, FOREIGN: {**key, "parent_table": name}})
        connection.execute(update(constraints).where(mine).values(definition=text))


def _functions(connection: Connection, old: str, new: str) -> None:
    policies = attributes.c.name.in_((ROW_FILTER, COLUMN_MASKS))
    for row in connection.execute(select(attributes).where(policies)).all():
        found = json.loads(row.value)
        if row.name == ROW_FILTER:
            value = _with_function(found, old, new)
        else:
            value = {column: _with_function(mask, old, new) for column, mask in found.items()}
        if value != found:
            mine = (attributes.c.object_id == row.object_id) & (attributes.c.name == row.name)
            connection.execute(update(attributes).where(mine).values(value=json.dumps(value)))


def _with_function(policy: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {**policy, "function_name": _renamed(policy["function_name"], old, new)}


def _renamed(name: str, old: str, new: str) -> str:
    """What a name is after the renaming; one that has nothing to do with it stays as it is written."""
    lower = name.lower()
    return new + lower.removeprefix(old) if f"{lower}.".startswith(f"{old}.") else name
