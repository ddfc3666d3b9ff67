"""The relations of `information_schema` and their columns.

Source: https://docs.databricks.com/sql/language-manual/sql-ref-information-schema
"""

from __future__ import annotations

import pyarrow as pa

__all__ = ["COLUMNS"]

_TEXT, _INT, _LONG, _WHEN = pa.string(), pa.int32(), pa.int64(), pa.timestamp("us", tz="UTC")
_STAMP = {"created": _WHEN, "created_by": _TEXT, "last_altered": _WHEN, "last_altered_by": _TEXT}


def _texts(*names: str) -> dict[str, pa.DataType]:
    return dict.fromkeys(names, _TEXT)


def _tags(*names: str) -> dict[str, pa.DataType]:
    return _texts(*names, "tag_name", "tag_value")


_TABLE = _texts("table_catalog", "table_schema", "table_name")
_CONSTRAINT = _texts("constraint_catalog", "constraint_schema", "constraint_name")
_SPECIFIC = _texts("specific_catalog", "specific_schema", "specific_name")
_PRIVILEGE = _texts("privilege_type", "is_grantable", "inherited_from")
_TYPE: dict[str, pa.DataType] = {
    "full_data_type": _TEXT,
    "data_type": _TEXT,
    "character_maximum_length": _LONG,
    "character_octet_length": _LONG,
    "numeric_precision": _INT,
    "numeric_precision_radix": _INT,
    "numeric_scale": _INT,
    "datetime_precision": _INT,
    "interval_type": _TEXT,
    "interval_precision": _INT,
    "maximum_cardinality": _LONG,
}

COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "catalogs": _texts("catalog_name", "catalog_owner", "comment") | _STAMP,
    "catalog_privileges": _texts("grantor", "grantee", "catalog_name") | _PRIVILEGE,
    "catalog_tags": _tags("catalog_name"),
    "check_constraints": _CONSTRAINT | _texts("check_clause", "sql_path"),
    "column_tags": _tags("catalog_name", "schema_name", "table_name", "column_name"),
    "columns": _TABLE
    | {"column_name": _TEXT, "ordinal_position": _INT, "column_default": _TEXT, "is_nullable": _TEXT}
    | _TYPE
    | _texts("is_identity", "identity_generation", "identity_start", "identity_increment", "identity_maximum")
    | _texts("identity_minimum", "identity_cycle", "is_generated", "generation_expression")
    | _texts("is_system_time_period_start", "is_system_time_period_end", "system_time_period_timestamp_generation")
    | {"is_updatable": _TEXT, "partition_index": _INT, "comment": _TEXT},
    "constraint_column_usage": _TABLE | {"column_name": _TEXT} | _CONSTRAINT,
    "constraint_table_usage": _TABLE | _CONSTRAINT,
    "information_schema_catalog_name": _texts("catalog_name"),
    "key_column_usage": _CONSTRAINT
    | _TABLE
    | {"column_name": _TEXT, "ordinal_position": _INT, "position_in_unique_constraint": _INT},
    "parameters": _SPECIFIC
    | {"ordinal_position": _INT, "parameter_mode": _TEXT, "is_result": _TEXT, "as_locator": _TEXT}
    | {"parameter_name": _TEXT}
    | _TYPE
    | _texts("parameter_default", "comment"),
    "referential_constraints": _CONSTRAINT
    | _texts("unique_constraint_catalog", "unique_constraint_schema", "unique_constraint_name")
    | _texts("match_option", "update_rule", "delete_rule"),
    "routine_columns": _SPECIFIC | {"column_name": _TEXT, "ordinal_position": _INT} | _TYPE | {"comment": _TEXT},
    "routine_privileges": _texts("grantor", "grantee")
    | _SPECIFIC
    | _texts("routine_catalog", "routine_schema", "routine_name")
    | _PRIVILEGE,
    "routines": _SPECIFIC
    | _texts("routine_catalog", "routine_schema", "routine_name", "routine_owner", "routine_type")
    | _TYPE
    | _texts("routine_body", "routine_definition", "external_name", "external_language", "parameter_style")
    | _texts("is_deterministic", "sql_data_access", "is_null_call", "sql_path", "security_type", "as_locator")
    | {"comment": _TEXT}
    | _STAMP,
    "schema_privileges": _texts("grantor", "grantee", "catalog_name", "schema_name") | _PRIVILEGE,
    "schema_tags": _tags("catalog_name", "schema_name"),
    "schemata": _texts("catalog_name", "schema_name", "schema_owner", "comment") | _STAMP,
    "table_constraints": _CONSTRAINT
    | _TABLE
    | _texts("constraint_type", "is_deferrable", "initially_deferred", "enforced", "comment"),
    "row_filters": _texts("catalog_name", "schema_name", "table_name")
    | _texts("filter_catalog", "filter_schema", "filter_name", "filter_col_usage"),
    "column_masks": _texts("catalog_name", "schema_name", "table_name", "column_name")
    | _texts("mask_catalog", "mask_schema", "mask_name", "mask_col_usage"),
    "table_privileges": _texts("grantor", "grantee") | _TABLE | _PRIVILEGE,
    "table_tags": _tags("catalog_name", "schema_name", "table_name"),
    "tables": _TABLE
    | _texts("table_type", "is_insertable_into", "commit_action", "table_owner", "comment")
    | _STAMP
    | _texts("data_source_format", "storage_sub_directory", "storage_path"),
    "views": _TABLE
    | _texts("view_definition", "check_option", "is_updatable", "is_insertable_into", "sql_path", "is_materialized"),
    "volume_privileges": _texts("grantor", "grantee", "volume_catalog", "volume_schema", "volume_name") | _PRIVILEGE,
    "volume_tags": _tags("catalog_name", "schema_name", "volume_name"),
    "volumes": _texts("volume_catalog", "volume_schema", "volume_name", "volume_type", "volume_owner", "comment")
    | {"storage_location": _TEXT}
    | _STAMP,
}
