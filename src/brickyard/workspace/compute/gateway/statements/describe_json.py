"""DESCRIBE TABLE EXTENDED ... AS JSON: what a program reads.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-aux-describe-table
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from brickyard.workspace.compute.gateway.redaction import redacted
from brickyard.workspace.compute.gateway.unity import Table

__all__ = ["as_json"]


def as_json(
    table: Table,
    schema: Any,
    comments: Mapping[str, str],
    partitions: list[str],
    location: str | None,
    defaults: Mapping[str, str],
) -> str:
    """The table as the text of a JSON object.

    Args:
        table: The table or view.
        schema: Its `StructType`.
        comments: The comments of its columns.
        partitions: Its partition columns.
        location: Where it is, as users write it.
        defaults: SQL of the defaults of its columns.
    """
    columns = [
        _field(one) | _given(comment=comments.get(one.name), default=defaults.get(one.name)) for one in schema.fields
    ]
    known = _given(
        table_name=table.name.name,
        catalog_name=table.name.catalog,
        namespace=[table.name.schema],
        schema_name=table.name.schema,
        columns=columns,
        partition_columns=partitions,
        location=location,
        created_time=_time(table.created_at),
        type=table.kind,
        provider=None if table.is_view else "delta" if table.files is None else table.files.kind,
        comment=table.comment,
        owner=table.owner,
        view_text=table.definition,
        table_properties=redacted(table.properties),
    )
    return json.dumps(known, separators=(",", ":"))


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}


def _field(field: Any) -> dict[str, Any]:
    return {"name": field.name, "type": _type(field.dataType), "nullable": field.nullable}


def _type(kind: Any) -> dict[str, Any]:
    from pyspark.sql import types

    if isinstance(kind, types.DecimalType):
        return {"name": "decimal", "precision": kind.precision, "scale": kind.scale}
    if isinstance(kind, types.ArrayType):
        return {"name": "array", "element_type": _type(kind.elementType), "element_nullable": kind.containsNull}
    if isinstance(kind, types.MapType):
        value = {"value_type": _type(kind.valueType), "value_nullable": kind.valueContainsNull}
        return {"name": "map", "key_type": _type(kind.keyType), **value}
    if isinstance(kind, types.StructType):
        return {"name": "struct", "fields": [_field(one) for one in kind.fields]}
    name = kind.simpleString()
    return {"name": {"timestamp": "timestamp_ltz"}.get(name, name)}


def _time(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
