"""DESCRIBE: columns, details and history of a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from brickyard.workspace.compute.gateway import histories, literals, log
from brickyard.workspace.compute.gateway.clustering import columns_in, without
from brickyard.workspace.compute.gateway.errors import PARSE, SparkError
from brickyard.workspace.compute.gateway.file_tables import OPTION
from brickyard.workspace.compute.gateway.filling import filled_columns
from brickyard.workspace.compute.gateway.names import FILE_FORMATS, is_global, quote
from brickyard.workspace.compute.gateway.redaction import redacted
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements import locations, objects
from brickyard.workspace.compute.gateway.statements.describe_json import as_json
from brickyard.workspace.compute.gateway.statements.functions import describe_function
from brickyard.workspace.compute.gateway.unity import Table
from brickyard.workspace.compute.gateway.view_queries import users_own

__all__ = ["column_comments", "describe", "partition_columns", "set_properties", "shown_properties", "target"]

TEXT, WHEN, LONG = pa.string(), pa.timestamp("us", tz="UTC"), pa.int64()
STRINGS = pa.map_(TEXT, TEXT)
COLUMNS = {"col_name": TEXT, "data_type": TEXT, "comment": TEXT}
#: What is wrong with a view whose tables are gone or have other columns.
BROKEN = frozenset({"TABLE_OR_VIEW_NOT_FOUND", "INCOMPATIBLE_VIEW_SCHEMA_CHANGE"})


def describe(cursor: Cursor, session: Session) -> Any:
    """`DESCRIBE [TABLE] [EXTENDED] t`, `DESCRIBE HISTORY t`, `DESCRIBE DETAIL t`, `DESCRIBE SCHEMA s`."""
    cursor.next()
    if cursor.take("HISTORY"):
        return _history(cursor, session)
    if cursor.take("DETAIL"):
        return _detail(cursor, session)
    if cursor.take("FUNCTION"):
        return describe_function(cursor, session)
    if cursor.take("SCHEMA") or cursor.take("DATABASE"):
        return objects.describe_schema(cursor, session)
    if cursor.take("CATALOG"):
        return objects.describe_catalog(cursor, session)
    if cursor.take("VOLUME"):
        return objects.describe_volume(cursor, session)
    kind = locations.kind_of(cursor) if cursor.peek(1) in {"LOCATION", "CREDENTIAL"} else None
    if kind is not None:
        return locations.describe(cursor, session, kind)
    if cursor.peek() in {"SELECT", "WITH", "QUERY"}:
        cursor.take("QUERY")
        return _columns(session, session.relation(cursor.rest()))
    return _table(cursor, session)


def target(
    cursor: Cursor, session: Session, *, write: bool = False, rows: bool = True, files: bool = False
) -> tuple[Path, Table | None]:
    """Read the name of a table, or a path as ``delta.`/path```, and find its place, to read or to change it.

    Args:
        cursor: At the name.
        session: The session.
        write: Whether it is to be changed.
        rows: Whether rows of it are read or changed, which row filters and column masks forbid.
        files: Whether it may be one of other files than Delta's.

    Raises:
        SparkError: TABLE_OR_VIEW_NOT_FOUND, DELTA_ONLY_OPERATION, UNSUPPORTED_FEATURE.TABLE_OPERATION, ...
    """
    if cursor.at_string:
        return session.places.mapper.existing(cursor.string(), write=write)[0], None
    parts = cursor.name()
    if len(parts) == 2 and parts[0].lower() in FILE_FORMATS:
        return session.places.mapper.existing(parts[1], write=write)[0], None
    table = session.catalog.table(session.names.table(parts), write=write)
    if table.files is not None and table.location is not None and files:
        return table.location, table
    if table.files is not None:
        _need_delta(cursor, table)
    return (table.place if rows else table.directory), table


#: What only Delta tables have, by the first words of the statement, and what else its tables refuse.
DELTA_ONLY = frozenset({"OPTIMIZE", "VACUUM", "RESTORE", "FSCK"})
REFUSED = {
    "UPDATE": "UPDATE TABLE",
    "DELETE": "DELETE",
    "MERGE": "MERGE INTO TABLE",
    "COPY": "COPY INTO",
    "CREATE": "LIKE and CLONE",
}


def _need_delta(cursor: Cursor, table: Table) -> None:
    words = [token.text.upper() for token in cursor.tokens[:2]]
    if words[0] in DELTA_ONLY or "HISTORY" in words:
        text = f"{words[0] if words[0] in DELTA_ONLY else 'DESCRIBE HISTORY'} is only supported for Delta tables."
        raise SparkError("DELTA_ONLY_OPERATION", text, sql_state="0AKDD")
    table.need_delta(REFUSED.get(words[0], words[0]))


def _table(cursor: Cursor, session: Session) -> Any:
    cursor.take("TABLE")
    extended = cursor.take("EXTENDED") or cursor.take("FORMATTED")
    start = cursor.position
    parts = cursor.name()
    try:
        relation = session.relation(f"SELECT * FROM {cursor.since(start)}")
    except SparkError as error:
        return _broken(cursor, session, parts, error, extended=extended)
    if cursor.take("AS", "JSON"):
        cursor.end()
        return _json(session.table(session.names.table(parts)), relation, session, extended=extended)
    column = None if cursor.done else cursor.name()
    cursor.end()
    if column is not None:
        return _column(column, parts, relation, session)
    if _is_plain(parts, session):
        return _columns(session, relation)
    table = session.table(session.names.table(parts))
    rows = _described(session, relation, column_comments(table))
    more = _more(table, rows, session) if extended else []
    return literals.rows(COLUMNS, [*rows, *_partitions(table, rows), *more])


def _broken(cursor: Cursor, session: Session, parts: list[str], error: SparkError, *, extended: bool) -> Any:
    """A view whose query fails by now, as it was made."""
    known = error.condition in BROKEN and cursor.done and not _is_plain(parts, session)
    view = session.table(session.names.table(parts)) if known else None
    if view is None or not (view.is_view and view.definition):
        raise error
    pairs = zip(view.columns.names, view.columns.types, strict=True)
    rows = [(name, kind, view.comments.get(name)) for name, kind in pairs]
    return literals.rows(COLUMNS, [*rows, *(_facts(view, session) if extended else [])])


def _more(table: Table, rows: list[tuple[Any, ...]], session: Session) -> list[tuple[Any, ...]]:
    """What EXTENDED shows of a table, and the defaults of its columns."""
    kinds = {row[0]: row[1] for row in rows}
    defaults = [(name, kinds[name], default) for name, default in _defaults(table).items()]
    title = [("", "", ""), ("# Column Default Values", "", "")] if defaults else []
    return [*_facts(table, session), *title, *defaults]


def _defaults(table: Table) -> dict[str, str]:
    filled = {} if table.is_view or table.held_in or table.files else filled_columns(table.directory)
    return {column.name: column.default for column in filled.values() if column.default is not None}


def _json(table: Table, relation: Any, session: Session, *, extended: bool) -> Any:
    """`AS JSON`: one text."""
    if not extended:
        raise SparkError(
            "DESCRIBE_JSON_NOT_EXTENDED",
            "DESCRIBE TABLE ... AS JSON only supported when [EXTENDED|FORMATTED] is specified.",
            kind=PARSE,
            sql_state="0A000",
        )
    comments = column_comments(table)
    location = session.places.shown(table.location) if table.location else None
    text = as_json(table, session.schema(relation), comments, partition_columns(table), location, _defaults(table))
    return literals.rows({"json_metadata": TEXT}, [(text,)])


def _is_plain(parts: list[str], session: Session) -> bool:
    """Whether a name means rows of which the catalog knows nothing: a temporary view, or files."""
    of_files = len(parts) == 2 and parts[0].lower() in FILE_FORMATS
    return of_files or is_global(parts) or session.names.is_temporary(parts)


def _column(column: list[str], parts: list[str], relation: Any, session: Session) -> Any:
    """One column by its name."""
    table = None if _is_plain(parts, session) else session.table(session.names.table(parts))
    comments = {} if table is None else column_comments(table)
    rows = _described(session, relation, comments)
    found = next((row for row in rows if row[0].lower() == column[-1].lower()), None)
    if found is None or len(column) > 1:
        names = ", ".join(f"`{row[0]}`" for row in rows)
        raise SparkError(
            "UNRESOLVED_COLUMN.WITH_SUGGESTION",
            f"A column, variable, or function parameter with name `{'.'.join(column)}` cannot be resolved. Did you "
            f"mean one of the following? [{names}].",
            sql_state="42703",
        )
    facts = zip(("col_name", "data_type", "comment"), found, strict=True)
    return literals.rows({"info_name": TEXT, "info_value": TEXT}, [(key, value or "NULL") for key, value in facts])


def column_comments(table: Table) -> dict[str, str]:
    """The comments of the columns, which Sail does not tell."""
    from deltalake import DeltaTable

    if table.is_view or table.files is not None:
        return table.comments
    fields = json.loads(DeltaTable(table.directory).schema().to_json())["fields"]
    return {field["name"]: field["metadata"]["comment"] for field in fields if "comment" in field["metadata"]}


def partition_columns(table: Table) -> list[str]:
    """The names of a table's partition columns."""
    from deltalake import DeltaTable

    if table.is_view:
        return []
    if table.files is not None:
        return list(table.files.partitions)
    return list(DeltaTable(table.directory).metadata().partition_columns)


