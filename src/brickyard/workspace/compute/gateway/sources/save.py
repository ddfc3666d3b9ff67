"""`df.write.csv(...)` and `json(...)`: files as Spark writes them, all of them there or none."""

from __future__ import annotations

import functools
import shutil
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pyspark.sql.types import StringType, StructField, StructType

from brickyard.workspace.compute.gateway.alignment import check_distinct
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sources.functions import mapped
from brickyard.workspace.compute.gateway.sources.write_files import Target, written
from brickyard.workspace.compute.gateway.sources.write_values import json_value, text_of

__all__ = ["check", "draft", "is_dynamic", "publish", "save"]

DYNAMIC = "spark.sql.sources.partitionOverwriteMode"
SUFFIXES = {"none": "", "uncompressed": "", "gzip": "gz", "bzip2": "bz2"}


def save(
    session: Session,
    rows: Any,
    kind: str,
    options: Mapping[str, str],
    partitions: tuple[str, ...],
    place: Path,
    *,
    replaces: bool,
) -> None:
    """Write resolved rows to a directory; with `replaces`, instead of what is there.

    Raises:
        SparkError: UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE, or an option that is not supported.
    """
    lower = {name.lower(): value for name, value in options.items()}
    check(session, rows, kind, partitions)
    drafts = place / f"_temporary_{uuid.uuid4().hex}"
    drafts.mkdir(parents=True)
    try:
        files = draft(session, rows, kind, options, partitions, drafts)
        if replaces:
            _clear(place, drafts, files if partitions and is_dynamic(session, lower) else None)
        publish(place, drafts, files)
    finally:
        shutil.rmtree(drafts, ignore_errors=True)


def check(session: Session, rows: Any, kind: str, partitions: tuple[str, ...]) -> None:
    """Refuse columns that a file cannot have.

    Raises:
        SparkError: UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE, COLUMN_ALREADY_EXISTS.
    """
    fields = session.schema(rows).fields
    check_distinct(fields)
    names = {name.lower() for name in partitions}
    _check_types(kind, [field for field in fields if field.name.lower() not in names])


def draft(
    session: Session, rows: Any, kind: str, options: Mapping[str, str], partitions: tuple[str, ...], drafts: Path
) -> list[str]:
    """Write resolved rows below a directory that is there; the names of the files."""
    lower = {name.lower(): value for name, value in options.items()}
    schema = session.schema(rows)
    partitions = tuple(
        field.name for name in partitions for field in schema.fields if field.name.lower() == name.lower()
    )
    target = Target(
        kind, str(drafts), schema.json(), partitions, lower, session.zone, _suffix(lower.get("compression", "none"))
    )
    found = session.rows(mapped(rows, schema.names, functools.partial(written, target), FILES))
    return [] if found is None else list(found.column(0).to_pylist())


def publish(place: Path, drafts: Path, files: Iterable[str]) -> None:
    """Move files from where they were written to where readers see them."""
    for file in files:
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (drafts / file).replace(place / file)
    (place / "_SUCCESS").touch()


FILES = StructType([StructField("file", StringType())])


def _suffix(compression: str) -> str:
    if compression.lower() not in SUFFIXES:
        raise unsupported(f"the compression {compression} of these files", f"Use one of {', '.join(SUFFIXES)}.")
    return SUFFIXES[compression.lower()]


def _check_types(kind: str, fields: list[StructField]) -> None:
    for field in fields:
        try:
            if kind == "csv":
                text_of(field.dataType, ZoneInfo("UTC"))
            else:
                json_value(field.dataType, ZoneInfo("UTC"), nulls=False)
        except KeyError:
            name = field.dataType.simpleString().upper()
            what = f'the column `{field.name}` of the type "{name}"'
            text = f"The {kind.upper()} datasource doesn't support {what}."
            raise SparkError("UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE", text, sql_state="0A000") from None


def is_dynamic(session: Session, options: Mapping[str, str]) -> bool:
    """Whether an overwrite replaces only the partitions that get rows."""
    return options.get("partitionoverwritemode", session.setting(DYNAMIC, "static")).lower() == "dynamic"


def _clear(place: Path, drafts: Path, files: list[str] | None) -> None:
    """Remove what the new files replace: all, or the partitions that they are in."""
    if files is not None:
        for directory in {Path(file).parent for file in files}:
            shutil.rmtree(place / directory, ignore_errors=True)
        return
    for child in place.iterdir():
        if child == drafts:
            continue
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()
