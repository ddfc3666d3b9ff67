"""OPTIMIZE, VACUUM, RESTORE and TRUNCATE, done by delta-rs on the table's files."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.commits import moment
from brickyard.workspace.compute.gateway.errors import ILLEGAL, SparkError, unsupported
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.describe import target
from brickyard.workspace.compute.gateway.statements.metrics import OPTIMIZED, RESTORED, files_of, optimized, restored

__all__ = ["optimize", "restore", "truncate", "vacuum"]

WEEK_IN_HOURS = 168


def optimize(cursor: Cursor, session: Session) -> Any:
    """`OPTIMIZE t [ZORDER BY (a, b)]`."""
    from deltalake import DeltaTable

    cursor.expect("OPTIMIZE")
    place, _ = target(cursor, session, write=True)
    if cursor.peek() == "WHERE":
        raise unsupported("OPTIMIZE ... WHERE", "Optimize the whole table.")
    order = cursor.names() if cursor.take("ZORDER", "BY") else []
    cursor.take("FULL")
    cursor.end()
    table, began = DeltaTable(place), _now()
    metrics = table.optimize.z_order(order) if order else table.optimize.compact()
    value = optimized(metrics, table, (began, _now()), ordered=bool(order))
    return literals.rows({"path": pa.string(), "metrics": OPTIMIZED}, [(place.as_uri(), value)])


def _now() -> int:
    return int(time.time() * 1000)


def vacuum(cursor: Cursor, session: Session) -> Any:
    """`VACUUM t [RETAIN n HOURS] [DRY RUN]`; less than a week needs the check to be off, as on Databricks."""
    from deltalake import DeltaTable

    cursor.expect("VACUUM")
    place, _ = target(cursor, session, write=True)
    hours: float | None = None
    if cursor.take("RETAIN"):
        hours = cursor.number()
        cursor.expect("HOURS")
    dry = cursor.take("DRY", "RUN")
    cursor.end()
    if (
        hours is not None
        and hours < WEEK_IN_HOURS
        and session.setting("spark.databricks.delta.retentionDurationCheck.enabled", "true").lower() == "true"
    ):
        raise SparkError(
            "DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT",
            f"Retaining {hours:g} hours is less than {WEEK_IN_HOURS}: running readers may fail. To do it anyway, "
            "set spark.databricks.delta.retentionDurationCheck.enabled to false.",
            kind=ILLEGAL,
        )
    files = DeltaTable(place).vacuum(
        retention_hours=None if hours is None else int(hours), dry_run=dry, enforce_retention_duration=False
    )
    paths = [(str(place / file),) for file in files] if dry else [(str(place),)]
    return literals.rows({"path": pa.string()}, paths)


def restore(cursor: Cursor, session: Session) -> Any:
    """`RESTORE [TABLE] t TO VERSION AS OF n` or `TO TIMESTAMP AS OF '...'`."""
    from deltalake import DeltaTable

    cursor.expect("RESTORE")
    cursor.take("TABLE")
    place, _ = target(cursor, session, write=True)
    cursor.take("TO")
    when: int | datetime
    if cursor.take("VERSION", "AS", "OF"):
        when = int(cursor.number())
    else:
        cursor.expect("TIMESTAMP", "AS", "OF")
        when = moment(cursor.string(), session.zone)
    cursor.end()
    table = DeltaTable(place)
    before = files_of(table)
    table.restore(when)
    return literals.rows(RESTORED, [restored(before, files_of(DeltaTable(place)))])


def truncate(cursor: Cursor, session: Session) -> Any:
    """`TRUNCATE TABLE t`: removes all rows, keeps the history."""
    from deltalake import DeltaTable

    cursor.expect("TRUNCATE", "TABLE")
    place, _ = target(cursor, session, write=True)
    if cursor.peek() == "PARTITION":
        raise unsupported("TRUNCATE ... PARTITION", "Use DELETE FROM ... WHERE.")
    cursor.end()
    DeltaTable(place).delete()
    return literals.empty()
