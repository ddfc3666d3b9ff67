"""The rows of `information_schema`, read from Unity Catalog with the rights of the session's user."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import not_found
from brickyard.workspace.compute.gateway.filling import Filled, by_name
from brickyard.workspace.compute.gateway.information import policies, tags
from brickyard.workspace.compute.gateway.information.columns import COLUMNS
from brickyard.workspace.compute.gateway.names import TableName
from brickyard.workspace.compute.gateway.unity import UnityCatalog

__all__ = ["SCHEMA", "relation_of"]

SCHEMA = "information_schema"
#: The catalog whose `information_schema` is about all catalogs.
_ALL = "system"
Row = dict[str, Any]
#: Number of bits or digits of a number, and in which base; Source: the columns' documentation.
_PRECISIONS = {
    "BYTE": (3, 10),
    "SHORT": (5, 10),
    "INT": (10, 10),
    "LONG": (19, 10),
    "FLOAT": (24, 2),
    "DOUBLE": (53, 2),
}
_NAMES = {"BYTE": "TINYINT", "SHORT": "SMALLINT", "LONG": "BIGINT"}


def relation_of(name: TableName, catalog: UnityCatalog, *, empty: bool = False) -> Any:
    """The relation of a name, as one that Spark Connect carries; `empty` leaves its rows out.

    Raises:
        SparkError: TABLE_OR_VIEW_NOT_FOUND, or SCHEMA_NOT_FOUND where there is no such catalog.
    """
    columns = COLUMNS.get(name.name)
    if columns is None:
        raise not_found("table", str(name))
    if name.catalog == _ALL:
        catalogs = catalog.catalogs()
    else:
        catalogs = [one for one in catalog.catalogs() if one["name"] == name.catalog]
        if not catalogs:
            raise not_found("catalog", name.catalog)
    source = _SOURCES.get(name.name) or tags.SOURCES.get(name.name) or policies.SOURCES.get(name.name)
    rows = list(source(catalog, catalogs)) if source is not None and not empty else []
    arrays = [pa.array([row.get(column) for row in rows], kind) for column, kind in columns.items()]
    return literals.table(pa.Table.from_arrays(arrays, schema=pa.schema(list(columns.items()))))


def _when(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def _stamp(wire: Row) -> Row:
    return {
        "created": _when(wire.get("created_at")),
        "created_by": wire.get("created_by"),
        "last_altered": _when(wire.get("updated_at")),
        "last_altered_by": wire.get("updated_by"),
        "comment": wire.get("comment"),
    }


def _yes(flag: object) -> str:
    return "YES" if flag else "NO"


def _catalogs(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for one in catalogs:
        yield {"catalog_name": one["name"], "catalog_owner": one.get("owner"), **_stamp(one)}


def _catalog_names(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for one in catalogs:
        yield {"catalog_name": one["name"]}


def _schemas(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for above in catalogs:
        yield from catalog.schemas(above["name"])


def _schemata(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for one in _schemas(catalog, catalogs):
        names = {"catalog_name": one["catalog_name"], "schema_name": one["name"]}
        yield {**names, "schema_owner": one.get("owner"), **_stamp(one)}


def _wires(catalog: UnityCatalog, catalogs: list[Row], *, columns: bool = False) -> Iterator[Row]:
    for one in _schemas(catalog, catalogs):
        yield from catalog.table_wires(one["catalog_name"], one["name"], columns=columns)


def _table_names(wire: Row) -> Row:
    return {
        "table_catalog": wire["catalog_name"],
        "table_schema": wire["schema_name"],
        "table_name": wire["name"],
    }


def _tables(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for wire in _wires(catalog, catalogs):
        yield {
            **_table_names(wire),
            "table_type": wire.get("table_type"),
            "is_insertable_into": _yes(wire.get("table_type") != "VIEW"),
            "commit_action": "PRESERVE",
            "table_owner": wire.get("owner"),
            "data_source_format": wire.get("data_source_format"),
            "storage_path": wire.get("storage_location"),
            **_stamp(wire),
        }


def _views(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for wire in _wires(catalog, catalogs):
        if wire.get("table_type") == "VIEW":
            fixed = {"check_option": "NONE", "is_updatable": "NO", "is_insertable_into": "NO", "is_materialized": "NO"}
            yield {**_table_names(wire), "view_definition": wire.get("view_definition"), **fixed}


def _columns(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for wire in _wires(catalog, catalogs, columns=True):
        for column in wire.get("columns") or []:
            yield {
                **_table_names(wire),
                **_type(column.get("type_name"), column.get("type_text"), column),
                "column_name": column["name"],
                "ordinal_position": column.get("position", 0),
                "is_nullable": _yes(column.get("nullable", True)),
                **_filled(column.get("type_json")),
                "is_updatable": _yes(wire.get("table_type") != "VIEW"),
                "partition_index": column.get("partition_index"),
                "comment": column.get("comment"),
            }


def _filled(described: str | None) -> Row:
    """What a column is filled with where no value is given."""
    field = json.loads(described or "null")
    columns = by_name([field]) if isinstance(field, dict) and "metadata" in field else {}
    column = next(iter(columns.values()), Filled(""))
    counts = {
        "identity_generation": "BY DEFAULT" if column.explicit else "ALWAYS",
        "identity_start": str(column.start),
        "identity_increment": str(column.step),
    }
    return {
        "column_default": column.default,
        "is_identity": _yes(column.identity),
        **(counts if column.identity else {}),
        "is_generated": _yes(column.generated is not None),
        "generation_expression": column.generated,
    }


def _type(name: str | None, text: str | None, wire: Row) -> Row:
    """The columns that describe a type."""
    if name is None:
        return {"full_data_type": text}
    precision, radix = _PRECISIONS.get(name, (wire.get("type_precision") or None, 10))
    number = name in _PRECISIONS or name == "DECIMAL"
    return {
        "full_data_type": text,
        "data_type": _NAMES.get(name, name),
        "numeric_precision": precision if number else None,
        "numeric_precision_radix": radix if number else None,
        "numeric_scale": wire.get("type_scale") if name == "DECIMAL" else 0 if radix == 10 and number else None,
        "character_maximum_length": 0 if name == "STRING" else None,
        "character_octet_length": 0 if name in ("STRING", "BINARY") else None,
        "datetime_precision": {"DATE": 0, "TIMESTAMP": 6, "TIMESTAMP_NTZ": 6}.get(name),
    }


def _constraints(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[tuple[Row, str, Row]]:
    """Tables with their keys: which kind, and what the API says of it."""
    for wire in _wires(catalog, catalogs):
        for one in wire.get("table_constraints") or []:
            for kind, definition in one.items():
                yield wire, kind, definition


def _constraint_names(wire: Row, definition: Row) -> Row:
    return {
        "constraint_catalog": wire["catalog_name"],
        "constraint_schema": wire["schema_name"],
        "constraint_name": definition["name"],
    }


def _table_constraints(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    kinds = {"primary_key_constraint": "PRIMARY KEY", "foreign_key_constraint": "FOREIGN KEY"}
    for wire, kind, definition in _constraints(catalog, catalogs):
        yield {
            **_constraint_names(wire, definition),
            **_table_names(wire),
            "constraint_type": kinds.get(kind, "CHECK"),
            "is_deferrable": "YES",
            "initially_deferred": "NO",
            "enforced": "NO",
        }


def _key_columns(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for wire, kind, definition in _constraints(catalog, catalogs):
        for place, column in enumerate(definition.get("child_columns") or [], 1):
            foreign = place if kind == "foreign_key_constraint" else None
            yield {
                **_constraint_names(wire, definition),
                **_table_names(wire),
                "column_name": column,
                "ordinal_position": place,
                "position_in_unique_constraint": foreign,
            }


def _constraint_columns(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for wire, kind, definition in _constraints(catalog, catalogs):
        names = _table_names(wire)
        if kind == "foreign_key_constraint":
            names = dict(zip(names, definition["parent_table"].split("."), strict=True))
        for column in definition.get("parent_columns") or definition.get("child_columns") or []:
            yield {**names, "column_name": column, **_constraint_names(wire, definition)}


def _constraint_tables(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    seen = []
    for row in _constraint_columns(catalog, catalogs):
        bare = {name: value for name, value in row.items() if name != "column_name"}
        if bare not in seen:
            seen.append(bare)
            yield bare


def _references(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for wire, kind, definition in _constraints(catalog, catalogs):
        if kind == "foreign_key_constraint":
            above, schema, table = definition["parent_table"].split(".")
            parents = catalog.table_wires(above, schema, columns=False)
            keys = [one for wire in parents if wire["name"] == table for one in wire.get("table_constraints") or []]
            primary = [one["primary_key_constraint"]["name"] for one in keys if "primary_key_constraint" in one]
            yield {
                **_constraint_names(wire, definition),
                "unique_constraint_catalog": above,
                "unique_constraint_schema": schema,
                "unique_constraint_name": primary[0] if primary else None,
                "match_option": "FULL",
                "update_rule": "NO ACTION",
                "delete_rule": "NO ACTION",
            }


def _volumes(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for above in _schemas(catalog, catalogs):
        for one in catalog.volumes(above["catalog_name"], above["name"]):
            yield {
                "volume_catalog": one["catalog_name"],
                "volume_schema": one["schema_name"],
                "volume_name": one["name"],
                "volume_type": one.get("volume_type"),
                "volume_owner": one.get("owner"),
                "storage_location": one.get("storage_location"),
                **_stamp(one),
            }


def _functions(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for above in _schemas(catalog, catalogs):
        yield from catalog.functions(above["catalog_name"], above["name"])


def _specific(wire: Row) -> Row:
    return {
        "specific_catalog": wire["catalog_name"],
        "specific_schema": wire["schema_name"],
        "specific_name": wire["name"],
    }


def _routines(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    same = ("routine_body", "routine_definition", "external_name", "external_language", "parameter_style")
    for wire in _functions(catalog, catalogs):
        yield {
            **_specific(wire),
            "routine_catalog": wire["catalog_name"],
            "routine_schema": wire["schema_name"],
            "routine_name": wire["name"],
            "routine_owner": wire.get("owner"),
            "routine_type": "FUNCTION",
            **_type(wire.get("data_type"), wire.get("full_data_type"), {}),
            **{name: wire.get(name) for name in (*same, "sql_data_access", "sql_path", "security_type")},
            "is_deterministic": _yes(wire.get("is_deterministic")),
            "is_null_call": _yes(wire.get("is_null_call")),
            "as_locator": "NO",
            **_stamp(wire),
        }


def _parameters(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for wire in _functions(catalog, catalogs):
        for one in (wire.get("input_params") or {}).get("parameters") or []:
            yield {
                **_specific(wire),
                "ordinal_position": one.get("position", 0),
                "parameter_mode": "IN",
                "is_result": "NO",
                "as_locator": "NO",
                "parameter_name": one["name"],
                **_type(one.get("type_name"), one.get("type_text"), one),
                "parameter_default": one.get("parameter_default"),
                "comment": one.get("comment"),
            }


def _privileges(kind: str, wires: Callable[..., Iterator[Row]], *names: str) -> Callable[..., Iterator[Row]]:
    """What is granted on objects of a kind, also by inheritance."""

    def rows(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
        for wire in wires(catalog, catalogs):
            parts = wire["full_name"].split(".")
            for assignment in catalog.effective_grants(kind, wire["full_name"]):
                for privilege in assignment.get("privileges") or []:
                    yield {
                        "grantor": wire.get("owner"),
                        "grantee": assignment["principal"],
                        **dict(zip(names, [*parts, *parts], strict=False)),
                        "privilege_type": privilege["privilege"],
                        "is_grantable": "NO",
                        "inherited_from": privilege.get("inherited_from_type") or "NONE",
                    }

    return rows


def _volume_wires(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for above in _schemas(catalog, catalogs):
        yield from catalog.volumes(above["catalog_name"], above["name"])


_SOURCES: dict[str, Callable[[UnityCatalog, list[Row]], Iterator[Row]]] = {
    "catalog_privileges": _privileges("catalog", lambda _, found: iter(found), "catalog_name"),
    "catalogs": _catalogs,
    "columns": _columns,
    "constraint_column_usage": _constraint_columns,
    "constraint_table_usage": _constraint_tables,
    "information_schema_catalog_name": _catalog_names,
    "key_column_usage": _key_columns,
    "parameters": _parameters,
    "referential_constraints": _references,
    "routine_privileges": _privileges(
        "function", _functions, "specific_catalog", "specific_schema", "specific_name", "routine_catalog",
        "routine_schema", "routine_name",
    ),
    "routines": _routines,
    "schema_privileges": _privileges("schema", _schemas, "catalog_name", "schema_name"),
    "schemata": _schemata,
    "table_constraints": _table_constraints,
    "table_privileges": _privileges("table", _wires, "table_catalog", "table_schema", "table_name"),
    "tables": _tables,
    "views": _views,
    "volume_privileges": _privileges(
        "volume", _volume_wires, "volume_catalog", "volume_schema", "volume_name"
    ),
    "volumes": _volumes,
}  # fmt: skip
