"""What references to its trigger mean in a run: https://docs.databricks.com/jobs/dynamic-value-references.html ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brickyard.workspace.jobs.records import RunRecord

__all__ = ["commit_times", "trigger_values"]

_TYPES = {"TABLE": "table_update"}


def trigger_values(run: RunRecord) -> dict[str, str]:
    """Values by the name of the reference; of a run that another trigger started, they are empty."""
    tables = run.trigger_info.get("tables", {})
    return {
        "job.trigger.type": _TYPES.get(run.trigger, run.trigger.lower()),
        "job.trigger.file_arrival.location": run.trigger_info.get("location", ""),
        "job.trigger.table_update.updated_tables": json.dumps(sorted(tables)) if tables else "",
        **{f"job.trigger.table_update.{name}.version": str(version) for name, (version, _) in tables.items()},
    }


def commit_times(run: RunRecord) -> dict[str, int]:
    """When the tables were updated that started the run, by the beginning of the reference."""
    tables = run.trigger_info.get("tables", {})
    return {f"job.trigger.table_update.{name}.commit_timestamp": at for name, (_, at) in tables.items()}
