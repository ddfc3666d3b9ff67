"""Tables and views."""

from __future__ import annotations

import fnmatch
import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import (
    InvalidParameterValue,
    InvalidState,
    NotImplementedByWorkspace,
)
from brickyard.workspace.api.unity import policies
from brickyard.workspace.api.unity.guards import (
    caller,
    editor,
    in_body,
    in_query,
    manages,
    marked,
    require_creation_at,
    sees,
    shown,
    updates,
)
from brickyard.workspace.api.unity.renames import renamed
from brickyard.workspace.api.unity.requests import changes, flag, only, page, properties, text
from brickyard.workspace.catalog import TableRecord
from brickyard.workspace.catalog.columns import read_columns
from brickyard.workspace.catalog.hive import in_hive
from brickyard.workspace.catalog.names import parent_of, valid_name
from brickyard.workspace.catalog.policies import ROW_FILTER, Policies
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.records import TABLE
from brickyard.workspace.catalog.urls import CLOUDS
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import ColumnInfo, DeltaRuntimePropertiesKvPairs, TableInfo

__all__ = ["declare", "described"]

_log = logging.getLogger(__name__)
_BASE = "/api/2.1/unity-catalog/tables"
_TYPES = ("MANAGED", "EXTERNAL", "VIEW")


def declare(family: Family) -> None:
    """Add these calls to the family."""
    kind, above, where = ObjectKind.TABLE, ObjectKind.SCHEMA, ("catalog_name", "schema_name")
    summaries = "/api/2.1/unity-catalog/table-summaries"
    family.call("POST", _BASE, access=_creates)(create)
    family.call("GET", _BASE, access=sees(above, in_query(*where)))(list_tables)
    family.call("GET", summaries, access=sees(ObjectKind.CATALOG, in_query("catalog_name")))(list_summaries)
    family.call("GET", _BASE + "/{name}/exists", access=_asks)(exists)
    family.call("GET", _BASE + "/{name}", access=sees(kind))(get)
    family.call("PATCH", _BASE + "/{name}", access=updates(kind, instead="MODIFY"))(update)
    family.call("DELETE", _BASE + "/{name}", access=manages(kind))(delete)


def _creates(workspace: Workspace, call: Call) -> None:
    """Whoever may create tables in the schema and, where the data are elsewhere, write there."""
    if call.principal.is_admin:
        return
    schema = in_body("catalog_name", "schema_name")(call)
    caller(workspace, call).require(ObjectKind.SCHEMA, schema, "USE_SCHEMA", "CREATE_TABLE")
    place = _location(workspace, text(call, "storage_location"))
    if place is not None and text(call, "table_type") == "EXTERNAL":
        require_creation_at(workspace, call, place, "CREATE_EXTERNAL_TABLE")


def _asks(workspace: Workspace, call: Call) -> None:
    """Whoever may know of the schema and, where there is such a table, of the table."""
    if call.principal.is_admin:
        return
    may, name = caller(workspace, call), call.path["name"]
    may.require_sight(ObjectKind.SCHEMA, parent_of(name), browse=True)
    if workspace.catalog.has_table(name):
        may.require_sight(ObjectKind.TABLE, name, browse=True)


def create(workspace: Workspace, call: Call) -> TableInfo:
    """Make a table of the Delta log at its place or, where there is none, of its columns; or a view of a query."""
    known = ("name", "catalog_name", "schema_name", "table_type", "data_source_format", "storage_location", "columns")
    only(call, *known, "comment", "properties", "view_definition", ROW_FILTER)
    parts = [valid_name(call.body.get(field), field) for field in ("catalog_name", "schema_name", "name")]
    kind = text(call, "table_type") or "MANAGED"
    if kind not in _TYPES:
        raise NotImplementedByWorkspace(f"table_type {kind} is not implemented; there are {', '.join(_TYPES)}")
    place = _location(workspace, text(call, "storage_location"))
    made = workspace.catalog.create_table(
        ".".join(parts),
        call.principal.user_name,
        table_type=kind,
        location=place,
        format=_format(kind, text(call, "data_source_format"), ".".join(parts)),
        columns=_columns(call),
        comment=text(call, "comment"),
        properties=properties(call),
        view_definition=_definition(call, kind),
        attributes=policies.created(workspace, call, ".".join(parts), kind, place),
    )
    return _info(workspace, made, _read_columns(made))