def _partitions(table: Table, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    names = partition_columns(table)
    if not names:
        return []
    head = [("# Partition Information", "", ""), ("# col_name", "data_type", "comment")]
    return head + [row for name in names for row in rows if row[0] == name]


def _facts(table: Table, session: Session) -> list[tuple[Any, ...]]:
    facts = [
        ("Catalog", table.name.catalog),
        ("Database", table.name.schema),
        ("Table", table.name.name),
        ("Created Time", _time(table.created_at)),
        ("Type", table.kind),
        ("Comment", table.comment),
        ("Location", session.places.shown(table.location) if table.location else None),
        ("View Text", table.definition),
        ("View Original Text", table.definition),
        ("View Schema Mode", table.columns.mode if table.is_view else None),
        ("View Query Output Columns", f"[{', '.join(map(quote, table.columns.outputs))}]" if table.is_view else None),
        ("Provider", None if table.is_view else "delta" if table.files is None else table.files.kind),
        ("Owner", table.owner),
        ("Is_managed_location", "true" if table.kind == "MANAGED" else None),
        ("Table Properties", _pairs(set_properties(table), ", " if table.is_view or table.files else ",")),
        ("Storage Properties", _pairs({} if table.files is None else table.files.options)),
    ]
    return [("", "", ""), ("# Detailed Table Information", "", ""), *((k, v, "") for k, v in facts if v)]


def _pairs(properties: Mapping[str, str], between: str = ", ") -> str | None:
    pairs = between.join(f"{key}={value}" for key, value in sorted(redacted(properties).items()))
    return f"[{pairs}]" if pairs else None


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).ctime()


