"""What may be overwritten: the parts that `replaceWhere` names, and no option that would be ignored.

Source: https://docs.databricks.com/aws/en/delta/selective-overwrite
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import base_pb2, relations_pb2

from brickyard.workspace.compute.gateway.checks import required
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.storing import store

__all__ = ["check", "only_matching", "replace_parts"]

DYNAMIC = "spark.sql.sources.partitionOverwriteMode"


def check(session: Session, place: Path | None, options: Mapping[str, str], fixed: Iterable[str] = ()) -> bool:
    """Whether only the partitions that get rows are overwritten; refuses options that Sail would ignore.

    Args:
        session: The session that writes.
        place: The table that is overwritten, if one is.
        options: The write's options, their names in lower case.
        fixed: Partition columns, in lower case, for which a statement gives a value; with all of them there is one
            partition, which is overwritten also without rows.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    mode = options.get("partitionoverwritemode", session.setting(DYNAMIC))
    whole = "replacewhere" in options or options.get("overwriteschema", "").lower() == "true"
    if place is None or mode.lower() != "dynamic" or whole:
        return False
    return not {name.lower() for name in _partitioned(place)} <= set(fixed)


def _partitioned(place: Path) -> list[str]:
    from deltalake import DeltaTable

    return list(DeltaTable(place).metadata().partition_columns)


def partitions_of(session: Session, rows: relations_pb2.Relation, place: Path) -> str | None:
    """A condition for the partitions that the rows are in; None without rows."""
    distinct = relations_pb2.Relation()
    distinct.deduplicate.all_columns_as_keys = True
    project = distinct.deduplicate.input.project
    project.input.CopyFrom(rows)
    names = _partitioned(place)
    for name in names:
        project.expressions.add().unresolved_attribute.unparsed_identifier = quote(name)
    found = session.sail.execute(session.key, base_pb2.Plan(root=distinct))
    if found is None or not found.num_rows:
        return None
    return " OR ".join(f"({_equal(names, row)})" for row in found.to_pylist())


def _equal(names: list[str], row: Mapping[str, Any]) -> str:
    """A condition for one partition; `row` has the columns in the order of `names`."""
    pairs = zip(names, row.values(), strict=True)
    return " AND ".join(f"{quote(name)} {_literal(value)}" for name, value in pairs)


def _literal(value: Any) -> str:
    if value is None:
        return "IS NULL"
    if isinstance(value, bool | int | float | Decimal):
        return f"= {str(value).lower()}"
    kind = {datetime: "TIMESTAMP ", date: "DATE "}.get(type(value), "")
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"= {kind}'{text}'"


def replace_parts(session: Session, rows: relations_pb2.Relation, place: Path) -> None:
    """Overwrite the partitions that the rows are in; without rows, nothing changes."""
    condition = partitions_of(session, rows, place)
    if condition is not None:
        store(session, only_matching(rows, condition), place, "overwrite", options={"replaceWhere": condition})


def only_matching(source: relations_pb2.Relation, condition: str) -> relations_pb2.Relation:
    """The rows, of which one that does not match the condition fails the write: Sail would add it (0.7.2)."""
    message = "Written data does not conform to the partial table overwrite condition"
    return required(source, condition, f"[DELTA_REPLACE_WHERE_MISMATCH] {message} {condition}. SQLSTATE: 44000")
