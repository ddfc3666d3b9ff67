"""A read of files in a plan, made fit for Sail in place."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway import commits, feed, values, zones
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.file_options import check_read_options, complete_options
from brickyard.workspace.compute.gateway.file_types import infer_types
from brickyard.workspace.compute.gateway.names import FILE_FORMATS
from brickyard.workspace.compute.gateway.queries import PLANNED
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sources.listing import Found, found_below, nothing_found
from brickyard.workspace.compute.gateway.sources.plan import Reader, columns_of, planned
from brickyard.workspace.compute.gateway.sources.united import united
from brickyard.workspace.compute.gateway.values.partitions import PARTITIONED, replace_columns
from brickyard.workspace.compute.gateway.widening import loose

__all__ = [
    "changes_of",
    "complete_times",
    "make_fit",
    "need_time",
    "read_found",
    "read_places",
    "resolve_source",
    "times_in_zone",
]

#: Options that are about which files are read.
OF_FILES = frozenset({"recursivefilelookup", "ignorecorruptfiles", "pathglobfilter", "schema"})
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def resolve_source(relation: Any, session: Session, *, metadata: bool = False) -> None:
    """Resolve the paths of `spark.read...load(...)`, and read what is there as Spark does.

    Args:
        relation: The read.
        session: Whose it is.
        metadata: Whether it is to have the column `_metadata`.

    Raises:
        SparkError: PATH_NOT_FOUND and its kin, or UNSUPPORTED_BY_ENGINE.
    """
    source = relation.read.data_source
    paths = _paths(source, spark=session.sail.capabilities.is_spark)
    own = not session.sail.capabilities.is_spark and not relation.read.is_streaming
    if own and paths and source.format.lower() in PLANNED:
        roots = [place for path in paths for place in session.places.mapper.existing(path, deep=True)]
        found = found_below(", ".join(paths), roots, _base(source, session), deep=_is_deep(source))
        if _planned(relation, found, session, metadata=metadata):
            return
    if own and paths and (metadata or "basepath" in {key.lower() for key in source.options}):
        _apart(relation, paths, session, metadata=metadata)
        return
    _place(source, paths, session)
    if own and source.format == "delta" and feed.asked_for(source.options):
        _put(relation, changes_of(source.options, Path(source.paths[0]), session))
    elif own:
        make_fit(relation, session)
        if source.format == "delta":
            times_in_zone(relation, session)


def times_in_zone(relation: Any, session: Session) -> None:
    """Have the times of a Delta table, which are read in UTC, in the session's zone."""
    if not (session.sail.capabilities.is_spark or zones.is_utc(session.zone)):
        replace_columns(relation, zones.in_zone(session.fields(relation)))


def _base(source: Any, session: Session) -> Path | None:
    base = next((value for key, value in source.options.items() if key.lower() == "basepath"), None)
    return None if base is None else session.places.mapper.existing(base, deep=True)[0]


def _apart(relation: Any, paths: Sequence[str], session: Session, *, metadata: bool) -> None:
    """Files that are read one by one, or partition by partition."""
    source = relation.read.data_source
    if source.format.lower() == "delta":
        raise unsupported("the column _metadata of Delta tables", "Read the table without it.")
    roots = [place for path in paths for place in session.places.mapper.existing(path, deep=True)]
    found = found_below(", ".join(paths), roots, _base(source, session), deep=_is_deep(source))
    for key in [key for key in source.options if key.lower() == "basepath"]:
        del source.options[key]
    _put(relation, _united(relation, found, session, metadata=metadata))


def _put(relation: Any, answer: Any) -> None:
    """Put another relation in place, known to the rest of the plan by the same id."""
    common = relations_pb2.RelationCommon()
    common.CopyFrom(relation.common)
    relation.CopyFrom(answer)
    relation.common.CopyFrom(common)


def _planned(relation: Any, found: Found, session: Session, *, metadata: bool = False) -> bool:
    """Have the gateway read the files, unless Sail does it as well and faster."""
    source = relation.read.data_source
    reader = Reader(source.format.lower(), source.options, source.schema, found, session, metadata=metadata)
    check_read_options(reader.kind, source.options)
    answer = planned(reader)
    if answer is not None:
        _put(relation, answer)
    elif reader.infers:
        source.schema = columns_of(reader).json()
    return answer is not None


