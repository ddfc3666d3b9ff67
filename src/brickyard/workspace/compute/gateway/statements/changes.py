"""UPDATE, DELETE and MERGE: Sail runs them, the table's log says how many rows they changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.gateway import feed, literals
from brickyard.workspace.compute.gateway.commits import commits_since, latest
from brickyard.workspace.compute.gateway.conflicts import settled
from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.feed import changes as feed_changes
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor, parse
from brickyard.workspace.compute.gateway.statements.assignments import cast_values
from brickyard.workspace.compute.gateway.statements.describe import target
from brickyard.workspace.compute.gateway.statements.subqueries import as_merge, has_subquery

__all__ = ["RESULTS", "change"]

#: The setting that lets each MERGE of a session add columns.
AUTO_MERGE = "spark.databricks.delta.schema.autoMerge.enabled"
#: Name of the statement -> columns of its result, with the metrics of the commit that they add up.
RESULTS: dict[str, dict[str, tuple[str, ...]]] = {
    "UPDATE": {"num_affected_rows": ("numUpdatedRows", "numTargetRowsUpdated")},
    "DELETE": {"num_affected_rows": ("numDeletedRows", "numTargetRowsDeleted")},
    "MERGE": {
        "num_affected_rows": ("numTargetRowsUpdated", "numTargetRowsDeleted", "numTargetRowsInserted"),
        "num_updated_rows": ("numTargetRowsUpdated",),
        "num_deleted_rows": ("numTargetRowsDeleted",),
        "num_inserted_rows": ("numTargetRowsInserted",),
    },
}


def change(cursor: Cursor, session: Session) -> Any:
    """Run the statement once, and give the counts that Databricks gives."""
    what = cursor.next().text.upper()
    evolves, sql = _evolution(cursor, session) if what == "MERGE" else (False, cursor.sql)
    _ = cursor.take("FROM") or cursor.take("INTO")
    start = cursor.position
    place, _table = target(cursor, session, write=True)
    before, tree, done = latest(place), parse(sql), what
    rewriter = session.rewriter()
    if rewriter.probe is not None and has_subquery(tree):
        sql = as_merge(cursor, what, cursor.since(start), session.schema_of(place))
        tree, done = parse(sql), "MERGE"
    text = rewriter.rewrite(sql, tree)
    if rewriter.probe is not None and feed.records(place):
        return _answer(what, feed_changes.change(session, place, text, evolves=evolves))
    if rewriter.probe is not None:
        text = cast_values(text, session.schema_of(place).fields, rewriter.probe)
    if evolves:
        end = Cursor(text).tokens[0].end + 1
        text = f"{text[:end]} WITH SCHEMA EVOLUTION{text[end:]}"
    plan = base_pb2.Plan(root=session.with_text(text))
    settled(place, lambda: session.sail.execute(session.key, plan))
    commits = [metrics for operation, metrics in commits_since(place, before) if operation == done]
    return _answer(what, commits[-1] if commits else {})


def _answer(what: str, metrics: Mapping[str, Any]) -> Any:
    """The row of counts that the metrics of a commit add up to."""
    counts = {name: sum(int(metrics.get(key, 0)) for key in keys) for name, keys in RESULTS[what].items()}
    return literals.rows(dict.fromkeys(counts, pa.int64()), [list(counts.values())])


def _evolution(cursor: Cursor, session: Session) -> tuple[bool, str]:
    """Whether a MERGE adds the source's columns to the table; and the statement without what says so."""
    begin = cursor.position
    if cursor.take("WITH", "SCHEMA", "EVOLUTION"):
        start, end = cursor.tokens[begin].start, cursor.tokens[cursor.position - 1].end + 1
        return True, cursor.sql[:start] + " " * (end - start) + cursor.sql[end:]
    if cursor.peek() == "WITH":
        raise unsupported("MERGE WITH this clause", "Use MERGE INTO ... USING ...")
    return session.setting(AUTO_MERGE).lower() == "true", cursor.sql
