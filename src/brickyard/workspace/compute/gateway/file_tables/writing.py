"""Rows written to the files of a table: first beside them, then moved to where readers see them."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import commands_pb2, relations_pb2

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.file_options import check_write_options
from brickyard.workspace.compute.gateway.file_types import set_partitions
from brickyard.workspace.compute.gateway.queries import PLANNED
from brickyard.workspace.compute.gateway.refreshing import refresh
from brickyard.workspace.compute.gateway.session import MODES, Session
from brickyard.workspace.compute.gateway.sources.listing import files_below, found_below
from brickyard.workspace.compute.gateway.sources.plan import partition_text
from brickyard.workspace.compute.gateway.sources.save import check, draft, is_dynamic, publish

__all__ = ["WRITTEN", "Target", "clear", "write"]

#: What can be written; Avro and ORC Sail does not write (0.7.2).
WRITTEN = frozenset({"parquet", "text"}) | PLANNED


@dataclass(frozen=True)
class Target:
    """Where rows go, and how.

    Attributes:
        kind: The format, in lower case.
        place: The directory.
        options: Options of the writer.
        partitions: The names of the columns that become directories.
    """

    kind: str
    place: Path
    options: Mapping[str, str]
    partitions: tuple[str, ...] = ()


def write(
    session: Session, target: Target, rows: Any, *, replaces: bool = False, only: Mapping[str, str | None] | None = None
) -> None:
    """Write resolved rows that fit the table.

    Args:
        session: Whose they are.
        target: The table.
        rows: The rows, in the order of the table's columns.
        replaces: Whether they replace what is there: all or, if the session says so, the partitions that get rows.
        only: Which partitions they replace: texts of values, by the names of the columns in lower case.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE, or ALL_PARTITION_COLUMNS_NOT_ALLOWED.
    """
    need_writable(session, target)
    if target.partitions and len(target.partitions) == len(session.schema(rows).names):
        text = "Cannot use all columns for partition columns."
        raise SparkError("ALL_PARTITION_COLUMNS_NOT_ALLOWED", text, sql_state="KD005")
    options = {name.lower(): value for name, value in target.options.items()}
    own = target.kind in PLANNED and not session.sail.capabilities.is_spark
    if own:
        check(session, rows, target.kind, target.partitions)
    set_partitions(rows, target.partitions)
    with _drafts(target.place) as drafts:
        if own:
            files = draft(session, rows, target.kind, options, target.partitions, drafts)
        else:
            files = _by_engine(session, target, rows, drafts)
        if replaces and only:
            clear(target.place, only)
        elif replaces and target.partitions and is_dynamic(session, options):
            for directory in {Path(file).parent for file in files}:
                shutil.rmtree(target.place / directory, ignore_errors=True)
        elif replaces:
            clear(target.place)
        publish(target.place, drafts, files)
    refresh(session, target.place)


def need_writable(session: Session, target: Target) -> None:
    """Refuse what cannot be written.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    if session.sail.capabilities.is_spark:
        return
    if target.kind not in WRITTEN:
        raise unsupported(f"writing tables of the format {target.kind}", "Use Parquet, CSV, JSON, text or Delta.")
    if target.kind == "text" and target.partitions:
        raise unsupported("partitions of text tables", "Use CSV.")
    check_write_options(target.kind, target.options)


@contextmanager
def _drafts(place: Path) -> Iterator[Path]:
    """A directory on the same disk that no reader of the table looks into."""
    place.mkdir(parents=True, exist_ok=True)
    drafts = place / f"_temporary_{uuid.uuid4().hex}"
    drafts.mkdir()
    try:
        yield drafts
    finally:
        shutil.rmtree(drafts, ignore_errors=True)


def _by_engine(session: Session, target: Target, rows: relations_pb2.Relation, drafts: Path) -> list[str]:
    command = commands_pb2.Command()
    written = command.write_operation
    written.input.CopyFrom(rows)
    written.source, written.path, written.mode = target.kind, session.places.text(drafts), MODES["overwrite"]
    written.partitioning_columns.extend(target.partitions)
    written.options.update(target.options)
    session.sail.run(session.key, command)
    return [str(file.relative_to(drafts)) for file in files_below(drafts, deep=True)]


def clear(place: Path, only: Mapping[str, str | None] | None = None) -> None:
    """Remove the files that readers see: all, or those of some partitions."""
    for file, values in found_below(str(place), [place]).partitions.items():
        known = {name.lower(): partition_text(text) for name, text in values.items()}
        if only is None or all(known.get(name) == text for name, text in only.items()):
            file.unlink(missing_ok=True)
