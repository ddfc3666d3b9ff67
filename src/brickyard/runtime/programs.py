"""Python files and wheels as tasks."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import importlib.metadata
import importlib.util
import linecache
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from brickyard.runtime import paths
from brickyard.runtime.context import TaskContext
from brickyard.runtime.ending import Ending, NotebookExit, TaskStopped

__all__ = ["run_file", "run_wheel"]

_OWN = str(Path(__file__).parent)


def run_file(context: TaskContext) -> Ending:
    """Execute a Python file as a program; its name is `__main__`, and its arguments are in `sys.argv`."""
    path = paths.full(context.source)
    place = paths.to_local(path, context.mounts)
    try:
        source = place.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return Ending(error=missing(f"Cannot read the python file {path}.", context), code="RESOURCE_NOT_FOUND")
    sys.argv = [path, *_arguments(context.arguments)]
    module = new_main(path)
    with contextlib.suppress(SyntaxError, UnicodeDecodeError):  # said when it is compiled
        lines = importlib.util.decode_source(source).splitlines(keepends=True)
        linecache.cache[path] = (len(source), None, lines, path)
    return guarded(lambda: exec(compile(source, path, "exec"), module.__dict__))


def run_wheel(context: TaskContext) -> Ending:
    """Call an entry point of an installed package, as its console script would be called."""
    package, _, name = context.source.partition(":")
    if not _is_installed(package):
        message = f"Python wheel with name {package} could not be found: it is in none of the task's libraries."
        return Ending(error=message, code="RESOURCE_NOT_FOUND")
    sys.argv = [name, *_arguments(context.arguments)]
    module = new_main(None)
    module.__spec__ = importlib.util.find_spec("brickyard.runtime.programs")
    return guarded(lambda: _entry_point(package, name)())


def _entry_point(package: str, name: str) -> Callable[[], Any]:
    """The function that a wheel names so: one of its entry points, else a function of its package.

    Raises:
        ModuleNotFoundError: The package is not installed.
        AttributeError: The package has neither.
    """
    try:
        distribution = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        distribution = None
    if distribution is not None:
        for point in distribution.entry_points:
            if point.name == name:
                function: Callable[[], Any] = point.load()
                return function
    module = importlib.import_module(_module(package))
    if not hasattr(module, name):
        raise AttributeError(f"the package {package!r} has no entry point and no function {name!r}")
    function = getattr(module, name)
    return function


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return importlib.util.find_spec(_module(package)) is not None
    return True


def _module(package: str) -> str:
    return re.sub(r"[-.]+", "_", package)


def _arguments(arguments: Mapping[str, str] | Sequence[str]) -> list[str]:
    if isinstance(arguments, Mapping):
        return [f"--{key}={value}" for key, value in arguments.items()]
    return list(arguments)


def new_main(path: str | None) -> ModuleType:
    """A fresh `__main__` for the user's code."""
    module = ModuleType("__main__")
    if path is not None:
        module.__file__ = path
    module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = module
    return module


def guarded(call: Callable[[], Any]) -> Ending:
    """Call the user's code, and say how it ended."""
    try:
        call()
    except NotebookExit as end:
        return Ending(result=end.value)
    except SystemExit as end:
        return ending_of_exit(end)
    except TaskStopped:
        raise
    except BaseException as error:  # whatever user code raises ends its task; asyncio cancels with no `Exception`
        trace = "".join(traceback.format_exception(type(error), error, _users(error.__traceback__)))
        sys.stderr.write(trace)
        return Ending(error=describe(error), trace=trace)
    return Ending()


def ending_of_exit(end: SystemExit) -> Ending:
    """What `sys.exit` means for a task: no code or 0 is success."""
    if end.code in (None, 0):
        return Ending()
    if isinstance(end.code, str):
        sys.stderr.write(end.code + "\n")
    return Ending(error=f"SystemExit: {end.code}")


def missing(what: str, context: TaskContext) -> str:
    """What the service says of code that is not there, or not for whoever runs it."""
    reason = f"the identity used to run this job, {context.user_name}, lacks the required permissions"
    return f"{what} Either it does not exist, or {reason}."


def message_of(error: BaseException) -> str:
    """An exception's message, also where it cannot say it."""
    try:
        return str(error)
    except Exception as inner:  # the user's own `__str__` may raise anything
        return f"<its message cannot be shown: {type(inner).__name__}>"


def describe(error: BaseException) -> str:
    """An exception's type and message."""
    name, message = type(error).__name__, message_of(error)
    return f"{name}: {message}" if message else name


def _users(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of this package at its beginning; nothing where there are no others."""
    first = trace
    while first is not None and first.tb_frame.f_code.co_filename.startswith(_OWN + os.sep):
        first = first.tb_next
    return first
