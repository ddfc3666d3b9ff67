"""Rows written to a Delta table: by Sail, or with a record of the changes where the table has a feed of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway import feed
from brickyard.workspace.compute.gateway.commits import latest
from brickyard.workspace.compute.gateway.feed.overwrites import append, overwrite, redefine
from brickyard.workspace.compute.gateway.properties import need_removable
from brickyard.workspace.compute.gateway.session import Session

__all__ = ["store"]

SCHEMA = "overwriteSchema"


def store(
    session: Session,
    rows: relations_pb2.Relation,
    place: Path,
    mode: str,
    *,
    partitions: tuple[str, ...] = (),
    options: Mapping[str, str] | None = None,
) -> None:
    """Write resolved rows that fit the table; mode is `append` or `overwrite`."""
    options = options or {}
    if mode == "overwrite":
        need_removable(place)
    if session.sail.capabilities.is_spark or latest(place) < 0 or not feed.records(place):
        session.write(rows, place, mode, partitions=partitions, options=options)
    elif mode == "append":
        append(session, rows, place)
    elif options.get(SCHEMA, "").lower() == "true":
        redefine(session, rows, place, partitions)
    else:
        overwrite(session, rows, place)
