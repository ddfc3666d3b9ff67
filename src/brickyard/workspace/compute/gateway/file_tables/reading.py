"""The rows of tables of files; which files there are is looked up when a query runs, also that of a view."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql.connect.proto import relations_pb2
from pyspark.sql.types import StringType, StructField, StructType

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.file_options import check_read_options
from brickyard.workspace.compute.gateway.file_queries import FileCall
from brickyard.workspace.compute.gateway.file_tables.definition import FileTable
from brickyard.workspace.compute.gateway.places import flat
from brickyard.workspace.compute.gateway.queries import PLANNED
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sources.functions import mapped
from brickyard.workspace.compute.gateway.sources.listing import Found, found_below
from brickyard.workspace.compute.gateway.sources.plan import Reader, partition_text, scan_of, struct_of
from brickyard.workspace.compute.gateway.sources.scan import File, Scan, read_file
from brickyard.workspace.compute.gateway.table import Table
from brickyard.workspace.compute.gateway.values.partitions import partition_cast, replace_columns

__all__ = ["files_of", "rows_of_table", "schema_of", "table_call"]

#: What Sail reads; ORC it does not (0.7.2).
READ = frozenset({"parquet", "avro", "text"}) | PLANNED
#: So many parts of the engine share the files.
PARTS = 4


def files_of(table: Table) -> tuple[FileTable, Path]:
    """What the files of a table are, and where."""
    if table.files is None or table.location is None:
        raise SparkError("INTERNAL_ERROR", f"{table.name} is no table of files.")
    return table.files, table.location


def schema_of(session: Session, files: FileTable) -> StructType:
    """The columns of a table; every one may be null, as Spark reads files."""
    return struct_of(files.schema, session)


def table_call(table: Table, options: Mapping[str, str]) -> FileCall:
    """The read of a table by its name.

    Raises:
        SparkError: UNSUPPORTED_FEATURE.TIME_TRAVEL, or for the changes of it.
    """
    given = {key.lower() for key in options}
    if given & {"versionasof", "timestampasof"}:
        text = f"The feature is not supported: Time travel on the relation: {table.name}."
        raise SparkError("UNSUPPORTED_FEATURE.TIME_TRAVEL", text, sql_state="0A000")
    if given & {"readchangefeed", "readchangedata"}:
        table.need_delta("reading changes")
    return FileCall(str(table.location), table=table)


def rows_of_table(session: Session, table: Table) -> Any:
    """A relation with the rows of a table of files.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    files, place = files_of(table)
    schema = schema_of(session, files)
    if session.sail.capabilities.is_spark:
        return _read(session, files, place, schema)
    if files.kind not in READ:
        raise unsupported(f"reading tables of the format {files.kind}", "Use Parquet, CSV, JSON or Delta.")
    check_read_options(files.kind, files.options)
    return _planned(session, files, place, schema) if files.kind in PLANNED else _by_sail(session, files, place, schema)


def _read(session: Session, files: FileTable, place: Path, schema: StructType) -> relations_pb2.Relation:
    relation = relations_pb2.Relation()
    source = relation.read.data_source
    source.format, source.schema = files.kind, schema.json()
    source.options.update(files.options)
    spark = session.sail.capabilities.is_spark
    read = [place] if spark or files.partitions or not place.is_dir() else flat(place)
    source.paths.extend(session.places.text(one) for one in read)  # Sail would read what is in directories inside
    return relation


def _by_sail(session: Session, files: FileTable, place: Path, schema: StructType) -> relations_pb2.Relation:
    """What Sail reads: the columns of partitions as text, which the rows then have with their types."""
    names = {name.lower() for name in files.partitions}
    own = [field for field in schema.fields if field.name.lower() not in names]
    apart = [field for field in schema.fields if field.name.lower() in names]
    if files.kind == "text":
        relation = _read(session, files, place, StructType([StructField("value", StringType())]))
        return _renamed(relation, own[0].name)
    texts = [StructField(field.name, StringType()) for field in apart]
    relation = _read(session, files, place, StructType([*own, *texts]))
    replace_columns(relation, {one.name: partition_cast(one.name, one.dataType.simpleString()) for one in apart})
    return relation


def _renamed(rows: relations_pb2.Relation, name: str) -> relations_pb2.Relation:
    relation = relations_pb2.Relation()
    relation.to_df.input.CopyFrom(rows)
    relation.to_df.column_names.append(name)
    return relation


def _planned(session: Session, files: FileTable, place: Path, schema: StructType) -> relations_pb2.Relation:
    """CSV and JSON, which the gateway's own reader reads."""
    names = {name.lower() for name in files.partitions}
    own = StructType([field for field in schema.fields if field.name.lower() not in names])
    apart = StructType([field for field in schema.fields if field.name.lower() in names])
    reader = Reader(files.kind, files.options, "", Found(str(place), {}), session)
    scan = scan_of(reader, own, apart, ())
    numbers = relations_pb2.Relation()
    numbers.range.start, numbers.range.end, numbers.range.step = 0, PARTS, 1
    numbers.range.num_partitions = PARTS
    work = functools.partial(_rows, scan, str(place))
    return mapped(numbers, ["id"], work, StructType([*own.fields, *apart.fields]), [place])


def _rows(scan: Scan, directory: str, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows of the files that are there now, of which each number takes a part; runs in the engine's process."""
    for batch in batches:
        for number in batch.column(0).to_pylist():
            for file in _files(scan, Path(directory))[number::PARTS]:
                yield from read_file(replace(scan, files=(file,)), file)


def _files(scan: Scan, directory: Path) -> list[File]:
    import json

    names = [field["name"].lower() for field in json.loads(scan.partitions)["fields"]]
    found = []
    for file, values in found_below(str(directory), [directory]).partitions.items():
        known = {name.lower(): value for name, value in values.items()}
        found.append(File(str(file), file.as_uri(), tuple(partition_text(known.get(name)) for name in names)))
    return found
