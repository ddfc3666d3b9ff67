"""`/Workspace`, `/Volumes` and `/dbfs` for plain Python code, on a machine that has no such directories.

In a task's process the functions of `os`, `io` and `builtins` that take a path understand these three prefixes, and
so does what is written in Python on top of them: `open`, `pathlib`, `os.path`, `shutil`, `glob`, `tempfile`, `zipfile`,
`pandas.read_csv`, `json`, `pickle`, `joblib`; imports understand them in `sys.path`. Commands, other programs and
libraries that open files in machine code are in `foreign_paths`. `dbutils.fs` and Spark know the paths, and `local`
gives the real one.
"""

from __future__ import annotations

import builtins
import io
import os
import posixpath
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from importlib import machinery
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.importlib import PathEntryFinderProtocol

__all__ = ["full", "install", "library", "local", "spark_path", "to_local"]

#: Functions of `os` whose first argument is a path, and those with two.
_ONE = (
    "access", "chdir", "chmod", "listdir", "lstat", "mkdir", "open", "readlink", "remove", "removexattr", "rmdir",
    "scandir", "stat", "statvfs", "truncate", "unlink", "utime",
)  # fmt: skip
_TWO = ("link", "rename", "replace", "symlink")


def full(path: str) -> str:
    """A path as it is written in jobs and notebooks, with its prefix: `/Users/me/a` is `/Workspace/Users/me/a`."""
    if path.startswith("dbfs:"):
        path = "/dbfs/" + path[5:].lstrip("/")
        return path.removeprefix("/dbfs") if path.startswith(("/dbfs/Volumes/", "/dbfs/Workspace/")) else path
    if path.startswith(("/Workspace/", "/Volumes/", "/dbfs/")):
        return path
    return posixpath.join("/Workspace", path.lstrip("/"))


def to_local(path: str, mounts: Mapping[str, Path]) -> Path:
    """Where a path with a prefix is on this machine; other paths are as they are.

    Raises:
        PermissionError: The path leads out of its prefix.
    """
    clean = posixpath.normpath(path)
    for prefix, place in mounts.items():
        if clean == prefix or clean.startswith(prefix + "/"):
            names = clean[len(prefix) :].split("/")[1:]
            if prefix == "/Volumes":
                names[:3] = [name.lower() for name in names[:3]]
            return place.joinpath(*names)
    return Path(path)


def local(path: str) -> str:
    """The real path of `/Workspace/..`, `/Volumes/..` or `/dbfs/..`, for libraries that open files themselves."""
    from brickyard.runtime.context import current

    return str(to_local(path, current().mounts))


def library(word: str) -> str:
    """A library of the workspace as a file on this machine; other words as they are."""
    return local(full(word)) if word.startswith(("/Workspace/", "/Volumes/", "/dbfs/", "dbfs:/")) else word


def spark_path(path: str) -> str:
    """A path as Spark and `dbutils.fs` mean it, as a path of the driver: without a scheme it is below `dbfs:/`."""
    scheme, colon, rest = path.partition(":")
    if not colon or "/" in scheme:
        scheme, rest = "dbfs", path
    place = "/" + rest.lstrip("/")
    if scheme == "file" or place.startswith(("/Volumes/", "/Workspace/")) or place in ("/Volumes", "/Workspace"):
        return place
    if scheme != "dbfs":
        raise ValueError(f"{path}: the file system {scheme!r} is not available in a local workspace; use a volume")
    return place if place.startswith("/dbfs/") else f"/dbfs{place}"


def install(mounts: Mapping[str, Path]) -> None:
    """Make this process's Python understand the prefixes."""
    prefixes = tuple(mounts)

    def mapped(path: Any) -> Any:
        if isinstance(path, int):
            return path
        text = os.fspath(path)
        if isinstance(text, bytes):
            return os.fsencode(mapped(os.fsdecode(text))) if text.startswith(b"/") else path
        return str(to_local(text, mounts)) if text.startswith(prefixes) else path

    for name in _ONE:
        if hasattr(os, name):
            setattr(os, name, _mapping_one(getattr(os, name), mapped))
    for name in _TWO:
        setattr(os, name, _mapping_two(getattr(os, name), mapped))
    builtins.open = io.open = _mapping_one(builtins.open, mapped)
    io.open_code = _mapping_one(io.open_code, mapped)  # for `runpy`, by which processes of `multiprocessing` begin
    sys.path_hooks.insert(0, _import_hook(prefixes, mounts))
    for entry in sys.path:  # looking through the cache itself would copy the memory that all its names are in
        if entry.startswith(prefixes):
            sys.path_importer_cache.pop(entry, None)


def _import_hook(prefixes: tuple[str, ...], mounts: Mapping[str, Path]) -> Callable[[str], PathEntryFinderProtocol]:
    """Lets `sys.path` have the prefixes: the import system asks the operating system by ways of its own."""
    find = machinery.FileFinder.path_hook(
        (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
        (machinery.SourceFileLoader, machinery.SOURCE_SUFFIXES),
        (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
    )

    def hook(entry: str) -> PathEntryFinderProtocol:
        if not entry.startswith(prefixes):
            raise ImportError(f"{entry} is not a path of the workspace")
        return find(str(to_local(entry, mounts)))

    return hook


def _mapping_one(function: Callable[..., Any], mapped: Callable[[Any], Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        if args and isinstance(args[0], str | bytes | os.PathLike):
            try:
                return function(mapped(args[0]), *args[1:], **options)
            except OSError as error:
                if error.filename is not None:
                    error.filename = args[0]  # a program knows the path that it gave
                raise
        for name in ("path", "file"):
            if name in options:
                options[name] = mapped(options[name])
        return function(*args, **options)

    return call


def _mapping_two(function: Callable[..., Any], mapped: Callable[[Any], Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(src: Any, dst: Any, *args: Any, **options: Any) -> Any:
        return function(mapped(src), mapped(dst), *args, **options)

    return call
