"""UPDATE, DELETE and MERGE: Sail runs them, the table's log says how many rows they changed."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.commits import commits_since, latest
from brickyard.workspace.compute.gateway.conflicts import settled
from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor, parse
from brickyard.workspace.compute.gateway.statements.assignments import cast_values
from brickyard.workspace.compute.gateway.statements.describe import target

__all__ = ["RESULTS", "change"]

#: Name of the statement -> columns of its result, with the metrics of the commit that they add up.
RESULTS: dict[str, dict[str, tuple[str, ...]]] = {
    "UPDATE": {"num_affected_rows": ("numUpdatedRows",)},
    "DELETE": {"num_affected_rows": ("numDeletedRows",)},
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
    _ = cursor.take("FROM") or cursor.take("INTO") or cursor.take("WITH", "SCHEMA", "EVOLUTION", "INTO")
    if cursor.peek() == "WITH":
        raise unsupported("MERGE WITH this clause", "Use MERGE INTO ... USING ...")
    place, _table = target(cursor, session, write=True)
    before = latest(place)
    rewriter = session.rewriter()
    text = rewriter.rewrite(cursor.sql, parse(cursor.sql))
    if rewriter.probe is not None:
        text = cast_values(text, session.schema_of(place).fields, rewriter.probe)
    plan = base_pb2.Plan(root=session.with_text(text))
    settled(place, lambda: session.sail.execute(session.key, plan))
    commits = [metrics for operation, metrics in commits_since(place, before) if operation == what]
    metrics = commits[-1] if commits else {}
    counts = {name: sum(int(metrics.get(key, 0)) for key in keys) for name, keys in RESULTS[what].items()}
    return literals.rows(dict.fromkeys(counts, pa.int64()), [list(counts.values())])
