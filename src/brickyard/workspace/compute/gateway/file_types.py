"""Columns of CSV and JSON files as Spark infers them, where Sail infers others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import base_pb2, relations_pb2
from pyspark.sql.types import ArrayType, StructField, StructType

from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.values.partitions import NULL, replace_columns

__all__ = ["convert_texts", "infer_types", "set_partitions"]

TEXT_OPTIONS = ("nullvalue", "ignoreleadingwhitespace", "ignoretrailingwhitespace")
INT_MAX = 2**31 - 1


def infer_types(relation: Any, session: Session) -> None:
    """Give a relation that reads CSV or JSON files the types that Spark infers: of whole numbers, times and objects."""
    source = relation.read.data_source
    options = {key.lower(): value.lower() for key, value in source.options.items()}
    if source.format.lower() == "csv" and options.get("inferschema") == "true":
        replace_columns(relation, _csv_types(relation, session))
    elif source.format.lower() == "json" and not any(_partitions(Path(path)) for path in source.paths):
        schema = session.schema(relation)
        source.schema = _sorted(schema).json()


def convert_texts(relation: Any, session: Session) -> None:
    """Do what `nullValue` and the options about white space ask for, where all columns of CSV files are text."""
    source = relation.read.data_source
    options = {key.lower(): (key, value) for key, value in source.options.items()}
    asked = [options[name] for name in TEXT_OPTIONS if name in options]
    if source.format.lower() != "csv" or not asked or options.get("inferschema", ("", ""))[1].lower() == "true":
        return
    fields = session.fields(relation)
    parts = {part for path in source.paths for part in _partitions(Path(path))}
    if parts or any(kind != "string" for _, kind in fields):
        return
    for key, _ in asked:
        del source.options[key]
    replace_columns(
        relation, {name: _converted(quote(name), {k: v for k, (_, v) in options.items()}) for name, _ in fields}
    )


def _converted(text: str, options: dict[str, str]) -> str:
    for name, trim in (("ignoreleadingwhitespace", "ltrim"), ("ignoretrailingwhitespace", "rtrim")):
        text = f"{trim}({text})" if options.get(name, "").lower() == "true" else text
    null = options.get("nullvalue", "").replace("\\", "\\\\").replace("'", "\\'")
    return f"nullif({text}, '{null}')"


def _csv_types(relation: Any, session: Session) -> dict[str, str]:
    """INT where all numbers fit, as Spark has it, and TIMESTAMP; Sail has BIGINT and TIMESTAMP_NTZ."""
    fields = session.fields(relation)
    types = {name: f"CAST({quote(name)} AS TIMESTAMP)" for name, kind in fields if kind == "timestamp_ntz"}
    numbers = [name for name, kind in fields if kind == "bigint"]
    fitting = _fitting(relation, numbers, session) if numbers else []
    return types | {name: f"CAST({quote(name)} AS INT)" for name in fitting}


def _fitting(relation: Any, numbers: list[str], session: Session) -> list[str]:
    asked = relations_pb2.Relation()
    asked.aggregate.input.CopyFrom(relation)
    asked.aggregate.group_type = relations_pb2.Aggregate.GROUP_TYPE_GROUPBY
    for at, name in enumerate(numbers):
        alias = asked.aggregate.aggregate_expressions.add().alias
        alias.name.append(str(at))
        text = f"min({quote(name)}) >= {-INT_MAX - 1} AND max({quote(name)}) <= {INT_MAX}"
        alias.expr.expression_string.expression = text
    rows = session.sail.execute(session.key, base_pb2.Plan(root=asked))
    found = rows.to_pylist()[0] if rows is not None and rows.num_rows else {}
    return [name for at, name in enumerate(numbers) if found.get(str(at))]


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