def _columns(session: Session, relation: Any) -> Any:
    return literals.rows(COLUMNS, _described(session, relation, {}))


def _described(session: Session, relation: Any, comments: dict[str, str]) -> list[tuple[Any, ...]]:
    fields = session.sail.schema(session.key, relation).fields
    return [(f.name, f.dataType.simpleString(), comments.get(f.name) or f.metadata.get("comment")) for f in fields]


def _history(cursor: Cursor, session: Session) -> Any:
    from deltalake import DeltaTable

    place, _ = target(cursor, session, rows=False)
    limit = int(cursor.number()) if cursor.take("LIMIT") else None
    cursor.end()
    columns = {
        "version": LONG,
        "timestamp": WHEN,
        "userName": TEXT,
        "operation": TEXT,
        "operationParameters": STRINGS,
        "readVersion": LONG,
        "isolationLevel": TEXT,
        "isBlindAppend": pa.bool_(),
        "operationMetrics": STRINGS,
        "userMetadata": TEXT,
        "engineInfo": TEXT,
    }
    return literals.rows(columns, [_commit(entry) for entry in DeltaTable(place).history(limit)])


def _commit(entry: dict[str, Any]) -> tuple[Any, ...]:
    when = entry.get("timestamp")
    return (
        entry.get("version"),
        None if when is None else datetime.fromtimestamp(when / 1000, UTC),
        entry.get("userName"),
        histories.operation_of(entry),
        _strings(histories.parameters_of(entry)),
        entry.get("readVersion"),
        histories.isolation(entry),
        entry.get("isBlindAppend"),
        _strings(histories.metrics_of(entry)),
        entry.get("userMetadata"),
        entry.get("engineInfo"),
    )


