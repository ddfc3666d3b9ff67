"""The arguments of notebook magics, and the line magics that Python cells may contain."""

from __future__ import annotations

import shlex
import sys
from typing import Any

from brickyard.runtime import paths
from brickyard.runtime.context import current
from brickyard.runtime.ending import NotSupported
from brickyard.runtime.redaction import passwords_in

__all__ = ["install_libraries", "register", "run_arguments"]

#: Options of pip that change nothing here: what satisfies a requirement is kept, and uv looks after its cache.
_IGNORED = frozenset({"-q", "--quiet", "-U", "--upgrade", "--no-cache-dir"})


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


def install_libraries(line: str) -> None:
    """`%pip install ...`: libraries for the rest of this task.

    Raises:
        NotSupported: Another command of pip.
    """
    import importlib

    words = shlex.split(line)
    if words[:1] in (["list"], ["freeze"], ["show"]):
        import subprocess

        done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False)
        sys.stdout.write(done.stdout + done.stderr)
        return
    if words[:1] != ["install"]:
        raise NotSupported(f"%pip {words[0] if words else ''}: a local workspace has `%pip install` only")
    for password in passwords_in(line):
        current().host.hide(password)
    requirements = [paths.library(word) for word in words[1:] if word not in _IGNORED]
    sys.stdout.write(current().host.install(requirements))
    importlib.invalidate_caches()


def register(runner: Any) -> None:
    """Make the magics known to the notebook's shell."""
    shell = runner.shell

    def cell(language: str) -> Any:
        return lambda line, body=None: runner.magic(f"%{language} {line}" + (f"\n{body}" if body else ""))

    shell.register_magic_function(install_libraries, "line", "pip")
    for language in ("sql", "sh", "fs", "run", "md"):
        shell.register_magic_function(cell(language), "line_cell", language)
