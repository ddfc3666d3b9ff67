"""Code of runs from a Git repository: https://docs.databricks.com/jobs/configure-job.html#use-git-with-jobs .

The commit is looked up once, at the run's start, and all of its tasks and repairs have their files from it. What was
fetched stays with whoever fetched it, so that a commit is fetched once; the files themselves are the run's alone, and
go with its end.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from brickyard.workspace.api.errors import ApiError, InvalidParameterValue, PermissionDenied, ResourceDoesNotExist
from brickyard.workspace.files.git import Checkout, check_url, shown_url
from brickyard.workspace.identity.git_credentials import provider_of
from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.jobs.directories import source_directory
from brickyard.workspace.jobs.records import ITERATIONS, Json, RunRecord

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = [
    "GitSources",
    "check_git_source",
    "name_git_host",
    "needs_source",
    "source_of",
    "with_provider",
    "with_source",
]

_REVISIONS = ("git_branch", "git_tag", "git_commit")
_PATHS = {"notebook_task": "notebook_path", "spark_python_task": "python_file", "dbt_task": "project_directory"}


def with_provider(body: Json) -> Json:
    """The settings with their Git provider written as the service writes it; it may be given in any letters."""
    source = body.get("git_source")
    if not isinstance(source, dict) or not isinstance(source.get("git_provider"), str):
        return body
    return body | {"git_source": source | {"git_provider": provider_of(source["git_provider"])}}


def with_source(task: Json, *, git: bool) -> Json:
    """A task that says where its code is: where it does not, the repository is meant if the job has one."""
    for kind, path in _PATHS.items():
        if kind in task:
            is_remote = git and (kind != "spark_python_task" or _is_relative(str(task[kind].get(path, ""))))
            task = task | {kind: {"source": "GIT" if is_remote else "WORKSPACE"} | task[kind]}
    if "file" in task.get("sql_task", {}):
        file = {"source": "GIT" if git else "WORKSPACE"} | task["sql_task"]["file"]
        task = task | {"sql_task": task["sql_task"] | {"file": file}}
    return task


def source_of(task: Json) -> tuple[str, str] | None:
    """The field and the path of a task's code in the repository; nothing where it is not from there."""
    for kind, field in _PATHS.items():
        if task.get(kind, {}).get("source") == "GIT":
            return f"{kind}.{field}", str(task[kind].get(field, ""))
    file = task.get("sql_task", {}).get("file", {})
    return ("sql_task.file.path", str(file.get("path", ""))) if file.get("source") == "GIT" else None


def check_git_source(settings: Json) -> None:
    """Refuse a repository that cannot be one, and tasks whose code would be in none.

    Raises:
        InvalidParameterValue: Names the field and what is wrong with it.
    """
    source = settings.get("git_source")
    for task in _all_tasks(settings.get("tasks", [])):
        found = source_of(task)
        if found is None:
            continue
        field, path = found
        if source is None:
            raise InvalidParameterValue(f"task {task.get('task_key')!r}: source GIT needs git_source in the job")
        if not _is_relative(path) or ".." in path.split("/"):
            raise InvalidParameterValue(
                f"Invalid {field.rpartition('.')[2]}: {path}. Only relative paths are currently supported for remote"
                " repositories. Paths must not begin with '/'."
            )
    if source is not None:
        _check(source)


def _check(source: Json) -> None:
    check_url(source["git_url"])
    provider_of(source["git_provider"])
    given = [name for name in _REVISIONS if source.get(name)]
    if len(given) != 1:
        raise InvalidParameterValue(
            f"git_source must have exactly one of {', '.join(_REVISIONS)}; it has {' and '.join(given) or 'none'}"
        )
    for pattern in source.get("sparse_checkout", {}).get("patterns", []):
        if not pattern.strip("/") or ".." in pattern.split("/"):
            raise InvalidParameterValue("git_source.sparse_checkout.patterns must be paths of directories")


def needs_source(run: RunRecord) -> bool:
    """Whether tasks of a run have their code from a repository; iterations have it from the run that they belong to."""
    return run.run_type != ITERATIONS and any(source_of(task) for task in _all_tasks(run.tasks))


def _all_tasks(tasks: list[Json]) -> Iterator[Json]:
    for task in tasks:
        yield task
        if "for_each_task" in task:
            yield task["for_each_task"]["task"]