def _strings(values: dict[str, Any] | None) -> list[tuple[str, str | None]] | None:
    if values is None:
        return None
    return [(k, v if isinstance(v, str) or v is None else json.dumps(v)) for k, v in values.items()]


def _detail(cursor: Cursor, session: Session) -> Any:
    from deltalake import DeltaTable

    place, table = target(cursor, session, rows=False, files=True)
    cursor.end()
    if table is not None and table.files is not None:
        return _detail_of_files(place, table, session)
    delta = DeltaTable(place)
    metadata, protocol = delta.metadata(), delta.protocol()
    sizes = pa.table(delta.get_add_actions(flatten=True)).column("size_bytes").to_pylist()
    history = delta.history(1)
    row = {
        "format": (TEXT, "delta"),
        "id": (TEXT, str(metadata.id)),
        "name": (TEXT, table.name.full if table else metadata.name),
        "description": (TEXT, (table.comment if table else None) or metadata.description),
        "location": (TEXT, session.places.shown(place)),
        "createdAt": (WHEN, _instant(metadata.created_time)),
        "lastModified": (WHEN, _instant(history[0].get("timestamp")) if history else None),
        "partitionColumns": (pa.list_(TEXT), list(metadata.partition_columns)),
        "clusteringColumns": (pa.list_(TEXT), [".".join(name) for name in columns_in(metadata.configuration)]),
        "numFiles": (LONG, len(sizes)),
        "sizeInBytes": (LONG, sum(sizes)),
        "properties": (STRINGS, list(without(metadata.configuration).items())),
        "minReaderVersion": (pa.int32(), protocol.min_reader_version),
        "minWriterVersion": (pa.int32(), protocol.min_writer_version),
        "tableFeatures": (pa.list_(TEXT), sorted(log.read(place).protocol.features)),
    }
    return literals.rows({k: v[0] for k, v in row.items()}, [tuple(v[1] for v in row.values())])


def _detail_of_files(place: Path, table: Table, session: Session) -> Any:
    row = {
        "format": (TEXT, table.files.kind if table.files else None),
        "id": (TEXT, None),
        "name": (TEXT, table.name.full),
        "description": (TEXT, table.comment or ""),
        "location": (TEXT, session.places.shown(place)),
        "createdAt": (WHEN, _instant(table.created_at)),
        "lastModified": (WHEN, None),
        "partitionColumns": (pa.list_(TEXT), partition_columns(table)),
        "clusteringColumns": (pa.list_(TEXT), None),
        "numFiles": (LONG, None),
        "sizeInBytes": (LONG, None),
        "properties": (STRINGS, sorted(shown_properties(table).items())),
        "minReaderVersion": (pa.int32(), None),
        "minWriterVersion": (pa.int32(), None),
        "tableFeatures": (pa.list_(TEXT), None),
    }
    return literals.rows({k: v[0] for k, v in row.items()}, [tuple(v[1] for v in row.values())])


def set_properties(table: Table) -> dict[str, str]:
    """The properties of a table or view, also those that its log has of itself."""
    if table.is_view:
        return users_own(shown_properties(table))
    return shown_properties(table) if table.files is not None else dict(log.read(table.directory).properties)


def shown_properties(table: Table) -> dict[str, str]:
    """A table's properties, without its options."""
    own = without(table.properties)
    return {key: value for key, value in own.items() if table.is_view or not key.startswith(OPTION)}


def _instant(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
