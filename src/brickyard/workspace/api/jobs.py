"""Jobs and runs, API 2.2; 2.1 and 2.0 answer where their shapes agree with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import Access, anyone
from brickyard.workspace.api.base import Call, Family, Handler
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.job_access import on_job, on_run
from brickyard.workspace.jobs import wire
from brickyard.workspace.jobs.output import run_output
from brickyard.workspace.jobs.pages import Place, place_of
from brickyard.workspace.jobs.requests import flag, number, optional_number
from brickyard.workspace.jobs.run_store import RunFilter
from brickyard.workspace.jobs.single_task import flat_run
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.jobs import (
        CreateResponse,
        ExportRunOutput,
        Job,
        ListRunsResponse,
        RepairRunResponse,
        Run,
        RunNowResponse,
        RunOutput,
        SubmitRunResponse,
    )

__all__ = ["family"]

family = Family()
_DEFAULT_LIMIT, _MOST_JOBS, _MOST_RUNS = 20, 100, 25
_MOST_RUNS_2_0 = 1000
_ALL = 2**31  # API 2.0 lists jobs in one answer


def _call(method: str, name: str, access: Access) -> Callable[[Handler], Handler]:
    """Declare an operation under every version of the API."""

    def declare(function: Handler) -> Handler:
        for version in ("2.2", "2.1", "2.0"):
            family.call(method, f"/api/{version}/jobs/{name}", access=access)(function)
        return function

    return declare


def _cancels_all(workspace: Workspace, call: Call) -> None:
    """The runs of one job need its level; those of all jobs are left out where the caller may not cancel them."""
    if call.body.get("job_id") is not None:
        on_job("CAN_MANAGE_RUN")(workspace, call)


@_call("POST", "create", anyone)
def create(workspace: Workspace, call: Call) -> CreateResponse:
    """Make a job."""
    from databricks.sdk.service.jobs import CreateResponse

    queues = _version(call) == "2.2"  # https://docs.databricks.com/reference/jobs-api-2-2-updates.html
    return CreateResponse(job_id=workspace.jobs.create(call.body, call.principal, queues=queues))


@_call("POST", "reset", on_job("CAN_MANAGE"))
def reset(workspace: Workspace, call: Call) -> None:
    """Replace all settings of a job."""
    workspace.jobs.reset(number(call.body, "job_id"), _mapping(call.body, "new_settings"), call.principal)


@_call("POST", "update", on_job("CAN_MANAGE"))
def update(workspace: Workspace, call: Call) -> None:
    """Replace some settings of a job."""
    changes = _mapping(call.body, "new_settings") if call.body.get("new_settings") else {}
    remove = call.body.get("fields_to_remove") or []
    workspace.jobs.update(number(call.body, "job_id"), changes, remove, call.principal)


@_call("GET", "get", on_job("CAN_VIEW"))
def get(workspace: Workspace, call: Call) -> Job | dict[str, Any]:
    """A job, or the next page of its arrays."""
    from databricks.sdk.service.jobs import TriggerStateProto

    record = workspace.jobs.get(number(call.query, "job_id"))
    answer = wire.job(record, start=_start(call), size=_page_size(call))
    if flag(call.query, "include_trigger_state") and (seen := workspace.jobs.triggers.shown(record.job_id)):
        answer.trigger_state = TriggerStateProto.from_dict(seen)
    if _version(call) != "2.0":
        return answer
    return answer.as_dict() | {"settings": wire.settings_of_2_0(record)}


@_call("GET", "list", anyone)
def list_jobs(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Jobs, newest first."""
    is_old = _version(call) == "2.0"
    limit, place = _limit(call, _ALL, _ALL) if is_old else _limit(call, _MOST_JOBS), place_of(call.query)
    records = workspace.jobs.page(
        call.principal,
        name=call.query.get("name"),
        before=place.before,
        after=place.after,
        offset=_position(call, "offset"),
        limit=limit + 1,
    )
    shown, pages = place.cut(records, limit, lambda one: one.job_id)
    expand = flag(call.query, "expand_tasks")
    found = [wire.base_job(record, expand=expand) for record in shown]
    if is_old:  # which always had the whole settings
        found = [job | {"settings": wire.settings_of_2_0(record)} for job, record in zip(found, shown, strict=True)]
    return {"jobs": found} | pages


@_call("POST", "delete", on_job("CAN_MANAGE"))
def delete(workspace: Workspace, call: Call) -> None:
    """Delete a job."""
    workspace.jobs.delete(number(call.body, "job_id"))


@_call("POST", "run-now", on_job("CAN_MANAGE_RUN"))
def run_now(workspace: Workspace, call: Call) -> RunNowResponse:
    """Start a run of a job."""
    from databricks.sdk.service.jobs import RunNowResponse

    run = workspace.jobs.run_now(call.body, call.principal)
    return RunNowResponse(run_id=run.run_id, number_in_job=run.run_id)


@_call("POST", "runs/submit", anyone)
def submit(workspace: Workspace, call: Call) -> SubmitRunResponse:
    """Run tasks once."""
    from databricks.sdk.service.jobs import SubmitRunResponse

    return SubmitRunResponse(run_id=workspace.jobs.submit(call.body, call.principal).run_id)


@_call("GET", "runs/get", on_run("CAN_VIEW"))
def get_run(workspace: Workspace, call: Call) -> Run | dict[str, Any]:
    """A run with its tasks, or one attempt at a task."""
    run_id = number(call.query, "run_id")
    run, tasks = workspace.jobs.run(run_id)
    resolved = flag(call.query, "include_resolved_values")
    shown = wire.Shown(_start(call), _page_size(call), resolved, workspace.jobs.parts(run, tasks))
    if run.run_id != run_id:
        first = workspace.jobs.first_attempt(tasks[0])
        return wire.run_of_task(run, tasks[0], first, workspace.url, shown)
    answer = wire.run(run, tasks, workspace.url, shown)
    if flag(call.query, "include_history"):
        answer.repair_history = wire.history(run, tasks)
    return flat_run(answer.as_dict(), run.settings) if _version(call) == "2.0" else answer


