"""Imported by Python as it starts, in processes that a task has started: another interpreter, or a pool's worker."""

import contextlib
import importlib.machinery
import sys
from pathlib import Path
from types import ModuleType

_HERE = Path(__file__).resolve().parent
_ROOT = str(_HERE.parents[2])


def _prepare() -> None:
    """Understand the paths; an interpreter for which this is too new goes on without."""
    sys.path[:] = [entry for entry in sys.path if entry != str(_HERE)]
    sys.path.append(_ROOT)
    try:
        with contextlib.suppress(ImportError, SyntaxError):
            from brickyard.runtime.foreign_paths import install_in_child

            install_in_child()
    finally:
        sys.path.remove(_ROOT)


def _others() -> None:
    """What the interpreter's own module of this name does, as this one was found first."""
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(ModuleType("sitecustomize"))


_prepare()
_others()
