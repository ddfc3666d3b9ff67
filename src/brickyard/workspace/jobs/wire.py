"""Jobs and runs as the vendor's wire types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from brickyard import sdk
from brickyard.workspace.files.git import without_token
from brickyard.workspace.jobs.git_source import source_of
from brickyard.workspace.jobs.records import ITERATIONS, READY_AT, JobRecord, Json, RunRecord, TaskRecord
from brickyard.workspace.jobs.repair import stages
from brickyard.workspace.jobs.single_task import flat_settings
from brickyard.workspace.jobs.states import ENDED, State

if TYPE_CHECKING:
    from databricks.sdk.service.jobs import BaseRun, Job, RepairHistoryItem, Run, RunTask

#: The runs that attempts at tasks have started, by attempt, with the attempts at their own tasks.
Parts = Mapping[int, tuple[RunRecord, Sequence[TaskRecord]]]

__all__ = ["PAGE", "Shown", "base_job", "base_run", "history", "job", "run", "run_of_task", "settings_of_2_0"]

sdk.install()

PAGE = 100  # elements of an array in one answer of API 2.2
_STATES_V2 = {"TERMINATED": "TERMINATED", "SKIPPED": "TERMINATED", "INTERNAL_ERROR": "TERMINATED"}
_PAGED = ("tasks", "job_clusters", "parameters", "environments")


@dataclass(frozen=True)
class Shown:
    """What of a run is answered.

    Attributes:
        start: The first of its tasks or iterations.
        size: How many of them; none is all, as before API 2.2.
        resolved: Whether the parameters that tasks were given are wanted.
        parts: The runs that its tasks have started.
    """

    start: int = 0
    size: int | None = PAGE
    resolved: bool = False
    parts: Parts = field(default_factory=dict)


def job(record: JobRecord, *, start: int = 0, size: int | None = PAGE) -> Job:
    """A job with one page of its arrays; `size` none is everything, as before API 2.2."""
    from databricks.sdk.service.jobs import Job

    settings, more = _page(_listed(record.settings), start, size)
    return Job.from_dict(
        {
            "job_id": record.job_id,
            "creator_user_name": record.creator or None,
            "run_as_user_name": record.run_as or None,
            "created_time": record.created_at,
            "settings": settings,
            "has_more": more,
            "next_page_token": str(start + PAGE) if more else None,
        }
    )


def base_job(record: JobRecord, *, expand: bool) -> Json:
    """A job in a listing; its arrays are there when they are asked for.

    It has `run_as_user_name`, which the service answers and the SDK's type does not know.
    """
    from databricks.sdk.service.jobs import BaseJob

    settings, more = _page(_listed(record.settings), 0, PAGE)
    if not expand:
        settings = {name: value for name, value in settings.items() if name not in _PAGED}
    answer = BaseJob.from_dict(
        {
            "job_id": record.job_id,
            "creator_user_name": record.creator or None,
            "created_time": record.created_at,
            "settings": settings,
            "has_more": more,
        }
    ).as_dict()
    return answer | ({"run_as_user_name": record.run_as} if record.run_as else {})


def run(record: RunRecord, tasks: Sequence[TaskRecord], url: str, shown: Shown) -> Run:
    """A run with one page of its tasks."""
    from databricks.sdk.service.jobs import Run

    answer = Run.from_dict(_run(record, url))
    answer.tasks, answer.next_page_token = _page_of_tasks(record, tasks, url, shown)
    answer.has_more = answer.next_page_token is not None
    return answer


def _page_of_tasks(
    record: RunRecord, tasks: Sequence[TaskRecord], url: str, shown: Shown
) -> tuple[list[RunTask], str | None]:
    """Tasks, and where the next ones begin."""
    stop = None if shown.size is None else shown.start + shown.size
    following = str(stop) if stop is not None and len(tasks) > stop else None
    return [_task(record, task, url, shown) for task in tasks[shown.start : stop]], following


def history(record: RunRecord, tasks: Sequence[TaskRecord]) -> list[RepairHistoryItem]:
    """The original run and its repairs."""
    from databricks.sdk.service.jobs import RepairHistoryItem

    return [RepairHistoryItem.from_dict(one | _state(one["state"])) for one in stages(record, tasks)]


def run_of_task(record: RunRecord, task: TaskRecord, first: int, url: str, shown: Shown) -> Run:
    """One attempt at a task as a run of its own, with one page of its iterations where it is a loop.

    Args:
        record: The run that it belongs to.
        task: The attempt.
        first: The run id of the first attempt at the task.
        url: The workspace's.
        shown: What of it is wanted.
    """
    from databricks.sdk.service.jobs import Run

    answer = Run.from_dict(
        _run(record, url)
        | {
            "run_id": task.run_id,
            "job_run_id": record.job_run_id,
            "run_name": _key(record, task),
            "number_in_job": task.run_id,
            "original_attempt_run_id": first,
            "attempt_number": task.attempt,
            "run_page_url": _page_url(record, task.run_id, url),
            "cluster_instance": task.cluster,
            **_times(task, record.created_at),
            "run_duration": max(0, (task.ended_at or 0) - (task.started_at or task.ended_at or 0)),
            **_state(task.state),
        }
    )
    answer.tasks = [_task(record, task, url, shown)]
    part = shown.parts.get(task.run_id)
    if part is not None and part[0].run_type == ITERATIONS:
        answer.iterations, answer.next_page_token = _page_of_tasks(*part, url, shown)
        answer.has_more = answer.next_page_token is not None
    return answer


def base_run(record: RunRecord, tasks: Sequence[TaskRecord] | None, url: str) -> BaseRun:
    """A run in a listing, with its tasks where they are given."""
    from databricks.sdk.service.jobs import BaseRun

    answer = BaseRun.from_dict(_run(record, url))
    if tasks is None:
        answer.job_clusters = None
    else:
        answer.tasks = [_task(record, task, url, Shown()) for task in tasks[:PAGE]]
        answer.has_more = len(tasks) > PAGE
    return answer


def settings_of_2_0(record: JobRecord) -> Json:
    """A job's settings as API 2.0 answers them."""
    return flat_settings(_readable(record.settings))


