"""Properties of a Delta table in its last version, and what they forbid."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from brickyard.workspace.compute.gateway.commits import latest
from brickyard.workspace.compute.gateway.errors import UNSUPPORTED, SparkError

__all__ = ["APPEND_ONLY", "need_removable", "properties_of"]

APPENDS = "delta.appendOnly"
#: Condition and text of the refusal to remove rows.
APPEND_ONLY = (
    "DELTA_CANNOT_MODIFY_APPEND_ONLY",
    "This table is configured to only allow appends. If you would like to permit updates or deletes, use 'ALTER TABLE "
    f"... SET TBLPROPERTIES ({APPENDS}=false)'.",
)


def properties_of(place: Path) -> Mapping[str, str]:
    """The properties of a table; none if there is none."""
    version = latest(place)
    if version < 0:
        return {}
    return _read(place, version, (place / "_delta_log" / f"{version:020d}.json").stat().st_mtime_ns)


@lru_cache(maxsize=1024)
def _read(place: Path, version: int, written: int) -> Mapping[str, str]:
    """A version never changes; a table that takes the place of another one was written at another time."""
    from deltalake import DeltaTable

    return dict(DeltaTable(place).metadata().configuration)


def need_removable(place: Path) -> None:
    """Refuse what takes rows out of a table that only grows, also if it would take none.

    Raises:
        SparkError: DELTA_CANNOT_MODIFY_APPEND_ONLY.
    """
    if properties_of(place).get(APPENDS, "").lower() == "true":
        raise SparkError(*APPEND_ONLY, kind=UNSUPPORTED, sql_state="42809")
