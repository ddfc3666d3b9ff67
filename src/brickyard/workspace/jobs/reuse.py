"""Tasks that are not run again where nothing that their result depends on has changed.

Off by default: the job's tag `brickyard.reuse` is `true`, or names tasks (`clean,train`). Such a task notes what it
reads and writes. When it is to run again with the same code, parameters, libraries and environment, and its tables and
files are as they were, those that it wrote included, and it may still use them, then it succeeds at once with the
earlier result, and says whose that is.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard import __version__
from brickyard.runtime.paths import to_local
from brickyard.runtime.regular_files import read_regular
from brickyard.runtime.uses import USES_FILE, secrets_stamp
from brickyard.runtime.uses import stamp as file_stamp
from brickyard.workspace.api.errors import ApiError, InvalidParameterValue
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.compute.environments import LibraryError
from brickyard.workspace.compute.results import write_json, write_outcome
from brickyard.workspace.compute.tasks import CELLS_FILE, OUTPUT_FILE, TASK_FILE, TaskOutcome, TaskSpec, read_outcome
from brickyard.workspace.jobs.directories import run_directory
from brickyard.workspace.jobs.graph import Node, upstream
from brickyard.workspace.jobs.kinds.base import Finished, Start, Work
from brickyard.workspace.jobs.records import Json
from brickyard.workspace.stamps import stamp_of

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["TAG", "check_reuse", "start"]

TAG = "brickyard.reuse"
#: The kinds of task whose uses are noted.
_KINDS = ("notebook_task", "spark_python_task", "python_wheel_task")
_KEY_FILE = "reuse.json"
_LOOKED_AT = 20

_log = logging.getLogger(__name__)


def check_reuse(settings: Json) -> None:
    """Refuse a tag that names what cannot be reused.

    Raises:
        InvalidParameterValue: A task is unknown, or of a kind whose uses are not noted.
    """
    value = settings.get("tags", {}).get(TAG)
    if value is None or value.strip().lower() in ("true", "false"):
        return
    kinds = {task["task_key"]: task for task in settings.get("tasks", [])}
    for key in _named(value):
        if key not in kinds:
            raise InvalidParameterValue(f"tag {TAG}: there is no task {key!r}; it is true, false or names of tasks")
        if not any(kind in kinds[key] for kind in _KINDS):
            raise InvalidParameterValue(f"tag {TAG}: task {key!r} cannot be reused; {', '.join(_KINDS)} can be")


def start(attempt: Start, spec: TaskSpec) -> Work:
    """Start a task, unless an earlier result stands for it."""
    compute = attempt.workspace.compute
    if not _wanted(attempt):
        return compute.start_task(spec)
    try:
        key = _key(attempt, spec)
    except LibraryError:  # a file is missing, as the task will say
        return compute.start_task(spec)
    for earlier in attempt.workspace.jobs.successes(spec.job_id, spec.task_key, _LOOKED_AT):
        directory = run_directory(attempt.workspace, earlier.run_id)
        found = _read(directory / _KEY_FILE)
        same = found.get("key") == key and _opened(attempt.workspace, found["secrets"]) == _digest(spec.secrets)
        uses = _read(directory / USES_FILE) if same else {}
        if _unchanged(attempt.workspace, uses, spec) and _allowed(attempt.workspace, attempt.principal, uses, spec):
            return _reused(directory, spec, found)
    spec.directory.mkdir(parents=True, exist_ok=True)
    sealed = _sealed(attempt.workspace, _digest(spec.secrets))
    ids = {"run_id": spec.job_run_id, "task_run_id": spec.run_id}
    write_json(spec.directory / _KEY_FILE, {"key": key, "secrets": sealed} | ids)
    return compute.start_task(replace(spec, notes_uses=True))


def _named(value: str) -> list[str]:
    return [key for key in re.split(r"[\s,]+", value) if key]


def _wanted(attempt: Start) -> bool:
    value = attempt.run.settings.get("tags", {}).get(TAG, "").strip()
    if attempt.run.run_type != "JOB_RUN" or not value or value.lower() == "false":
        return False
    return value.lower() == "true" or attempt.task.task_key in _named(value)


def _key(attempt: Start, spec: TaskSpec) -> str:
    """What is known before the task runs, as one value; its secrets are apart."""
    plain, workspace = spec.as_dict(), attempt.workspace
    nodes = [
        Node(one["task_key"], tuple(d["task_key"] for d in one.get("depends_on", []))) for one in attempt.run.tasks
    ]
    before = upstream(nodes, spec.task_key)  # which others have ended is chance
    own = ("kind", "source", "parameters", "environment", "spark_conf", "user_name")
    parts = {name: plain[name] for name in own} | {"version": __version__, "engine": workspace.engine}
    parts["task_values"] = {key: values for key, values in plain["task_values"].items() if key in before}
    parts["cluster_libraries"] = list(spec.search_path)
    parts["init_scripts"] = _scripts(workspace, spec.cluster_id)
    parts["libraries"] = workspace.compute.environment_key(spec.libraries)
    return _digest(parts)


def _scripts(workspace: Workspace, cluster_id: str) -> list[Any]:
    """The init scripts of the task's cluster; of one that may have run for long, what they were when it started."""
    cluster = workspace.clusters.store.find(cluster_id) if cluster_id else None
    if cluster is None:
        return []
    found: list[Any] = [one.script for one in workspace.global_scripts.all() if one.enabled]
    for info in cluster.definition.get("init_scripts") or []:
        found.extend([place, where, _content(workspace, place, where)] for place, where in info.items() if where)
    return [*found, cluster.context_id] if found and cluster.source != "JOB" else found


