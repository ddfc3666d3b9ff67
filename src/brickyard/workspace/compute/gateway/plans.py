"""Plans of Spark Connect: every name and path in them resolved, in place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway import catalog_calls, delta_connect, feed, sent, values
from brickyard.workspace.compute.gateway.bare_columns import quote_columns
from brickyard.workspace.compute.gateway.engine_text import as_engine_reads
from brickyard.workspace.compute.gateway.errors import OTHER_ENGINE, no_travel, unsupported
from brickyard.workspace.compute.gateway.file_tables.reading import table_call
from brickyard.workspace.compute.gateway.frame_functions import rewrite_function
from brickyard.workspace.compute.gateway.frame_guards import guard_filters
from brickyard.workspace.compute.gateway.frame_names import give, names_of
from brickyard.workspace.compute.gateway.frame_totals import (
    SCALAR,
    give_condition,
    is_total,
    keep_total,
    keep_value,
    subqueries,
)
from brickyard.workspace.compute.gateway.frame_unions import nested_in, widen
from brickyard.workspace.compute.gateway.frequent import frequent_items
from brickyard.workspace.compute.gateway.grouping_sets import without_columns
from brickyard.workspace.compute.gateway.kept import kept
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.observed import Observation, aggregate_of
from brickyard.workspace.compute.gateway.pandas_functions import replace_function
from brickyard.workspace.compute.gateway.quantiles import quantiles
from brickyard.workspace.compute.gateway.queries import FILE_FORMATS
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sources import (
    changes_of,
    complete_times,
    hidden,
    need_time,
    resolve_source,
    times_in_zone,
)
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.identifiers import spell_out
from brickyard.workspace.compute.gateway.substitution import substituted
from brickyard.workspace.compute.gateway.sugar.map_keys import check_distinct
from brickyard.workspace.compute.gateway.sugar.parameters import inline
from brickyard.workspace.compute.gateway.table_functions import table_function
from brickyard.workspace.compute.gateway.travel import split_at
from brickyard.workspace.compute.gateway.unresolved import check_drop
from brickyard.workspace.compute.gateway.window_names import name_windows, refuse_ranges_of_dates

__all__ = ["resolve"]

REFUSED = {
    "ml_relation": ("Spark ML", f"Use scikit-learn or LightGBM, and mlflow.pyfunc.spark_udf, or {OTHER_ENGINE}."),
    "with_watermark": ("Structured Streaming", f"Read the source as a batch, or {OTHER_ENGINE}."),
    "relation_changes": ("CHANGES of a table in a plan", "Use table_changes() in SQL, or the option readChangeFeed."),
}

#: Local data that an engine keeps which takes the clients' artifacts.
CACHED = ("cached_local_relation", "chunked_cached_local_relation")
#: Functions whose answer is the gateway's own.
USER = frozenset({"current_user", "session_user", "user"})
CURRENT = USER | {"current_catalog", "current_database", "current_schema"}
CURRENT_CALL = re.compile(r"\bcurrent_(catalog|database|schema)\s*\(", re.IGNORECASE)


@values.one_plan()
def resolve(message: Any, session: Session) -> None:
    """Resolve names and paths in all relations below `message`.

    Raises:
        SparkError: For a name or path that does not exist, or a relation that is not supported.
    """
    parts = list(_parts(message, None))
    if not session.sail.capabilities.is_spark and hidden.name_paths([part for part, _ in parts]):
        parts = list(_parts(message, None))
    files = _with_metadata([part for part, _ in parts], session)
    for part, around in parts:
        if part.DESCRIPTOR.name == "Relation":
            if not session.sail.capabilities.is_spark:
                quote_columns(part, partial(_columns, session=session))
            _relation(part, around, session, metadata=id(part) in files)
        else:
            _current_name(part, session)
            if not session.sail.capabilities.is_spark:
                replace_function(part)
    if files:
        hidden.hide(message, files, lambda relation: [name for name, _ in session.fields(relation)])
        parts = list(_parts(message, None))
    if not session.sail.capabilities.is_spark:
        if guard_filters([part for part, _ in parts]):
            parts = list(_parts(message, None))
        _correct([part for part, _ in reversed(parts)], session)


def _columns(relation: Any, session: Session) -> list[str]:
    """The columns of a relation that is not resolved yet, and stays so."""
    copy, analysis = relations_pb2.Relation(), session.for_analysis()
    copy.CopyFrom(relation)
    resolve(copy, analysis)
    return [name for name, _ in analysis.fields(copy)]


def _with_metadata(parts: Sequence[Any], session: Session) -> set[int]:
    """The ids of the relations that read files and are to have `_metadata`."""
    asked = not session.sail.capabilities.is_spark and hidden.asked_for(parts)
    return hidden.of_files(parts) if asked else set()


def _correct(parts: Sequence[Any], session: Session) -> None:
    """Replace what Sail lacks or does otherwise; what a relation reads comes before it."""
    nested = {id(one) for part in parts if part.DESCRIPTOR.name == "Relation" for one in nested_in(part)}
    nested_queries = subqueries(parts)
    names = {id(part): names_of(part) for part in parts if part.DESCRIPTOR.name == "Relation"}
    for part in parts:
        if part.DESCRIPTOR.name == "Expression":
            rewrite_function(part)
            continue
        for column, name in names[id(part)]:
            give(column, name)
        if part.HasField("aggregate") and part.aggregate.grouping_sets:
            without_columns(part.aggregate)
        name_windows(part, session.fields)
        refuse_ranges_of_dates(part, session.fields)
        with values.in_session_zone(session.zone):
            values.correct_relation(part, session.fields)
        if part.HasField("join"):
            give_condition(part.join)
        if id(part) in nested_queries:
            keep_value(part, nested_queries[id(part)])
        if is_total(part):
            keep_total(part, within=part is not parts[-1] and nested_queries.get(id(part)) != SCALAR)
        if part.HasField("drop"):
            check_drop(part)
        if part.HasField("deduplicate"):
            _check_keys(part.deduplicate, session)
        elif part.HasField("set_op") and id(part) not in nested:
            widen(part, session.schema)
        elif part.HasField("freq_items"):
            _replace(part, frequent_items(part))
        elif part.HasField("collect_metrics"):
            _observe(part, session)


def _check_keys(deduplicate: Any, session: Session) -> None:
    """Refuse maps, as Spark does."""
    names = {name.lower() for name in deduplicate.column_names}
    columns = session.schema(deduplicate.input).fields
    check_distinct(one for one in columns if deduplicate.all_columns_as_keys or one.name.lower() in names)


def _observe(relation: Any, session: Session) -> None:
    """Note the metrics that are asked for; the rest of the plan goes on with the input."""
    metrics = aggregate_of(relation)
    values.correct_relation(metrics, session.fields)
    row = session.rows(metrics) if session.changes else None
    observed = Observation(relation.collect_metrics.name, metrics, relation.common.plan_id, row)
    session.observations.append(observed)
    rows = relations_pb2.Relation()
    rows.CopyFrom(relation.collect_metrics.input)
    _replace(relation, rows)


def _parts(message: Any, around: Any) -> Iterator[tuple[Any, Any]]:
    """All relations and expressions below a message, each with the WithRelations around it; references come first."""
    if message.DESCRIPTOR.name == "WithRelations":
        around = message
    if message.DESCRIPTOR.name in {"Relation", "Expression"}:
        yield message, around
    for field, value in sorted(message.ListFields(), key=lambda item: item[0].name == "root"):
        if field.message_type is None or (field.message_type.GetOptions().map_entry and _plain_map(field)):
            continue
        for child in _children(field, value):
            yield from _parts(child, around)


def _plain_map(field: Any) -> bool:
    return field.message_type.fields_by_name["value"].message_type is None


def _children(field: Any, value: Any) -> Any:
    if field.message_type.GetOptions().map_entry:
        return list(value.values())
    return list(value) if field.is_repeated else [value]


def _relation(relation: Any, around: Any, session: Session, *, metadata: bool = False) -> None:
    kind = relation.WhichOneof("rel_type")
    if kind in REFUSED and not session.sail.capabilities.is_spark:
        raise unsupported(*REFUSED[kind])
    if kind == "approx_quantile" and not session.sail.capabilities.is_spark:
        answer = quantiles(relation.approx_quantile)
        resolve(answer, session)
        _replace(relation, answer)
        return
    if kind == "unresolved_table_valued_function" and not session.sail.capabilities.is_spark:
        answer = table_function(relation.unresolved_table_valued_function)
        resolve(answer, session)
        _replace(relation, answer)
        return
    if kind == "extension" and delta_connect.is_delta(relation.extension):
        _replace(relation, delta_connect.answer(relation, session, resolve))
        kind = relation.WhichOneof("rel_type")
    if kind == "read":
        _read(relation, session, metadata=metadata)
    elif kind == "sql":
        _sql(relation, around, session)
    elif kind == "catalog":
        _replace(relation, catalog_calls.answer(relation.catalog, session))
    elif kind in CACHED and not session.sail.capabilities.is_spark:
        _cached(relation, kind, session)
    elif kind == "project":
        for column in relation.project.expressions:
            _current_name(column, session, named=True)


def _current_name(expression: Any, session: Session, *, named: bool = False) -> None:
    """Answer `current_catalog()` and its kin, of which Sail knows nothing; `named` keeps the column's name."""
    _expand(expression, session, named=named)
    text = expression.expression_string.expression
    if CURRENT_CALL.search(text):
        expression.expression_string.expression = session.rewriter().rewrite(f"SELECT {text}").removeprefix("SELECT ")
    function = expression.unresolved_function.function_name.lower()
    session.bindings.functions.check_call(function or expression.call_function.function_name)
    if function not in CURRENT:
        return
    value = _current(function, session)
    expression.Clear()
    if named:
        expression.alias.name.append(f"{function}()")
        expression = expression.alias.expr
    expression.literal.string = value


