"""Writing tables: the Delta log first, then the catalog, so that a table never exists without its data."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway import (
    checks,
    commits,
    creation,
    feed,
    idempotent,
    log,
    mapping,
    overwrites,
    replacing,
    staging,
)
from brickyard.workspace.compute.gateway.alignment import check_columns, fit, new_columns
from brickyard.workspace.compute.gateway.errors import SparkError, already_exists, unsupported
from brickyard.workspace.compute.gateway.file_tables import creating
from brickyard.workspace.compute.gateway.new_table import NewTable
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.storing import store
from brickyard.workspace.compute.gateway.table_keys import exchange
from brickyard.workspace.compute.gateway.unity import Table

__all__ = ["NewTable", "create", "register", "replace_or_create", "rows"]

#: Options are case-insensitive on Databricks; Sail knows them as written here.
NAMES = {"overwriteschema": "overwriteSchema"}


def create(session: Session, new: NewTable, fill: Callable[[Path], None]) -> None:
    """Make the table: `fill` writes it to a private place, which becomes the table's together with its name.

    Raises:
        SparkError: If the schema is missing, or the table exists.
    """
    session.catalog.need_schema(new.name.catalog, new.name.schema)
    if new.location is not None:
        _create_external(session, new, new.location, fill)
        return
    staged = session.staged()
    try:
        fill(staged)
        register(session, new, staged)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _create_external(session: Session, new: NewTable, final: Path, fill: Callable[[Path], None]) -> None:
    if final.exists() and (final.is_file() or any(final.iterdir())):
        raise SparkError(
            "DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION",
            f"Cannot create {new.name}: there are files at {final} already. If they are a Delta table, name it with "
            "CREATE TABLE ... USING delta LOCATION ... without columns; otherwise choose another place.",
        )
    final.parent.mkdir(parents=True, exist_ok=True)
    staged = final.parent / f"_new_{uuid.uuid4().hex}"
    try:
        fill(staged)
        staged.rename(final)  # fails where another writer has put files meanwhile
        try:
            register(session, new, final)
        except SparkError:
            final.rename(staged)
            raise
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def register(session: Session, new: NewTable, place: Path) -> None:
    """Enter a table whose Delta log exists into the catalog."""
    wire: dict[str, Any] = {
        "table_type": "MANAGED" if new.location is None else "EXTERNAL",
        "data_source_format": "DELTA",
        "storage_location": place.as_uri(),
        "columns": [],
        "properties": new.properties,
        **new.policies,
    }
    session.catalog.create_table(new.name, {**wire, **({"comment": new.comment} if new.comment else {})})


def rows(
    session: Session,
    relation: Any,
    place: Path,
    mode: str,
    options: dict[str, str],
    partitions: tuple[str, ...] = (),
    *,
    cast: bool = False,
) -> None:
    """Append to a Delta table or replace its rows; the history stays. `cast` makes values fit as an INSERT does.

    Raises:
        SparkError: If the rows do not fit and the options do not allow the schema to change.
    """
    options = _effective(mode, options)
    once = idempotent.transaction_of(options, session)

    def write(new: Path) -> None:
        _rows(session, relation, new, "append" if staging.begun(new) else "overwrite", options, partitions, cast=cast)

    if once is not None:
        idempotent.write_once(session, place, write, once, mode, options)
    elif _evolves(session, relation, place, mode, options):
        what = staging.Commit("WRITE", {"mode": mode.capitalize()}, replaces=mode == "overwrite")
        staging.committed(session, place, write, lambda: what)
    else:
        _rows(session, relation, place, mode, options, partitions, cast=cast)


def _evolves(session: Session, relation: Any, place: Path, mode: str, options: Mapping[str, str]) -> bool:
    """Whether a write of whole tables adds columns, which are then committed with the rows."""
    if options.get("mergeschema", "").lower() != "true" or not staging.begun(place):
        return False
    if not {"overwriteschema", "replacewhere"}.isdisjoint(options):
        return False
    dynamic = mode == "overwrite" and overwrites.check(session, place, options)
    return not dynamic and bool(new_columns(session, relation, place))


def _effective(mode: str, given: Mapping[str, str]) -> dict[str, str]:
    """The options, their names in lower case; those of overwriting only where they have an effect."""
    options = {key.lower(): value for key, value in given.items()}
    if mode != "overwrite":
        options.pop("replacewhere", None)
    if mode != "overwrite" or options.get("overwriteschema", "").lower() != "true" or "replacewhere" in options:
        options.pop("overwriteschema", None)
    return options


def _rows(
    session: Session,
    relation: Any,
    place: Path,
    mode: str,
    given: Mapping[str, str],
    partitions: tuple[str, ...],
    *,
    cast: bool,
) -> None:
    options = dict(given)
    evolve = options.pop("mergeschema", "false").lower() == "true"
    if log.is_bare(place):
        _begin(session, relation, place, evolve or mode == "overwrite", partitions)
        return
    replaces = "overwriteschema" in options
    exists = commits.latest(place) >= 0
    dynamic = overwrites.check(session, place if exists and mode == "overwrite" else None, options)
    where = options.pop("replacewhere", None)
    if exists and not replaces:
        _check_partitions(place, partitions)
    if dynamic or (exists and where is not None):
        new = new_columns(session, relation, place) if evolve else []
        fill = partial(fit, session, relation, evolve=evolve, cast=cast)
        part = None if where is None else overwrites.row_condition(session, place, where, sql=False)
        overwrites.replace_part(session, place, fill, part, new=new)
        return
    if exists and not replaces:
        relation = fit(session, relation, place, evolve=evolve, cast=cast)
    else:
        check_columns(session, relation)
        relation = _meeting(session, relation, place, where)
    named = {NAMES.get(key, key): value for key, value in options.items()}
    store(session, relation, place, mode, partitions=partitions, options=named)


def _meeting(session: Session, relation: Any, place: Path, where: str | None) -> Any:
    """The rows of a new table, or with new columns, as they meet the option `replaceWhere` and CHECK constraints.

    Sail does not look at CHECK constraints when it replaces columns (0.7.2).
    """
    if where is not None:
        checks.need_settled(where, sql=False)
        return checks.matching(relation, where)
    if commits.latest(place) < 0:
        return relation
    configuration = log.read(place).configuration
    checks.need_columns(configuration, session.schema(relation).names)
    return checks.meeting(relation, configuration)


def _begin(session: Session, relation: Any, place: Path, evolve: bool, partitions: tuple[str, ...]) -> None:
    """The first rows of a table that has no columns yet."""
    if not evolve:
        text = "The table has no columns. To add those of the rows, set the option mergeSchema to true."
        raise SparkError("DELTA_METADATA_MISMATCH", text, sql_state="42KDG")
    check_columns(session, relation)
    what = staging.Commit("WRITE", {"mode": "Append"})

    def write(new: Path) -> None:
        session.write(relation, new, "overwrite", partitions=partitions)

    staging.committed(session, place, write, lambda: what if log.is_bare(place) else None)


def _check_partitions(place: Path, given: tuple[str, ...]) -> None:
    """Refuse partition columns that are not the table's."""
    from deltalake import DeltaTable

    own = DeltaTable(place).metadata().partition_columns if given else []
    if given and [name.lower() for name in given] != [name.lower() for name in own]:
        raise SparkError(
            "DELTA_METADATA_MISMATCH",
            f"Partition columns do not match the partition columns of the table. Given: {', '.join(given)}. "
            f"Table: {', '.join(own)}. To change them, overwrite the table with the option overwriteSchema.",
            sql_state="42KDG",
        )