def _content(workspace: Workspace, place: str, where: Json) -> str:
    path = where["destination"]
    if place == "workspace" and not path.startswith("/Workspace/"):
        path = f"/Workspace{path}"
    try:
        local = Path(path.removeprefix("file:")) if place == "file" else workspace.files.local_path(path)
        return file_stamp(local)
    except (ApiError, OSError):  # it is gone since the cluster has started
        return ""


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(dict(value), sort_keys=True).encode()).hexdigest() if value else ""


def _sealed(workspace: Workspace, digest: str) -> str:
    """Encrypted: what few values can have made tells them."""
    return base64.b64encode(workspace.secrets.vault.seal(digest.encode(), TAG)).decode() if digest else ""


def _opened(workspace: Workspace, sealed: str) -> str:
    return workspace.secrets.vault.open(base64.b64decode(sealed), TAG).decode() if sealed else ""


def _unchanged(workspace: Workspace, uses: Mapping[str, Any], spec: TaskSpec) -> bool:
    """Whether all that a task has read and written is as it was; files of its commit are looked for in this run's."""
    mounts = {prefix: Path(place) for prefix, place in spec.mounts.items()}
    try:
        return "secrets" in uses and (  # which earlier releases did not note
            all(file_stamp(to_local(path, mounts)) == was for path, was in uses["files"].items())
            and all(_object(workspace, name) == was for name, was in uses["objects"].items())
            and all(_secret(workspace, name) == was for name, was in uses["secrets"].items())
            and all(json.loads(json.dumps(stamp_of(to_local(place, mounts)))) == was for place, was in _places(uses))
        )
    except OSError:  # what cannot be looked at is not known to be the same
        return False


def _allowed(workspace: Workspace, principal: Principal, uses: Mapping[str, Any], spec: TaskSpec) -> bool:
    """Whether who the task runs as may still read and write all of that; the run's commit was fetched for it."""
    if principal.is_admin:
        return True
    access, places = workspace.catalog.access(principal), workspace.files.place_access
    try:
        for name in (name for name, was in uses["objects"].items() if was):
            kind, _, full = name.partition(" ")
            is_table = kind == "table"
            access.require(
                ObjectKind.TABLE if is_table else ObjectKind.FUNCTION, full, "SELECT" if is_table else "EXECUTE"
            )
        for scope in {name.partition("/")[0] for name in uses["secrets"]}:
            workspace.secrets.require_read(principal, scope)
        for place in (*uses["inputs"], *(path for path, was in uses["files"].items() if was)):
            if not any(_is_below(place, snapshot) for snapshot in spec.mounts):
                places.require_local(principal, Path(place), write=False)
        for place in uses["outputs"]:
            places.require_local(principal, Path(place), write=True)
    except ApiError:
        return False
    return True


def _is_below(place: str, directory: str) -> bool:
    return Path(directory) in Path(place).parents and ".." not in Path(place).parts


def _places(uses: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [*uses["inputs"].items(), *uses["outputs"].items()]


def _object(workspace: Workspace, name: str) -> str:
    kind, _, full = name.partition(" ")
    try:
        found = workspace.catalog.table(full) if kind == "table" else workspace.catalog.functions.get(full)
    except ApiError:
        return ""
    return f"{found.id}@{found.updated_at}"


def _secret(workspace: Workspace, name: str) -> str:
    scope, _, key = name.partition("/")
    try:
        found = workspace.secrets.list(workspace.secrets.scopes.get(scope))
    except ApiError:
        return secrets_stamp({}, key)
    return secrets_stamp({one.key: one.updated_at for one in found}, key)


def _reused(earlier: Path, spec: TaskSpec, found: Mapping[str, Any]) -> Work:
    """The earlier result as that of this attempt; its output and cells are shown with it."""
    before = read_outcome(earlier)
    whose = f"task run {found['task_run_id']} of run {found['run_id']}"
    message = f"REUSED: the result of {whose}, as its code, parameters, environment, tables and files are unchanged."
    outcome = TaskOutcome("SUCCESS", message) if before is None else replace(before, message=message)
    spec.directory.mkdir(parents=True, exist_ok=True)
    for name in (_KEY_FILE, USES_FILE, CELLS_FILE, OUTPUT_FILE):
        if (earlier / name).is_file():
            shutil.copyfile(earlier / name, spec.directory / name)
    write_json(spec.directory / TASK_FILE, spec.as_dict())
    write_outcome(spec.directory, outcome)
    _log.info("%s of run %s: %s", spec.task_key, spec.job_run_id, message)
    return Finished(outcome)


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(read_regular(path))
    except (OSError, ValueError):
        return {}
    return found
