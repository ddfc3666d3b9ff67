"""From an attempt at a task to what is started for it: what references mean, and the kind that starts it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from brickyard.workspace.jobs.kinds import Faulty, Prepared, Start, kind_of
from brickyard.workspace.jobs.people import whoever_runs
from brickyard.workspace.jobs.records import ITERATIONS, Json, RunRecord, TaskRecord
from brickyard.workspace.jobs.references import Scope, TaskFacts, UnknownReference, resolve
from brickyard.workspace.jobs.triggers.values import commit_times, trigger_values

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["job_parameters", "prepare"]


def prepare(
    workspace: Workspace, run: RunRecord, task: TaskRecord, attempts: Sequence[TaskRecord], token: str
) -> Prepared:
    """What to start for a task.

    Args:
        workspace: Whose task it is.
        run: The run.
        task: The attempt that is to start.
        attempts: Every attempt of the run so far.
        token: What the task authenticates with.

    Raises:
        Faulty: A reference names nothing, or a secret that cannot be read.
        Nobody: The principal that the run runs as is gone.
    """
    definition = _definition(run, task.task_key)
    scope = _scope(workspace, run, task, attempts, definition)
    upstream = {**run.request.upstream, **{key: facts.values for key, facts in scope.tasks.items()}}
    principal = whoever_runs(workspace, run.run_as)
    try:
        return kind_of(definition).prepare(Start(workspace, run, task, definition, scope, upstream, token, principal))
    except UnknownReference as error:
        raise Faulty(f"{error}.") from error


def job_parameters(workspace: Workspace, run: RunRecord, given: Mapping[str, str]) -> dict[str, str]:
    """The job's parameters with the references in them resolved.

    Raises:
        UnknownReference: One names nothing.
    """
    scope = Scope(_plain(workspace, run), _moments(run))
    return {name: resolve(value, scope) for name, value in given.items()}


def _definition(run: RunRecord, key: str) -> Json:
    return next(task for task in run.tasks if task["task_key"] == key)


def _plain(workspace: Workspace, run: RunRecord) -> dict[str, str]:
    return {
        "job.id": str(run.job_id),
        "job.name": run.name,
        "job.run_id": str(run.run_id),
        "job.repair_count": str(len(run.repairs)),
        **trigger_values(run),
        "workspace.id": str(workspace.workspace_id),
        "workspace.url": workspace.url,
        "job_id": str(run.job_id),
        "parent_run_id": str(run.run_id),
        "start_time": str(run.created_at),
        "start_date": resolve("{{job.start_time.iso_date}}", Scope({}, _moments(run))),
    }


def _moments(run: RunRecord) -> dict[str, int]:
    triggered_at = run.trigger_info.get("time", run.created_at)
    own = {"job.start_time": run.started_at or run.created_at, "job.trigger.time": triggered_at}
    return own | commit_times(run)


def _scope(
    workspace: Workspace, run: RunRecord, task: TaskRecord, attempts: Sequence[TaskRecord], definition: Json
) -> Scope:
    own = {
        "task.name": task.task_key,
        "task.run_id": str(task.run_id),
        "task.execution_count": str(task.attempt + 1),
        "task.notebook_path": definition.get("notebook_task", {}).get("notebook_path", ""),
        "task_key": task.task_key,
        "run_id": str(task.run_id),
        "task_retry_count": str(task.attempt),
    }
    others = [] if run.run_type == ITERATIONS else attempts  # iterations know nothing of each other
    ended = {one.task_key: one for one in others if one.state.ended and one.task_key != task.task_key}
    definitions = {one["task_key"]: one for one in run.tasks} if ended else {}
    tasks = {key: _facts(definitions[key], one) for key, one in ended.items()}  # the last attempt counts
    plain = _plain(workspace, run) | definition.get("values", {}) | own  # an iteration has the loop's values
    return Scope(plain, _moments(run), run.request.parameters, tasks)


def _camel_case(code: str) -> str:
    """A termination code as references have it: `RESOURCE_NOT_FOUND` is `ResourceNotFound`."""
    return "".join(word.capitalize() for word in code.split("_"))


def _facts(definition: Json, task: TaskRecord) -> TaskFacts:
    facts = {
        "run_id": str(task.run_id),
        "result_state": (task.state.result or "").lower(),
        "error_code": "" if task.state.result == "SUCCESS" else _camel_case(task.state.code or ""),
        "execution_count": str(task.attempt + 1),
        "notebook_path": definition.get("notebook_task", {}).get("notebook_path", ""),
    }
    outcome = task.outcome or {}
    rows = json.loads(outcome["result"]).get("rows") if "sql_task" in definition and outcome.get("result") else None
    return TaskFacts(facts, outcome.get("task_values", {}), rows)