def _current(function: str, session: Session) -> str:
    if function in USER:
        return str(session.bindings.functions.fact("user"))
    return session.names.catalog if function == "current_catalog" else session.names.schema


def _expand(expression: Any, session: Session, *, named: bool) -> None:
    """SQL that Sail lacks, in `expr(...)`, `selectExpr(...)` and `filter("...")`."""
    text = expression.expression_string.expression
    if text:
        text = as_engine_reads(substituted(text, session))
        expression.expression_string.expression = session.rewriter().expression(text, named=named)


def _replace(relation: Any, answer: Any) -> None:
    """Put another relation in place, known to the rest of the plan by the same id."""
    common = relations_pb2.RelationCommon()
    common.CopyFrom(relation.common)
    relation.CopyFrom(answer)
    relation.common.CopyFrom(common)


def _sql(relation: Any, around: Any, session: Session) -> None:
    inline(relation)
    statement = relations_pb2.Relation(with_relations=around) if around else relations_pb2.Relation(sql=relation.sql)
    inside = session.for_statement(statement)
    relation.sql.query = inside.rewriter().rewrite_query(spell_out(as_engine_reads(relation.sql.query), inside))


def _read(relation: Any, session: Session, *, metadata: bool) -> None:
    read = relation.read
    if read.is_streaming and not session.sail.capabilities.is_spark:
        instead = f"Read the source as a batch with spark.read, or {OTHER_ENGINE}."
        raise unsupported("Structured Streaming (spark.readStream)", instead)
    if read.HasField("named_table"):
        _named(relation, session)
    else:
        resolve_source(relation, session, metadata=metadata)