def replace_or_create(session: Session, relation: Any, new: NewTable, mode: str, options: dict[str, str]) -> None:
    """`saveAsTable` and its kin; mode is append, overwrite, replace, error or ignore."""
    table = session.catalog.find_table(new.name)
    if new.format != "delta" or (table is not None and table.files is not None):
        creating.save(session, relation, table, replace(new, options=options), mode)
        return
    if table is None:
        new = replace(new, properties={**feed.defaults(session.settings), **new.properties})
        try:
            create(session, new, lambda place: _fill(session, relation, new, place, options))
            return
        except SparkError as error:
            if mode == "error" or error.condition != already_exists("table", "").condition:
                raise
        table = session.catalog.table(new.name)  # another writer was first
    if new.policies:
        raise unsupported("OR REPLACE with a row filter", "Drop the table first, or use ALTER TABLE.")
    if table.is_view or mode == "error":
        raise already_exists("table", str(new.name))
    if mode != "ignore":
        session.catalog.need_data(table, write=True)
        _write_existing(session, relation, table, new, mode, options)


def _fill(session: Session, relation: Any, new: NewTable, place: Path, options: dict[str, str]) -> None:
    """Write the first rows, and the properties."""
    rows(session, relation, place, "overwrite", options, new.partitions)
    given = new.properties
    if given:
        log.found(place, lambda metadata: mapping.configure(metadata, given))


def _write_existing(
    session: Session, relation: Any, table: Table, new: NewTable, mode: str, options: dict[str, str]
) -> None:
    if new.location not in (None, table.directory):
        raise SparkError(
            "DELTA_TABLE_LOCATION_MISMATCH",
            f"The table {new.name} is at {table.directory}, and the statement says {new.location}. Leave the path out, "
            "or drop the table first.",
        )
    if mode == "append":
        rows(session, relation, table.directory, "append", options, new.partitions, cast=True)
        return
    if mode == "replace":
        _replace(session, relation, table.place, new, options)
    else:
        rows(session, relation, table.place, "overwrite", options, new.partitions)


def _replace(session: Session, relation: Any, place: Path, new: NewTable, options: dict[str, str]) -> None:
    """Put another table in the place of one, with its history."""
    if idempotent.transaction_of({key.lower(): value for key, value in options.items()}, session) is not None:
        rows(session, relation, place, "overwrite", {**options, "overwriteSchema": "true"}, new.partitions)  # refused
        return
    made = replace(new, properties={**feed.defaults(session.settings), **new.properties})
    about = creation.said(creation.Definition((), made.properties, made.partitions, made.comment))
    fill = partial(_fill, session, relation, made, options=options)
    replacing.replace_by(session, place, fill, about, partial(exchange, session, new.name, []))
    session.catalog.describe(new.name, new.comment, new.properties)