def changes_of(options: Mapping[str, str], place: Path, session: Session) -> relations_pb2.Relation:
    """The changes of a table: `spark.read.option("readChangeFeed", True)`."""
    query = session.changes_of(place, feed.bounds_of(options, session.zone))
    return relations_pb2.Relation(sql=relations_pb2.SQL(query=f"SELECT * FROM {query}"))


def make_fit(relation: Any, session: Session) -> None:
    """Have a relation whose paths are resolved read as Spark does.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    source = relation.read.data_source
    complete_options(source)
    check_read_options(source.format.lower(), source.options)
    _type_partitions(relation, session)
    if not source.schema:
        infer_types(relation.with_columns.input if relation.HasField("with_columns") else relation, session)


def _type_partitions(relation: Any, session: Session) -> None:
    source = relation.read.data_source
    inferred = session.setting("spark.sql.sources.partitionColumnTypeInference.enabled", "true").lower() == "true"
    if inferred and source.format.lower() in PARTITIONED and not source.schema:
        values.type_partitions(relation)


def _paths(source: Any, *, spark: bool) -> list[str]:
    """The paths of the user, which are taken out; nothing for a source that is no files."""
    kind = source.format.lower() or "delta"
    if not source.HasField("format"):
        source.format = "delta"
    if kind not in {name.lower() for name in FILE_FORMATS} and not (spark and source.paths):
        if source.paths:
            raise unsupported(f"the data source '{source.format}'", f"Use one of {', '.join(sorted(FILE_FORMATS))}.")
        return []
    complete_times(source.options)
    paths = [*source.paths, *([source.options.pop("path")] if "path" in source.options else [])]
    if not paths:
        raise SparkError("DATA_SOURCE_NO_PATH", f"spark.read.format('{kind}') needs a path.")
    del source.paths[:]
    return paths


def _place(source: Any, paths: Sequence[str], session: Session) -> None:
    kind = source.format.lower()
    for path in paths:
        source.paths.extend(session.places.sources(path, kind, inferred=not source.schema, deep=_is_deep(source)))
    for key in [key for key in source.options if key.lower() == "basepath"]:
        source.options[key] = session.places.text(session.places.mapper.existing(source.options[key])[0])
    if kind == "delta" and paths:
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
    found = found_below(", ".join(map(str, files)), files)
    return read_found(kind, found, options, session, metadata=metadata)


def read_found(kind: str, found: Found, options: Mapping[str, str], session: Session, *, metadata: bool = False) -> Any:
    """The same, for files whose partitions are known."""
    relation = relations_pb2.Relation()
    source = relation.read.data_source
    source.format = "binaryFile" if kind.lower() == "binaryfile" else kind.lower()
    given = {key.lower(): value for key, value in options.items() if key.lower() not in OF_FILES}
    rescued = "" if source.format in PLANNED else given.pop("rescueddatacolumn", "")
    source.options.update(given)
    source.schema = next((value for key, value in options.items() if key.lower() == "schema"), "")
    if source.format in PLANNED and _planned(relation, found, session, metadata=metadata):
        return relation
    answer = _united(relation, found, session, metadata=metadata)
    if rescued:
        replace_columns(answer, {rescued: "CAST(NULL AS STRING)"})
    return answer


def _united(relation: Any, found: Found, session: Session, *, metadata: bool) -> Any:
    """What Sail reads, with the columns of partitions as the files' directories say."""
    if not found.files:
        raise nothing_found(relation.read.data_source.format, found.source)

    def read(files: Sequence[Path]) -> Any:
        one = relations_pb2.Relation()
        one.CopyFrom(relation)
        one.read.data_source.paths.extend(session.places.text(file) for file in files)
        make_fit(one, session)
        return one

    source = relation.read.data_source
    if source.format.lower() == "parquet" and not source.schema and len(found.files) > 1:
        with contextlib.suppress(grpc.RpcError):  # files whose types differ
            source.schema = loose(session.schema(read(found.files))).json()
    return united(found, read, session.places, {}, metadata=metadata)
