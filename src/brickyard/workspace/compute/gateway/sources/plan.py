"""Reads of CSV and JSON that the gateway plans itself, where Sail would read otherwise than Spark.

Sail stays with what is large and plain: it reads faster, and says so where something does not fit.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import base_pb2, relations_pb2
from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type
from pyspark.sql.types import (
    DateType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sources import scan as scans
from brickyard.workspace.compute.gateway.sources.facts import facts_of, shown
from brickyard.workspace.compute.gateway.sources.functions import mapped
from brickyard.workspace.compute.gateway.sources.listing import Found, nothing_found
from brickyard.workspace.compute.gateway.sources.plain import has_plain_lines
from brickyard.workspace.compute.gateway.sources.scan import METADATA, File, Scan
from brickyard.workspace.compute.gateway.sources.schemas import inferred
from brickyard.workspace.compute.gateway.values.partitions import NULL, partition_type

__all__ = ["Reader", "columns_of", "partition_text", "planned", "scan_of", "struct_of"]

#: So many bytes the gateway reads itself in any case.
SMALL = 8 * 2**20
#: What the reader here opens, beside what has no suffix of a compressed file.
COMPRESSED = frozenset({".zst", ".snappy", ".lz4", ".deflate", ".xz", ".br"})
PARTITION_TYPES = {
    "int": IntegerType(),
    "bigint": LongType(),
    "double": DoubleType(),
    "date": DateType(),
    "timestamp": TimestampType(),
    "string": StringType(),
}
#: Options with which Sail reads as Spark does.
PLAIN_OPTIONS = frozenset({"header", "sep", "delimiter", "inferschema", "quote", "multiline", "path", "samplingratio"})


class Reader:
    """What is to be read: a format, its options, and files.

    Args:
        kind: The format, in lower case.
        options: The options as the user gave them.
        schema: The columns that the user gave, as DDL or JSON; empty for none.
        found: The files.
        session: Whose read it is.
        metadata: Whether there is to be a column `_metadata`.
    """

    def __init__(
        self,
        kind: str,
        options: Mapping[str, str],
        schema: str,
        found: Found,
        session: Session,
        *,
        metadata: bool = False,
    ) -> None:
        self.kind = kind
        self.options = {name.lower(): value for name, value in options.items()}
        self.given = struct_of(schema, session) if schema else None
        self.found = found
        self.session = session
        self.metadata = metadata

    @property
    def infers(self) -> bool:
        """Whether the types of CSV columns are to be told from their texts."""
        typed = self.options.get("inferschema", "").lower() == "true"
        return self.kind == "csv" and typed and self.given is None

    @property
    def zone(self) -> str:
        """The session's time zone."""
        return self.session.setting("spark.sql.session.timeZone")

    @property
    def corrupt(self) -> str:
        """The name of the column for corrupt records."""
        setting = self.session.setting("spark.sql.columnNameOfCorruptRecord", "_corrupt_record")
        return self.options.get("columnnameofcorruptrecord", setting)


def planned(reader: Reader) -> relations_pb2.Relation | None:
    """A relation that reads the files here; None if Sail is to.

    Raises:
        SparkError: For options or files that neither can read.
    """
    if reader.kind not in {"csv", "json"} or any(file.suffix in COMPRESSED for file in reader.found.files):
        return None
    if not reader.found.files and reader.given is None:
        raise nothing_found(reader.kind, reader.found.source)
    return None if _is_for_sail(reader) else _relation(_scan(reader))


def columns_of(reader: Reader) -> StructType:
    """The columns that CSV files have, where they are inferred."""
    return inferred(reader.kind, reader.found.files, reader.options, reader.zone, reader.corrupt)


def _is_for_sail(reader: Reader) -> bool:
    """Whether the files are large, and have nothing that Sail reads otherwise."""
    if sum(file.stat().st_size for file in reader.found.files) <= SMALL or reader.metadata:
        return False
    if not PLAIN_OPTIONS.issuperset(reader.options):
        return False
    if reader.given is not None and reader.corrupt in reader.given.names:
        return False
    if reader.options.get("multiline", "").lower() == "true" or (reader.infers and reader.found.values()):
        return False
    return reader.kind == "json" or all(has_plain_lines(file, reader.options) for file in reader.found.files)


def _scan(reader: Reader) -> Scan:
    columns, partitions = _columns(reader)
    names = [field.name for field in partitions.fields]
    files = tuple(
        File(
            str(file),
            shown(reader.session.places, file),
            tuple(partition_text(values.get(name)) for name in names),
            facts_of(reader.session.places, file) if reader.metadata else {},
        )
        for file, values in reader.found.partitions.items()
    )
    return scan_of(reader, columns, partitions, files)


