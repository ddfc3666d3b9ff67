"""What the parts of dbutils have in common: their help."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import ClassVar

from brickyard.runtime.ending import NotSupported

__all__ = ["Part"]


class Part:
    """A part of dbutils, for example `dbutils.fs`; what it has not is refused by name."""

    _name = "dbutils"
    _hidden: ClassVar[frozenset[str]] = frozenset({"help"})

    def help(self, name: str | None = None) -> None:
        """Show what there is, or what one function does."""
        functions = {
            key: value
            for key, value in inspect.getmembers(self, callable)
            if key not in self._hidden and not key.startswith("_")
        }
        if name is not None and name not in functions:
            raise NotSupported(f"{self._name} has no {name!r}; it has {', '.join(functions)}")
        chosen = functions if name is None else {name: functions[name]}
        for key, function in chosen.items():
            summary = inspect.getdoc(function) or ""
            text = summary if name else summary.split("\n")[0]
            sys.stdout.write(f"{self._name}.{key}({_parameters(function)}): {text}\n")

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotSupported(f"{self._name}.{name} is not available in a local workspace; see {self._name}.help()")


def _parameters(function: Callable[..., object]) -> str:
    """The names of a function's parameters, with the defaults that say something."""
    shown = []
    for name, parameter in inspect.signature(function).parameters.items():
        says = isinstance(parameter.default, str | int | float)
        shown.append(f"{name}={parameter.default!r}" if says else name)
    return ", ".join(shown)
