"""`dbutils.widgets`: the parameters of a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from brickyard.runtime.context import TaskContext
from brickyard.runtime.dbutils.base import Part

__all__ = ["InputWidgetNotDefined", "Widgets"]


class InputWidgetNotDefined(Exception):
    """There is no widget of that name, and the run was given no parameter of that name.

    Its text has the name of the service's class, by which programs know it.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"com.databricks.dbutils_v1.InputWidgetNotDefined: No input widget named {name} is defined")


class Widgets(Part):
    """Widgets; what the run was given goes before a widget's default."""

    _name = "dbutils.widgets"
    _hidden = frozenset({"bind", "help", "state"})

    def __init__(self, context: TaskContext) -> None:
        arguments = context.arguments
        self._given: dict[str, str] = dict(arguments) if isinstance(arguments, Mapping) else {}
        self._defaults: dict[str, str] = {}
        if "widgets" in context.kept:
            self._given, self._defaults = context.kept["widgets"]

    def state(self) -> list[dict[str, str]]:
        """What a later interpreter of the process keeps: parameters and defaults."""
        return [self._given, self._defaults]

    def bind(self, arguments: Mapping[str, str]) -> None:
        """Give parameters, as `%run` does."""
        self._given.update(arguments)

    def text(self, name: str, defaultValue: str = "", label: str | None = None) -> None:
        """Make a widget for a text."""
        self._define(name, defaultValue)

    def dropdown(self, name: str, defaultValue: str, choices: Sequence[str], label: str | None = None) -> None:
        """Make a widget for one of several values."""
        self._choose(name, defaultValue, choices)

    def combobox(self, name: str, defaultValue: str, choices: Sequence[str], label: str | None = None) -> None:
        """Make a widget for one of several values, or another one."""
        self._define(name, defaultValue)

    def multiselect(self, name: str, defaultValue: str, choices: Sequence[str], label: str | None = None) -> None:
        """Make a widget for some of several values, which are given with commas between them."""
        self._choose(name, defaultValue, choices)

    def get(self, name: str) -> str:
        """The value of a widget."""
        if name in self._given:
            return self._given[name]
        if name not in self._defaults:
            raise InputWidgetNotDefined(name)
        return self._defaults[name]

    def getAll(self) -> dict[str, str]:
        """The values of all widgets."""
        return self._defaults | self._given

    def getArgument(self, name: str, defaultValue: str | None = None) -> str:
        """The value of a widget, or a default."""
        if defaultValue is not None and name not in self.getAll():
            return defaultValue
        return self.get(name)

    def remove(self, name: str) -> None:
        """Remove a widget."""
        if name not in self.getAll():
            raise InputWidgetNotDefined(name)
        self._defaults.pop(name, None)

    def removeAll(self) -> None:
        """Remove all widgets."""
        self._defaults.clear()

    def _choose(self, name: str, default: str, choices: Sequence[str]) -> None:
        if default not in [str(choice) for choice in choices]:
            raise ValueError(f"the default {default!r} of the widget {name!r} is none of its choices")
        self._define(name, default)

    def _define(self, name: str, default: str) -> None:
        self._defaults[name] = str(default)
