"""Which files a task's Python reads and writes, noted so that a later run can tell whether it would find the same.

What is opened by Python is seen, imports included; what libraries open in machine code of their own, and what other
programs do that the task starts, is not.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from brickyard.runtime.context import TaskContext

__all__ = ["USES_FILE", "Uses", "reads_secrets", "secrets_stamp", "stamp", "state", "watch"]

#: In the directory of a task that is to note what it uses, once it has succeeded.
USES_FILE = "uses.json"
#: Of larger files size and time stand for the content.
_HASHED_BYTES = 64 * 2**20
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LISTING = frozenset({"os.listdir", "os.scandir"})
_CHANGING = frozenset({"os.remove", "os.rmdir", "os.mkdir", "os.truncate"})


def stamp(place: Path) -> str:
    """A value that is another one once a file, or what is in a directory, has changed; empty where nothing is."""
    if place.is_dir():
        names = sorted(one.name for one in place.iterdir() if one.name != "__pycache__")
        return hashlib.sha256("\0".join(names).encode(errors="surrogateescape")).hexdigest()
    if not place.is_file():
        return ""
    size = place.stat().st_size
    if size > _HASHED_BYTES:
        return f"{size} {place.stat().st_mtime_ns}"
    return hashlib.sha256(place.read_bytes()).hexdigest()


def secrets_stamp(updated: Mapping[str, int], key: str) -> str:
    """A value that is another one once a secret has changed, and tells nothing of it; empty where it is not there.

    Args:
        updated: When the secrets of the scope were changed.
        key: The secret's name; without one, it is about which secrets there are.
    """
    return str(updated.get(key, "")) if key else hashlib.sha256("\0".join(sorted(updated)).encode()).hexdigest()


class Uses:
    """What a task uses of the workspace's files.

    Args:
        context: The task.
    """

    def __init__(self, context: TaskContext) -> None:
        self._context = context
        self._roots = tuple(f"{place.resolve()}{os.sep}" for place in context.mounts.values())
        self._snapshots = {
            str(place.resolve()): prefix for prefix, place in context.mounts.items() if prefix not in _OWN
        }
        self._inputs: dict[str, str] = {}
        self._outputs: set[str] = set()
        self._secrets: dict[str, str] = {}
        self._thread = threading.local()
        if context.kept.get("uses"):
            self._inputs, outputs, self._secrets = context.kept["uses"]
            self._outputs.update(outputs)

    def state(self) -> list[Any]:
        """What a later interpreter of the process keeps."""
        return [self._inputs, sorted(self._outputs), self._secrets]

    def heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An event of the interpreter (https://docs.python.org/3/library/audit_events.html)."""
        if event != "open" and event not in _LISTING and event not in _CHANGING and event != "os.rename":
            return
        if getattr(self._thread, "busy", False):
            return
        self._thread.busy = True
        try:
            with contextlib.suppress(OSError, ValueError, TypeError):  # what cannot be looked at is no file
                self._note(event, arguments)
        finally:
            self._thread.busy = False

    def read_secret(self, scope: str, key: str, updated: Mapping[str, int]) -> None:
        """A secret is read, or which ones there are; what was noted first counts."""
        self._secrets.setdefault(f"{scope}/{key}", secrets_stamp(updated, key))

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename":
            self._use(arguments[0], write=True)
            self._use(arguments[1], write=True)
        elif event in _LISTING:
            if not _is_import():
                self._use(arguments[0], write=False)
        else:
            flags = arguments[2] if event == "open" else _WRITING
            self._use(arguments[0], write=bool((flags or 0) & _WRITING))

    def _use(self, given: Any, *, write: bool) -> None:
        if isinstance(given, int) or given is None:
            return
        path = str(Path(os.fsdecode(given)).resolve())
        if "__pycache__" in path:
            if write or not path.endswith(".pyc"):
                return
            path = importlib.util.source_from_cache(path)
        if not path.startswith(self._roots):
            return
        if write:
            self._outputs.add(path)
        elif path not in self._outputs and path not in self._inputs:
            self._inputs[path] = stamp(Path(path))

    def write(self) -> None:
        """Leave what this process, Spark and the notebooks it has run have noted; nothing where that is not whole."""
        self._thread.busy = True
        parts = [self._own(), *_noted_by_spark(), *(_read(one) for one in self._notebooks())]
        if all(part.get("whole") for part in parts):
            merged = {
                name: {self._named(k): v for part in parts for k, v in part.get(name, {}).items()} for name in _PARTS
            }
            (self._context.directory / USES_FILE).write_text(json.dumps(merged | {"whole": True}))

    def _named(self, used: str) -> str:
        """What is used, by a name that the next run has for it, too: of a commit's files each run has its own."""
        for place, prefix in self._snapshots.items():
            if used.startswith(place + os.sep):
                return prefix + used.removeprefix(place)
        return used

    def _own(self) -> dict[str, Any]:
        written = {path: stamp(Path(path)) for path in self._outputs}
        return {"whole": True, "files": {**self._inputs, **written}, "secrets": self._secrets}

    def _notebooks(self) -> list[Path]:
        return [one / USES_FILE for one in (self._context.directory / "notebooks").glob("*") if one.is_dir()]


#: Prefixes of paths that are the same place for all runs.
_OWN = ("/Workspace", "/Volumes", "/dbfs")
_PARTS = ("objects", "inputs", "outputs", "files", "secrets")
_watching: list[Uses] = []


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found


def _noted_by_spark() -> list[dict[str, Any]]:
    """What the task's engine has noted; nothing where it was not used, something not whole where it cannot tell."""
    from brickyard.runtime import spark  # the workspace's server imports this module, and no Spark

    if not spark.is_connected():
        return []
    try:
        text = spark.session().conf.get(spark.USES)
    except Exception:  # whatever keeps the engine from telling, the task itself has succeeded
        return [{}]
    return [json.loads(text) if text else {}]


def _is_import() -> bool:
    """Whether it is the import system that asks: which files are beside a module is none of the task's input."""
    frame = sys._getframe(4)
    return "importlib" in frame.f_code.co_filename


def watch(context: TaskContext) -> Uses:
    """Note what this process uses from now on."""
    uses = Uses(context)
    sys.addaudithook(uses.heard)
    _watching.append(uses)
    return uses


def state() -> list[Any] | None:
    """What a later interpreter of this process keeps; nothing where it is not noted what the task uses."""
    return _watching[0].state() if _watching else None


def reads_secrets(scope: str, key: str, updated: Callable[[], Mapping[str, int]]) -> None:
    """Note that this process is about to read a secret, where what it uses is noted.

    Args:
        scope: The scope.
        key: The secret's name; empty where names are listed.
        updated: Asks when the secrets of the scope were changed: before it is read, so that no change is missed.
    """
    for uses in _watching:
        uses.read_secret(scope, key, updated())
