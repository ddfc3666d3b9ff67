"""The `git_source` of a job's settings, and which of its tasks have their code from there.

Facts: https://docs.databricks.com/jobs/configure-job.html#use-git-with-jobs . Nothing here asks a repository;
`git_checkouts` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.files.git import check_url
from brickyard.workspace.identity.git_credentials import provider_of
from brickyard.workspace.jobs.records import ITERATIONS, Json, RunRecord

__all__ = ["check_git_source", "needs_source", "revision_of", "source_of", "with_provider", "with_source"]

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


def revision_of(source: Json) -> dict[str, str]:
    """The branch, tag or commit that a checked `git_source` names, as an argument of `Checkout.fetch_commit`."""
    return {name.removeprefix("git_"): source[name] for name in _REVISIONS if source.get(name)}
