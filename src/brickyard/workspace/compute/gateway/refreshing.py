"""Files that have changed: what is kept of them is read anew; Spark is told, which lists files once for each view."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import grpc
from pyspark.sql.connect.proto import base_pb2, catalog_pb2, relations_pb2

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.session import Session

__all__ = ["refresh", "refresh_table"]

_log = logging.getLogger(__name__)


def refresh_table(session: Session, parts: list[str]) -> None:
    """`REFRESH TABLE`: tables of files are read anew; Delta tables are never read otherwise.

    Raises:
        SparkError: TABLE_OR_VIEW_NOT_FOUND.
    """
    if session.names.is_temporary(parts):
        return
    table = session.table(session.names.table(parts))
    if table.files is not None and table.location is not None:
        refresh(session, table.location)


def refresh(session: Session, place: Path) -> None:
    """Have kept data and temporary views see the files that a place has now."""
    for entry in session.cache.entries.values():
        if entry.made is not None and any(_meet(place, one) for one in entry.made.files):
            entry.made = None
    if not session.sail.capabilities.is_spark:
        return
    for call in _calls(session, place):
        plan = base_pb2.Plan(root=relations_pb2.Relation(catalog=call))
        try:
            session.sail.execute(session.key, plan, lasting=False)
        except (grpc.RpcError, SparkError) as error:  # a view that cannot be read at all: who reads it is told why
            _log.warning("Spark did not look for changed files: %s", error)


def _calls(session: Session, place: Path) -> Iterator[catalog_pb2.Catalog]:
    yield catalog_pb2.Catalog(refresh_by_path=catalog_pb2.RefreshByPath(path=session.places.text(place)))
    for name in session.plans.names:
        yield catalog_pb2.Catalog(refresh_table=catalog_pb2.RefreshTable(table_name=name))


def _meet(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)
