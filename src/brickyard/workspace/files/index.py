"""The identities of workspace objects: all in memory, for this process is the only one that writes them."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from brickyard.workspace.clock import now
from brickyard.workspace.store.files import workspace_objects as objects

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["Index", "Known"]


@dataclass(frozen=True)
class Known:
    """What the database has of an object; the time is epoch milliseconds."""

    id: int
    path: str
    kind: str
    language: str | None
    created_at: int


class Index:
    """Objects by path and by number; a change is durable before it is seen."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.RLock()
        with store.read() as connection:
            rows = connection.execute(select(objects)).all()
        self._by_path = {row.path: Known(row.id, row.path, row.kind, row.language, row.created_at) for row in rows}
        self._by_id = {known.id: known.path for known in self._by_path.values()}
        self._repos = {known.path for known in self._by_path.values() if known.kind == "REPO"}

    def get(self, path: str) -> Known | None:
        """The object at a path."""
        return self._by_path.get(path)

    def path_of(self, object_id: int) -> str | None:
        """The path of the object with a number."""
        return self._by_id.get(object_id)

    def repo_of(self, path: str) -> str | None:
        """The Git folder that an object is or is in."""
        if not self._repos:
            return None
        while path and path not in self._repos:
            path = path.rpartition("/")[0]
        return path or None

    def paths(self) -> list[str]:
        """All paths."""
        with self._lock:
            return list(self._by_path)

    def remember(self, path: str, kind: str, language: str | None = None, *, changed_at: int | None = None) -> Known:
        """Keep what an object is; one that is known keeps its number, a new one was made when its content was."""
        with self._lock:
            found = self._by_path.get(path)
            if found is not None and (found.kind, found.language) == (kind, language):
                return found
            with self._store.write() as connection:
                if found is None:
                    created_at = now() if changed_at is None else changed_at
                    known = Known(secrets.randbelow(10**15) + 10**15, path, kind, language, created_at)
                    values = {"id": known.id, "path": path, "kind": kind, "language": language}
                    parent = path.rpartition("/")[0] or "/"
                    connection.execute(insert(objects).values(**values, parent=parent, created_at=known.created_at))
                else:
                    known = Known(found.id, path, kind, language, found.created_at)
                    mine = objects.c.id == known.id
                    connection.execute(update(objects).where(mine).values(kind=kind, language=language))
            self._by_path[path] = known
            self._by_id[known.id] = path
            self._repos -= {path}
            self._repos |= {path} if kind == "REPO" else set()
            return known

    def forget(self, paths: Iterable[str]) -> None:
        """Drop objects, in one transaction."""
        with self._lock:
            gone = [known for path in paths if (known := self._by_path.get(path)) is not None]
            if not gone:
                return
            with self._store.write() as connection:
                for known in gone:
                    connection.execute(delete(objects).where(objects.c.id == known.id))
            for known in gone:
                del self._by_path[known.path], self._by_id[known.id]
                self._repos.discard(known.path)

    def forget_below(self, path: str) -> None:
        """Drop an object and everything below it."""
        with self._lock:
            below = path.rstrip("/") + "/"
            self.forget([one for one in self._by_path if one == path or one.startswith(below)])