@_call("GET", "runs/list", anyone)
def list_runs(workspace: Workspace, call: Call) -> ListRunsResponse | dict[str, Any]:
    """Runs, newest first."""
    from databricks.sdk.service.jobs import ListRunsResponse

    most = _MOST_RUNS_2_0 if _version(call) == "2.0" else _MOST_RUNS
    limit, place = _limit(call, most), place_of(call.query)
    found = workspace.jobs.runs(_filter(workspace, call, place), limit + 1)
    shown, pages = place.cut(found, limit, lambda one: one.run_id)
    expand = flag(call.query, "expand_tasks")
    runs = [wire.base_run(run, workspace.jobs.tasks(run.run_id) if expand else None, workspace.url) for run in shown]
    answer = ListRunsResponse(runs=runs, **pages)
    if _version(call) != "2.0":
        return answer
    flat = [flat_run(one.as_dict(), run.settings) for one, run in zip(runs, shown, strict=True)]
    return answer.as_dict() | {"runs": flat}


@_call("GET", "runs/get-output", on_run("CAN_VIEW"))
def get_output(workspace: Workspace, call: Call) -> RunOutput | dict[str, Any]:
    """What a task's run printed, returned or failed with."""
    run_id = number(call.query, "run_id")
    if _version(call) != "2.0":
        return run_output(workspace, run_id)
    answer = run_output(workspace, run_id, single=True).as_dict()
    run, _ = workspace.jobs.run(run_id)
    return answer | {"metadata": flat_run(answer["metadata"], run.settings) | {"run_id": run_id}}


@_call("GET", "runs/export", on_run("CAN_VIEW"))
def export_run(workspace: Workspace, call: Call) -> ExportRunOutput:
    """The notebook of a task's run with the results of its cells, as HTML."""
    from brickyard.workspace.api.run_exports import exported_run

    views = call.query.get("views_to_export") or "CODE"
    return exported_run(workspace, number(call.query, "run_id"), views, single=_version(call) == "2.0")


@_call("POST", "runs/cancel", on_run("CAN_MANAGE_RUN"))
def cancel(workspace: Workspace, call: Call) -> None:
    """Cancel a run; it ends soon after."""
    workspace.jobs.cancel(number(call.body, "run_id"))


@_call("POST", "runs/cancel-all", _cancels_all)
def cancel_all(workspace: Workspace, call: Call) -> None:
    """Cancel the active runs of a job, or the queued runs of all jobs."""
    job_id = optional_number(call.body, "job_id")
    queued_only = flag(call.body, "all_queued_runs")
    if job_id is None and not queued_only:
        raise InvalidParameterValue("job_id or all_queued_runs is required")
    workspace.jobs.cancel_all(job_id, call.principal, queued_only=queued_only)


@_call("POST", "runs/repair", on_run("CAN_MANAGE_RUN"))
def repair(workspace: Workspace, call: Call) -> RepairRunResponse:
    """Run tasks of a run that has ended again, as a part of the same run."""
    from databricks.sdk.service.jobs import RepairRunResponse

    return RepairRunResponse(repair_id=workspace.jobs.repair(number(call.body, "run_id"), call.body))


@_call("POST", "runs/delete", on_run("CAN_MANAGE"))
def delete_run(workspace: Workspace, call: Call) -> None:
    """Forget a run that has ended."""
    workspace.jobs.delete_run(number(call.body, "run_id"))


def _filter(workspace: Workspace, call: Call, place: Place) -> RunFilter:
    active, completed = flag(call.query, "active_only"), flag(call.query, "completed_only")
    if active and completed:
        raise InvalidParameterValue("active_only and completed_only cannot both be true")
    return RunFilter(
        job_id=optional_number(call.query, "job_id"),
        active=True if active else False if completed else None,
        run_type=_run_type(call),
        started_from=optional_number(call.query, "start_time_from"),
        started_to=optional_number(call.query, "start_time_to"),
        before=place.before,
        after=place.after,
        offset=_position(call, "offset"),
        only=workspace.jobs.visible_to(call.principal),
    )


def _run_type(call: Call) -> str | None:
    from databricks.sdk.service.jobs import RunType

    name, known = call.query.get("run_type"), [one.value for one in RunType]
    if name and name not in known:
        raise InvalidParameterValue(f"run_type must be one of {', '.join(known)}, not {name!r}")
    return name or None


def _limit(call: Call, most: int, default: int = _DEFAULT_LIMIT) -> int:
    limit = optional_number(call.query, "limit")
    if limit is None:
        return default
    if limit < 0 or limit > most:
        raise InvalidParameterValue(f"limit must be between 1 and {most}, not {limit}")
    return limit or most


def _start(call: Call) -> int:
    return _position(call, "page_token")


def _position(call: Call, name: str) -> int:
    """A place in a list, 0 where none is given."""
    position = optional_number(call.query, name) or 0
    if position < 0:
        raise InvalidParameterValue(f"{name} must not be negative, as {position} is")
    return position


def _page_size(call: Call) -> int | None:
    """Only API 2.2 answers in pages."""
    return wire.PAGE if _version(call) == "2.2" else None


def _version(call: Call) -> str:
    return call.request.url.path.split("/")[2]


def _mapping(body: Any, name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise InvalidParameterValue(f"{name} is required and must be an object")
    return value
