"""Commands of Spark Connect: writes, views and SQL, run by the gateway or made fit for Sail."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import commands_pb2, relations_pb2

from brickyard.workspace.compute.gateway import (
    delta_connect,
    feed,
    literals,
    log,
    mapping,
    merges,
    overwrites,
    statements,
    writes,
)
from brickyard.workspace.compute.gateway.alignment import assign
from brickyard.workspace.compute.gateway.caching.keeping import substitute
from brickyard.workspace.compute.gateway.clustering import CLUSTERING, clustered, need_columns
from brickyard.workspace.compute.gateway.commits import latest
from brickyard.workspace.compute.gateway.conflicts import settled
from brickyard.workspace.compute.gateway.engine_text import as_engine_reads
from brickyard.workspace.compute.gateway.errors import OTHER_ENGINE, SparkError, unsupported
from brickyard.workspace.compute.gateway.file_options import check_write_options
from brickyard.workspace.compute.gateway.file_tables import creating
from brickyard.workspace.compute.gateway.file_tables.reading import schema_of
from brickyard.workspace.compute.gateway.file_types import set_partitions
from brickyard.workspace.compute.gateway.filling import filled_columns
from brickyard.workspace.compute.gateway.names import FILE_FORMATS, quote
from brickyard.workspace.compute.gateway.new_table import NewTable
from brickyard.workspace.compute.gateway.plans import resolve, split_name, with_local_data
from brickyard.workspace.compute.gateway.queries import PLANNED
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sources.save import save
from brickyard.workspace.compute.gateway.statements.identifiers import spell_out
from brickyard.workspace.compute.gateway.statements.views import register_temporary
from brickyard.workspace.compute.gateway.storing import store
from brickyard.workspace.compute.gateway.streams import prepare_ml, prepare_stream
from brickyard.workspace.compute.gateway.substitution import substituted
from brickyard.workspace.compute.gateway.sugar.parameters import inline
from brickyard.workspace.compute.gateway.temporary_views import View, carried, of_frame
from brickyard.workspace.compute.gateway.unparse import unparse

__all__ = ["prepare"]

STREAMING = ("Structured Streaming", f"Process the data as a batch, for example in a scheduled job, or {OTHER_ENGINE}.")
REFUSED = {
    "write_stream_operation_start": STREAMING,
    "streaming_query_command": STREAMING,
    "streaming_query_manager_command": STREAMING,
    "streaming_query_listener_bus_command": STREAMING,
    "ml_command": (
        "Spark ML",
        f"Use scikit-learn or LightGBM, and mlflow.pyfunc.spark_udf to score, or {OTHER_ENGINE}.",
    ),
    "create_resource_profile_command": ("resource profiles", "Leave them out: a local workspace is one machine."),
    "execute_external_command": ("external commands", "Use Python."),
    "pipeline_command": ("declarative pipelines", "Use a job with notebook tasks."),
}
WRITE_MODES = {
    commands_pb2.WriteOperation.SAVE_MODE_UNSPECIFIED: "error",
    commands_pb2.WriteOperation.SAVE_MODE_APPEND: "append",
    commands_pb2.WriteOperation.SAVE_MODE_OVERWRITE: "overwrite",
    commands_pb2.WriteOperation.SAVE_MODE_ERROR_IF_EXISTS: "error",
    commands_pb2.WriteOperation.SAVE_MODE_IGNORE: "ignore",
}
V2 = commands_pb2.WriteOperationV2
V2_MODES = {
    V2.MODE_CREATE: "error",
    V2.MODE_APPEND: "append",
    V2.MODE_REPLACE: "replace",
    V2.MODE_CREATE_OR_REPLACE: "replace",
    V2.MODE_OVERWRITE: "overwrite",
    V2.MODE_OVERWRITE_PARTITIONS: "overwrite",
}


#: Modes that need a table.
OF_TABLES = {V2.MODE_APPEND, V2.MODE_REPLACE, V2.MODE_OVERWRITE, V2.MODE_OVERWRITE_PARTITIONS}


def prepare(command: commands_pb2.Command, session: Session) -> relations_pb2.Relation | None:
    """Resolve a command in place, or run it and leave one without an effect in its place.

    Returns:
        For SQL, the relation that the client is to go on with: the result of the statement, or the query as the
        user wrote it. Otherwise None.

    Raises:
        SparkError: If the command cannot be run.
    """
    kind = command.WhichOneof("command_type")
    if kind in REFUSED and not session.sail.capabilities.is_spark:
        raise unsupported(*REFUSED[kind])
    if kind == "sql_command":
        return _sql(command.sql_command, session)
    if kind == "create_dataframe_view":
        _view(command, session)
    elif kind == "write_operation":
        _write(command, session)
    elif kind == "write_operation_v2":
        _write_v2(command, session)
    elif kind == "merge_into_table_command":
        _merge(command, session)
    elif kind == "extension" and delta_connect.run_command(command.extension, session):
        _done(command)
    elif kind == "write_stream_operation_start":
        prepare_stream(command, session)
    elif kind == "ml_command":
        prepare_ml(command, session)
    else:
        resolve(command, session)
    return None


def _done(command: commands_pb2.Command) -> None:
    """Leave a command that does nothing, so that Sail answers as after any other."""
    command.Clear()
    command.sql_command.input.CopyFrom(literals.empty())


def _sql(command: commands_pb2.SqlCommand, session: Session) -> relations_pb2.Relation:
    """SQL: the statement is run, or (a query) sent on with names resolved."""
    original = relations_pb2.Relation()
    original.CopyFrom(command.input)
    if not command.HasField("input"):
        original.sql.CopyFrom(_legacy(command))
    text = _text(original)
    if text is None:
        resolve(command, session)
        return original
    text.query = as_engine_reads(substituted(text.query, session))
    resolved = relations_pb2.Relation()
    resolved.CopyFrom(original)
    for reference in resolved.with_relations.references:
        substitute(reference, session)
        resolve(reference, session)
    inline(resolved)
    session = session.for_statement(resolved)
    session.references = original.with_relations.references
    query = spell_out((_text(resolved) or text).query, session)
    answer = statements.run(query, session)
    command.Clear()
    command.input.CopyFrom(session.for_analysis().relation(query) if answer is None else answer)
    if answer is not None and _text(answer) is not None:  # another query, which the client sends when it wants its rows
        resolve(command, session)
    return original if answer is None else answer


def _legacy(command: commands_pb2.SqlCommand) -> relations_pb2.SQL:
    """Clients before 3.5.1 give the text in fields that are deprecated since."""
    sql = relations_pb2.SQL(query=command.sql)
    for name, value in command.args.items():
        sql.args[name].CopyFrom(value)
    sql.pos_args.extend(command.pos_args)
    return sql


def _text(relation: relations_pb2.Relation) -> relations_pb2.SQL | None:
    if relation.HasField("with_relations"):
        relation = relation.with_relations.root
    return relation.sql if relation.HasField("sql") else None


def _view(command: commands_pb2.Command, session: Session) -> None:
    view = command.create_dataframe_view
    raw = relations_pb2.Relation()
    raw.CopyFrom(view.input)
    if view.is_global:
        session.global_views.define(view.name, lambda: _for_others(raw, view.name, session), replace=view.replace)
    else:
        register_temporary(session, view.name, lambda: of_frame(view.name, raw, session), replace=view.replace)
    _done(command)


def _for_others(raw: relations_pb2.Relation, name: str, session: Session) -> View:
    return carried(of_frame(name, raw, session), session.key, lambda one: with_local_data(one, session))


def _write(command: commands_pb2.Command, session: Session) -> None:
    write = command.write_operation
    resolve(write.input, session)
    if write.HasField("bucket_by"):
        raise unsupported("bucketBy", "Delta tables are not bucketed; use partitionBy.")
    source = write.source.lower() or "delta"
    if write.HasField("table"):
        _save_table(write, source, session)
        _done(command)
    elif write.path or "path" in write.options:
        _save_files(command, source, session)
    elif source not in {"noop", "console"}:
        raise SparkError("DATA_SOURCE_NO_PATH", "df.write needs a path: use save(path) or saveAsTable(name).")


def _save_files(command: commands_pb2.Command, source: str, session: Session) -> None:
    write = command.write_operation
    if source not in {name.lower() for name in FILE_FORMATS}:
        raise unsupported(f"writing the format '{source}'", f"Use one of {', '.join(sorted(FILE_FORMATS))}.")
    if source != "delta" and not session.sail.capabilities.is_spark:
        check_write_options(source, write.options)
        set_partitions(write.input, write.partitioning_columns)
    path = write.path or write.options.pop("path")
    place = session.places.mapper.to_write(path)
    mode = WRITE_MODES[write.mode]
    filled = place.is_file() or (place.exists() and any(place.iterdir()))
    if filled and mode == "ignore":
        _done(command)
        return
    if filled and mode == "error":
        raise SparkError(
            "PATH_ALREADY_EXISTS",
            f'Path {path} already exists. Set mode as "overwrite" to overwrite it.',
            sql_state="42K04",
        )
    if not filled:  # a directory that exists for a link is not a conflict
        write.mode = commands_pb2.WriteOperation.SAVE_MODE_OVERWRITE
    if source in PLANNED and not session.sail.capabilities.is_spark:
        partitions = tuple(write.partitioning_columns)
        save(session, write.input, source, write.options, partitions, place, replaces=mode == "overwrite")
        _done(command)
        return
    write.source, write.path = source, session.places.target(path)
    if source == "delta":
        _save_delta(write, place, mode if filled else "overwrite", session)
        _done(command)


def _save_delta(write: commands_pb2.WriteOperation, place: Path, mode: str, session: Session) -> None:
    """A Delta table by path; one that exists takes only rows that fit."""
    new = latest(place) < 0
    writes.rows(session, write.input, place, mode, dict(write.options), tuple(write.partitioning_columns))
    given = feed.defaults(session.settings)
    if new and given:
        log.found(place, lambda metadata: mapping.configure(metadata, given))


def _save_table(write: commands_pb2.WriteOperation, source: str, session: Session) -> None:
    parts = split_name(write.table.table_name)
    options = dict(write.options)
    path = options.pop("path", None)
    mode = WRITE_MODES[write.mode]
    if write.table.save_method == commands_pb2.WriteOperation.SaveTable.TABLE_SAVE_METHOD_INSERT_INTO:
        _insert_into(write, parts, "overwrite" if mode == "overwrite" else "append", session)
        return
    new = NewTable(
        session.names.table(parts),
        session.places.mapper.to_write(path) if path else None,
        partitions=tuple(write.partitioning_columns),
        properties=_clustering(write.clustering_columns, write.input, session),
        format=source,
    )
    writes.replace_or_create(session, write.input, new, mode, options)


def _clustering(columns: Sequence[str], rows: Any, session: Session) -> dict[str, str]:
    """The property of a new table that `clusterBy` asks for."""
    value = clustered(split_name(column) for column in columns)
    if value is None:
        return {}
    need_columns(value, session.schema(rows).jsonValue()["fields"])
    return {CLUSTERING: value}


def _insert_into(write: commands_pb2.WriteOperation, parts: list[str], mode: str, session: Session) -> None:
    """`df.write.insertInto`: by position, as INSERT is."""
    table = session.catalog.table(session.names.table(parts), write=True)
    options = {key.lower(): value for key, value in write.options.items()}
    if "replacewhere" in options:
        raise unsupported("replaceWhere with insertInto", "Use df.write.option('replaceWhere', ...).saveAsTable(name).")
    if table.files is not None:
        fields = {field.name.lower(): field for field in schema_of(session, table.files).fields}
        rows = assign(session, write.input, fields, None, by_name=False)
        creating.insert(session, table, rows, replaces=mode == "overwrite")
        return
    place = table.directory if mode == "append" else table.place
    dynamic = overwrites.check(session, place if mode == "overwrite" else None, options)
    rows = assign(session, write.input, place, None, by_name=False)
    if dynamic:
        overwrites.replace_part(session, place, lambda _: rows)
    else:
        store(session, rows, place, mode)


def _write_v2(command: commands_pb2.Command, session: Session) -> None:
    """`df.writeTo(name)`."""
    write = command.write_operation_v2
    resolve(write.input, session)
    mode = V2_MODES[write.mode]
    name = session.names.table(split_name(write.table_name))
    if write.mode == V2.MODE_OVERWRITE_PARTITIONS:
        write.options["partitionOverwriteMode"] = "dynamic"
    if write.mode == V2.MODE_OVERWRITE:
        write.options["replaceWhere"] = unparse(write.overwrite_condition)
    existing = session.catalog.table(name) if write.mode in OF_TABLES else None
    if existing is not None and existing.files is not None:
        raise SparkError(
            "_LEGACY_ERROR_TEMP_1012", f"Cannot write into v1 table: {name}. Use saveAsTable or insertInto."
        )
    partitions = tuple(_attribute(column) for column in write.partitioning_columns)
    kind = write.provider.lower() or "delta"
    properties = dict(write.table_properties) | _clustering(write.clustering_columns, write.input, session)
    new = NewTable(name, properties=properties, partitions=partitions, format=kind)
    writes.replace_or_create(session, write.input, new, mode, dict(write.options))
    _done(command)


def _attribute(expression: Any) -> str:
    if not expression.HasField("unresolved_attribute"):
        raise unsupported("partition transforms", "Add a column and partition by it.")
    return str(expression.unresolved_attribute.unparsed_identifier)


def _merge(command: commands_pb2.Command, session: Session) -> None:
    """`df.mergeInto(name, condition)`: Sail wants a name, so the table has one in its session meanwhile."""
    merge = command.merge_into_table_command
    resolve(merge.source_table_plan, session)
    table = session.catalog.table(session.names.table(split_name(merge.target_table_name)), write=True)
    special = feed.records(table.place) or filled_columns(table.place)
    if special and not session.sail.capabilities.is_spark:
        statement = merges.as_statement(merge)
        text = statement.with_relations.root.sql.query
        statements.run(text, session.for_statement(statement))
        _done(command)
        return
    if session.names.is_temporary([table.name.name]):
        raise unsupported("mergeInto a table named as a temporary view", "Drop the view, or use MERGE INTO in SQL.")
    name, place = quote(table.name.name), session.places.text(table.place)
    if session.sail.capabilities.is_spark:
        merge.target_table_name = f"delta.{quote(place)}"
        session.sail.run(session.key, command)
        _done(command)
        return
    merge.target_table_name = name
    session.sail.query(session.key, f"CREATE TABLE {name} USING delta LOCATION '{place}'")
    try:
        settled(table.place, lambda: session.sail.run(session.key, command))
    finally:
        session.sail.query(session.key, f"DROP TABLE {name}")
    _done(command)
