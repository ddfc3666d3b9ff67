"""`/Workspace`, `/Volumes` and `/dbfs` in commands, other programs, and libraries that open files in machine code.

A program that a task starts gets the real paths in place of these; libraries that are known to open files themselves
get them as arguments.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from brickyard.runtime import paths

__all__ = [
    "as_written",
    "children_path",
    "environment",
    "in_command",
    "install",
    "install_in_child",
    "own_path",
    "run_printing",
]

_MOUNTS = "BRICKYARD_MOUNTS"
_PATH = re.compile(r"(?<![\w./~-])(?<!dbfs:)/(?:Workspace|Volumes|dbfs)(?![\w.-])(?:/[^\s'\"`;|&<>()$*?\[\]{},:\\]*)?")
#: A command of a client of the workspace's API, as far as it reaches.
_CLIENT = re.compile(
    r"(?m:(?:(?:^|[;&|(`])[ \t]*[\w.~/-]*/|(?<![^\s;&|(`]))(?P<name>curl|databricks|brickyard)(?=\s))"
    r"(?:'[^']*'|\"(?:\\[\s\S]|[^\"\\])*\"|\\[\s\S]|\$\([^()]*\)|[^;&|<>()`'\"\\\n])*"
)
_CLIENTS = frozenset({"curl", "databricks", "brickyard"})
#: What a file follows among the arguments of curl; others are addresses and data.
_FILE_OF_CURL = re.compile(r"(?:\s(?:-\w*[oTDKcE]|--output|--output-dir|--upload-file)[\s=]+|@)['\"]?\Z")
#: What changes how the characters after it are read, by the quote that they are in.
_QUOTING = {
    "": re.compile(r"\\[\s\S]|\$\(|[()'\"]|(?<!\S)#[^\n]*"),
    "'": re.compile("'"),
    '"': re.compile(r"\\[\s\S]|\$\(|\""),
}
#: What is escaped, and how, by the quote that it is in.
_ESCAPES = {"": (r"([^\w./@+=,:~-])", r"\\\1"), "'": ("(')", r"'\\\1'"), '"': (r'([$`"\\])', r"\\\1")}
#: Functions and methods of libraries, by module, of which any argument may be a path.
_OPENING: dict[str, tuple[str, ...]] = {
    "sqlite3": ("connect",),
    "pyarrow": ("memory_map", "input_stream", "output_stream"),
    "pyarrow.csv": ("read_csv", "open_csv", "write_csv"),
    "pyarrow.json": ("read_json", "open_json"),
    "pyarrow.feather": ("read_feather", "read_table", "write_feather"),
    "pyarrow.dataset": ("dataset", "write_dataset"),
    "pyarrow.parquet": ("read_table", "write_table", "read_schema", "read_metadata", "write_to_dataset"),
    "pyarrow.parquet.core": ("ParquetFile.__init__", "ParquetDataset.__init__", "ParquetWriter.__init__", "read_table"),
    "deltalake": ("write_deltalake", "convert_to_deltalake", "DeltaTable.__init__", "DeltaTable.is_deltatable"),
    "lightgbm.basic": ("Booster.__init__", "Booster.save_model"),
    "xgboost.core": ("Booster.save_model", "Booster.load_model"),
    "polars": (
        *("read_csv", "read_parquet", "read_delta", "scan_csv", "scan_parquet", "scan_delta"),
        *("DataFrame.write_csv", "DataFrame.write_parquet", "DataFrame.write_json", "DataFrame.write_delta"),
        *("LazyFrame.sink_csv", "LazyFrame.sink_parquet"),
    ),
}


def in_command(text: str, mounts: Mapping[str, Path], *, shell: bool = True) -> str:
    """A command with the real paths in place of those of the workspace; for a shell, written as it needs them.

    Commands of a client of the workspace's API stay as they are: it means the workspace's own paths. Of curl's
    arguments, those that are files get their real paths.
    """
    clients = list(_CLIENT.finditer(text))

    def real(match: re.Match[str]) -> str:
        if any(_is_clients(match.start(), client) for client in clients):
            return match[0]
        kept = "/" if match[0].endswith("/") else ""
        place = f"{paths.to_local(match[0], mounts)}{kept}"
        return re.sub(*_ESCAPES[_quote_at(text, match.start())], place) if shell else place

    return _PATH.sub(real, text)


def _is_clients(at: int, client: re.Match[str]) -> bool:
    """Whether a path is an argument that a client is to have as it is."""
    if not client.start() <= at < client.end():
        return False
    return client["name"] != "curl" or not _FILE_OF_CURL.search(client.string, client.start(), at)


def _quote_at(text: str, end: int) -> str:
    """The quote that a place in a script is in; empty where it is in none."""
    within, at = [""], 0
    while found := _QUOTING[within[-1]].search(text, at, end):
        at, mark = found.end(), found[0]
        if mark in ("'", '"'):
            if mark == within[-1]:
                within.pop()
            else:
                within.append(mark)
        elif mark in ("(", "$("):
            within.append("")
        elif mark == ")" and len(within) > 1:
            within.pop()
    return within[-1]


def as_written(text: str, mounts: Mapping[str, Path]) -> str:
    """What a command printed, with the paths of the workspace in place of the real ones."""
    for prefix, place in mounts.items():
        text = text.replace(str(place), prefix)
    return text


def environment(mounts: Mapping[str, Path]) -> dict[str, str]:
    """By what Python processes that a task starts know where the paths are; their path needs `children_path`, too."""
    return {_MOUNTS: json.dumps({prefix: str(place) for prefix, place in mounts.items()})}


def children_path(entries: Iterable[str]) -> str:
    """A `PYTHONPATH` with which a Python process understands the paths."""
    return os.pathsep.join([str(Path(__file__).parent / "children"), *filter(None, entries)])


def own_path() -> list[str]:
    """What the task's `PYTHONPATH` has of its own."""
    return [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one and Path(one).name != "children"]


