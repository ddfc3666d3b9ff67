"""The IPython shell in which a notebook's Python cells are executed."""

from __future__ import annotations

import atexit
import builtins
import os
import sys
import sysconfig
import tempfile
import warnings
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import IPython
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from brickyard.runtime import display, figures, foreign_paths
from brickyard.runtime.context import current
from brickyard.runtime.ending import NotebookExit, PythonRestart, TaskStopped
from brickyard.runtime.programs import message_of
from brickyard.runtime.record import Recorder
from brickyard.runtime.redaction import Redactor

__all__ = ["CellStream", "NotebookShell", "make_ahead", "new_shell"]

_FRAMES_KEPT = 50
_CHANGED = (builtins, sys)  # what a shell adds names to
#: The shell that was made ahead, and the names that it has added.
_ahead: list[tuple[Any, list[dict[str, Any]]]] = []
_OURS = str(Path(__file__).parents[2]) + os.sep
_SHELL = str(Path(IPython.__file__).parent) + os.sep
_LIBRARIES = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")})


class CellStream:
    """A text stream that also keeps what is written with the cell that writes it."""

    def __init__(self, stream: Any, name: str, recorder: Recorder) -> None:
        self._stream = stream
        self._name = name
        self._recorder = recorder

    def write(self, text: str) -> int:
        """Write text."""
        self._recorder.stream(self._name, text)
        return int(self._stream.write(text))

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Publisher(DisplayPublisher):
    """Shows with `display` what IPython's own functions show."""

    def publish(self, data: Any, metadata: Any = None, source: Any = None, **options: Any) -> None:
        display.publish(dict(data), metadata)


class _Hook(DisplayHook):
    """Shows the value of a cell's last expression, and keeps it with the cell."""

    def __call__(self, result: Any = None) -> None:
        me: Any = self
        if result is not None and not me.semicolon_at_end_of_expression(me.shell.source):
            me.update_user_ns(result)
            me.fill_exec_result(result)
            display.show_result(result)


class NotebookShell(InteractiveShell):
    """Keeps the error of a cell with it.

    Attributes:
        recorder: Keeps the cells' outputs.
        source: The cell that is executed.
        trace: The last traceback, in lines.
    """

    displayhook_class = Type(_Hook)
    display_pub_class = Type(_Publisher)
    recorder: Recorder
    source: str
    trace: list[str]

    def enable_gui(self, gui: Any = None) -> None:
        """There are no windows; `%matplotlib inline` asks for that, and figures are shown as they are without it."""

    def system(self, cmd: str) -> None:
        """`!command`; the paths of the workspace are understood in it."""
        me: Any = self
        command = me.var_expand(cmd, depth=1)
        if command.rstrip().endswith("&"):
            raise OSError("Background processes not supported.")
        self.user_ns["_exit_code"] = foreign_paths.run_printing(["bash", "-c"], command, current().mounts)

    def ask_exit(self) -> None:
        """What `exit()` and `quit()` mean: the notebook ends here.

        Raises:
            SystemExit: Always.
        """
        raise SystemExit(0)

    def showtraceback(self, *arguments: Any, **options: Any) -> None:
        """Show an error; that code asks to end the notebook is none."""
        if not isinstance(sys.exc_info()[1], SystemExit):
            _cut_ours(sys.exc_info()[2])
            _shorten(sys.exc_info()[2])
            super().showtraceback(*arguments, **options)

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        self.trace = stb
        self.recorder.error(getattr(etype, "__name__", str(etype)), message_of(evalue), stb)
        (sys.__stderr__ or sys.stderr).write("\n".join(stb) + "\n")


def _cut_ours(trace: TracebackType | None) -> None:
    """Leave out what this package does, when the user's last frame calls it: that says nothing about the mistake."""
    last = None
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith((_OURS, *_LIBRARIES)):
            last = trace
        trace = trace.tb_next
    following = last and last.tb_next
    while following is not None and following.tb_frame.f_code.co_filename.startswith(_SHELL):
        following = following.tb_next
    if last and following and following.tb_frame.f_code.co_filename.startswith(_OURS):
        last.tb_next = None


def _shorten(trace: TracebackType | None) -> None:
    """Leave out the middle of a very long traceback, as an endless recursion has; IPython takes long to format it."""
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    if len(frames) > 2 * _FRAMES_KEPT:
        frames[_FRAMES_KEPT - 1].tb_next = frames[-_FRAMES_KEPT]


def new_shell(module: ModuleType, recorder: Recorder) -> Any:
    """A shell whose cells see the module's names; the one that was made ahead, where there is one.

    Args:
        module: The `__main__` of the notebook.
        recorder: Keeps the cells' outputs.
    """
    home = str(recorder.directory / ".ipython")  # not the user's, whose aliases and stored values are not the task's
    shell = _taken_over(module, home) if _ahead else _made(module, home)
    shell.recorder = recorder
    shell.source, shell.trace = "", []
    warnings.filterwarnings("ignore", "To exit: use")  # advice to someone at a terminal, where `sys.exit` was called
    return shell


def make_ahead() -> None:
    """Make the shell that the notebook of a process forked from this one takes over; other tasks do not notice it."""
    before = [dict(vars(place)) for place in _CHANGED]
    path = sys.path[:]
    module = ModuleType("brickyard_ahead")
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        shell = new_shell(module, Recorder(Path(directory) / "cells.json", Redactor([])))
        shell.run_cell("None", store_history=False)
    atexit.unregister(shell.atexit_operations)
    NotebookShell.clear_instance()
    added = [
        {name: vars(place)[name] for name in vars(place).keys() - old}
        for place, old in zip(_CHANGED, before, strict=True)
    ]
    for place, names in zip(_CHANGED, added, strict=True):
        for name in names:
            delattr(place, name)
    sys.modules.pop(module.__name__, None)
    sys.path[:] = path
    _ahead.append((shell, added))


def _made(module: ModuleType, home: str) -> Any:
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell: Any = NotebookShell.instance(ipython_dir=home, config=config, user_module=module, user_ns=module.__dict__)
    figures.hide_secrets()
    shell.set_custom_exc((NotebookExit, PythonRestart, TaskStopped), _quiet)
    return shell


def _taken_over(module: ModuleType, home: str) -> Any:
    """The shell that was made ahead, with what it would have if it had been made now."""
    shell, added = _ahead.pop()
    for place, names in zip(_CHANGED, added, strict=True):
        vars(place).update(names)
    shell.init_ipython_dir(home)
    shell.init_profile_dir(None)
    directory = Path.cwd()
    shell.starting_dir, shell.history_manager.dir_hist[:] = str(directory), [directory]
    shell.init_virtualenv()
    shell.init_create_namespaces(module, module.__dict__)
    shell.save_sys_module_state()
    shell.init_sys_modules()
    shell.init_user_ns()
    shell.user_ns.update(_="", __="", ___="")
    shell.set_completer_frame()
    atexit.register(shell.atexit_operations)
    for kind in NotebookShell._walk_mro():
        kind._instance = shell
    return shell


def _quiet(shell: Any, kind: Any, value: Any, trace: Any, tb_offset: Any = None) -> None:
    """These exceptions end the notebook or restart it, and are no errors of it."""