def _readable(settings: Json) -> Json:
    """The settings but for `run_as`, which can only be written (databricks/databricks-sdk-py#967)."""
    readable = {name: value for name, value in settings.items() if name != "run_as"}
    return readable | ({"git_source": _repository(settings)} if "git_source" in settings else {})


def _repository(settings: Json) -> Json:
    """The repository, without the token that an earlier release let into its address."""
    source: Json = settings["git_source"]
    return source | {"git_url": without_token(source["git_url"])}


def _listed(settings: Json) -> Json:
    """The settings as the service answers them since API 2.1: always with a list of tasks."""
    return _readable(settings) | {"format": "MULTI_TASK"}


def _page(settings: Json, start: int, size: int | None) -> tuple[Json, bool]:
    if size is None:
        return settings, False
    pages = {name: settings[name][start : start + size] for name in _PAGED if name in settings}
    return settings | pages, any(len(settings[name]) > start + size for name in pages)


def _run(record: RunRecord, url: str) -> Json:
    names = record.request.parameters
    defaults = {one["name"]: one["default"] for one in record.settings.get("parameters", [])}
    overriding = dict(record.request.overriding)
    return {
        "run_id": record.run_id,
        "job_id": record.job_id,
        "number_in_job": record.run_id,
        "original_attempt_run_id": record.run_id,
        "run_name": record.name,
        "description": record.settings.get("description"),
        "creator_user_name": record.creator or None,
        "run_type": record.run_type,
        "trigger": record.trigger,
        "trigger_info": record.trigger_info,
        "schedule": record.settings.get("schedule") if record.trigger == "PERIODIC" else None,
        "format": "MULTI_TASK",
        "run_page_url": _page_url(record, record.run_id, url),
        "job_clusters": record.settings.get("job_clusters", []),
        "git_source": _git_source(record),
        "job_parameters": [_parameter(name, defaults[name], record) for name in names],
        "overriding_parameters": overriding or None,
        "setup_duration": 0,
        "execution_duration": 0,
        "cleanup_duration": 0,
        "queue_duration": max(0, (record.started_at or record.created_at) - record.created_at),
        "start_time": record.created_at,
        "end_time": record.ended_at or 0,
        "run_duration": (record.ended_at or record.created_at) - record.created_at,
        **_state(record.state, stopping=record.stopping is not None),
    }


def _git_source(record: RunRecord) -> Json | None:
    """The repository with the commit that the run uses, once that is known."""
    if "git_source" not in record.settings:
        return None
    commit = record.request.commit
    return _repository(record.settings) | ({"git_snapshot": {"used_commit": commit}} if commit else {})


