"""MLflow tracking: what a Databricks workspace adds is answered here, the rest by MLflow's own server."""

from __future__ import annotations

import json
import posixpath
import stat
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import anyio.to_thread
from starlette.responses import Response

from brickyard.workspace.api import mlflow_access
from brickyard.workspace.api.access import Access, anyone
from brickyard.workspace.api.base import Call, Family, json_response
from brickyard.workspace.api.errors import (
    EndpointNotFound,
    InvalidParameterValue,
    NotImplementedByWorkspace,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from brickyard.workspace.api.mlflow_guard import Guard
from brickyard.workspace.api.shape import MAX_INTEGER
from brickyard.workspace.files.paths import tree_path
from brickyard.workspace.identity.permissions import Securable
from brickyard.workspace.registry import bulk_runs
from brickyard.workspace.registry.trash import TRASH, discard, original_path
from brickyard.workspace.workspace import Workspace

__all__ = ["family"]

family = Family()

_SOURCE_ID = "mlflow.experiment.sourceId"
_USER = "mlflow.user"
_PAGE = 1000
_MOST_NAMED_BYTES = 1024 * 1024
_NONE_ACTIVE = (None, "", "0", "None")  # what clients send when no experiment was set
_NO_EXPERIMENT = (
    "no experiment is active: call mlflow.set_experiment('/Users/<you>/<name>') before the run, or give experiment_id"
)


def _may_place(field: str) -> Access:
    def check(workspace: Workspace, call: Call) -> None:
        if not call.principal.is_admin:
            Guard(workspace, call.principal).new_experiment(_experiment_name(call.body.get(field)))

    return check


def _may_discard(workspace: Workspace, call: Call) -> None:
    if not call.principal.is_admin:
        Guard(workspace, call.principal).discard_experiment(_experiment_id(call))


def _may_change_runs(workspace: Workspace, call: Call) -> None:
    Guard(workspace, call.principal).experiments([_experiment_id(call)], "CAN_EDIT")


def _may_list_artifacts(workspace: Workspace, call: Call) -> None:
    """The run's experiment must be readable, and where its artifacts are, which whoever made it has chosen."""
    if call.principal.is_admin:
        return
    run_id = _run_id(call)
    Guard(workspace, call.principal).runs([run_id], "CAN_READ")
    root = workspace.registry.tracking.ask_now(lambda store: str(store.get_run(run_id).info.artifact_uri))
    place = workspace.files.roots.located(f"{root}/{call.query.get('path') or ''}")
    workspace.files.place_access.require_sight(call.principal, place.path)


# Every other operation here is declared for anyone: what goes on to MLflow's server is checked by `mlflow_access`.
@family.call("POST", "/api/2.0/mlflow/experiments/create", access=_may_place("name"))
async def create_experiment(workspace: Workspace, call: Call) -> Response:
    """Create an experiment at a path of the workspace tree; a notebook's is created once and then found."""
    name = _experiment_name(call.body.get("name"))
    tags = _tags(call)
    if _SOURCE_ID in tags:
        found = await workspace.registry.tracking.ask(lambda store: store.get_experiment_by_name(name))
        if found is not None and found.lifecycle_stage == "active":
            return json_response({"experiment_id": found.experiment_id})
    else:
        await anyio.to_thread.run_sync(_check_place, workspace, name)
        if await anyio.to_thread.run_sync(workspace.registry.experiments.at, name) is not None:
            raise ResourceAlreadyExists(f"There already is an experiment {name}.")
    owner = {
        "mlflow.ownerId": str(call.principal.id),
        "mlflow.ownerEmail": call.principal.user_name,
        "mlflow.experimentType": "NOTEBOOK" if _SOURCE_ID in tags else "MLFLOW_EXPERIMENT",
    }
    answer = await _forward(workspace, call, {**call.body, "name": name, "tags": _pairs({**tags, **owner})})
    if answer.status_code == 200 and _SOURCE_ID not in tags:  # a notebook's has the permissions of the notebook
        created = Securable("experiments", json.loads(bytes(answer.body))["experiment_id"])
        permissions = workspace.identity.permissions
        await anyio.to_thread.run_sync(permissions.grant, created, call.principal.id, "CAN_MANAGE")
    return answer


@family.call("POST", "/api/2.0/mlflow/experiments/update", access=_may_place("new_name"))
async def update_experiment(workspace: Workspace, call: Call) -> Response:
    """Move an experiment to another path."""
    name = _experiment_name(call.body.get("new_name"))
    await anyio.to_thread.run_sync(_check_place, workspace, name)
    there = await workspace.registry.tracking.ask(lambda store: store.get_experiment_by_name(name))
    if there is not None and there.experiment_id != str(call.body.get("experiment_id")):
        raise ResourceAlreadyExists(f"there is another experiment {name}")
    return await _forward(workspace, call, {**call.body, "new_name": name})


@family.call("GET", "/api/2.0/mlflow/experiments/get-by-name", access=anyone, stream=True)
async def get_experiment_by_name(workspace: Workspace, call: Call) -> Response:
    """Find an experiment by its path, with or without `/Workspace` in front; a deleted one where no other has it."""
    name = call.query.get("experiment_name") or ""
    if name.startswith("/"):
        name = await anyio.to_thread.run_sync(workspace.registry.experiments.stored_name, tree_path(name))
    answer = await mlflow_access.forward(workspace, call, query=urlencode({"experiment_name": name}))
    return _by_their_paths(answer)


@family.call("GET", "/api/2.0/mlflow/experiments/get", access=anyone, stream=True)
async def get_experiment(workspace: Workspace, call: Call) -> Response:
    """One experiment."""
    return _by_their_paths(await mlflow_access.forward(workspace, call))


@family.call("POST", "/api/2.0/mlflow/experiments/search", access=anyone, changes=False)
async def search_experiments(workspace: Workspace, call: Call) -> Response:
    """Find experiments; MLflow's server demands a page size, which the SDK leaves to the workspace."""
    body = {**call.body, "max_results": call.body.get("max_results") or _PAGE}
    return _by_their_paths(await _forward(workspace, call, body))


@family.call("POST", "/api/2.0/mlflow/experiments/delete", access=_may_discard)
async def delete_experiment(workspace: Workspace, call: Call) -> None:
    """Delete an experiment; its name is free again, and it can be restored."""
    experiment_id = _experiment_id(call)
    await workspace.registry.tracking.ask(lambda store: discard(store, experiment_id))


@family.call("POST", "/api/2.0/mlflow/experiments/restore", access=_may_discard)
async def restore_experiment(workspace: Workspace, call: Call) -> None:
    """Bring a deleted experiment back under its name."""
    experiment_id = _experiment_id(call)
    await workspace.registry.tracking.ask(lambda store: _restore(store, experiment_id))


@family.call("POST", "/api/2.0/mlflow/databricks/runs/delete-runs", access=_may_change_runs)
def delete_runs(workspace: Workspace, call: Call) -> dict[str, int]:
    """Delete the runs of an experiment that were started until some time."""
    return {"runs_deleted": bulk_runs.delete(workspace.registry.tracking, *_bulk(call, "max_timestamp_millis"))}


@family.call("POST", "/api/2.0/mlflow/databricks/runs/restore-runs", access=_may_change_runs)
def restore_runs(workspace: Workspace, call: Call) -> dict[str, int]:
    """Bring back the runs of an experiment that were deleted since some time."""
    return {"runs_restored": bulk_runs.restore(workspace.registry.tracking, *_bulk(call, "min_timestamp_millis"))}


def _bulk(call: Call, field: str) -> tuple[str, int, int]:
    """The experiment, a time, and how many runs at most."""
    time, most = (call.body.get(name, default) for name, default in ((field, None), ("max_runs", bulk_runs.MOST)))
    if isinstance(time, str) and time.isascii() and time.isdecimal() and len(time) <= 18:
        time = int(time)
    if not isinstance(time, int) or isinstance(time, bool) or not 0 <= time <= MAX_INTEGER:
        raise InvalidParameterValue(f"{field} must be milliseconds since the epoch")
    if not isinstance(most, int) or isinstance(most, bool) or not 0 < most <= bulk_runs.MOST:
        raise InvalidParameterValue(f"max_runs must be a number from 1 to {bulk_runs.MOST}")
    return _experiment_id(call), time, most


@family.call("POST", "/api/2.0/mlflow/runs/create", access=anyone)
async def create_run(workspace: Workspace, call: Call) -> Response:
    """Start a run; its user is the caller, whatever the client's own account is called."""
    if call.body.get("experiment_id") in _NONE_ACTIVE:
        raise ResourceDoesNotExist(_NO_EXPERIMENT)
    user = call.principal.user_name
    return await _forward(workspace, call, {**call.body, "user_id": user, "tags": _pairs({**_tags(call), _USER: user})})


@family.call("GET", "/api/2.0/mlflow/artifacts/list", access=_may_list_artifacts)
async def list_artifacts(workspace: Workspace, call: Call) -> dict[str, object]:
    """The artifacts of a run, one directory at a time."""
    run_id = _run_id(call)
    root = await workspace.registry.tracking.ask(lambda store: str(store.get_run(run_id).info.artifact_uri))
    return await anyio.to_thread.run_sync(_listing, workspace, root, call.query.get("path") or "")


@family.call("PATCH", "/api/2.0/mlflow/logged-models/{model_id}", access=anyone)
async def finalize_logged_model(workspace: Workspace, call: Call) -> Response:
    """Say that a logged model is complete."""
    return await _with_model_id(workspace, call)


@family.call("POST", "/api/2.0/mlflow/logged-models/{model_id}/params", access=anyone)
async def log_logged_model_params(workspace: Workspace, call: Call) -> Response:
    """Keep the parameters of a logged model."""
    return await _with_model_id(workspace, call)


async def _with_model_id(workspace: Workspace, call: Call) -> Response:
    """MLflow's server wants the id in the body, where the SDK does not send it."""
    return await _forward(workspace, call, {**call.body, "model_id": call.path["model_id"]})


@family.call("GET", "/api/2.0/mlflow/logged-models/{model_id}/artifacts/directories", access=anyone)
def list_logged_model_artifacts(workspace: Workspace, call: Call) -> None:
    """Not offered: clients of a Databricks workspace list these through the Files API."""
    raise NotImplementedByWorkspace("the artifacts of a logged model are listed through the Files API")


def _search_traces(workspace: Workspace, call: Call) -> None:
    """Not offered: with this answer, clients search by version 3 of the call instead."""
    raise EndpointNotFound(f"No API found for '{call.request.method} {call.request.url.path}'")


def _not_offered(workspace: Workspace, call: Call) -> None:
    """Not offered: MLflow's own server has these, and a Databricks workspace does not."""
    raise NotImplementedByWorkspace(f"{call.request.method} {call.request.url.path} is not an operation of Databricks")


async def _anything_else(workspace: Workspace, call: Call) -> Response:
    """Pass an operation that MLflow's server has on to it; what it names gets into the audit record."""
    body = await call.request.body()
    if call.request.method == "DELETE" and not body:
        body = json.dumps(dict(call.query)).encode()  # the SDK sends a query, and MLflow's server reads the body
    call.request.state.call = replace(call, body=_named(body))
    return await mlflow_access.forward(workspace, call, body)


def _named(body: bytes) -> Mapping[str, Any]:
    """The fields of a body, where it is one of JSON; MLflow's server says what is wrong with any other."""
    if len(body) > _MOST_NAMED_BYTES:
        return {}
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


for _path in ("/api/4.0/mlflow/traces/search", "/api/4.0/mlflow/traces/search-long-running"):
    family.call("POST", _path, access=anyone, changes=False)(_search_traces)
# What is asked for with POST, and changes nothing.
_READS = ("batchGetInfos", "calculate-filter-correlation", "get-latest-versions", "metrics", "search")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
for _root in ("/api/3.0/mlflow", "/ajax-api/3.0/mlflow"):
    for _part in ("workspaces", "workspaces/{rest:path}", "gateway/{rest:path}"):
        for _method in _METHODS:
            family.call(_method, f"{_root}/{_part}", access=anyone)(_not_offered)
for _root in ("/api/2.0/mlflow/", "/api/3.0/mlflow/", "/ajax-api/2.0/mlflow/", "/ajax-api/3.0/mlflow/"):
    for _part in _READS:
        family.call("POST", f"{_root}{{rest:path}}/{_part}", access=anyone, stream=True, changes=False)(_anything_else)
    for _method in _METHODS:
        family.call(_method, f"{_root}{{rest:path}}", access=anyone, stream=True)(_anything_else)


async def _forward(workspace: Workspace, call: Call, body: Mapping[str, Any]) -> Response:
    return await mlflow_access.forward(workspace, call, json.dumps(body).encode())


def _run_id(call: Call) -> str:
    run_id = call.query.get("run_id") or call.query.get("run_uuid")
    if not run_id:
        raise InvalidParameterValue("run_id is required")
    return run_id


def _tags(call: Call) -> dict[str, str]:
    tags = call.body.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, dict) and isinstance(tag.get("key"), str) for tag in tags):
        raise InvalidParameterValue("tags must be a list of objects with key and value")
    return {tag["key"]: tag.get("value", "") for tag in tags}


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _experiment_id(call: Call) -> str:
    value = call.body.get("experiment_id")
    if not isinstance(value, str | int) or not str(value).isdecimal() or int(value) > MAX_INTEGER:
        raise InvalidParameterValue(f"experiment_id must be the number of an experiment, not {value!r}")
    return str(value)