#: Options that read something else than the rows of now, in lower case.
TRAVELS = frozenset({"versionasof", "timestampasof", "readchangefeed", "readchangedata"})


def _named(relation: Any, session: Session) -> None:
    """A table by name: `spark.table(...)`."""
    text, travelled = split_at(relation.read.named_table.unparsed_identifier)
    relation.read.named_table.options.update(travelled)
    complete_times(relation.read.named_table.options)
    options = dict(relation.read.named_table.options)
    parts = split_name(text)
    if session.names.is_temporary(parts):
        _temporary(relation, parts[0], options, session)
        return
    if len(parts) == 2 and parts[0].lower() in FILE_FORMATS:
        relation.sql.query = session.rewriter().rewrite(f"SELECT * FROM {text}")
        return
    name = session.names.table(parts)
    table = session.table(name)
    replaced = relations_pb2.Relation()
    alias = replaced.subquery_alias
    alias.alias = name.name
    alias.qualifier.extend([name.catalog, name.schema])
    if table.policies and any(key.lower() in TRAVELS for key in options):
        raise table.policies.no_travel(str(name))
    if table.files is not None and not (table.policies or relation.read.is_streaming):
        alias.input.CopyFrom(session.open_files(session, table_call(table, options)))
    elif table.is_view or (table.policies and not relation.read.is_streaming):
        alias.input.sql.query = session.rewriter().rewrite(f"SELECT * FROM {name}")
    else:
        alias.input.read.is_streaming = relation.read.is_streaming
        source = alias.input.read.data_source
        need_time(options, table.place, session)
        if feed.asked_for(options) and not session.sail.capabilities.is_spark:
            alias.input.CopyFrom(changes_of(options, table.place, session))
            _replace(relation, replaced)
            return
        source.format = "delta"
        source.paths.append(session.places.text(table.place))
        source.options.update(options)
        times_in_zone(alias.input, session)
    _replace(relation, replaced)


