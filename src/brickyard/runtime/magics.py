"""The arguments of notebook magics, and the line magics that Python cells may contain."""

from __future__ import annotations

import importlib
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from brickyard.runtime import paths
from brickyard.runtime.context import current
from brickyard.runtime.ending import NotSupported, PythonRestart
from brickyard.runtime.redaction import passwords_in

__all__ = ["pip", "register", "run_arguments"]

#: Options of pip that change nothing here: what satisfies a requirement is kept, and uv looks after its cache.
_IGNORED = frozenset({"-q", "--quiet", "-U", "--upgrade", "--no-cache-dir", "-v", "--verbose"})
_NOTE = (
    "Note: you may need to restart the kernel using %restart_python or dbutils.library.restartPython() to use updated "
    "packages.\n"
)
_EDITABLE = ("-e", "--editable")
#: Commands of pip that only look; the others are done by the host, or would change the workspace's own Python.
_LOOKING = frozenset({"list", "freeze", "show", "check", "inspect", "index", "help", "--version", "--help"})


def run_arguments(line: str) -> tuple[str, dict[str, str]]:
    """The notebook and the parameters of `%run ./notebook $name="value"`.

    Raises:
        ValueError: No notebook is named, or an argument is not `$name="value"`.
    """
    words = shlex.split(line.strip())
    if not words:
        raise ValueError("%run needs the path of a notebook")
    arguments: dict[str, str] = {}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not name.startswith("$") or not equals:
            raise ValueError(f'%run: {word!r} is not a parameter; write $name="value"')
        arguments[name[1:]] = value
    return words[0], arguments


def pip(line: str) -> None:
    """`%pip`: install and remove libraries for the rest of this task, and look at what is installed.

    Raises:
        NotSupported: Another command of pip, or an editable installation.
    """
    command, *words = shlex.split(line, comments=True) or ["help"]
    if command in _LOOKING:
        _look([command, *words])
    elif command == "install":
        _install(line, words)
    elif command == "uninstall":
        _uninstall(words)
    else:
        raise NotSupported(
            f"%pip {command} is not available in a local workspace; there are install, uninstall, list, "
            "freeze, show, check, index and inspect"
        )


def _look(words: list[str]) -> None:
    """Have pip look at what this task imports from."""
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [sys.executable, "-m", "pip", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    sys.stdout.write(done.stdout + done.stderr)


def _install(line: str, words: list[str]) -> None:
    if any(word in _EDITABLE or word.startswith("--editable=") for word in words):
        raise NotSupported(
            "%pip install -e is not available in a local workspace; install without -e, or put the "
            "directory on sys.path"
        )
    for password in passwords_in(line):
        current().host.hide(password)
    requirements = [paths.library(word) for word in words if word not in _IGNORED]
    if not requirements:
        raise ValueError("%pip install: You must give at least one requirement to install")
    sys.stdout.write(current().host.install(requirements))
    importlib.invalidate_caches()
    sys.stdout.write(_NOTE)


def _uninstall(words: list[str]) -> None:
    options = [word for word in words if word.startswith("-") and word not in ("-y", "--yes", *_IGNORED)]
    if options:
        raise NotSupported(f"%pip uninstall {options[0]} is not available in a local workspace; name the libraries")
    sys.stdout.write(current().host.uninstall([word for word in words if not word.startswith("-")]))


def _uv(line: str) -> None:
    """`%uv pip ...`, which the vendor has as another `%pip`.

    Raises:
        NotSupported: Another command of uv, which would change the workspace's own Python.
    """
    command, _, rest = line.strip().partition(" ")
    if command != "pip":
        raise NotSupported(f"%uv {command} is not available in a local workspace; `%uv pip` is")
    pip(rest)


def _absent(name: str) -> Callable[[str], None]:
    def refuse(line: str) -> None:
        raise NotSupported(f"%{name} is not available in a local workspace, as on clusters without Conda; use %pip")

    return refuse


def _restart(line: str) -> None:
    """`%restart_python`, as `dbutils.library.restartPython()`."""
    raise PythonRestart


def register(runner: Any) -> None:
    """Make the magics known to the notebook's shell."""
    shell = runner.shell

    def cell(language: str) -> Any:
        return lambda line, body=None: runner.magic(f"%{language} {line}" + (f"\n{body}" if body else ""))

    def run(line: str) -> None:
        """`%run` behind comments; behind code it is IPython's own on a cluster, which knows no notebooks."""
        lines = [one.strip() for one in shell.source.splitlines()]
        if any(one and not one.startswith(("#", "%run")) for one in lines):
            raise NotSupported("%run must be in a cell of its own, as on a cluster")
        runner.magic(f"%run {line}")

    def largest(line: str) -> None:
        """`%set_cell_max_output_size_in_mb`: how much of what a cell prints is kept with it."""
        runner.recorder.keep_printed(int(line))

    lines: dict[str, Callable[[str], None]] = {
        "pip": pip,
        "uv": _uv,
        "restart_python": _restart,
        "set_cell_max_output_size_in_mb": largest,
    }
    lines["run"] = run
    lines |= {name: _absent(name) for name in ("conda", "mamba", "micromamba")}
    for name, function in lines.items():
        shell.register_magic_function(function, "line", name)
    for language in ("sql", "sh", "fs", "md", "skip", "r", "scala"):
        shell.register_magic_function(cell(language), "line_cell", language)