def _experiment_name(name: object) -> str:
    if not isinstance(name, str) or not name.startswith("/") or not name.strip("/"):
        raise InvalidParameterValue(
            f"{name!r} is not the name of an experiment: it must be an absolute path in the workspace, "
            "for example '/Users/<you>/my-experiment'"
        )
    return tree_path(name)


def _check_place(workspace: Workspace, name: str) -> None:
    """An experiment is an object of the workspace tree: it needs a folder, and a name of its own."""
    folder = posixpath.dirname(name)
    if folder != "/" and workspace.files.tree.find(folder) is None:
        raise ResourceDoesNotExist(f"the workspace folder {folder} of the experiment {name} does not exist")
    if workspace.files.tree.find(name) is not None:
        raise ResourceAlreadyExists(f"there already is an object at {name} in the workspace tree")


def _by_their_paths(answer: Response) -> Response:
    """An answer in which deleted experiments have the names that they had."""
    if answer.status_code != 200 or TRASH.encode() not in bytes(answer.body):
        return answer
    found = json.loads(bytes(answer.body))
    for one in [*found.get("experiments", ()), *filter(None, [found.get("experiment")])]:
        one["name"] = original_path(str(one["experiment_id"]), one["name"])
    return json_response(found)


def _restore(store: Any, experiment_id: str) -> None:
    name = store.get_experiment(experiment_id).name
    original = original_path(experiment_id, name)
    if store.get_experiment_by_name(original) is not None and original != name:
        raise ResourceAlreadyExists(f"there is another experiment {original} now")
    store.restore_experiment(experiment_id)
    store.rename_experiment(experiment_id, original)


def _listing(workspace: Workspace, root: str, path: str) -> dict[str, object]:
    roots = workspace.files.roots
    place, base = roots.located(f"{root}/{path}"), roots.located(root)
    entries = sorted(place.local.iterdir()) if place.local.is_dir() else []
    states = ((local, status) for local in entries if (status := roots.status(place, local.name)) is not None)
    files = [
        {
            "path": local.relative_to(base.local).as_posix(),
            "is_dir": stat.S_ISDIR(status.st_mode),
            **({} if stat.S_ISDIR(status.st_mode) else {"file_size": status.st_size}),
        }
        for local, status in states
    ]
    return {"root_uri": root, "files": files}
