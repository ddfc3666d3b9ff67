"""What each kind of cell does."""

from __future__ import annotations

import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from brickyard.runtime import display, foreign_paths, magics
from brickyard.runtime.dbutils import dbutils
from brickyard.runtime.ending import NotebookExit, NotSupported, PythonRestart, TaskStopped
from brickyard.runtime.notebook import files, sql
from brickyard.runtime.notebook.source import Cell
from brickyard.runtime.programs import message_of

if TYPE_CHECKING:
    from brickyard.runtime.notebook.run import NotebookRunner

__all__ = ["CellFailed", "execute_cell"]


class CellFailed(Exception):
    """A cell raised an exception.

    Args:
        error: What it raised.
        trace: The traceback, in lines.
    """

    def __init__(self, error: BaseException, trace: list[str]) -> None:
        super().__init__(message_of(error))
        self.error = error
        self.trace = trace


def execute_cell(runner: NotebookRunner, cell: Cell) -> None:
    """Execute a cell.

    Raises:
        CellFailed: It failed.
        NotebookExit: It ended the notebook.
    """
    runner.untouched = runner.untouched and _only_installs(cell)
    if cell.language == "python":
        runner.python(cell.body)
        return
    try:
        action = _ACTIONS.get(cell.language)
        if action is None:
            raise NotSupported(f"cells in the language {cell.language!r} cannot be executed in a local workspace")
        action(runner, cell.body)
    except (CellFailed, NotebookExit, PythonRestart, TaskStopped, SystemExit):
        raise
    except Exception as error:  # whatever the cell raises ends the notebook
        raise _failed(runner, error) from error


def _only_installs(cell: Cell) -> bool:
    """Whether a cell leaves nothing in the interpreter that executes it."""
    if cell.language != "python":
        return cell.language in ("md", "sh", "fs", "skip", "run")  # `%run` executes cells in its turn
    lines = cell.body.replace("\\\n", " ").splitlines()
    return all(not line.strip() or line.lstrip().startswith(_INSTALLING) for line in lines)


def _failed(runner: NotebookRunner, error: Exception) -> CellFailed:
    lines = [line.rstrip("\n") for line in traceback.format_exception_only(error)]
    runner.recorder.error(type(error).__name__, message_of(error), lines)
    (sys.__stderr__ or sys.stderr).write("\n".join(lines) + "\n")
    return CellFailed(error, lines)


def _sql(runner: NotebookRunner, body: str) -> None:
    frame = sql.run(body, runner.namespace["spark"], dbutils().widgets)
    runner.namespace["_sqldf"] = frame
    if frame is not None and frame.columns:
        display.show_table(frame)


def _markdown(runner: NotebookRunner, body: str) -> None:
    runner.recorder.display({"text/markdown": body})


def _shell(runner: NotebookRunner, body: str) -> None:
    """Execute a script with bash; its output comes as it is written, and it fails where its last command does.

    With `%sh -e` it also ends at the first command that fails.
    """
    options = re.match(r"\s*-e(?=\s|$)", body)
    script = body[options.end() :] if options else body
    shell = ["bash", *(["-e"] if options else []), "-c"]
    code = foreign_paths.run_printing(shell, script, runner.context.mounts)
    if code != 0:
        raise subprocess.CalledProcessError(code, "%sh")


def _files(runner: NotebookRunner, body: str) -> None:
    files.execute(body)


def _skip(runner: NotebookRunner, body: str) -> None:
    """The cell is not executed."""


def _run(runner: NotebookRunner, body: str) -> None:
    target, arguments = magics.run_arguments(body)
    runner.include(target, arguments)


_INSTALLING = ("#", "%pip ", "%uv pip ")
_ACTIONS: dict[str, Callable[[Any, str], None]] = {
    "sql": _sql,
    "md": _markdown,
    "sh": _shell,
    "fs": _files,
    "run": _run,
    "skip": _skip,
}