def _is_relative(path: str) -> bool:
    return not path.startswith("/") and ":" not in path.partition("/")[0]


def name_git_host(workspace: Workspace, given: Mapping[str, Any], principal: Principal, runs_as: str) -> None:
    """Whoever gives a job a repository lets its runs ask that server with its own Git credentials, and with no other's.

    Args:
        workspace: Whose job it is.
        given: What the principal has given, with checked values.
        principal: Who gives it; an administrator acts for service principals too, who give nothing themselves.
        runs_as: The name of who the runs run as.
    """
    source = given.get("git_source") or {}
    if not runs_as or not source.get("git_url"):
        return
    try:
        runner = workspace.identity.principal_named(runs_as)
    except ResourceDoesNotExist:  # deleted or deactivated: its runs fail
        return
    acts_for = principal.is_admin and runner.kind is Kind.SERVICE_PRINCIPAL
    if runner.id == principal.id or acts_for:
        workspace.files.git_hosts.name(runner.id, provider_of(source["git_provider"]), source["git_url"])


class GitSources:
    """Brings the files of commits to runs.

    Args:
        workspace: Whose runs they are.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._histories = workspace.root / "git-sources"
        self._lock = threading.Lock()
        self._locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)

    def take(self, run: RunRecord, principal: Principal) -> str:
        """Put the files of a run's commit into its directory; answers the commit, which stays what it was once.

        Raises:
            ApiError: The repository cannot be reached, or has no such branch, tag or commit. No password is in it.
        """
        source, place = run.settings["git_source"], source_directory(self._workspace, run)
        if run.request.commit and place.is_dir():
            return run.request.commit
        try:
            return self._take(run, source, place, principal)
        except ApiError as error:
            error.message = error.message.replace(source["git_url"], shown_url(source["git_url"]))
            if isinstance(error, PermissionDenied):
                error.message += self._not_sent(source, principal)
            error.args = (error.message,)
            raise

    def _take(self, run: RunRecord, source: Json, place: Path, principal: Principal) -> str:
        if urlsplit(source["git_url"]).scheme == "file" and not principal.is_admin:
            raise PermissionDenied("Only administrators can use repositories of the machine itself (file://).")
        history = self._history(source["git_url"], principal)
        login = self._workspace.files.repos.login(principal, provider_of(source["git_provider"]), source["git_url"])
        making = place.with_name("source.new")
        _clear(place)  # what a kill left behind
        checkout = Checkout(history, making, source["git_url"], login, place.with_name("source.index"))
        with self._lock:
            lock = self._locks[history]
        with lock:
            for left in history.rglob("*.lock"):  # by a fetch that was killed, as nobody else fetches now
                left.unlink(missing_ok=True)
            commit = checkout.fetch_commit(**_revision(source, run.request.commit))
        checkout.export(commit, source.get("sparse_checkout", {}).get("patterns"))
        place.with_name("source.index").unlink(missing_ok=True)
        making.rename(place)
        return commit

    def _not_sent(self, source: Json, principal: Principal) -> str:
        """That there is a credential which the server was not sent, and how it would be."""
        files, provider = self._workspace.files, provider_of(source["git_provider"])
        has = any(one.provider == provider for one in files.git_credentials.list(principal.id))
        if not has or files.git_hosts.may_have(principal.id, provider, source["git_url"]):
            return ""
        return (
            f" The {provider} credential of {principal.user_name} was not sent: it goes only to servers that its owner"
            " has named. The owner can give the job its git_source again, or make a Git folder from the repository."
        )

    def _history(self, url: str, principal: Principal) -> Path:
        """Each principal has its own, as another one may not be allowed to read the repository."""
        return self._histories / hashlib.sha256(f"{principal.id} {url}".encode()).hexdigest()[:32]

    def leave(self, run: RunRecord) -> None:
        """The run has ended: its files go."""
        if needs_source(run):
            _clear(source_directory(self._workspace, run))


def _clear(place: Path) -> None:
    for one in (place, place.with_name("source.new")):
        shutil.rmtree(one, ignore_errors=True)
    for one in place.parent.glob("source.index*"):  # and its lock
        one.unlink(missing_ok=True)


def _revision(source: Json, commit: str) -> dict[str, str]:
    if commit:
        return {"commit": commit}
    return {name.removeprefix("git_"): source[name] for name in _REVISIONS if source.get(name)}
