"""Jobs and runs whose one task is not in a list, as API 2.0 has them and clients still send them to every version.

Airflow's operators and MLflow's projects do: https://docs.databricks.com/workflows/jobs/jobs-2.0-api.html . API 2.1 and
2.2 answer every job with a list of tasks; 2.0 answers one that was made without a list as it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from brickyard.workspace.jobs.records import Json

__all__ = ["SINGLE", "flat_run", "flat_settings", "with_task_list", "within_task"]

#: What the `format` of settings is whose task was sent without a list.
SINGLE = "SINGLE_TASK"
_CLUSTER = ("existing_cluster_id", "new_cluster", "libraries")
#: What a run of one task says of its last attempt.
_OF_ATTEMPT = ("cluster_instance", "setup_duration", "execution_duration", "cleanup_duration")
_OF_TASK = (*_CLUSTER, "max_retries", "min_retry_interval_millis", "retry_on_timeout")


def with_task_list(body: Mapping[str, Any]) -> Json:
    """The settings with their one task in a list, and their `format`."""
    kinds = [name for name in body if name.endswith("_task")]
    if body.get("tasks") or not kinds:
        tasks = body.get("tasks")
        is_single = body.get("format") == SINGLE and isinstance(tasks, list) and len(tasks) == 1
        kept = {"format": SINGLE} if is_single else {}
        return {name: value for name, value in body.items() if name != "format"} | kept
    own = {name: value for name, value in body.items() if name in (*kinds, *_OF_TASK)}
    key = re.sub(r"\W+", "_", str(body.get("name") or "main"), flags=re.ASCII).strip("_")[:100]
    rest = {name: value for name, value in body.items() if name not in own and name not in ("tasks", "format")}
    return rest | {"tasks": [{"task_key": key or "main"} | own], "format": SINGLE}


def within_task(settings: Json, changes: Mapping[str, Any]) -> Json:
    """Changes of a job of one task that are about the task, as changes of it; a kind of task replaces another kind."""
    own = {name: value for name, value in changes.items() if name.endswith("_task") or name in _OF_TASK}
    if not own or settings.get("format") != SINGLE or changes.get("tasks"):
        return dict(changes)
    [task] = settings["tasks"]
    has_kind = any(name.endswith("_task") for name in own)
    kept = {name: value for name, value in task.items() if not (has_kind and name.endswith("_task"))}
    return {name: value for name, value in changes.items() if name not in own} | {"tasks": [kept | own]}


def flat_settings(settings: Json) -> Json:
    """The settings of a job as API 2.0 answers them."""
    if settings.get("format") != SINGLE:
        return settings
    [task] = settings["tasks"]
    own = {name: value for name, value in task.items() if name in _OF_TASK or name.endswith("_task")}
    return {name: value for name, value in settings.items() if name != "tasks"} | own


def flat_run(answer: Json, settings: Json) -> Json:
    """A run as API 2.0 answers it; `settings` are the job's at its start."""
    if settings.get("format") != SINGLE:
        return answer
    [task] = settings["tasks"]
    kind = {name: value for name, value in task.items() if name.endswith("_task")}
    cluster = {name: value for name, value in task.items() if name in _CLUSTER}
    last = (answer.get("tasks") or [{}])[-1]
    instance = {name: last[name] for name in _OF_ATTEMPT if name in last}
    kept = {name: value for name, value in answer.items() if name not in ("tasks", "job_clusters", "has_more")}
    return kept | instance | {"task": kind, "cluster_spec": cluster, "format": SINGLE}
