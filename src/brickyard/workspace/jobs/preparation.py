"""From a task of a run to what the compute service is asked to execute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.workspace.compute.tasks import TaskKind, TaskSpec
from brickyard.workspace.jobs.clusters import SecretUnavailable, cluster_values
from brickyard.workspace.jobs.records import Json, RunRecord, TaskRecord
from brickyard.workspace.jobs.references import Scope, TaskFacts, UnknownReference, resolve

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["Faulty", "job_parameters", "prepare", "run_directory"]

_KINDS: dict[str, TaskKind] = {
    "notebook_task": "notebook",
    "spark_python_task": "spark_python",
    "python_wheel_task": "python_wheel",
}


class Faulty(Exception):
    """A task cannot be started as it is configured.

    Attributes:
        code: The vendor's termination code.
    """

    def __init__(self, message: str, code: str = "INVALID_RUN_CONFIGURATION") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class _Work:
    """What the task executes: where it is, and the parameters it is given, references resolved."""

    source: str
    parameters: dict[str, str] | list[str]


def run_directory(workspace: Workspace, run_id: int) -> Path:
    """Where the files of one attempt at a task are."""
    return workspace.root / "runs" / str(run_id)


def prepare(
    workspace: Workspace, run: RunRecord, task: TaskRecord, attempts: Sequence[TaskRecord], token: str
) -> tuple[TaskSpec, Json]:
    """What to execute for a task, and the vendor's record of the parameters it is given (`ResolvedValues`).

    Args:
        workspace: Whose task it is.
        run: The run.
        task: The attempt that is to start.
        attempts: Every attempt of the run so far.
        token: What the task authenticates with.

    Raises:
        Faulty: A reference names nothing, or a secret that cannot be read.
    """
    definition = _definition(run, task.task_key)
    kind = next(name for name in _KINDS if name in definition)
    scope = _scope(workspace, run, task, attempts, definition)
    try:
        work = _work(kind, definition[kind], run, scope)
    except UnknownReference as error:
        raise Faulty(f"{error}.") from error
    try:
        use = f"run_id={task.run_id} task_key={task.task_key}"
        cluster = cluster_values(workspace, definition, run.settings, run.run_as, use)
    except SecretUnavailable as error:
        raise Faulty(f"The cluster could not be started: {error}", "CLUSTER_ERROR") from error
    spec = TaskSpec(
        run_id=task.run_id,
        job_id=run.job_id,
        job_run_id=run.run_id,
        task_key=task.task_key,
        kind=_KINDS[kind],
        source=work.source,
        user_name=run.run_as,
        token=token,
        directory=run_directory(workspace, task.run_id),
        parameters=work.parameters,
        libraries=_libraries(definition, run.settings),
        task_values={key: facts.values for key, facts in scope.tasks.items()},
        environment=cluster.environment,
        spark_conf=cluster.spark_conf,
        secrets=cluster.secrets,
        timeout_seconds=definition.get("timeout_seconds", 0),
    )
    return spec, _resolved(kind, work.parameters)


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
        "job.repair_count": "0",
        "job.trigger.type": "one_time",
        "workspace.id": str(workspace.workspace_id),
        "workspace.url": workspace.url,
        "job_id": str(run.job_id),
        "parent_run_id": str(run.run_id),
        "start_time": str(run.created_at),
        "start_date": resolve("{{job.start_time.iso_date}}", Scope({}, _moments(run))),
    }


def _moments(run: RunRecord) -> dict[str, int]:
    return {"job.start_time": run.started_at or run.created_at, "job.trigger.time": run.created_at}


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
    ended = {one.task_key: one for one in attempts if one.state.ended}  # the last attempt counts
    tasks = {key: _facts(run, one) for key, one in ended.items() if key != task.task_key}
    return Scope(_plain(workspace, run) | own, _moments(run), run.request.parameters, tasks)


def _facts(run: RunRecord, task: TaskRecord) -> TaskFacts:
    facts = {
        "run_id": str(task.run_id),
        "result_state": (task.state.result or "").lower(),
        "error_code": "" if task.state.result == "SUCCESS" else task.state.code or "",
        "execution_count": str(task.attempt + 1),
        "notebook_path": _definition(run, task.task_key).get("notebook_task", {}).get("notebook_path", ""),
    }
    return TaskFacts(facts, (task.outcome or {}).get("task_values", {}))


def _work(kind: str, work: Json, run: RunRecord, scope: Scope) -> _Work:
    """Merge the task's parameters with the run's: job parameters win over all, as they do on the service."""
    overriding = run.request.overriding
    if kind == "notebook_task":
        given = work.get("base_parameters", {}) | overriding.get("notebook_params", {})
        source = resolve(work["notebook_path"], scope)
        return _Work(source, _resolve_all(given, scope) | dict(run.request.parameters))
    if kind == "spark_python_task":
        arguments: list[str] = overriding.get("python_params") or work.get("parameters", [])
        return _Work(resolve(work["python_file"], scope), [resolve(one, scope) for one in arguments])
    source = f"{work['package_name']}:{work['entry_point']}"
    named = work.get("named_parameters", {}) | overriding.get("python_named_params", {})
    if named:
        return _Work(source, _resolve_all(named, scope) | dict(run.request.parameters))
    arguments = overriding.get("python_params") or work.get("parameters", [])
    return _Work(source, [resolve(one, scope) for one in arguments])


def _resolve_all(values: Mapping[str, str], scope: Scope) -> dict[str, str]:
    return {name: resolve(value, scope) for name, value in values.items()}


def _resolved(kind: str, parameters: dict[str, str] | list[str]) -> Json:
    if kind == "notebook_task":
        return {kind: {"base_parameters": parameters}}
    return {kind: {"named_parameters" if isinstance(parameters, dict) else "parameters": parameters}}


def _libraries(definition: Json, settings: Json) -> tuple[str, ...]:
    """Requirements and paths for pip: the task's libraries, then those of its environment."""
    found: list[str] = []
    for library in definition.get("libraries", []):
        if "pypi" in library:
            found.append(library["pypi"]["package"])
        elif "whl" in library:
            found.append(library["whl"])
        else:
            found.extend(["-r", library["requirements"]])
    for environment in settings.get("environments", []):
        if environment["environment_key"] == definition.get("environment_key"):
            found.extend(environment.get("spec", {}).get("dependencies", []))
    return tuple(found)
