"""What a session keeps, by the plans that make it; it is computed elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.caching.stamps import Stamp, stamp_of
from brickyard.workspace.compute.gateway.names import SessionNames
from brickyard.workspace.compute.gateway.semantics import essence
from brickyard.workspace.compute.gateway.sqltext import Cursor

__all__ = ["Cache", "Entry", "Level", "Made", "View", "children"]


@dataclass(frozen=True)
class Level:
    """A storage level; all data is kept on disk here, whatever it says."""

    use_disk: bool = True
    use_memory: bool = True
    use_off_heap: bool = False
    deserialized: bool = True
    replication: int = 1


@dataclass(frozen=True)
class Made:
    """Data that is kept.

    Args:
        relation_id: What the engine calls it.
        engine: Which of the session's engines has it, as one that dies is replaced.
        tables: The Delta tables that it was made of, with their versions.
        files: Files and directories that it was made of.
    """

    relation_id: str
    engine: int
    tables: dict[Path, Stamp]
    files: dict[Path, Stamp]

    def fits(self, engine: int) -> bool:
        """Whether it is what would be computed now; who else changes files is not looked at, as in Spark."""
        return engine == self.engine and all(stamp_of(place) == stamp for place, stamp in self.tables.items())


@dataclass
class Entry:
    """A plan whose data is kept.

    Args:
        relation: The plan.
        resolved: Whether names in it are resolved.
        level: As the user wants it.
        made: The data, once it was computed.
    """

    relation: relations_pb2.Relation
    resolved: bool
    level: Level
    made: Made | None = None


@dataclass
class View:
    """The plan of a temporary view.

    Args:
        relation: The plan.
        resolved: Whether names in it are resolved.
        key: Of the plan.
        kept: The data in its plan, as the engine knows the view.
    """

    relation: relations_pb2.Relation
    resolved: bool
    key: bytes
    kept: tuple[str, ...] = ()


def _unresolved(plan: Any, session: Any) -> None:
    """Leave a plan as it is."""


@dataclass
class Cache:
    """The plans whose data a session keeps, and its temporary views.

    Args:
        names: What names mean in the session.
        resolve: Resolves the names in a plan, in place; told the session.
        held: By the names under which the engine has rows of files, reads of the places of these files.
    """

    names: SessionNames
    resolve: Callable[[Any, Any], None] = field(default=_unresolved)
    entries: dict[bytes, Entry] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    held: dict[str, relations_pb2.Relation] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def key(self, relation: Any) -> bytes:
        """What plans that mean the same have in common."""
        name = _name(relation)
        if name:
            return self.key_of_name(Cursor(name).name())
        return f"{self.names.catalog}.{self.names.schema} ".encode() + essence(relation)

    def key_of_name(self, parts: list[str]) -> bytes:
        """The key of a table or view."""
        view = self.views.get(parts[-1].lower()) if self.names.is_temporary(parts) else None
        return view.key if view is not None else f"table {self.names.table(parts).full}".encode()

    def saw_view(self, name: str, relation: Any, *, resolved: bool) -> None:
        """Remember the plan of a temporary view."""
        copied = relations_pb2.Relation()
        copied.CopyFrom(relation)
        key = b"view " + essence(copied) if resolved else self.key(copied)
        self.views.pop(name.lower(), None)  # the order is that of the last definition
        self.views[name.lower()] = View(copied, resolved, key)

    def entry_of(self, relation: Any) -> Entry:
        """A plan to be kept: of the name of a view, the view's."""
        name = _name(relation)
        parts = Cursor(name).name() if name else []
        view = self.views.get(parts[-1].lower()) if parts and self.names.is_temporary(parts) else None
        copied = relations_pb2.Relation()
        copied.CopyFrom(view.relation if view is not None else relation)
        return Entry(copied, view is not None and view.resolved, Level())

    def changed_files(self, before: dict[Path, Stamp]) -> None:
        """Forget data that was made of files which a command has changed since `before`."""
        gone = {place for place, stamp in before.items() if stamp_of(place) != stamp}
        for entry in self.entries.values():
            if entry.made is not None and gone.intersection(entry.made.files):
                entry.made = None

    def files(self) -> dict[Path, Stamp]:
        """The files that data was made of, as they are now."""
        made = [entry.made for entry in list(self.entries.values()) if entry.made is not None]
        return {place: stamp_of(place) for one in made for place in one.files}


def _name(relation: Any) -> str:
    """The name that a plan reads, if it does nothing else."""
    table = relation.read.named_table if relation.HasField("read") else None
    return "" if table is None or table.options else str(table.unparsed_identifier)


def children(message: Any) -> Iterator[Any]:
    """The messages inside a message."""
    for part, value in message.ListFields():
        if part.message_type is None:
            continue
        if part.message_type.GetOptions().map_entry:
            if part.message_type.fields_by_name["value"].message_type is not None:
                yield from list(value.values())
        else:
            yield from list(value) if part.is_repeated else [value]