def list_tables(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The tables of a schema that the caller may see; with `omit_columns` without reading their logs."""
    parts = [valid_name(call.query.get(field), field) for field in ("catalog_name", "schema_name")]
    bare, brief = flag(call, "omit_columns"), flag(call, "omit_properties")
    nameless = flag(call, "omit_username")

    def wire(record: TableRecord) -> TableInfo:
        info = _info(workspace, record, None if bare else _columns_or_none(record))
        info.properties = None if brief else info.properties
        if nameless:
            info.owner = info.created_by = info.updated_by = None
        return marked(workspace, call, ObjectKind.TABLE, record, info)

    found = shown(workspace, call, ObjectKind.TABLE, workspace.catalog.tables(".".join(parts)))
    return page(call, "tables", found, lambda one: one.full_name, wire)


def list_summaries(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Names and types of the tables of a catalog whose schema and name fit two SQL LIKE patterns."""
    from databricks.sdk.service.catalog import TableSummary, TableType

    catalog = valid_name(call.query.get("catalog_name"), "catalog_name")
    fits_schema, fits_table = (_like(call.query.get(field)) for field in ("schema_name_pattern", "table_name_pattern"))
    found = [
        table
        for schema in workspace.catalog.schemas(catalog)
        if fits_schema(schema.name)
        for table in shown(workspace, call, ObjectKind.TABLE, workspace.catalog.tables(schema.full_name))
        if fits_table(table.name)
    ]
    return page(
        call,
        "tables",
        sorted(found, key=lambda one: one.full_name),
        lambda one: one.full_name,
        lambda one: TableSummary(full_name=one.full_name, table_type=TableType(one.table_type)),
    )


def exists(workspace: Workspace, call: Call) -> object:
    """Whether there is such a table; a missing schema is an error, as with the vendor."""
    from databricks.sdk.service.catalog import TableExistsResponse

    name = call.path["name"]
    workspace.catalog.schema(parent_of(name))
    return TableExistsResponse(table_exists=workspace.catalog.has_table(name))


def get(workspace: Workspace, call: Call) -> TableInfo:
    """One table; its columns are what its Delta log says now."""
    return described(workspace, call, workspace.catalog.table(call.path["name"]))


def described(workspace: Workspace, call: Call, record: TableRecord) -> TableInfo:
    """A table as it is now."""
    info = _info(workspace, record, _read_columns(record))
    if flag(call, "include_delta_metadata") and record.format == "DELTA":
        info.delta_runtime_properties_kvpairs = _runtime_properties(record)
    return marked(workspace, call, ObjectKind.TABLE, record, info)


def update(workspace: Workspace, call: Call) -> TableInfo:
    """Change name (in the same schema), comment, owner or properties; of a view, as its own engine asks, the query."""
    known = ("comment", "owner", "properties", "new_name", "view_definition", "columns", *policies.FIELDS)
    values = changes(workspace, call, *known)
    record = workspace.catalog.table(call.path["name"])
    kind = record.table_type
    if not call.body.keys().isdisjoint(policies.FIELDS):
        now = Policies.of(workspace.catalog.attributes.of(record.id))
        sent = policies.changed(workspace, call, record, now)
        workspace.catalog.attributes.put(record.id, sent)
    if "view_definition" in call.body or "columns" in call.body:
        values |= {"view_definition": _definition(call, kind), "columns": _columns(call)}
    if kind == "VIEW" and not in_hive(call.path["name"]):
        workspace.catalog.redefine(TABLE, call.path["name"], values, editor(workspace, call))
        values = {}
    name = renamed(workspace, call, ObjectKind.TABLE, call.path["name"])
    changed = workspace.catalog.change(TABLE, name, call.principal.user_name, values)
    return _info(workspace, changed, _columns_or_none(changed))


def delete(workspace: Workspace, call: Call) -> None:
    """Delete a table; of a managed one, also the data."""
    workspace.catalog.delete_table(call.path["name"])


def _location(workspace: Workspace, uri: str | None) -> Path | None:
    if not uri:
        return None
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    if parts.scheme in ("", "dbfs"):
        return workspace.files.local_path(uri)
    if parts.scheme in CLOUDS:
        raise NotImplementedByWorkspace(
            f"A local workspace has no way to {uri}: use a file:/, dbfs:/ or /Volumes/ path."
        )
    raise InvalidParameterValue(f"storage_location {uri!r} must be a file:///, dbfs:/ or /Volumes/ path here")


def _format(kind: str, wanted: str | None, name: str) -> str | None:
    from databricks.sdk.service.catalog import DataSourceFormat

    if kind == "VIEW":
        return None
    found = wanted or "DELTA"
    if found not in DataSourceFormat.__members__:
        raise InvalidParameterValue(f"data_source_format {found!r} is not one")
    if kind == "MANAGED" and found != "DELTA" and not in_hive(name):
        raise InvalidParameterValue(f"Data source format {found} is not supported for managed tables: use DELTA.")
    return found


def _columns(call: Call) -> list[dict[str, Any]]:
    columns = call.body.get("columns") or []
    if not isinstance(columns, list) or not all(isinstance(column, dict) for column in columns):
        raise InvalidParameterValue("columns must be a list of objects")
    return columns


def _definition(call: Call, kind: str) -> str | None:
    definition = text(call, "view_definition")
    if (kind == "VIEW") != bool(definition):
        raise InvalidParameterValue("view_definition is required for a view, and only there")
    return definition


def _like(pattern: str | None) -> Any:
    """A test for names by a SQL LIKE pattern; without a pattern all names fit."""
    if not pattern:
        return lambda name: True
    text = re.sub(r"[\[\]*?]", lambda match: f"[{match[0]}]", pattern.lower()).replace("%", "*").replace("_", "?")
    return re.compile(fnmatch.translate(text)).match


def _read_columns(record: TableRecord) -> list[ColumnInfo]:
    from databricks.sdk.service.catalog import ColumnInfo

    if record.format == "DELTA":
        return read_columns(record.directory)
    return [ColumnInfo.from_dict(_of_view(column)) for column in record.columns or []]


def _of_view(column: Mapping[str, Any]) -> dict[str, Any]:
    """A column of a view, whose type is kept alone, as columns of tables are described."""
    found = {"type_precision": 0, "type_scale": 0, **column}
    if column.get("type_json") and not str(column["type_json"]).startswith('{"name"'):
        described = {"name": column["name"], "type": json.loads(column["type_json"])}
        described |= {"nullable": column.get("nullable") is not False, "metadata": {}}
        found["type_json"] = json.dumps(described, separators=(",", ":"))
    return found


def _runtime_properties(record: TableRecord) -> DeltaRuntimePropertiesKvPairs | None:
    """What the Delta log says of the version that is current."""
    from databricks.sdk.service.catalog import DeltaRuntimePropertiesKvPairs
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        table = DeltaTable(record.directory)
        (last,) = table.history(1)
    except (DeltaError, ValueError) as error:
        _log.warning("shown without its Delta metadata: %s", error)
        return None
    protocol = table.protocol()
    found = {
        "delta.lastCommitTimestamp": last.get("timestamp"),
        "delta.lastUpdateVersion": table.version(),
        "delta.minReaderVersion": protocol.min_reader_version,
        "delta.minWriterVersion": protocol.min_writer_version,
    }
    return DeltaRuntimePropertiesKvPairs({name: str(value) for name, value in found.items()})


def _columns_or_none(record: TableRecord) -> list[ColumnInfo] | None:
    """Like `_read_columns`, but one table with a broken log does not hide all the others."""
    try:
        return _read_columns(record)
    except InvalidState as error:
        _log.warning("listed without columns: %s", error)
        return None


def _info(workspace: Workspace, record: TableRecord, columns: list[ColumnInfo] | None) -> TableInfo:
    from databricks.sdk.service.catalog import DataSourceFormat, TableConstraint, TableInfo, TableType

    catalog, schema, name = record.full_name.split(".")
    info = TableInfo(
        name=name,
        catalog_name=catalog,
        schema_name=schema,
        full_name=record.full_name,
        table_id=record.id,
        table_type=TableType(record.table_type),
        data_source_format=None if record.format is None else DataSourceFormat(record.format),
        storage_location=None if record.location is None else record.directory.as_uri(),
        columns=columns,
        comment=record.comment,
        owner=record.owner,
        properties=None if record.properties is None else dict(record.properties),
        view_definition=record.view_definition,
        table_constraints=[TableConstraint.from_dict(one) for one in workspace.catalog.constraints.of(record)] or None,
        metastore_id=workspace.catalog.metastore_id,
        created_at=record.created_at,
        created_by=record.created_by,
        updated_at=record.updated_at,
        updated_by=record.updated_by,
    )
    return policies.show(Policies.of(workspace.catalog.attributes.of(record.id)), info)
