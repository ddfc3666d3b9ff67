"""The pages of experiments and their runs, read from MLflow's own store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.mlflow_guard import Guard
from brickyard.workspace.ui.page import Page

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["experiment", "experiments", "run", "run_address"]

_MOST = 100
_COLUMNS = 8


@dataclass(frozen=True)
class ExperimentRow:
    """An experiment. Times are epoch milliseconds."""

    id: str
    name: str
    updated_at: int | None


@dataclass(frozen=True)
class TrackedRun:
    """A run that MLflow tracked. Times are epoch milliseconds."""

    id: str
    experiment: str
    name: str
    status: str
    started_at: int | None
    duration: int | None
    user: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    models: tuple[str, ...]
    job_page: str


async def experiments(workspace: Workspace, principal: Principal, _: Mapping[str, str]) -> Page:
    """Every experiment that a principal may see, the one that changed last first."""
    guard = Guard(workspace, principal)
    found = await workspace.registry.tracking.ask(lambda store: _all(store, guard))
    return Page("experiments.html", "Experiments", "MLflow", values={"experiments": found})


async def experiment(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """The runs of an experiment, with their parameters and metrics."""
    guard = Guard(workspace, principal)
    found, runs = await workspace.registry.tracking.ask(lambda store: _one(store, path["experiment"], guard))
    values = {
        "experiment": found,
        "runs": runs,
        "metrics": _names([run.metrics for run in runs]),
        "parameters": _names([run.parameters for run in runs]),
        "most": _MOST,
    }
    busy = any(run.status == "RUNNING" for run in runs)
    way = (("Experiments", "/ml/experiments"),)
    return Page("experiment.html", found.name, "Experiment", way, values, refresh=10 if busy else None)


async def run(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """Everything that one run logged."""
    wanted, experiment_id, guard = path["run"], path["experiment"], Guard(workspace, principal)
    found, tracked = await workspace.registry.tracking.ask(lambda store: _tracked(store, experiment_id, wanted, guard))
    way = (("Experiments", "/ml/experiments"), (found.name, f"/ml/experiments/{found.id}"))
    return Page("tracked_run.html", tracked.name, "MLflow run", way, {"run": tracked})


async def run_address(workspace: Workspace, run_id: str) -> str:
    """The page of a run; empty where the workspace has no such run (any more)."""
    found: str = await workspace.registry.tracking.ask(lambda store: _address(store, run_id))
    return found


def _address(store: Any, run_id: str) -> str:
    from mlflow.exceptions import MlflowException

    try:
        return f"/ml/experiments/{store.get_run(run_id).info.experiment_id}/runs/{run_id}"
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return ""
        raise


def _all(store: Any, guard: Guard) -> list[ExperimentRow]:
    """The newest that may be seen, however many there are that may not."""
    found: list[ExperimentRow] = []
    token = None
    while len(found) < _MOST:
        page = store.search_experiments(max_results=_MOST, page_token=token)
        found += [_experiment(one) for one in page if guard.sees_experiment(one.experiment_id, one.name)]
        token = page.token
        if not token:
            break
    return sorted(found[:_MOST], key=lambda one: -(one.updated_at or 0))


def _one(store: Any, identity: str, guard: Guard) -> tuple[ExperimentRow, list[TrackedRun]]:
    from mlflow.entities import ViewType

    guard.experiments([identity], "CAN_READ")
    found = _experiment(store.get_experiment(identity))
    return found, [_run(one) for one in store.search_runs([identity], "", ViewType.ACTIVE_ONLY, max_results=_MOST)]


def _tracked(store: Any, experiment_id: str, run_id: str, guard: Guard) -> tuple[ExperimentRow, TrackedRun]:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

    guard.experiments([experiment_id], "CAN_READ")
    found = _run(store.get_run(run_id))
    if found.experiment != experiment_id:
        raise MlflowException(f"The experiment {experiment_id} has no run {run_id}.", RESOURCE_DOES_NOT_EXIST)
    return _experiment(store.get_experiment(experiment_id)), found


def _experiment(found: Any) -> ExperimentRow:
    return ExperimentRow(found.experiment_id, found.name, found.last_update_time or found.creation_time)


def _run(run: Any) -> TrackedRun:
    info, tags = run.info, run.data.tags
    ended = info.end_time
    return TrackedRun(
        id=info.run_id,
        experiment=info.experiment_id,
        name=info.run_name or info.run_id,
        status=info.status,
        started_at=info.start_time,
        duration=ended - info.start_time if ended else None,
        user=tags.get("mlflow.user", ""),
        parameters=dict(sorted(run.data.params.items())),
        metrics=dict(sorted(run.data.metrics.items())),
        tags={name: value for name, value in sorted(tags.items()) if name != "mlflow.log-model.history"},
        models=_logged(tags.get("mlflow.log-model.history", "[]")),
        job_page=_job_page(tags.get("mlflow.databricks.jobID", ""), tags.get("mlflow.databricks.jobRunID", "")),
    )


def _job_page(job_id: str, run_id: str) -> str:
    """The page of the task that made a run, where the client's tags name one."""
    return f"/jobs/{job_id}/runs/{run_id}" if job_id.isdecimal() and run_id.isdecimal() else ""


def _logged(history: str) -> tuple[str, ...]:
    """The names of the models that a run logged, from the tag that older clients write."""
    try:
        return tuple(str(one.get("artifact_path", "")) for one in json.loads(history))
    except (ValueError, AttributeError, TypeError):
        return ()  # the tag belongs to the user, who may have written anything


def _names(values: list[Mapping[str, Any]]) -> list[str]:
    """The names to make columns of: those that most runs have."""
    counts: dict[str, int] = {}
    for one in values:
        for name in one:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))[:_COLUMNS]
