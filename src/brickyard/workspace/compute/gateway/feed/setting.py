"""Whether a table records its changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway import log
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.properties import properties_of

__all__ = ["ADDED", "ENABLED", "check_names", "defaults", "is_on", "prepare", "records"]

ENABLED = "delta.enableChangeDataFeed"
#: Columns that the feed has besides those of the table.
ADDED = ("_change_type", "_commit_version", "_commit_timestamp")
#: The setting that says what new tables have.
DEFAULT = "spark.databricks.delta.properties.defaults.enableChangeDataFeed"
FEATURE = "changeDataFeed"


def is_on(configuration: Mapping[str, str]) -> bool:
    """Whether the properties of a table say so."""
    return configuration.get(ENABLED, "").lower() == "true"


def records(place: Path) -> bool:
    """Whether the table at a place records its changes."""
    return is_on(properties_of(place))


def defaults(settings: Mapping[str, str]) -> dict[str, str]:
    """What a session's settings say of new tables."""
    value = settings.get(DEFAULT)
    return {} if value is None else {ENABLED: value}


def prepare(metadata: log.Metadata) -> None:
    """Have a table that is to record its changes ask for writers that do.

    Raises:
        SparkError: DELTA_TABLE_ALREADY_CONTAINS_CDC_COLUMNS.
    """
    if not is_on(metadata.configuration):
        return
    check_names(metadata.fields)
    metadata.require(FEATURE)


def check_names(fields: list[dict[str, Any]]) -> None:
    """Refuse columns that the feed has itself."""
    taken = [field["name"] for field in fields if field["name"].lower() in ADDED]
    if taken:
        text = (
            "Unable to enable Change Data Capture on the table. The table already contains reserved columns "
            f"[{', '.join(taken)}] that will be used internally as metadata for the table's Change Data Feed. To "
            "enable Change Data Feed on the table rename/drop these columns."
        )
        raise SparkError("DELTA_TABLE_ALREADY_CONTAINS_CDC_COLUMNS", text, sql_state="42711")
