"""What may be overwritten: the parts that `replaceWhere` names, and no option that would be ignored.

Source: https://docs.databricks.com/aws/en/delta/selective-overwrite
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.session import Session

__all__ = ["check", "only_matching"]

DYNAMIC = "spark.sql.sources.partitionoverwritemode"


def check(session: Session, place: Path | None, options: Mapping[str, str]) -> None:
    """Refuse options that Sail ignores and that decide which rows are there afterwards.

    Args:
        session: The session that writes.
        place: The table that is overwritten, if one is.
        options: The write's options, their names in lower case.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    if "txnappid" in options or "txnversion" in options:
        raise unsupported("idempotent writes (txnAppId, txnVersion)", "Use MERGE INTO, or replaceWhere.")
    mode = options.get("partitionoverwritemode", session.setting(DYNAMIC))
    whole = "replacewhere" in options or options.get("overwriteschema", "").lower() == "true"
    if place is not None and mode.lower() == "dynamic" and not whole and _partitioned(place):
        raise unsupported(
            "dynamic partition overwrite (partitionOverwriteMode)",
            "Name the part to overwrite with the option replaceWhere.",
        )


def _partitioned(place: Path) -> bool:
    from deltalake import DeltaTable

    return bool(DeltaTable(place).metadata().partition_columns)


def only_matching(source: relations_pb2.Relation, condition: str) -> relations_pb2.Relation:
    """The rows, of which one that does not match the condition fails the write: Sail would add it (0.7.2)."""
    checked = relations_pb2.Relation()
    checked.filter.input.CopyFrom(source)
    message = (
        "[DELTA_REPLACE_WHERE_MISMATCH] Written data does not conform to the partial table overwrite condition "
        f"{condition}. SQLSTATE: 44000"
    )
    said = message.replace("\\", "\\\\").replace("'", "\\'")
    expression: Any = checked.filter.condition.expression_string
    expression.expression = f"CASE WHEN ({condition}) THEN true ELSE raise_error('{said}') END"
    return checked
