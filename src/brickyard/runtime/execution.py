"""Executing one task in this process: what is put in place for the user's code, and the code itself."""

from __future__ import annotations

import os
import posixpath
import sys
from collections.abc import Callable
from pathlib import Path

from brickyard.runtime import dbruntime, foreign_paths, paths, programs, sdksecrets, spark, uses
from brickyard.runtime.context import TaskContext
from brickyard.runtime.dbt_task import run_dbt
from brickyard.runtime.ending import Ending, TaskStopped
from brickyard.runtime.notebook.run import run_notebook

__all__ = ["Ending", "TaskStopped", "execute", "prepare"]

_KINDS: dict[str, Callable[[TaskContext], Ending]] = {
    "notebook": run_notebook,
    "spark_python": programs.run_file,
    "python_wheel": programs.run_wheel,
    "dbt": run_dbt,
}


def execute(context: TaskContext) -> Ending:
    """Execute the task of this process, once.

    What the user's code raises is in the result; nothing is raised.
    """
    try:
        prepare(context)
        return _noted(context) if context.notes_uses else _KINDS[context.kind](context)
    except TaskStopped as stopped:
        return Ending(error=f"{stopped}", code="DRIVER_ERROR")  # where it was the user who stopped it, the server knows
    except (Exception, SystemExit) as error:
        return Ending(error=f"{type(error).__name__}: {error}")


def _noted(context: TaskContext) -> Ending:
    """Execute the task, and leave a note of what it has used where it succeeds."""
    watched = uses.watch(context)
    ending = _KINDS[context.kind](context)
    if ending.error is None:
        watched.write()
    return ending


def prepare(context: TaskContext) -> None:
    """Make the paths, the session and the modules of the Databricks runtime available."""
    spark.install(context)
    dbruntime.install()
    sdksecrets.install()
    directory = _home(context)
    own = [*context.search_path, str(directory), *_git_folder(context), *foreign_paths.own_path()]
    sys.path[:] = [*own, *(entry for entry in sys.path if entry not in own)]
    os.chdir(directory)
    paths.install(context.mounts)
    foreign_paths.install(context.mounts)


def _git_folder(context: TaskContext) -> list[str]:
    """The root of the Git folder that the code is in; its modules can be imported, as on a cluster."""
    if context.git_folder is not None:
        return [str(paths.to_local(paths.full(context.git_folder), context.mounts))]
    names = paths.full(context.source).split("/")
    if context.kind == "python_wheel" or names[1:3] != ["Workspace", "Repos"] or len(names) < 6:
        return []
    return [str(paths.to_local("/".join(names[:5]), context.mounts))]


def _home(context: TaskContext) -> Path:
    """The directory that the code begins in: the notebook's or file's own, where it has one."""
    if context.kind not in ("python_wheel", "repl"):
        own = paths.to_local(posixpath.dirname(paths.full(context.source)), context.mounts)
        if own.is_dir():
            return own
    scratch = context.directory / "work"
    scratch.mkdir(exist_ok=True)
    return scratch
