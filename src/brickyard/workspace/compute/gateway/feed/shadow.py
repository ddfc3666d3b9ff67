"""A table to make changes on in place of the one that records them.

Sail changes tables without saying which rows it has changed, and so do not say files. So the change is made on a
*shadow* of the table: a log of its own, links to the table's files, and two columns more. The statement notes in them
what it does to a row, and what the row was before. What it leaves is written to the table as one commit.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway.commits import latest
from brickyard.workspace.compute.gateway.feed.assembled import Action, add_fields, assemble
from brickyard.workspace.compute.gateway.feed.setting import ENABLED, FEATURE
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.snapshots import snapshot

__all__ = ["KIND", "OLD", "Shadow", "quiet", "shadow_of", "text_of", "without_feed"]

KIND, OLD = "__brickyard_change", "__brickyard_before"
VECTORS = "delta.enableDeletionVectors"


@dataclass(frozen=True)
class Shadow:
    """The shadow of a table.

    Args:
        directory: A private place, with the shadow and what is made of it.
        place: The table.
        version: The table's version that it shadows.
        protocol: What the shadow asks of readers and writers.
        metadata: The columns and properties of the shadow without those that mark rows.
        files: The table's files, by the name of their link.
        evolved: The metadata of the table with the columns that the shadow has besides; None without any.
    """

    directory: Path
    place: Path
    version: int
    protocol: Action
    metadata: Action
    files: dict[str, Action]
    evolved: Action | None

    @property
    def root(self) -> Path:
        """Where the shadow is, a Delta table."""
        return self.directory / "shadow"

    @property
    def columns(self) -> list[str]:
        """Names of the table's columns."""
        return [str(field["name"]) for field in json.loads(self.metadata["schemaString"])["fields"]]

    def outcome(self) -> tuple[list[Action], list[Action]]:
        """The table's files that the shadow no longer has, and the shadow's own."""
        left = {add["path"]: add for add in snapshot(self.root, latest(self.root)).files}
        removed = [file for name, file in self.files.items() if name not in left]
        return removed, [add for path, add in left.items() if path not in self.files]


@contextmanager
def shadow_of(session: Session, place: Path, *, new: Iterable[Action] = ()) -> Iterator[Shadow]:
    """Make the shadow of a table, for as long as it is needed.

    Args:
        session: The session that changes the table.
        place: The table.
        new: Columns that it is to have besides, as the schema's JSON has them.
    """
    version = latest(place)
    found = snapshot(place, version)
    columns = list(new)
    evolved = add_fields(found.metadata, columns, own=False)
    metadata = quiet(evolved)
    fields = json.loads(metadata["schemaString"])["fields"]
    marked = add_fields(metadata, [_field(KIND, "string"), _field(OLD, {"type": "struct", "fields": _relaxed(fields)})])
    directory = session.staged()
    try:
        protocol = without_feed(found.protocol)
        links = assemble(directory / "shadow", protocol, marked, place, found.files)
        yield Shadow(directory, place, version, protocol, metadata, links, evolved if columns else None)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def quiet(metadata: Action) -> Action:
    """The metadata without the feed; deleted rows leave their files, as marks of them would not be files' own."""
    left = {key: value for key, value in metadata["configuration"].items() if key not in {ENABLED, VECTORS}}
    return {**metadata, "configuration": left}


def without_feed(protocol: Action) -> Action:
    """The protocol without the feature."""
    features = protocol.get("writerFeatures")
    return protocol if features is None else {**protocol, "writerFeatures": [x for x in features if x != FEATURE]}


def _field(name: str, kind: Any) -> Action:
    return {"name": name, "type": kind, "nullable": True, "metadata": {}}


def _relaxed(fields: list[Action]) -> list[Action]:
    return [{**field, "nullable": True} for field in fields]


def text_of(session: Session, place: Path) -> str:
    """A private table as SQL for Sail has it."""
    return f"delta.{quote(session.places.text(place))}"
