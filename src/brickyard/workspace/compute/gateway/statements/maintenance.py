"""OPTIMIZE, VACUUM, RESTORE, TRUNCATE, FSCK and CONVERT, done by delta-rs on the table's files."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pyarrow as pa

from brickyard.workspace.clock import now
from brickyard.workspace.compute.gateway import literals, log
from brickyard.workspace.compute.gateway.commits import latest, moment
from brickyard.workspace.compute.gateway.errors import ILLEGAL, SparkError, unsupported
from brickyard.workspace.compute.gateway.feed.commit import Changes, commit
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.properties import need_removable
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.snapshots import files_at
from brickyard.workspace.compute.gateway.sqltext import Cursor, parse
from brickyard.workspace.compute.gateway.statements.columns import delta_fields, read_column
from brickyard.workspace.compute.gateway.statements.describe import target
from brickyard.workspace.compute.gateway.statements.file_partitions import truncate_files
from brickyard.workspace.compute.gateway.statements.filled_maintenance import (
    changed,
    is_filled,
    repaired,
    restored_to,
)
from brickyard.workspace.compute.gateway.statements.metrics import (
    OPTIMIZED,
    RESTORED,
    files_of,
    optimized,
    restored,
    together,
)

__all__ = ["convert", "fsck", "optimize", "restore", "truncate", "vacuum"]

WEEK_IN_HOURS = 168


def optimize(cursor: Cursor, session: Session) -> Any:
    """`OPTIMIZE t [FULL] [WHERE condition on partition columns] [ZORDER BY (a, b)]`."""
    from deltalake import DeltaTable

    cursor.expect("OPTIMIZE")
    start, quoted = cursor.position, cursor.at_string
    place, _ = target(cursor, session, write=True, rows=False)
    name = f"delta.{quote(cursor.tokens[start].text)}" if quoted else cursor.since(start)
    cursor.take("FULL")
    if log.read(place).mapped and not session.sail.capabilities.is_spark:
        instead = f"Write its rows anew, which makes few files of them: INSERT OVERWRITE {name} SELECT * FROM {name}."
        raise unsupported("OPTIMIZE of tables with column mapping", instead)
    table = DeltaTable(place)
    parts = _parts(cursor.until("ZORDER"), name, table, session) if cursor.take("WHERE") else [None]
    order = cursor.names() if cursor.take("ZORDER", "BY") else []
    cursor.end()
    began = now()

    def work(table: Any) -> dict[str, Any]:
        metrics = [table.optimize.z_order(order, part) if order else table.optimize.compact(part) for part in parts]
        return optimized(together(metrics), table, (began, now()), ordered=bool(order))

    value = changed(session, place, work)
    return literals.rows({"path": pa.string(), "metrics": OPTIMIZED}, [(place.as_uri(), value)])


def _parts(condition: str, name: str, table: Any, session: Session) -> list[Any]:
    """The partitions that a condition names, as filters of delta-rs.

    Raises:
        SparkError: DELTA_NON_PARTITION_COLUMN_REFERENCE.
    """
    from sqlglot import exp

    known = table.metadata().partition_columns
    for column in parse(f"SELECT 1 WHERE {condition}").find_all(exp.Column):
        if column.name.lower() not in {name.lower() for name in known}:
            raise SparkError(
                "DELTA_NON_PARTITION_COLUMN_REFERENCE",
                f"Predicate references non-partition column '{column.name}'. Only the partition columns may be "
                f"referenced: [{', '.join(known)}].",
                sql_state="42P10",
            )
    texts = ", ".join(f"CAST({quote(name)} AS STRING) AS {quote(name)}" for name in known)
    query = f"SELECT DISTINCT {texts} FROM {name} WHERE {condition}"
    found = session.rows(session.relation(query))
    return [[(name, "=", value or "") for name, value in row.items()] for row in found.to_pylist()]


def vacuum(cursor: Cursor, session: Session) -> Any:
    """`VACUUM t [FULL | LITE] [RETAIN n HOURS] [DRY RUN]`; less than a week needs the check to be off.

    Source: https://docs.databricks.com/aws/en/sql/language-manual/delta-vacuum
    """
    from deltalake import DeltaTable

    cursor.expect("VACUUM")
    place, _ = target(cursor, session, write=True, rows=False)
    lite = not cursor.take("FULL") and cursor.take("LITE")
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
        retention_hours=None if hours is None else int(hours),
        dry_run=dry,
        enforce_retention_duration=False,
        full=not lite,
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
    if is_filled(place):
        restored_to(place, when)
    else:
        table.restore(when)
    return literals.rows(RESTORED, [restored(before, files_of(DeltaTable(place)))])


def truncate(cursor: Cursor, session: Session) -> Any:
    """`TRUNCATE TABLE t`: removes all rows, keeps the history."""
    cursor.expect("TRUNCATE", "TABLE")
    place, table = target(cursor, session, write=True, files=True)
    if table is not None and table.files is not None:
        return truncate_files(cursor, session, table)
    if cursor.peek() == "PARTITION":
        raise unsupported("TRUNCATE ... PARTITION", "Use DELETE FROM ... WHERE.")
    cursor.end()
    need_removable(place)
    version = latest(place)
    removed = Changes(removed=files_at(place, version))
    metrics = {"numRemovedFiles": str(len(removed.removed))}
    said = {"operation": "TRUNCATE", "operationParameters": {}, "operationMetrics": metrics}
    commit(place, version, removed, {**said, "isolationLevel": "Serializable"})
    return literals.empty()


def fsck(cursor: Cursor, session: Session) -> Any:
    """`FSCK REPAIR TABLE t [DRY RUN]`: takes files that are gone out of the log.

    Source: https://docs.databricks.com/aws/en/sql/language-manual/delta-fsck
    """
    from deltalake import DeltaTable

    cursor.expect("FSCK", "REPAIR", "TABLE")
    place, _ = target(cursor, session, write=True)
    dry = cursor.take("DRY", "RUN")
    cursor.end()
    filled = is_filled(place)
    gone = repaired(place, dry=dry) if filled else DeltaTable(place).repair(dry_run=dry)["files_removed"]
    kinds = {"dataFilePath": pa.string(), "dataFileMissing": pa.bool_()}
    return literals.rows(kinds, [(str(place / file), True) for file in gone])


def convert(cursor: Cursor, session: Session) -> Any:
    """`CONVERT TO DELTA parquet.`path` [NO STATISTICS] [PARTITIONED BY (name type, ...)]`.

    Source: https://docs.databricks.com/aws/en/sql/language-manual/delta-convert-to-delta
    """
    from deltalake import convert_to_deltalake
    from deltalake.exceptions import DeltaError

    cursor.expect("CONVERT", "TO", "DELTA")
    kind, *rest = cursor.name()
    if kind.lower() != "parquet" or len(rest) != 1:
        raise unsupported("CONVERT TO DELTA of a table's name", "Name the directory: parquet.`/Volumes/...`.")
    place = session.places.mapper.existing(rest[0], write=True)[0]
    statistics = not cursor.take("NO", "STATISTICS")
    partitions = _typed(cursor, session) if cursor.take("PARTITIONED", "BY") else None
    cursor.end()
    if (place / "_delta_log").is_dir():
        return literals.empty()
    try:
        convert_to_deltalake(
            place,
            partition_by=partitions,
            partition_strategy="hive" if partitions else None,
            collect_stats=statistics,
        )
    except DeltaError as exc:
        raise SparkError("DELTA_CONVERSION_UNSUPPORTED", f"{rest[0]} cannot be converted: {exc}") from exc
    return literals.empty()


def _typed(cursor: Cursor, session: Session) -> Any:
    """Read `(name type, ...)`, as a schema."""
    from deltalake import Schema

    cursor.expect("(")
    columns = [read_column(cursor)]
    while cursor.take(","):
        columns.append(read_column(cursor))
    cursor.expect(")")
    fields = delta_fields(columns, session)
    return Schema.from_json(json.dumps({"type": "struct", "fields": fields}))
