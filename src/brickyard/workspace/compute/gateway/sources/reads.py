"""A read of files in a plan, made fit for Sail in place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway import commits, feed, values
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.file_options import check_read_options, complete_options
from brickyard.workspace.compute.gateway.file_types import convert_texts, infer_types
from brickyard.workspace.compute.gateway.queries import FILE_FORMATS
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.values.partitions import PARTITIONED

__all__ = ["changes_of", "complete_times", "make_fit", "need_time", "read_places", "resolve_source"]

#: Options that are about which files are read.
OF_FILES = frozenset({"recursivefilelookup", "ignorecorruptfiles", "pathglobfilter", "schema"})
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def resolve_source(relation: Any, session: Session) -> None:
    """Resolve the paths of `spark.read...load(...)`, and read what is there as Spark does.

    Raises:
        SparkError: PATH_NOT_FOUND and its kin, or UNSUPPORTED_BY_ENGINE.
    """
    source = relation.read.data_source
    _paths(source, session)
    if source.format == "delta" and feed.asked_for(source.options) and not session.sail.capabilities.is_spark:
        changes = changes_of(source.options, Path(source.paths[0]), session)
        changes.common.CopyFrom(relation.common)
        relation.CopyFrom(changes)
    elif not session.sail.capabilities.is_spark:
        make_fit(relation, session)


def changes_of(options: Mapping[str, str], place: Path, session: Session) -> relations_pb2.Relation:
    """The changes of a table: `spark.read.option("readChangeFeed", True)`."""
    query = session.changes_of(place, feed.bounds_of(options, session.zone))
    return relations_pb2.Relation(sql=relations_pb2.SQL(query=f"SELECT * FROM {query}"))


def make_fit(relation: Any, session: Session) -> None:
    """Have a relation whose paths are resolved read as Spark does.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    complete_options(relation.read.data_source)
    convert_texts(relation, session)
    inner = relation.with_columns.input if relation.HasField("with_columns") else relation
    source = inner.read.data_source
    check_read_options(source.format.lower(), source.options)
    if inner is relation:
        _type_columns(relation, session)


def _type_columns(relation: Any, session: Session) -> None:
    schema = relation.read.data_source.schema
    _type_partitions(relation, session)
    if not schema:
        read = relation.with_columns.input if relation.HasField("with_columns") else relation
        infer_types(read, session)


def _type_partitions(relation: Any, session: Session) -> None:
    source = relation.read.data_source
    inferred = session.setting("spark.sql.sources.partitionColumnTypeInference.enabled", "true").lower() == "true"
    if inferred and source.format.lower() in PARTITIONED and not source.schema:
        values.type_partitions(relation)


def _paths(source: Any, session: Session) -> None:
    kind = source.format.lower() or "delta"
    if not source.HasField("format"):
        source.format = "delta"
    if kind not in {name.lower() for name in FILE_FORMATS}:
        if source.paths:
            raise unsupported(f"the data source '{source.format}'", f"Use one of {', '.join(sorted(FILE_FORMATS))}.")
        return
    complete_times(source.options)
    paths = [*source.paths, *([source.options.pop("path")] if "path" in source.options else [])]
    if not paths:
        raise SparkError("DATA_SOURCE_NO_PATH", f"spark.read.format('{kind}') needs a path.")
    del source.paths[:]
    for path in paths:
        source.paths.extend(session.places.sources(path, kind, inferred=not source.schema, deep=_is_deep(source)))
    if kind == "delta":
        need_time(source.options, Path(source.paths[0]), session)


def complete_times(options: Any) -> None:
    """A day for time travel is its first moment; Sail wants the hour too."""
    for key, value in list(options.items()):
        if key.lower() == "timestampasof" and DAY.fullmatch(value):
            options[key] = f"{value} 00:00:00"


def need_time(options: Any, place: Path, session: Session) -> None:
    """Refuse time travel past a table's last version."""
    for key, value in options.items():
        if key.lower() == "timestampasof":
            commits.need_time(place, value, session.setting("spark.sql.session.timeZone"))


def _is_deep(source: Any) -> bool:
    options = {key.lower(): value.lower() for key, value in source.options.items()}
    return options.get("recursivefilelookup") == "true"


def read_places(
    kind: str, files: Sequence[Path], options: Mapping[str, str], session: Session, *, metadata: bool = False
) -> Any:
    """A relation that reads files, each of which is known; `metadata` gives it the column `_metadata` too.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    relation = relations_pb2.Relation()
    source = relation.read.data_source
    source.format = "binaryFile" if kind.lower() == "binaryfile" else kind.lower()
    source.options.update({key: value for key, value in options.items() if key.lower() not in OF_FILES})
    source.schema = next((value for key, value in options.items() if key.lower() == "schema"), "")
    source.paths.extend(session.places.text(file) for file in files)
    make_fit(relation, session)
    return relation