def _temporary(relation: Any, name: str, options: Mapping[str, str], session: Session) -> None:
    if any(key.lower() in TRAVELS for key in options):
        raise no_travel(quote(name))
    replaced = relations_pb2.Relation()
    replaced.subquery_alias.alias = name
    replaced.subquery_alias.input.read.named_table.unparsed_identifier = session.held_view(name)
    _replace(relation, replaced)


def split_name(text: str) -> list[str]:
    """The parts of a dotted, possibly quoted name.

    Raises:
        SparkError: PARSE_SYNTAX_ERROR.
    """
    if text.replace(".", "").replace("_", "").isalnum():
        return text.split(".")
    cursor = Cursor(text)
    parts = cursor.name()
    cursor.end()
    return parts


def with_local_data(relation: relations_pb2.Relation, session: Session) -> relations_pb2.Relation:
    """A relation with the data inside it that its client has sent ahead, which only its own session has."""
    for part, _ in list(_parts(relation, None)):
        kind = part.WhichOneof("rel_type") if part.DESCRIPTOR.name == "Relation" else None
        if kind in CACHED:
            _replace(part, relations_pb2.Relation(local_relation=_sent(part, kind, session)))
    return relation


def _cached(relation: Any, kind: str, session: Session) -> None:
    """Local data that the client sent ahead as artifacts; Sail wants it inside the plan."""
    key = hashlib.sha256(getattr(relation, kind).SerializeToString(deterministic=True)).hexdigest()
    if key not in session.kept:
        session.kept[key] = kept(_sent(relation, kind, session), key, session.keep)
    _replace(relation, session.kept[key])


def _sent(relation: Any, kind: str, session: Session) -> relations_pb2.LocalRelation:
    if kind == "cached_local_relation":
        return sent.local_relation(relation.cached_local_relation.hash, session.blobs)
    return sent.local_relation_of_chunks(relation.chunked_cached_local_relation, session.blobs)
