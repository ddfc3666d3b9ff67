"""Tags of catalogs, schemas, tables, columns and volumes.

Source: https://docs.databricks.com/database-objects/tags and `databricks.sdk.service.catalog.EntityTagAssignmentsAPI`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, delete, insert, select, update

from brickyard.workspace.api.errors import ApiError, InvalidParameterValue, NotFound
from brickyard.workspace.clock import now
from brickyard.workspace.store.catalog import tags as table

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["Tag", "Tagged", "Tags"]

_MOST = 50
_LONGEST_KEY, _LONGEST_VALUE = 256, 1000
_FORBIDDEN = re.compile(r"[.,\-=/:\x00-\x1f\x7f]")


class _Exists(ApiError):
    """The object has a tag of this key already."""

    status, code = 409, "ALREADY_EXISTS"


@dataclass(frozen=True)
class Tagged:
    """What has tags: an object by its id, or a column of a table."""

    object_id: str
    column: str = ""


@dataclass(frozen=True)
class Tag:
    """One tag; the time is in epoch milliseconds."""

    key: str
    value: str
    updated_at: int
    updated_by: str


class Tags:
    """The tags of a workspace's catalog."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def on(self, target: Tagged) -> list[Tag]:
        """The tags of an object, by key."""
        with self._store.read() as connection:
            rows = connection.execute(select(table).where(_of(target)).order_by(table.c.key)).all()
        return [Tag(row.key, row.value, row.updated_at, row.updated_by) for row in rows]

    def all(self) -> list[tuple[Tagged, Tag]]:
        """All tags, and what has them."""
        with self._store.read() as connection:
            rows = connection.execute(select(table).order_by(table.c.key)).all()
        return [
            (Tagged(row.object_id, row.column), Tag(row.key, row.value, row.updated_at, row.updated_by)) for row in rows
        ]

    def get(self, target: Tagged, key: str) -> Tag:
        """One tag.

        Raises:
            NotFound: The object does not have it.
        """
        found = next((one for one in self.on(target) if one.key == key), None)
        if found is None:
            raise NotFound(f"The tag '{key}' is not assigned to this entity.")
        return found

    def add(self, target: Tagged, key: str, value: str, by: str) -> Tag:
        """Give an object a tag.

        Raises:
            ApiError: `ALREADY_EXISTS`, or that is no tag, or there are too many.
        """
        _check(key, value)
        present = self.on(target)
        if any(one.key == key for one in present):
            raise _Exists(f"The tag '{key}' is assigned to this entity already.")
        if len(present) >= _MOST:
            raise InvalidParameterValue(f"An entity has at most {_MOST} tags.")
        row = {"object_id": target.object_id, "column": target.column, "key": key, "value": value, **_stamp(by)}
        with self._store.write() as connection:
            connection.execute(insert(table).values(**row))
        return self.get(target, key)

    def change(self, target: Tagged, key: str, value: str, by: str) -> Tag:
        """Give a tag another value.

        Raises:
            NotFound: The object does not have it.
            InvalidParameterValue: That is no value.
        """
        self.get(target, key)
        _check(key, value)
        with self._store.write() as connection:
            mine = _of(target) & (table.c.key == key)
            connection.execute(update(table).where(mine).values(value=value, **_stamp(by)))
        return self.get(target, key)

    def remove(self, target: Tagged, key: str) -> None:
        """Take a tag away.

        Raises:
            NotFound: The object does not have it.
        """
        self.get(target, key)
        with self._store.write() as connection:
            connection.execute(delete(table).where(_of(target) & (table.c.key == key)))


def _of(target: Tagged) -> ColumnElement[bool]:
    return (table.c.object_id == target.object_id) & (table.c.column == target.column)


def _stamp(by: str) -> dict[str, object]:
    return {"updated_at": now(), "updated_by": by}


def _check(key: str, value: str) -> None:
    if not key or len(key) > _LONGEST_KEY or _FORBIDDEN.search(key) or key != key.strip():
        raise InvalidParameterValue(
            f"Tag key {key!r} is not valid: at most {_LONGEST_KEY} characters, no . , - = / : or space at an end."
        )
    if len(value) > _LONGEST_VALUE:
        raise InvalidParameterValue(f"The value of the tag {key} has more than {_LONGEST_VALUE} characters.")
