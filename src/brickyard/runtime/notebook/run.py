"""Executing a notebook: its cells one after the other, in one namespace."""

from __future__ import annotations

import contextlib
import importlib
import os
import posixpath
import sys
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from brickyard.runtime import dbruntime, magics, paths, spark, uses
from brickyard.runtime.context import TaskContext
from brickyard.runtime.dbutils import dbutils
from brickyard.runtime.ending import Ending, NotebookExit, PythonRestart, TaskStopped
from brickyard.runtime.notebook.cells import CellFailed, execute_cell
from brickyard.runtime.notebook.shell import CellStream, new_shell
from brickyard.runtime.notebook.source import Cell, Notebook, NotebookFormatError, cell_of, parse
from brickyard.runtime.programs import describe, ending_of_exit, message_of, missing, new_main
from brickyard.runtime.record import CellRecord, Recorder, recorder
from brickyard.runtime.redaction import passwords_in

__all__ = ["NotebookRunner", "run_notebook"]

_DEPTH = 50


class NotebookRunner:
    """The execution of one notebook and of those that it includes with `%run`.

    Attributes:
        context: The task.
        shell: Where Python is executed.
        namespace: The names of all cells.
        untouched: Whether nothing has been executed yet that a fresh interpreter would not know of.
    """

    def __init__(self, context: TaskContext) -> None:
        self.context = context
        self.recorder = Recorder(context.directory / "cells.json", context.redactor)
        recorder(self.recorder)
        module = new_main(None)
        module.__dict__.update(dbruntime.user_namespace())
        self.namespace: dict[str, Any] = module.__dict__
        self.shell = new_shell(module, self.recorder)
        self.namespace.pop("open", None)  # IPython's own knows nothing of the workspace's paths
        self._fresh = dict(module.__dict__)
        self._paths = [_tree_path(context.source)]
        self.untouched = True
        self._restarted = False
        magics.register(self)

    def run(self) -> Ending:
        """Execute the task's notebook."""
        try:
            notebook = self._begun() or self.read(self._paths[0])
        except FileNotFoundError:
            what = f'Unable to access the notebook "{_shown(self._paths[0])}".'
            return Ending(error=missing(what, self.context), code="RESOURCE_NOT_FOUND")
        except NotebookFormatError as error:
            return Ending(error=describe(error), code="INVALID_RUN_CONFIGURATION")
        if not self.recorder.cells:
            self.recorder.language = notebook.language
            self.recorder.cells = [
                CellRecord(number, cell.language, cell.source, cell.title) for number, cell in enumerate(notebook.cells)
            ]
        self.recorder.write()
        first = self.context.kept.get("done", 0)
        for cell, record in list(zip(notebook.cells, self.recorder.cells, strict=True))[first:]:
            self.recorder.begin(record)
            self.shell.execution_count = record.index + 1  # tracebacks name the cell by it
            ending = self._guarded(cell)
            done = "SKIPPED" if cell.language == "skip" else "FINISHED"
            self.recorder.end("ERROR" if ending is not None and ending.error else done)
            if ending is not None:
                self.recorder.skip_rest()
                return ending
            self.renew(done=record.index + 1, notebook=asdict(notebook), recorder=self.recorder.state())
        return Ending()

    def _begun(self) -> Notebook | None:
        """The notebook that an earlier interpreter of this process has begun to execute."""
        kept = self.context.kept
        if "notebook" not in kept:
            return None
        self.recorder.restore(kept["recorder"])
        return Notebook(kept["notebook"]["language"], tuple(Cell(**cell) for cell in kept["notebook"]["cells"]))

    def renew(self, **own: Any) -> None:
        """Go on in a fresh interpreter, where libraries need one and the cells so far have nothing that it would lack.

        Args:
            own: What it is to have beside what every notebook has.
        """
        restarted, self._restarted = self._restarted, False
        if (restarted or self.untouched) and self.context.host.outdated():
            state = {"spark": spark.state(), "uses": uses.state(), "widgets": dbutils().widgets.state()}
            self.context.host.renew({"task_values": self.context.task_values, **state, **own})

    def command(self, number: int, code: str, language: str) -> tuple[CellRecord, Ending | None]:
        """Execute what comes while the process is alive, with the names of what came before.

        Returns:
            What it put out, and the ending where it failed or asked for the end.
        """
        cell = cell_of(code, language)
        record = CellRecord(number, cell.language, cell.source)
        self.recorder.only(record)
        self.recorder.begin(record)
        self.shell.execution_count = number
        ending = self._guarded(cell)
        self.recorder.end("ERROR" if ending is not None and ending.error else "FINISHED")
        return record, ending

    def _guarded(self, cell: Any) -> Ending | None:
        """Execute one cell; the ending where the notebook ends with it."""
        try:
            execute_cell(self, cell)
        except NotebookExit as end:
            return Ending(result=end.value)
        except PythonRestart:
            self._restart()
        except TaskStopped as end:
            return Ending(error=str(end), code="DRIVER_ERROR")
        except SystemExit as end:
            return ending_of_exit(end)
        except CellFailed as failed:
            return Ending(error=describe(failed.error), trace="\n".join(failed.trace))
        return None

    @contextlib.contextmanager
    def streams(self) -> Iterator[None]:
        """What is printed meanwhile is kept with the cells."""
        out, err = sys.stdout, sys.stderr
        sys.stdout = CellStream(out, "stdout", self.recorder)
        sys.stderr = CellStream(err, "stderr", self.recorder)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = out, err

    def include(self, target: str, arguments: dict[str, str]) -> None:
        """`%run`: execute another notebook's cells here.

        Raises:
            FileNotFoundError: There is no such notebook.
            RecursionError: Notebooks include each other without end.
        """
        path = _tree_path(posixpath.join(posixpath.dirname(self._paths[-1]), target))
        if len(self._paths) > _DEPTH:
            raise RecursionError(f"%run {target}: notebooks include each other without end")
        notebook = self._included(path)
        dbutils().widgets.bind(arguments)
        self._paths.append(path)
        try:
            for cell in notebook.cells:
                execute_cell(self, cell)
        finally:
            self._paths.pop()

    def _included(self, path: str) -> Notebook:
        try:
            return self.read(path)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"Notebook not found: {_shown(path).lstrip('/')}. Notebooks can be specified via a relative path "
                "(./Notebook or ../folder/Notebook) or via an absolute path (/Abs/Path/to/Notebook). Make sure you are "
                "specifying the path correctly."
            ) from error

    def read(self, path: str) -> Notebook:
        """A notebook of the workspace tree.

        Raises:
            FileNotFoundError: There is none at the path.
            NotebookFormatError: What is there is not a notebook.
        """
        place = _file_of(paths.to_local(path, self.context.mounts))
        try:
            content = place.read_text(encoding="utf-8")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise FileNotFoundError(f"the notebook {_shown(path)} does not exist in the workspace") from error
        # Cells are shown with what they put out, and a package index may have its password in one.
        for password in passwords_in("\n".join(line for line in content.splitlines() if "pip" in line)):
            self.context.host.hide(password)
        try:
            return parse(content)
        except NotebookFormatError as error:
            raise NotebookFormatError(f"{_shown(path)} is not a notebook: {error}") from error

    def python(self, code: str) -> None:
        """Execute Python in the shell.

        Raises:
            CellFailed: It raised an exception.
        """
        self.shell.source, self.shell.trace = code, []
        result = self.shell.run_cell(code, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        if error is None:
            return
        if isinstance(error, NotebookExit | PythonRestart | TaskStopped | SystemExit | CellFailed):
            raise error
        if not self.shell.trace:  # of groups of exceptions, IPython only prints it
            own = error.__traceback__ and error.__traceback__.tb_next
            self.shell.trace = "".join(traceback.format_exception(type(error), error, own)).splitlines()
            self.recorder.error(type(error).__name__, message_of(error), self.shell.trace)
        raise CellFailed(error, list(self.shell.trace))

    def _restart(self) -> None:
        """Forget the names and the modules that the notebook has imported; those of the runtime are not its own."""
        self._restarted = True
        self.namespace.clear()
        self.namespace.update(self._fresh)
        importlib.invalidate_caches()
        own = (*self.context.search_path, *map(str, self.context.mounts.values()))
        for name, module in list(sys.modules.items()):
            if _is_pure(module, own):
                del sys.modules[name]

    def magic(self, source: str) -> None:
        """Execute a cell's worth of another language in the middle of Python, as `%sql` there does."""
        execute_cell(self, cell_of(source, "python"))


def run_notebook(context: TaskContext) -> Ending:
    """Execute the notebook of this process's task."""
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    # MLflow takes the git commit of a run from this file's directory; ours would be that of Brickyard's own checkout.
    sys.argv = [_tree_path(context.source)]
    runner = NotebookRunner(context)
    with runner.streams():
        return runner.run()


def _tree_path(path: str) -> str:
    return posixpath.normpath(paths.full(path))


def _is_pure(module: Any, own: tuple[str, ...]) -> bool:
    """Whether a module is one of the task's own libraries, or of the workspace, and can be imported twice."""
    file = getattr(module, "__dict__", {}).get("__file__")  # asking a module that loads itself lazily would load it
    return isinstance(file, str) and file.endswith(".py") and file.startswith(own)


def _shown(path: str) -> str:
    return str(Path(path)).removeprefix("/Workspace")


def _file_of(place: Path) -> Path:
    """The file of a notebook: in Git folders it has an extension that the notebook's path has not."""
    if place.exists():
        return place
    named = (place.with_name(place.name + extension) for extension in (".py", ".sql", ".ipynb"))
    return next((one for one in named if one.is_file()), place)
