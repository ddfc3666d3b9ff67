"""Plans of Spark Connect: every name and path in them resolved, in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway import catalog_calls
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.queries import FILE_FORMATS
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor

__all__ = ["resolve"]

REFUSED = {
    "ml_relation": ("Spark ML", "Use scikit-learn or LightGBM, and mlflow.pyfunc.spark_udf to score."),
    "approx_quantile": ("approxQuantile", "Use the SQL function percentile_approx."),
    "collect_metrics": ("df.observe", "Compute the metric with agg()."),
    "with_watermark": ("Structured Streaming", "Read the source as a batch."),
    "relation_changes": ("the change data feed", "Read two versions and compare them."),
}


def resolve(message: Any, session: Session) -> None:
    """Resolve names and paths in all relations below `message`.

    Raises:
        SparkError: For a name or path that does not exist, or a relation that is not supported.
    """
    for relation, local in list(_relations(message, frozenset())):
        _relation(relation, local, session)


def _relations(message: Any, local: frozenset[str]) -> Iterator[tuple[Any, frozenset[str]]]:
    """All relations below a message, with the names that the plan defines around them."""
    if message.DESCRIPTOR.name == "WithRelations":
        local = local | {ref.subquery_alias.alias.lower() for ref in message.references}
    if message.DESCRIPTOR.name == "Relation":
        yield message, local
    for field, value in message.ListFields():
        if field.message_type is None or (field.message_type.GetOptions().map_entry and _plain_map(field)):
            continue
        for child in _children(field, value):
            yield from _relations(child, local)


def _plain_map(field: Any) -> bool:
    return field.message_type.fields_by_name["value"].message_type is None


def _children(field: Any, value: Any) -> Any:
    if field.message_type.GetOptions().map_entry:
        return list(value.values())
    return list(value) if field.is_repeated else [value]


def _relation(relation: Any, local: frozenset[str], session: Session) -> None:
    kind = relation.WhichOneof("rel_type")
    if kind in REFUSED:
        raise unsupported(*REFUSED[kind])
    if kind == "read":
        _read(relation, session)
    elif kind == "sql":
        _sql(relation, local, session)
    elif kind == "catalog":
        _replace(relation, catalog_calls.answer(relation.catalog, session))
    elif kind in ("cached_local_relation", "chunked_cached_local_relation"):
        _cached(relation, kind, session)


def _replace(relation: Any, answer: Any) -> None:
    """Put another relation in place, known to the rest of the plan by the same id."""
    common = relations_pb2.RelationCommon()
    common.CopyFrom(relation.common)
    relation.CopyFrom(answer)
    relation.common.CopyFrom(common)


def _sql(relation: Any, local: frozenset[str], session: Session) -> None:
    relation.sql.query = session.rewriter(local).rewrite_query(relation.sql.query)


def _read(relation: Any, session: Session) -> None:
    read = relation.read
    if read.is_streaming:
        raise unsupported("Structured Streaming (spark.readStream)", "Read the source as a batch with spark.read.")
    if read.HasField("named_table"):
        _named(relation, session)
    else:
        _source(read.data_source, session)


def _named(relation: Any, session: Session) -> None:
    """A table by name: `spark.table(...)`."""
    text = relation.read.named_table.unparsed_identifier
    options = dict(relation.read.named_table.options)
    parts = split_name(text)
    if session.names.is_temporary(parts):
        return
    if len(parts) == 2 and parts[0].lower() in FILE_FORMATS:
        relation.sql.query = session.rewriter().rewrite(f"SELECT * FROM {text}")
        return
    name = session.names.table(parts)
    table = session.catalog.table(name)
    replaced = relations_pb2.Relation()
    alias = replaced.subquery_alias
    alias.alias = name.name
    alias.qualifier.extend([name.catalog, name.schema])
    if table.is_view:
        alias.input.sql.query = session.rewriter().rewrite(f"SELECT * FROM {name}")
    else:
        source = alias.input.read.data_source
        source.format = "delta"
        source.paths.append(session.places.text(table.place))
        source.options.update(options)
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


def _source(source: Any, session: Session) -> None:
    """Files by path: `spark.read.parquet(...)`."""
    kind = source.format.lower() or "delta"
    if not source.HasField("format"):
        source.format = "delta"
    if kind not in {name.lower() for name in FILE_FORMATS}:
        if source.paths:
            raise unsupported(f"the data source '{source.format}'", f"Use one of {', '.join(sorted(FILE_FORMATS))}.")
        return
    paths = [*source.paths, *([source.options.pop("path")] if "path" in source.options else [])]
    if not paths:
        raise SparkError("DATA_SOURCE_NO_PATH", f"spark.read.format('{kind}') needs a path.")
    del source.paths[:]
    for path in paths:
        source.paths.extend(session.places.sources(path, kind, inferred=not source.schema))


def _cached(relation: Any, kind: str, session: Session) -> None:
    """Local data that the client sent ahead as an artifact; Sail wants it inside the plan."""
    cached = getattr(relation, kind)
    hashes = [cached.hash] if kind == "cached_local_relation" else list(cached.dataHashes)
    missing = [name for name in hashes if name not in session.blobs]
    if missing:
        raise SparkError("INVALID_HANDLE.LOCAL_RELATION", f"Local data {missing[0]} was not sent to this session.")
    if kind == "cached_local_relation":
        local = relations_pb2.LocalRelation.FromString(session.blobs[hashes[0]])
        _replace(relation, relations_pb2.Relation(local_relation=local))
        return
    raise unsupported("local data in several chunks", "Write the data to a volume and read it from there.")
