"""Files that SQL names, as relations: ``csv.`path``` and `read_files('path', ...)`.

Source: https://docs.databricks.com/aws/en/sql/language-manual/functions/read_files
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.file_queries import FileCall
from brickyard.workspace.compute.gateway.file_tables.reading import rows_of_table
from brickyard.workspace.compute.gateway.queries import PLANNED
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sources.listing import Found, found_below, nothing_found
from brickyard.workspace.compute.gateway.sources.reads import read_found

__all__ = ["relation_of"]

FORMATS = frozenset({"csv", "json", "parquet", "avro", "orc", "text", "binaryfile"})
SUFFIXES = {".csv": "csv", ".json": "json", ".parquet": "parquet", ".avro": "avro", ".orc": "orc", ".txt": "text"}
#: Arguments of `read_files` that are none of the reader, and would be ignored.
REFUSED = frozenset({"singlevariantcolumn", "partitioncolumns", "schemalocation", "modifiedafter", "modifiedbefore"})
OF_STREAMS = ("cloudfiles.", "maxfilespertrigger", "maxbytespertrigger", "includeexistingfiles", "allowoverwrites")
RESCUED = "_rescued_data"
#: Formats that have columns of values, some of which may not fit.
WITH_COLUMNS = FORMATS - {"text", "binaryfile"}


def relation_of(session: Session, call: FileCall) -> Any:
    """The relation that reads the files.

    Raises:
        SparkError: PATH_NOT_FOUND, or what cannot be read.
    """
    if call.table is not None:
        return rows_of_table(session, call.table)
    options = dict(call.options)
    deep = options.pop("recursivefilelookup", "").lower() == "true"
    found = found_below(call.path, session.places.mapper.existing(call.path, deep=True), deep=deep)
    pattern = options.pop("pathglobfilter", options.pop("filenamepattern", ""))
    if pattern:
        found = Found(call.path, {file: parts for file, parts in found.partitions.items() if file.match(pattern)})
    if not call.guesses:
        return read_found(call.kind, found, options, session, metadata=call.metadata)
    kind = call.kind or _kind(found)
    if kind not in FORMATS:
        text = f"The format {kind!r} is none that read_files() reads. Use one of {', '.join(sorted(FORMATS))}."
        raise SparkError("CF_UNKNOWN_FORMAT" if not kind else "DATA_SOURCE_NOT_FOUND", text, sql_state="42K02")
    return read_found(kind, found, _as_read_files_does(kind, options), session, metadata=call.metadata)


def _kind(found: Found) -> str:
    """The format that the names of the files say."""
    if not found.files:
        raise nothing_found("files", found.source)
    kinds = {SUFFIXES.get(_suffix(file), "") for file in found.files}
    return kinds.pop() if len(kinds) == 1 else ""


def _suffix(file: Path) -> str:
    return file.with_suffix("").suffix if file.suffix in {".gz", ".bz2"} else file.suffix


def _as_read_files_does(kind: str, given: dict[str, str]) -> dict[str, str]:
    """Options with which columns are inferred, and what does not fit is kept."""
    for name in given:
        if name in REFUSED or name.startswith(OF_STREAMS):
            raise unsupported(f"the argument {name} of read_files()", "Leave it out, or use spark.read.")
    if "schemahints" in given and kind not in PLANNED:
        raise unsupported(f"schemaHints of {kind} files", "Give a schema, or cast the columns.")
    options = dict(given)
    typed = options.pop("infercolumntypes", "true").lower() == "true"
    mode = options.pop("schemaevolutionmode", "").lower()
    if "schema" not in options:
        options.setdefault(
            "inferschema" if kind == "csv" else "primitivesasstring", str(typed == (kind == "csv")).lower()
        )
        if kind in WITH_COLUMNS and mode != "none":
            options.setdefault("rescueddatacolumn", RESCUED)
    if kind not in {"json", "csv"}:
        options.pop("primitivesasstring", None)
    return options
