"""COPY INTO: files loaded into a Delta table, each of them once.

Which files were loaded is said by the table's log itself: a transaction identifier for each, in the commit of its rows.
So it is decided with them, whatever ends meanwhile; RESTORE keeps it, and a deep clone takes it along.

Source: https://docs.databricks.com/aws/en/sql/language-manual/delta-copy-into
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals, staging
from brickyard.workspace.compute.gateway.alignment import assign, check_columns, fit
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sources import listing
from brickyard.workspace.compute.gateway.sources.reads import read_places
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.copy_text import Copy, read_copy
from brickyard.workspace.compute.gateway.storing import store
from brickyard.workspace.compute.gateway.sugar.recursion import HELD

__all__ = ["copy_into"]

COLUMNS = dict.fromkeys(("num_affected_rows", "num_inserted_rows", "num_skipped_corrupt_files"), pa.int64())
#: So many rows VALIDATE shows.
PREVIEW = 50


def copy_into(cursor: Cursor, session: Session) -> Any:
    """Load what has not been loaded; the counts that Databricks gives, or with VALIDATE the first rows.

    Raises:
        SparkError: COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE and its kin.
    """
    copy = read_copy(cursor, session)
    found = listing.chosen(session.places, copy.source, copy.files, copy.pattern, deep=copy.flag("recursivefilelookup"))
    if not found:
        raise _nothing(copy)
    if copy.preview is not None:
        return _validated(copy, _unloaded(copy, found, session), session)
    skipped: list[int] = []
    current: list[Path] = []

    def prepare() -> staging.Commit | None:
        current[:] = _unloaded(copy, found, session)
        good = _readable(copy, current)
        skipped[:] = [len(current) - len(good)]
        current[:] = good
        return _commit(copy, current, skipped[0], session) if current else None

    def write(place: Path) -> None:
        _append(session, _rows(copy, current, place, session), place)

    counts = staging.committed(session, copy.place, write, prepare)
    rows = counts.get("numOutputRows", 0)
    return literals.rows(COLUMNS, [(rows, rows, skipped[0])])


def _append(session: Session, rows: Any, place: Path) -> None:
    store(session, rows, place, "append" if staging.begun(place) else "overwrite")


def _nothing(copy: Copy) -> SparkError:
    text = (
        f"The source directory did not contain any parsable files of type {copy.kind.upper()}. Please check the "
        f"contents of '{copy.source}'."
    )
    return SparkError("COPY_INTO_SOURCE_SCHEMA_INFERENCE_FAILED", text, sql_state="42KD9")


def _unloaded(copy: Copy, files: Sequence[Path], session: Session) -> list[Path]:
    if copy.force:
        return list(files)
    loaded = staging.transactions(copy.place, [_mark(file, session) for file in files])
    return [file for file in files if _mark(file, session) not in loaded]


def _mark(file: Path, session: Session) -> str:
    """The transaction that says that a file was loaded."""
    data = session.places.mapper.data
    place = file.relative_to(data).as_posix() if file.is_relative_to(data) else file.as_uri()
    return f"copy-into:{place}"


def _readable(copy: Copy, files: list[Path]) -> list[Path]:
    """The files without those that are corrupt, where these are to be skipped."""
    return listing.readable(copy.kind, files) if copy.flag("ignorecorruptfiles") else files


def _commit(copy: Copy, files: list[Path], skipped: int, session: Session) -> staging.Commit:
    said = {"statsOnLoad": "false", "validate": "false"}
    metrics = {"numSkippedCorruptFiles": str(skipped)}
    return staging.Commit("COPY INTO", said, metrics, {_mark(file, session): 1 for file in files})


def _rows(copy: Copy, files: Sequence[Path], place: Path, session: Session) -> Any:
    """The rows of the files, as the table at a place takes them."""
    hidden = copy.query is not None and copy.query.asks_for_metadata
    source = read_places(copy.kind, files, copy.options, session, metadata=hidden)
    if copy.query is not None:
        held = f"{HELD}copied"
        session.hold_relation(held, source)
        source = session.relation(copy.query.text(held))
    if not staging.begun(place):
        return _first_of_all(copy, source, session)
    if copy.by_position or copy.columns is not None:
        return _assigned(copy, source, place, session)
    _check_names(copy, source, place, session)
    return fit(session, source, place, evolve=copy.merges)


def _first_of_all(copy: Copy, source: Any, session: Session) -> Any:
    """The rows of a table that has no columns yet."""
    if not copy.merges:
        raise _mismatch(copy, session.schema(source).names)
    check_columns(session, source)
    return source


def _assigned(copy: Copy, source: Any, place: Path, session: Session) -> Any:
    """The columns by their position, cast to the table's."""
    wanted = copy.columns if copy.columns is not None else session.schema_of(place).names
    given = session.schema(source).names
    if len(given) != len(wanted):
        text = (
            f"Cannot write to the table: it takes {len(wanted)} columns ({', '.join(wanted)}), and the files have "
            f"{len(given)} ({', '.join(given)})."
        )
        raise SparkError("COPY_INTO_COLUMN_ARITY_MISMATCH", text, sql_state="21S01")
    return assign(session, source, place, list(wanted), by_name=False)


def _check_names(copy: Copy, source: Any, place: Path, session: Session) -> None:
    known = {name.lower() for name in session.schema_of(place).names}
    new = [name for name in session.schema(source).names if name.lower() not in known]
    if new and not copy.merges:
        raise _mismatch(copy, new)


def _mismatch(copy: Copy, new: Sequence[str]) -> SparkError:
    text = (
        f"A schema mismatch was detected while copying into the Delta table (Table: {copy.name}). This may indicate an "
        "issue with the incoming data, or the Delta table schema can be evolved automatically according to the "
        "incoming data by setting: COPY_OPTIONS ('mergeSchema' = 'true'). Schema difference: the table does not have "
        f"{', '.join(new)}."
    )
    return SparkError("COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE", text, sql_state="42KDG")


def _validated(copy: Copy, files: list[Path], session: Session) -> Any:
    """The first rows, as the table would have them; what is wrong with them, or with any if all are asked for."""
    if not files:
        return literals.rows(COLUMNS, [(0, 0, 0)])
    shown: list[Any] = []
    count = copy.preview or 0

    def write(place: Path) -> None:
        rows = _rows(copy, files, place, session)
        _append(session, _first(rows, count) if count else rows, place)
        kept = session.rows(_first(rows, min(count or PREVIEW, PREVIEW)))
        shown.append(literals.table(kept))

    staging.try_out(session, copy.place, write)
    return shown[0]


def _first(rows: Any, count: int) -> Any:
    from pyspark.sql.connect.proto import relations_pb2

    first = relations_pb2.Relation()
    first.limit.input.CopyFrom(rows)
    first.limit.limit = count
    return first
