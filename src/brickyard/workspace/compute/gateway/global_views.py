"""Global temporary views: what one session of a cluster has named, and every other one reads too, as `global_temp.x`.

Each is a temporary view (`temporary_views`), resolved where it is read: with the reader's privileges, and the tables of
that moment. The temporary views, variables and temporary functions in it are those of the session that made it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError, not_found
from brickyard.workspace.compute.gateway.names import GLOBAL, quote
from brickyard.workspace.compute.gateway.temporary_views import View, held

__all__ = ["GlobalViews"]


class GlobalViews:
    """The global temporary views of a cluster; they end with its gateway."""

    def __init__(self) -> None:
        self._views: dict[str, View] = {}
        self._lock = threading.Lock()
        self._here = threading.local()

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._views

    @property
    def names(self) -> list[str]:
        """Their names, in order."""
        return sorted(self._views)

    def define(self, name: str, make: Callable[[], View], *, replace: bool) -> None:
        """Make a view.

        Raises:
            SparkError: TEMP_TABLE_OR_VIEW_ALREADY_EXISTS, RECURSIVE_VIEW, or what is wrong with the relation.
        """
        with self._opening(name):
            view = make()
        with self._lock:
            if name in self and not replace:
                raise SparkError(
                    "TEMP_TABLE_OR_VIEW_ALREADY_EXISTS",
                    f"Cannot create the temporary view {quote(GLOBAL, name)} because it already exists.",
                    sql_state="42P07",
                )
            self._views[name.lower()] = view

    def drop(self, name: str) -> bool:
        """Forget a view; whether there was one."""
        with self._lock:
            return self._views.pop(name.lower(), None) is not None

    def hold(self, name: str, session: Any) -> str:
        """The name under which a session's engine has the rows of a view.

        Raises:
            SparkError: TABLE_OR_VIEW_NOT_FOUND, RECURSIVE_VIEW, or what is wrong with the view by now.
        """
        view = self._views.get(name.lower())
        if view is None:
            raise not_found("table", quote(GLOBAL, name))
        with self._opening(name):
            return held(session, view)

    @contextlib.contextmanager
    def _opening(self, name: str) -> Iterator[None]:
        """While a view is resolved it is not resolved again: it would contain itself."""
        opened: list[str] = self._here.__dict__.setdefault("opened", [])
        if name.lower() in opened:
            cycle = " -> ".join(quote(GLOBAL, one) for one in [*opened, name.lower()])
            text = f"Recursive view {quote(GLOBAL, name)} detected (cycle: {cycle})."
            raise SparkError("RECURSIVE_VIEW", text, sql_state="42K0H")
        opened.append(name.lower())
        try:
            yield
        finally:
            opened.remove(name.lower())