def _parameter(name: str, default: str, record: RunRecord) -> Json:
    value = record.request.parameters[name]
    return {"name": name, "default": default} | ({"value": value} if value != default else {})


def _key(record: RunRecord, task: TaskRecord) -> str:
    """The name of a task; every iteration has that of the task in the loop."""
    key: str = record.definition(task).get("iteration_of", task.task_key)
    return key


def _task(record: RunRecord, task: TaskRecord, url: str, shown: Shown) -> RunTask:
    from databricks.sdk.service.jobs import RunTask

    definition = record.definition(task)
    part = shown.parts.get(task.run_id)
    extra: dict[str, Any] = {"resolved_values": task.resolved} if shown.resolved and task.resolved else {}
    if source_of(definition) is not None:
        extra["git_source"] = _git_source(record)
    if "condition_task" in definition and (task.outcome or {}).get("result"):
        sides = (task.resolved or {}).get("condition_task", {})
        extra["condition_task"] = definition["condition_task"] | sides | {"outcome": (task.outcome or {})["result"]}
    if part is not None and part[0].run_type == ITERATIONS:
        extra["for_each_task"] = definition["for_each_task"] | {"stats": _stats(part[1])}
    return RunTask.from_dict(
        definition
        | {
            "task_key": _key(record, task),
            "run_id": task.run_id,
            "attempt_number": task.attempt,
            "run_page_url": _page_url(record, task.run_id, url),
            "cluster_instance": task.cluster,
            **_times(task, record.created_at),
            **_state(task.state),
            **extra,
        }
    )


def _stats(attempts: Sequence[TaskRecord]) -> Json:
    """How far a loop is, as the vendor's `ForEachStats`; of retries, the last counts."""
    last = {task.task_key: task for task in attempts}.values()
    failed = [task for task in last if task.state.result in ("FAILED", "TIMEDOUT")]
    messages = Counter(task.state.message for task in failed)
    return {
        "task_run_stats": {
            "total_iterations": len(last),
            "scheduled_iterations": sum(task.state.life_cycle != "BLOCKED" for task in last),
            "active_iterations": sum(task.state.life_cycle not in ("BLOCKED", *ENDED) for task in last),
            "completed_iterations": sum(task.state.ended for task in last),
            "succeeded_iterations": sum(task.state.result == "SUCCESS" for task in last),
            "failed_iterations": len(failed),
        },
        "error_message_stats": [{"count": n, "error_message": text} for text, n in messages.most_common()],
    }


def _times(task: TaskRecord, otherwise: int) -> Mapping[str, int]:
    """When an attempt began and ended; its setup is the time in which it waited for its cluster."""
    begun = task.started_at or task.ended_at or otherwise
    ready = max(begun, (task.cluster or {}).get(READY_AT, begun))
    return {
        "start_time": begun,
        "end_time": task.ended_at or 0,
        "setup_duration": ready - begun,
        "execution_duration": max(0, (task.ended_at or ready) - ready),
        "cleanup_duration": 0,
    }


def _state(record: State, *, stopping: bool = False) -> Json:
    legacy = {
        "life_cycle_state": record.shown,
        "result_state": record.result,
        "state_message": record.message,
        "user_cancelled_or_timedout": stopping or record.result in ("CANCELED", "TIMEDOUT"),
        "queue_reason": record.message if record.life_cycle == "QUEUED" else None,
    }
    return {"state": legacy, "status": _status(record)}


def _status(record: State) -> Json:
    name = "WAITING" if record.life_cycle == "WAITING_FOR_RETRY" else record.shown
    answer: Json = {"state": _STATES_V2.get(name, name)}
    if record.life_cycle == "QUEUED":
        answer["queue_details"] = {"code": record.code or "MAX_CONCURRENT_RUNS_REACHED", "message": record.message}
    if record.ended:
        answer["termination_details"] = {"code": record.code, "type": _type(record), "message": record.message}
    return answer


def _type(record: State) -> str:
    if record.result in ("SUCCESS", "SUCCESS_WITH_FAILURES", "DISABLED"):
        return "SUCCESS"
    return "INTERNAL_ERROR" if record.code == "INTERNAL_ERROR" else "CLIENT_ERROR"


def _page_url(record: RunRecord, run_id: int, url: str) -> str:
    return f"{url}/jobs/{record.job_id}/runs/{run_id}"
