"""The pages of catalogs, schemas and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import PermissionDenied
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.ui.page import Page

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from brickyard.workspace.catalog.access import CallerAccess
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["catalog", "schema", "table"]

_ROWS = 20
_CELL = 120
_MOST = 200
_DATA = ("Data", "/")


@dataclass(frozen=True)
class Sample:
    """What a table's files say.

    Attributes:
        version: The Delta version.
        rows: How many rows there are; none where the log does not say.
        changed_at: When the version was written, in epoch milliseconds.
        names: The columns of `first`.
        first: The first rows, as text.
        refused: Why the rows cannot be shown.
    """

    version: int | None = None
    rows: int | None = None
    size: int | None = None
    changed_at: int | None = None
    names: list[str] = field(default_factory=list)
    first: list[list[str]] = field(default_factory=list)
    refused: str = ""


def catalog(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """The schemas of a catalog."""
    access = workspace.catalog.access(principal)
    access.require_sight(ObjectKind.CATALOG, path["catalog"])
    found = workspace.catalog.catalog(path["catalog"])
    values = {"found": found, "schemas": access.visible(ObjectKind.SCHEMA, workspace.catalog.schemas(found.name))}
    return Page("catalog.html", found.name, "Catalog", (_DATA,), values)


def schema(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """What a schema holds."""
    from brickyard.workspace.registry.records import PageRequest

    access = workspace.catalog.access(principal)
    access.require_sight(ObjectKind.SCHEMA, f"{path['catalog']}.{path['schema']}")
    found = workspace.catalog.schema(f"{path['catalog']}.{path['schema']}")
    parent, name = found.full_name.split(".")
    models = workspace.registry.models.list(PageRequest(_MOST), parent, name).items
    values = {
        "found": found,
        "tables": access.visible(ObjectKind.TABLE, workspace.catalog.tables(found.full_name)),
        "volumes": access.visible(ObjectKind.VOLUME, workspace.catalog.volumes(found.full_name)),
        "models": access.visible(ObjectKind.MODEL, models),
    }
    return Page("schema.html", found.full_name, "Schema", (_DATA, (parent, f"/explore/data/{parent}")), values)


def table(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """The columns of a table, and its first rows."""
    from brickyard.workspace.catalog.columns import read_columns

    full_name = f"{path['catalog']}.{path['schema']}.{path['table']}"
    access = workspace.catalog.access(principal)
    access.require_sight(ObjectKind.TABLE, full_name)
    found = workspace.catalog.table(full_name)
    is_delta = found.location is not None and found.format == "DELTA"
    given = [(one.get("name"), one.get("type_text"), True, one.get("comment")) for one in found.columns or []]
    columns = read_columns(found.directory) if is_delta else []
    read = [(one.name, one.type_text, one.nullable, one.comment) for one in columns]
    values = {
        "found": found,
        "columns": read or given,
        "sample": _sample_for(access, full_name, found.directory) if is_delta and columns else Sample(),
    }
    parent, name, _ = found.full_name.split(".")
    way = (_DATA, (parent, f"/explore/data/{parent}"), (name, f"/explore/data/{parent}/{name}"))
    return Page("table.html", found.full_name, "View" if found.table_type == "VIEW" else "Table", way, values)


def _sample_for(access: CallerAccess, full_name: str, directory: Path) -> Sample:
    """Rows are for who may read the table; who only manages it sees that it is there."""
    try:
        access.require(ObjectKind.TABLE, full_name, "SELECT")
    except PermissionDenied as error:
        return Sample(refused=error.message)
    return _sample(directory)


def _sample(directory: Path) -> Sample:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError
    from pyarrow.lib import ArrowException

    delta = DeltaTable(directory)
    rows, size = _totals(delta)
    last = delta.history(1)
    changed_at = last[0].get("timestamp") if last else None
    names: list[str] = []
    first: list[list[str]] = []
    refused = ""
    try:
        head = delta.to_pyarrow_dataset().head(_ROWS, batch_size=_ROWS, batch_readahead=1, fragment_readahead=1)
        names = head.column_names
        first = [[_text(value) for value in row.values()] for row in head.to_pylist()]
    except (DeltaError, ArrowException, OSError) as error:
        refused = str(error)
    return Sample(delta.version(), rows, size, changed_at, names, first, refused)


def _totals(delta: DeltaTable) -> tuple[int | None, int]:
    """Rows and bytes as the log says them, without a look at the data."""
    import pyarrow

    actions = pyarrow.table(delta.get_add_actions(flatten=True))
    counts: list[Any] = actions["num_records"].to_pylist() if "num_records" in actions.column_names else [None]
    rows = None if None in counts else sum(counts)
    return rows, sum(actions["size_bytes"].to_pylist())


def _text(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= _CELL else f"{text[:_CELL]}…"
