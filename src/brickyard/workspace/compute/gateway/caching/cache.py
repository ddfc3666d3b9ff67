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
from brickyard.workspace.compute.gateway.temporary_views import View

__all__ = ["Cache", "Entry", "Level", "Made", "Meaning", "children", "target"]

#: The plan with names resolved, the time zone, and the registered functions in it.
Meaning = tuple[bytes, str, bytes]


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
        meaning: Of the plan.
        tables: The Delta tables that it was made of, with their versions.
        files: Files and directories that it was made of.
    """

    relation_id: str
    engine: int
    meaning: Meaning
    tables: dict[Path, Stamp]
    files: dict[Path, Stamp]

    def fits(self, engine: int, meaning: Meaning) -> bool:
        """Whether it is what would be computed now; who else changes files is not looked at, as in Spark."""
        same = (engine, meaning) == (self.engine, self.meaning)
        return same and all(stamp_of(place) == stamp for place, stamp in self.tables.items())


@dataclass
class Entry:
    """A plan whose data is kept.

    Args:
        relation: The plan; names in it are not resolved.
        view: The temporary view whose plan it is.
        level: As the user wants it.
        made: The data, once it was computed.
    """

    relation: relations_pb2.Relation
    view: View | None
    level: Level
    made: Made | None = None


def _unresolved(plan: Any, session: Any) -> None:
    """Leave a plan as it is."""


@dataclass
class Cache:
    """The plans whose data a session keeps.

    Args:
        resolve: Resolves the names in a plan, in place; told the session.
        prepare: Has a view's plan read what is kept, and resolves it, in place; told the session inside the view.
    """

    resolve: Callable[[Any, Any], None] = field(default=_unresolved)
    prepare: Callable[[Any, Any], None] = field(default=_unresolved)
    entries: dict[bytes, Entry] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def key(self, relation: Any, names: SessionNames) -> bytes:
        """What plans have in common that may mean the same."""
        found, view = target(relation, names)
        if view is not None:
            names = view.names
        elif name := _name(found):
            return f"table {names.table(Cursor(name).name()).full}".encode()
        return f"{names.catalog}.{names.schema} ".encode() + essence(found)

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


def target(relation: Any, names: SessionNames) -> tuple[Any, View | None]:
    """The plan that is meant, and the temporary view that has it, if the relation is the name of one."""
    name = _name(relation)
    parts = Cursor(name).name() if name else []
    view = names.temporary[parts[0].lower()] if names.is_temporary(parts) else None
    return (relation, None) if view is None else (view.relation, view)


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
