"""Columns of files as Spark has them, where Sail has others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pyspark.sql.types import ArrayType, StructField, StructType

from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.values.partitions import NULL, replace_columns
from brickyard.workspace.compute.gateway.widening import loose

__all__ = ["infer_types", "set_partitions"]


def infer_types(relation: Any, session: Session) -> None:
    """Give a relation that reads JSON files the columns in Spark's order, and one of Parquet columns that may be null.

    A column that one file of several lacks is null in its rows; if others have it as NOT NULL, Sail has 0 or nothing.
    """
    source = relation.read.data_source
    if source.format.lower() == "parquet":
        found = session.schema(relation)
        wanted = loose(found)
        source.schema = wanted.json() if wanted != found else ""
    elif source.format.lower() == "json" and not any(_partitions(Path(path)) for path in source.paths):
        source.schema = _sorted(session.schema(relation)).json()


def _sorted(kind: Any) -> Any:
    """Fields in the order of their names, as Spark has those of JSON."""
    if isinstance(kind, StructType):
        fields = sorted(kind.fields, key=lambda field: field.name)
        return StructType([StructField(field.name, _sorted(field.dataType), field.nullable) for field in fields])
    return ArrayType(_sorted(kind.elementType), kind.containsNull) if isinstance(kind, ArrayType) else kind


def _partitions(place: Path) -> list[str]:
    return [child.name for child in place.iterdir() if "=" in child.name] if place.is_dir() else []


def set_partitions(relation: Any, columns: Iterable[str]) -> None:
    """Give rows that are to be written the text of their partitions, in which null has a name as Hive gives it."""
    replace_columns(
        relation, {name: f"coalesce(nullif(CAST({quote(name)} AS STRING), ''), '{NULL}')" for name in columns}
    )
