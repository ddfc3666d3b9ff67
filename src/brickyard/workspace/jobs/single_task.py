"""Jobs and runs whose one task is not in a list, as API 2.0 had them and clients still send them to every version.

Airflow's operators and MLflow's projects do: https://docs.databricks.com/workflows/jobs/jobs-2.0-api.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from brickyard.workspace.jobs.records import Json

__all__ = ["with_task_list"]

_OF_TASK = (
    *("existing_cluster_id", "new_cluster", "libraries"),
    *("max_retries", "min_retry_interval_millis", "retry_on_timeout"),
)


def with_task_list(body: Mapping[str, Any]) -> Json:
    """The settings with their one task in a list; `format` is always the service's own, MULTI_TASK."""
    kinds = [name for name in body if name.endswith("_task")]
    if body.get("tasks") or not kinds:
        return {name: value for name, value in body.items() if name != "format"}
    own = {name: value for name, value in body.items() if name in (*kinds, *_OF_TASK)}
    key = re.sub(r"\W+", "_", str(body.get("name") or "main"), flags=re.ASCII).strip("_")[:100]
    rest = {name: value for name, value in body.items() if name not in own and name not in ("tasks", "format")}
    return rest | {"tasks": [{"task_key": key or "main"} | own]}