def scan_of(reader: Reader, columns: StructType, partitions: StructType, files: tuple[File, ...]) -> Scan:
    """A read of files whose columns are known."""
    corrupt = reader.corrupt if reader.corrupt in columns.names else ""
    if corrupt and not isinstance(columns[corrupt].dataType, StringType):
        kind = columns[corrupt].dataType.simpleString().upper()
        text = f'The column `{corrupt}` for corrupt records must have the nullable STRING type, but got "{kind}".'
        raise SparkError("INVALID_CORRUPT_RECORD_TYPE", text, sql_state="42804")
    _check_types(reader.kind, columns)
    if reader.metadata and "_metadata" in columns.names:
        raise unsupported("_metadata of files that have a column of this name", "Select the column by another schema.")
    return Scan(
        reader.kind,
        files,
        reader.options,
        columns.json(),
        partitions.json(),
        reader.zone,
        corrupt,
        reader.options.get("rescueddatacolumn", ""),
        reader.metadata,
    )


def partition_text(text: str | None) -> str | None:
    """The value of a partition's column that a directory's name says."""
    return None if text in {None, "", NULL} else text


def _columns(reader: Reader) -> tuple[StructType, StructType]:
    """The columns of the files, and those of their partitions."""
    files, corrupt = reader.found.files, reader.corrupt
    known = reader.given
    if known is None:
        known = inferred(reader.kind, files, reader.options, reader.zone, corrupt)
        if known.names == [corrupt] and not reader.session.analyses:
            raise _only_corrupt()
        known = _hinted(known, reader)
    fields = {field.name.lower(): field for field in known.fields}
    partitions = [
        fields.get(name.lower()) or StructField(name, PARTITION_TYPES[kind])
        for name, kind in ((name, _partition_type(values, reader)) for name, values in reader.found.values().items())
    ]
    own = {field.name.lower() for field in partitions}
    columns = [field for field in known.fields if field.name.lower() not in own]
    rescued = reader.options.get("rescueddatacolumn", "")
    if rescued and rescued not in known.names:
        columns.append(StructField(rescued, StringType()))
    return StructType(columns), StructType(partitions)


def _hinted(known: StructType, reader: Reader) -> StructType:
    """The columns with the types that `schemaHints` of `read_files` gives to some."""
    hints = reader.options.get("schemahints", "")
    if not hints:
        return known
    given = {field.name.lower(): field for field in struct_of(hints, reader.session).fields}
    kept = [StructField(field.name, given.pop(field.name.lower(), field).dataType) for field in known.fields]
    return StructType([*kept, *given.values()])


def _partition_type(values: set[str], reader: Reader) -> str:
    inferred_ones = reader.session.setting("spark.sql.sources.partitionColumnTypeInference.enabled", "true")
    return partition_type(values) if inferred_ones.lower() == "true" else "string"


def _only_corrupt() -> SparkError:
    text = (
        "The feature is not supported: Queries from raw JSON/CSV/XML files are disallowed when the referenced columns "
        "only include the internal corrupt record column (named `_corrupt_record` by default). Check the files, or set "
        "multiLine to true if a record spans several lines."
    )
    return SparkError("UNSUPPORTED_FEATURE.QUERY_ONLY_CORRUPT_RECORD_COLUMN", text, sql_state="0A000")


def _check_types(kind: str, columns: StructType) -> None:
    for field in columns.fields:
        name = field.dataType.typeName()
        nested = name in {"struct", "array", "map"}
        if name in {"variant", "void", "interval"} or "interval" in name or (nested and kind == "csv"):
            text = (
                f"The {kind.upper()} datasource doesn't support the column `{field.name}` of the type {name.upper()}."
            )
            raise SparkError("UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE", text, sql_state="0A000")


def struct_of(schema: str, session: Session) -> StructType:
    """The columns that a text of DDL or JSON says; a file's may all be null."""
    if schema.lstrip().startswith("{"):
        found: Any = StructType.fromJson(json.loads(schema))
    else:
        answer = session.sail.analyze(session.key, ddl_parse=base_pb2.AnalyzePlanRequest.DDLParse(ddl_string=schema))
        found = proto_schema_to_pyspark_data_type(answer.ddl_parse.parsed)
    if not isinstance(found, StructType):
        raise unsupported(f"the schema {schema}", "Give columns with their types: 'id INT, name STRING'.")
    return StructType([StructField(field.name, field.dataType, True, field.metadata) for field in found.fields])


def _relation(scan: Scan) -> relations_pb2.Relation:
    """The read as a function of the numbers of the files."""
    partitions = StructType.fromJson(json.loads(scan.partitions))
    metadata = [StructField("_metadata", METADATA)] if scan.metadata else []
    schema = StructType([*scan.schema.fields, *partitions.fields, *metadata])
    if not schema.fields:
        return literals.empty()
    numbers = relations_pb2.Relation()
    count = len(scan.files)
    numbers.range.start, numbers.range.end, numbers.range.step = 0, count, 1
    numbers.range.num_partitions = max(1, min(count, 4))
    places = sorted({Path(file.path) for file in scan.files})
    return mapped(numbers, ["id"], functools.partial(scans.read, scan), schema, places)
