"""Writing tables: the Delta log first, then the catalog, so that a table never exists without its data."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway import commits
from brickyard.workspace.compute.gateway.alignment import fit
from brickyard.workspace.compute.gateway.errors import SparkError, already_exists
from brickyard.workspace.compute.gateway.names import TableName
from brickyard.workspace.compute.gateway.session import Session

__all__ = ["NewTable", "create", "register", "replace_or_create", "rows"]

#: Options are case-insensitive on Databricks; Sail knows them as written here.
NAMES = {"overwriteschema": "overwriteSchema", "replacewhere": "replaceWhere"}


@dataclass(frozen=True)
class NewTable:
    """What a new table is to be, apart from its rows."""

    name: TableName
    location: Path | None = None
    comment: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    partitions: tuple[str, ...] = ()


def create(session: Session, new: NewTable, fill: Callable[[Path], None]) -> None:
    """Make the table: `fill` writes it to a private place, which then becomes the table's in one step.

    Raises:
        SparkError: If the schema is missing, or the table exists.
    """
    session.catalog.need_schema(new.name.catalog, new.name.schema)
    final = new.location or session.managed(new.name)
    if new.location is not None and final.exists() and (final.is_file() or any(final.iterdir())):
        raise SparkError(
            "DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION",
            f"Cannot create {new.name}: there are files at {final} already. If they are a Delta table, name it with "
            "CREATE TABLE ... USING delta LOCATION ... without columns; otherwise choose another place.",
        )
    final.parent.mkdir(parents=True, exist_ok=True)
    staged = final.parent / f"_new_{uuid.uuid4().hex}"
    try:
        fill(staged)
        _move(staged, final)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    register(session, new, final)


def _move(staged: Path, final: Path) -> None:
    """Put the finished table in place; what the catalog does not know there is left of an interrupted write."""
    if final.exists():
        shutil.rmtree(final)
    staged.rename(final)


def register(session: Session, new: NewTable, place: Path) -> None:
    """Enter a table whose Delta log exists into the catalog."""
    wire: dict[str, Any] = {
        "table_type": "MANAGED" if new.location is None else "EXTERNAL",
        "data_source_format": "DELTA",
        "storage_location": place.as_uri(),
        "columns": [],
        "properties": new.properties,
    }
    session.catalog.create_table(new.name, {**wire, **({"comment": new.comment} if new.comment else {})})


def filler(session: Session, relation: Any, new: NewTable, options: dict[str, str]) -> Callable[[Path], None]:
    """Writes the rows of a relation as version 0."""

    def fill(place: Path) -> None:
        rows(session, relation, place, "overwrite", options, new.partitions)

    return fill


def rows(
    session: Session,
    relation: Any,
    place: Path,
    mode: str,
    options: dict[str, str],
    partitions: tuple[str, ...] = (),
) -> None:
    """Append to a Delta table or replace its rows; the history stays.

    Raises:
        SparkError: If the rows do not fit and the options do not allow the schema to change.
    """
    options = {key.lower(): value for key, value in options.items()}
    evolve = options.pop("mergeschema", "false").lower() == "true"
    replaces = mode == "overwrite" and options.get("overwriteschema", "false").lower() == "true"
    if commits.latest(place) >= 0 and not replaces:
        relation = fit(session, relation, place, evolve=evolve)
    session.write(
        relation, place, mode, partitions=partitions, options={NAMES.get(k, k): v for k, v in options.items()}
    )


def replace_or_create(session: Session, relation: Any, new: NewTable, mode: str, options: dict[str, str]) -> None:
    """`saveAsTable` and its kin; mode is append, overwrite, replace, error or ignore."""
    table = session.catalog.find_table(new.name)
    if table is None:
        create(session, new, filler(session, relation, new, options))
    elif table.is_view:
        raise already_exists("table", str(new.name))
    elif mode == "append":
        rows(session, relation, table.place, "append", options)
    elif mode == "overwrite":
        rows(session, relation, table.place, "overwrite", options, new.partitions)
    elif mode == "replace":
        schema = {"overwriteSchema": "true"}
        rows(session, relation, table.place, "overwrite", {**options, **schema}, new.partitions)
    elif mode == "error":
        raise already_exists("table", str(new.name))
