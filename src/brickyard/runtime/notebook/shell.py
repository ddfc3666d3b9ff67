"""The IPython shell in which a notebook's Python cells are executed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from brickyard.runtime import display
from brickyard.runtime.ending import NotebookExit, TaskStopped
from brickyard.runtime.record import Recorder

__all__ = ["CellStream", "NotebookShell", "new_shell"]


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
    def publish(self, data: Any, metadata: Any = None, **options: Any) -> None:
        display.publish(dict(data), metadata)


class _Hook(DisplayHook):
    """Shows the value of a cell's last expression as `display` would."""

    def __call__(self, result: Any = None) -> None:
        if result is not None and not self.quiet():
            self.update_user_ns(result)
            self.fill_exec_result(result)
            display.display(result)


class NotebookShell(InteractiveShell):
    """Keeps the error of a cell with it.

    Attributes:
        trace: The last traceback, in lines.
    """

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        self.trace = stb
        self.user_recorder.error(getattr(etype, "__name__", str(etype)), str(evalue), stb)
        (sys.__stderr__ or sys.stderr).write("\n".join(stb) + "\n")


def new_shell(module: ModuleType, directory: Path, recorder: Recorder) -> Any:
    """A shell whose cells see the module's names.

    Args:
        module: The `__main__` of the notebook.
        directory: For the shell's own files.
        recorder: Keeps the cells' outputs.
    """
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Context"
    config.InteractiveShell.displayhook_class = _Hook
    config.InteractiveShell.display_pub_class = _Publisher
    config.InteractiveShell.ipython_dir = str(directory)
    NotebookShell.user_recorder = recorder
    shell = NotebookShell.instance(config=config, user_module=module, user_ns=module.__dict__)
    shell.trace = []
    shell.exit_now = True  # `sys.exit` ends the notebook; no advice about Ctrl-D
    shell.set_custom_exc((NotebookExit, TaskStopped), _quiet)
    return shell


def _quiet(shell: Any, kind: Any, value: Any, trace: Any, tb_offset: Any = None) -> None:
    """These exceptions end the notebook and are no errors of it."""
