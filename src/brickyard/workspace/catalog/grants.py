"""What is granted on objects of Unity Catalog, and to whom."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, select

from brickyard.workspace.catalog.objects import UnityObject, identities
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.store.catalog import grants as table

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["Change", "Grants"]

Key = tuple[str, str]


@dataclass(frozen=True)
class Change:
    """What a principal is granted and what is revoked; what is in both is revoked.

    Attributes:
        principal_id: A user, service principal or group.
        add: Privileges.
        remove: Privileges.
    """

    principal_id: int
    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()


class Grants:
    """Privileges on objects, all of them kept in memory: this process is the only one that changes them.

    They belong to an object's id, which is never used again: what was granted on an object that was dropped counts
    nowhere, and is deleted when the workspace starts.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._granted: dict[Key, dict[int, frozenset[str]]] = {}
        with store.write() as connection:
            _forget_dropped(connection)
        self.load()

    def load(self) -> None:
        """Read them again: the ids of models have changed in the database, with their names."""
        with self._lock, self._store.read() as connection:
            found: dict[Key, dict[int, frozenset[str]]] = {}
            for row in connection.execute(select(table)):
                held = found.setdefault((row.kind, row.object_id), {})
                held[row.principal_id] = held.get(row.principal_id, frozenset()) | {row.privilege}
            self._granted = found

    def on(self, target: UnityObject) -> Mapping[int, frozenset[str]]:
        """What is granted on an object itself, by principal."""
        return self._granted.get(_key(target), {})

    def held(self, target: UnityObject, holders: Iterable[int]) -> frozenset[str]:
        """What is granted on an object itself to any of these."""
        granted = self.on(target)
        if not granted:
            return frozenset()
        return frozenset().union(*(granted[holder] for holder in holders if holder in granted))

    def change(self, target: UnityObject, changes: Iterable[Change]) -> None:
        """Grant and revoke on one object: all of it, or nothing."""
        with self._lock:
            granted = dict(self.on(target))
            for change in changes:
                held = granted.get(change.principal_id, frozenset())
                granted[change.principal_id] = (held | change.add) - change.remove
            granted = {principal_id: held for principal_id, held in granted.items() if held}
            with self._store.write() as connection:
                _write(connection, target, granted)
            self._granted[_key(target)] = granted


def _key(target: UnityObject) -> Key:
    return target.kind.value, target.id


def _write(connection: Connection, target: UnityObject, granted: Mapping[int, frozenset[str]]) -> None:
    kind, object_id = _key(target)
    connection.execute(delete(table).where((table.c.kind == kind) & (table.c.object_id == object_id)))
    rows = [
        {"kind": kind, "object_id": object_id, "principal_id": principal_id, "privilege": privilege}
        for principal_id, held in granted.items()
        for privilege in sorted(held)
    ]
    if rows:
        connection.execute(insert(table), rows)


def _forget_dropped(connection: Connection) -> None:
    for kind in ObjectKind:
        if kind is ObjectKind.METASTORE:
            continue
        mine = table.c.kind == kind.value
        gone = set(connection.execute(select(table.c.object_id).where(mine)).scalars()) - identities(connection, kind)
        for object_id in gone:
            connection.execute(delete(table).where(mine & (table.c.object_id == object_id)))