def install_in_child() -> None:
    """Make a process that a task has started understand the paths, where its environment says where they are."""
    mounts = {prefix: Path(place) for prefix, place in json.loads(os.environ.get(_MOUNTS) or "{}").items()}
    if mounts:
        paths.install(mounts)
        install(mounts)


def run_printing(shell: Sequence[str], script: str, mounts: Mapping[str, Path]) -> int:
    """Execute a script, print what it prints as it comes, and answer its exit code."""
    process = subprocess.Popen(
        [*shell, in_command(script, mounts)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    for line in process.stdout or ():
        sys.stdout.write(as_written(line, mounts))
    return process.wait()


def install(mounts: Mapping[str, Path]) -> None:
    """Make programs that this process starts, and libraries, understand the paths."""
    os.environ.update(environment(mounts))
    os.environ["PYTHONPATH"] = children_path(own_path())
    _install_commands(mounts)
    prefixes = tuple(mounts)

    def mapped(value: Any) -> Any:
        text = os.fspath(value) if isinstance(value, os.PathLike) else value
        return str(paths.to_local(text, mounts)) if isinstance(text, str) and text.startswith(prefixes) else value

    for name in _OPENING:
        if name in sys.modules:
            _wrap(sys.modules[name], mapped)
    sys.meta_path.insert(0, _Opening(mapped))


def _install_commands(mounts: Mapping[str, Path]) -> None:
    """Change what `subprocess`, `os.system` and what is built on them are given."""
    start, system = subprocess.Popen.__init__, os.system

    def command(value: Any, *, shell: bool) -> Any:
        if isinstance(value, list | tuple):
            return [command(one, shell=False) if change else one for one, change in _changing(value)]
        text = os.fspath(value) if isinstance(value, os.PathLike) else value
        return in_command(text, mounts, shell=shell) if isinstance(text, str) else value

    @functools.wraps(start)
    def started(self: Any, args: Any, *more: Any, **options: Any) -> None:
        if options.get("cwd") is not None:
            options["cwd"] = command(options["cwd"], shell=False)
        start(self, command(args, shell=bool(options.get("shell"))), *more, **options)

    vars_of: Any = subprocess.Popen
    vars_of.__init__ = started
    os.system = lambda command: system(in_command(command, mounts) if isinstance(command, str) else command)


def _changing(words: Sequence[Any]) -> list[tuple[Any, bool]]:
    """The words of a command, each with whether it may be a path that the program opens."""
    name = Path(f"{words[0]}").name if words else ""
    if name == "curl":
        return [
            (word, "@/" in f"{word}" or _FILE_OF_CURL.search(f" {before} ") is not None)
            for before, word in zip(["", *words], words, strict=False)
        ]
    return [(word, name not in _CLIENTS) for word in words]


def _wrap(module: ModuleType, mapped: Callable[[Any], Any]) -> None:
    """Have the functions of a module that open files get real paths."""
    for name in _OPENING[module.__name__]:
        owner_name, _, method = name.rpartition(".")
        owner = getattr(module, owner_name, None) if owner_name else module
        function = getattr(owner, method, None)
        if owner is None or function is None or hasattr(function, "__wrapped_paths__"):
            continue
        own = owner_name and isinstance(vars(owner).get(method), staticmethod | classmethod)
        setattr(owner, method, staticmethod(_mapping(function, mapped)) if own else _mapping(function, mapped))


def _mapping(function: Callable[..., Any], mapped: Callable[[Any], Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        return function(*map(mapped, args), **{name: mapped(value) for name, value in options.items()})

    vars(call)["__wrapped_paths__"] = True
    return call


class _Opening(importlib.abc.MetaPathFinder):
    """Wraps the functions of libraries that are imported later."""

    _busy: ClassVar[set[str]] = set()

    def __init__(self, mapped: Callable[[Any], Any]) -> None:
        self._mapped = mapped

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """Where the others find a module, and what to do once it is loaded."""
        if fullname not in _OPENING or fullname in self._busy:
            return None
        self._busy.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._busy.discard(fullname)
        if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Loader(spec.loader, self._mapped)
        return spec


class _Loader(importlib.abc.Loader):
    """Loads a module as its own loader does, and wraps its functions."""

    def __init__(self, loader: Any, mapped: Callable[[Any], Any]) -> None:
        self._loader = loader
        self._mapped = mapped

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """As the module's own loader does."""
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module, and wrap its functions."""
        self._loader.exec_module(module)
        _wrap(module, self._mapped)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
