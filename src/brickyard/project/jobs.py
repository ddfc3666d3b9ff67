"""What a job must make sense of beyond its types: tasks, their order, their compute and their files."""

from __future__ import annotations

from collections.abc import Collection
from graphlib import CycleError, TopologicalSorter

from brickyard.project.faults import Faults, nearest
from brickyard.project.paths import Paths
from brickyard.project.source import Node

__all__ = ["check_job"]

_TASK_TYPES = ("notebook_task", "spark_python_task", "python_wheel_task")


def check_job(key: str, job: Node, paths: Paths, faults: Faults) -> Node:
    """Check a job that has the right types.

    Returns:
        The job with its local paths written as paths of the workspace.
    """
    if "run_as" in job.fields:
        faults.add(job.position_of("run_as"), "'run_as' is not supported yet")
    tasks = job.fields.get("tasks")
    if tasks is None or not tasks.items:
        faults.add(job.at, f"the job '{key}' has no task")
        return job
    names = _names(job, "tasks", "task_key", faults)
    clusters = _names(job, "job_clusters", "job_cluster_key", faults)
    environments = _names(job, "environments", "environment_key", faults)
    _names(job, "parameters", "name", faults)
    for task in tasks.items:
        _known(task, "job_cluster_key", clusters, faults)
        _known(task, "environment_key", environments, faults)
        _check_type(task, faults)
    _check_order(key, job, names, faults)
    return _translated(job, tasks, paths)


def _names(job: Node, field: str, key: str, faults: Faults) -> list[str]:
    found: list[str] = []
    listed = job.fields.get(field)
    for item in listed.items if listed else ():
        name = item.text(key)
        if name is None:
            continue
        if name in found:
            faults.add(item.fields[key].at, f"{key} '{name}' is used twice")
        found.append(name)
    return found


def _known(node: Node, field: str, valid: Collection[str], faults: Faults) -> None:
    name = node.text(field)
    if name is not None and name not in valid:
        faults.add(node.fields[field].at, f"there is no {field} '{name}' in the job", nearest=nearest(name, valid))


def _check_type(task: Node, faults: Faults) -> None:
    kinds = [name for name in task.fields if name.endswith("_task")]
    for name in kinds:
        if name not in _TASK_TYPES:
            expected = ", ".join(_TASK_TYPES)
            faults.add(task.position_of(name), f"the task type '{name}' is not supported yet", expected=expected)
    if len(kinds) != 1:
        what = f"the task '{task.text('task_key')}' has {'no type' if not kinds else ' and '.join(kinds)}"
        faults.add(task.at, what, expected=f"one of {', '.join(_TASK_TYPES)}")


def _check_order(key: str, job: Node, names: list[str], faults: Faults) -> None:
    graph: dict[str, list[str]] = {}
    for task in job.fields["tasks"].items:
        upstream = task.fields.get("depends_on")
        for item in upstream.items if upstream else ():
            _known(item, "task_key", names, faults)
            graph.setdefault(task.text("task_key") or "", []).append(item.text("task_key") or "")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring = " -> ".join(reversed(error.args[1]))
        faults.add(job.position_of("tasks"), f"the tasks of '{key}' wait for each other: {ring}")


def _translated(job: Node, tasks: Node, paths: Paths) -> Node:
    git = "git_source" in job.fields  # the paths of code are of the repository, which the service checks out
    job = job.with_fields(tasks=Node(tuple(_task(task, paths, git=git) for task in tasks.items), tasks.at))
    environments = job.fields.get("environments")
    if environments is not None:
        moved = tuple(_environment(item, paths) for item in environments.items)
        job = job.with_fields(environments=Node(moved, environments.at))
    return job


def _task(task: Node, paths: Paths, *, git: bool) -> Node:
    notebook, script = task.fields.get("notebook_task"), task.fields.get("spark_python_task")
    if notebook is not None and "notebook_path" in notebook.fields and not git:
        moved = notebook.with_fields(notebook_path=paths.notebook(notebook.fields["notebook_path"]))
        task = task.with_fields(notebook_task=moved)
    if script is not None and "python_file" in script.fields and not git:
        moved = script.with_fields(python_file=paths.python_file(script.fields["python_file"]))
        task = task.with_fields(spark_python_task=moved)
    libraries = task.fields.get("libraries")
    if libraries is not None:
        task = task.with_fields(libraries=Node(tuple(_library(item, paths) for item in libraries.items), libraries.at))
    return task


def _library(library: Node, paths: Paths) -> Node:
    for field, translate in (("whl", paths.wheel), ("requirements", paths.file), ("jar", paths.jar)):
        if field in library.fields:
            library = library.with_fields(**{field: translate(library.fields[field])})
    return library


def _environment(environment: Node, paths: Paths) -> Node:
    spec = environment.fields.get("spec")
    dependencies = spec.fields.get("dependencies") if spec else None
    if spec is None or dependencies is None:
        return environment
    moved = Node(tuple(paths.dependency(item) for item in dependencies.items), dependencies.at)
    return environment.with_fields(spec=spec.with_fields(dependencies=moved))
