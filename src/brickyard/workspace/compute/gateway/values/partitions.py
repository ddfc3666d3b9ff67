"""Partition columns of directories (`year=2024/...`), typed from their values as Spark infers them; Sail has text.

Source: https://spark.apache.org/docs/latest/sql-data-sources-parquet.html#partition-discovery
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pyspark.sql.connect.proto import relations_pb2

__all__ = [
    "NULL",
    "PARTITIONED",
    "partition_cast",
    "partition_type",
    "partition_types",
    "replace_columns",
    "type_partitions",
]

#: Formats whose directories may be partitioned without a log that knows the types.
PARTITIONED = frozenset({"parquet", "orc", "avro", "csv", "json"})
#: What Hive writes for a null.
NULL = "__HIVE_DEFAULT_PARTITION__"
LADDER = ("int", "bigint", "double")


def type_partitions(relation: Any) -> None:
    """Cast, in place, the partition columns of a relation that reads files without a schema."""
    source = relation.read.data_source
    types = partition_types([Path(path) for path in source.paths])
    replace_columns(relation, {name: partition_cast(name, kind) for name, kind in types.items()})


def replace_columns(relation: Any, columns: Mapping[str, str]) -> None:
    """Columns of a relation replaced, in place, by expressions in SQL."""
    if not columns:
        return
    inner = relations_pb2.Relation()
    inner.CopyFrom(relation)
    relation.with_columns.input.CopyFrom(inner)
    for name, text in columns.items():
        alias = relation.with_columns.aliases.add()
        alias.name.append(name)
        alias.expr.expression_string.expression = text


def partition_cast(name: str, kind: str) -> str:
    """A partition column, which Sail has as text, also for null, as SQL with its type."""
    quoted = "`" + name.replace("`", "``") + "`"
    return f"CAST(nullif(nullif({quoted}, '{NULL}'), '') AS {kind})"


def partition_types(places: Iterable[Path]) -> dict[str, str]:
    """The partition columns below some directories, with their types, without texts that are never null."""
    values: dict[str, set[str]] = {}
    for place in places:
        for name, value in _partitions(place):
            values.setdefault(name, set()).add(value)
    types = {name: _type(found - {NULL}) for name, found in values.items()}
    return {name: kind for name, kind in types.items() if kind != "string" or NULL in values[name]}


def _partitions(place: Path) -> Iterator[tuple[str, str]]:
    """Names and values of the directories `name=value`, at every depth."""
    if not place.is_dir():
        return
    for child in place.iterdir():
        name, equals, value = child.name.partition("=")
        if equals and name[0] not in "._" and child.is_dir():
            yield unquote(name), unquote(value)
            yield from _partitions(child)


def partition_type(values: Iterable[str]) -> str:
    """The type of a partition column with these texts."""
    return _type(set(values) - {NULL})


def _type(values: set[str]) -> str:
    kinds = {_type_of(value) for value in values}
    if kinds and kinds <= set(LADDER):
        return max(kinds, key=LADDER.index)
    if kinds == {"date", "timestamp"}:
        return "timestamp"
    return kinds.pop() if len(kinds) == 1 else "string"


def _type_of(value: str) -> str:
    with contextlib.suppress(ValueError):
        number = int(value)
        if "_" not in value and -(2**63) <= number < 2**63:
            return "int" if -(2**31) <= number < 2**31 else "bigint"
    with contextlib.suppress(ValueError):
        float(value)
        if value[-1:].isdigit():
            return "double"
    for kind, length in (("date", 10), ("timestamp", 19)):
        with contextlib.suppress(ValueError):
            datetime.datetime.fromisoformat(value)
            if len(value) == length:
                return kind
    return "string"
