"""What a shadow leaves, written to its table as one commit: files without marks, and files of the changes."""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.commits import latest
from brickyard.workspace.compute.gateway.feed.assembled import Action, add_fields, assemble
from brickyard.workspace.compute.gateway.feed.commit import Changes, commit
from brickyard.workspace.compute.gateway.feed.shadow import KIND, OLD, Shadow, text_of
from brickyard.workspace.compute.gateway.feed.staging import moved, written
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.snapshots import snapshot

__all__ = ["record"]

TYPE = "_change_type"
DIRECTORY = "_change_data/"


def record(session: Session, shadow: Shadow, describe: Callable[[Changes], Action]) -> Changes:
    """Commit what has become of the shadow; nothing if it is as it was.

    Args:
        session: The session that changes the table.
        shadow: The shadow, changed.
        describe: What the history says of the commit: its operation, parameters and metrics.

    Raises:
        SparkError: Another writer has changed what was read.
    """
    removed, added = shadow.outcome()
    if not added:
        return Changes()
    touched = shadow.directory / "touched"
    marked = snapshot(shadow.root, latest(shadow.root)).metadata
    assemble(touched, shadow.protocol, marked, shadow.root, added)
    source = text_of(session, touched)
    rows = _rows(session, source)
    if set(rows) <= {None}:
        return Changes()
    only_added = set(rows) == {"insert"} and not removed  # the files say it themselves
    kept = _kept(session, shadow, source)
    changes = Changes(rows, removed, kept, [] if only_added else _changed(session, shadow, source))
    commit(shadow.place, shadow.version, changes, describe(changes), shadow.evolved)
    return changes


def _rows(session: Session, source: str) -> dict[str | None, int]:
    counted = session.sail.query(session.key, f"SELECT {KIND} AS k, count(*) AS n FROM {source} GROUP BY {KIND}")
    return {row["k"]: row["n"] for row in counted.to_pylist()} if counted else {}


def _kept(session: Session, shadow: Shadow, source: str) -> list[Action]:
    """The rows that the table is to have."""
    query = f"SELECT {_columns(shadow)} FROM {source} WHERE {KIND} IS NULL OR {KIND} <> 'delete'"
    place = shadow.directory / "rows"
    return moved(written(session, _sql(query), place, shadow.protocol, shadow.metadata), place, shadow.place)


def _changed(session: Session, shadow: Shadow, source: str) -> list[Action]:
    """The rows of the feed."""
    after, before = _columns(shadow), ", ".join(f"{OLD}.{quote(name)} AS {quote(name)}" for name in shadow.columns)
    kind = f"CASE {KIND} WHEN 'update' THEN 'update_postimage' ELSE {KIND} END"
    query = (
        f"SELECT {after}, {kind} AS {TYPE} FROM {source} WHERE {KIND} IS NOT NULL "
        f"UNION ALL SELECT {before}, 'update_preimage' AS {TYPE} FROM {source} WHERE {KIND} = 'update'"
    )
    column = {"name": TYPE, "type": "string", "nullable": True, "metadata": {}}
    metadata = add_fields(_unchecked(shadow.metadata), [column], relaxed=True)
    place = shadow.directory / "changes"
    return moved(written(session, _sql(query), place, shadow.protocol, metadata), place, shadow.place, DIRECTORY)


def _sql(query: str) -> relations_pb2.Relation:
    return relations_pb2.Relation(sql=relations_pb2.SQL(query=query))


def _columns(shadow: Shadow) -> str:
    return ", ".join(map(quote, shadow.columns))


def _unchecked(metadata: Action) -> Action:
    """Without what only rows of the table must be like."""
    kept = {key: value for key, value in metadata["configuration"].items() if not key.startswith("delta.constraints.")}
    return {**metadata, "configuration": kept}
