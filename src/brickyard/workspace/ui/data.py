"""The pages of catalogs, schemas and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import PermissionDenied
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.ui.grants import grant_rows
from brickyard.workspace.ui.page import Crumb, Page

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from brickyard.workspace.catalog import TableRecord
    from brickyard.workspace.catalog.access import CallerAccess
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["catalog", "explorer", "function", "schema", "table"]

_ROWS = 20
_CELL = 120
_MOST = 200
_VERSIONS = 20
_DATA = ("Catalog", "/explore/data")


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
        versions: The last versions: number, time in epoch milliseconds, operation, parameters.
    """

    version: int | None = None
    rows: int | None = None
    size: int | None = None
    changed_at: int | None = None
    names: list[str] = field(default_factory=list)
    first: list[list[str]] = field(default_factory=list)
    refused: str = ""
    versions: list[tuple[int, int | None, str, str]] = field(default_factory=list)


def explorer(workspace: Workspace, principal: Principal, _: Mapping[str, str]) -> Page:
    """Catalogs, their schemas, and what is in these, as far as the principal may see it."""
    access, held = workspace.catalog.access(principal), workspace.catalog
    tree = []
    for one in access.visible(ObjectKind.CATALOG, held.catalogs()):
        schemas = [
            (
                inner,
                access.visible(ObjectKind.TABLE, held.tables(inner.full_name)),
                access.visible(ObjectKind.VOLUME, held.volumes(inner.full_name)),
                access.visible(ObjectKind.FUNCTION, held.functions.all(inner.full_name)),
            )
            for inner in access.visible(ObjectKind.SCHEMA, held.schemas(one.name))
        ]
        tree.append((one, schemas))
    return Page("explorer.html", "Catalog", values={"tree": tree})


def catalog(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """The schemas of a catalog."""
    access = workspace.catalog.access(principal)
    access.require_sight(ObjectKind.CATALOG, path["catalog"])
    found = workspace.catalog.catalog(path["catalog"])
    values = {
        "found": found,
        "schemas": access.visible(ObjectKind.SCHEMA, workspace.catalog.schemas(found.name)),
        "grants": grant_rows(workspace, principal, ObjectKind.CATALOG, found.name),
    }
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
        "functions": access.visible(ObjectKind.FUNCTION, workspace.catalog.functions.all(found.full_name)),
        "grants": grant_rows(workspace, principal, ObjectKind.SCHEMA, found.full_name),
    }
    return Page("schema.html", found.full_name, "Schema", (_DATA, (parent, f"/explore/data/{parent}")), values)


def function(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """A function: what it takes, gives and does."""
    full_name = f"{path['catalog']}.{path['schema']}.{path['function']}"
    workspace.catalog.access(principal).require_sight(ObjectKind.FUNCTION, full_name)
    found = workspace.catalog.functions.get(full_name)
    definition = found.definition
    values = {
        "found": found,
        "parameters": (definition.get("input_params") or {}).get("parameters") or [],
        "columns": (definition.get("return_params") or {}).get("parameters") or [],
        "returns": definition.get("full_data_type") or definition.get("data_type") or "",
        "language": definition.get("external_language") or definition.get("routine_body") or "SQL",
        "body": definition.get("routine_definition") or "",
        "grants": grant_rows(workspace, principal, ObjectKind.FUNCTION, found.full_name),
    }
    return Page("function.html", found.full_name, "Function", _way(found.full_name), values)


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
        "sample": _sample_for(workspace, access, found) if is_delta and columns else Sample(),
        "keys": [_key(one) for one in workspace.catalog.constraints.of(found)],
        "grants": grant_rows(workspace, principal, ObjectKind.TABLE, found.full_name),
    }
    kind = "View" if found.table_type == "VIEW" else "Table"
    return Page("table.html", found.full_name, kind, _way(found.full_name), values)


def _way(full_name: str) -> tuple[Crumb, ...]:
    parent, name, _ = full_name.split(".")
    return _DATA, (parent, f"/explore/data/{parent}"), (name, f"/explore/data/{parent}/{name}")


def _key(constraint: Mapping[str, Any]) -> tuple[str, str]:
    """A constraint's name, and what it says."""
    (kind, definition), *_ = constraint.items()
    columns = ", ".join(definition.get("child_columns") or ())
    words = "primary key" if kind.startswith("primary") else "foreign key"
    parent = f" → {definition['parent_table']}" if definition.get("parent_table") else ""
    return str(definition.get("name", "")), f"{words} ({columns}){parent}"


def _sample_for(workspace: Workspace, access: CallerAccess, found: TableRecord) -> Sample:
    """Rows are for who may read the table, all of them; who only manages it sees that it is there."""
    try:
        access.require(ObjectKind.TABLE, found.full_name, "SELECT")
        workspace.files.place_access.require_plain(found)
    except PermissionDenied as error:
        return Sample(refused=error.message)
    return _sample(found.directory)


def _sample(directory: Path) -> Sample:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError
    from pyarrow.lib import ArrowException

    delta = DeltaTable(directory)
    rows, size = _totals(delta)
    versions = _versions(delta)
    changed_at = versions[0][1] if versions else None
    names: list[str] = []
    first: list[list[str]] = []
    refused = ""
    try:
        head = delta.to_pyarrow_dataset().head(_ROWS, batch_size=_ROWS, batch_readahead=1, fragment_readahead=1)
        names = head.column_names
        first = [[_text(value) for value in row.values()] for row in head.to_pylist()]
    except (DeltaError, ArrowException, OSError) as error:
        refused = str(error)
    return Sample(delta.version(), rows, size, changed_at, names, first, refused, versions)


def _versions(delta: DeltaTable) -> list[tuple[int, int | None, str, str]]:
    """The last versions, the newest first."""
    found = []
    for place, one in enumerate(delta.history(_VERSIONS)):
        parameters = {key: value for key, value in (one.get("operationParameters") or {}).items() if value}
        shown = ", ".join(f"{key} {_text(value)}" for key, value in parameters.items())
        number = one.get("version", delta.version() - place)
        found.append((number, one.get("timestamp"), one.get("operation") or "", _text(shown)))
    return found


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
