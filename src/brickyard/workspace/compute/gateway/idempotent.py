"""Writes with `txnAppId` and `txnVersion`: those that were committed are not committed again.

Source: https://docs.databricks.com/aws/en/structured-streaming/delta-lake (idempotent table writes in foreachBatch).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from brickyard.workspace.compute.gateway import overwrites, staging
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.session import Session

__all__ = ["transaction_of", "write_once"]

SETTING = "spark.databricks.delta.write."


def transaction_of(options: dict[str, str], session: Session) -> tuple[str, int] | None:
    """The name and version of the user's transaction that a write is, which are taken out of its options.

    Args:
        options: The write's options, their names in lower case.
        session: The session, whose settings may say so instead.

    Raises:
        SparkError: DELTA_INVALID_IDEMPOTENT_WRITES_OPTIONS.
    """
    name = options.pop("txnappid", "") or session.setting(f"{SETTING}txnAppId")
    version = options.pop("txnversion", "") or session.setting(f"{SETTING}txnVersion")
    if not name and not version:
        return None
    if not name or not version.lstrip("-").isdigit():
        text = (
            "Invalid options for idempotent Dataframe writes: Both txnAppId and txnVersion must be specified for "
            "idempotent Dataframe writes, and txnVersion must be a whole number."
        )
        raise SparkError("DELTA_INVALID_IDEMPOTENT_WRITES_OPTIONS", text, sql_state="42616")
    return name, int(version)


def write_once(
    session: Session,
    place: Path,
    write: Callable[[Path], None],
    transaction: tuple[str, int],
    mode: str,
    options: Mapping[str, str],
) -> None:
    """Commit the rows, unless a transaction of the same name and this or a later version was committed.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE, for what replaces a part of the table or its columns.
    """
    name, version = transaction
    parts = {"replacewhere", "overwriteschema"}.intersection(options)
    replaces = mode == "overwrite"
    if replaces and staging.begun(place) and (parts or overwrites.check(session, place, options)):
        what = "txnAppId with replaceWhere, overwriteSchema or dynamic partitions"
        raise unsupported(what, "Use MERGE INTO, or leave txnAppId out: replaceWhere can be repeated.")

    def prepare() -> staging.Commit | None:
        if staging.transactions(place, [name]).get(name, -1) >= version:
            return None
        return staging.Commit("WRITE", {"mode": mode.capitalize()}, {}, {name: version}, replaces=replaces)

    staging.committed(session, place, write, prepare)
