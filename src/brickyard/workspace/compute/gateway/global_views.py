"""Global temporary views: what one session of a cluster has named, and every other one reads too, as `global_temp.x`.

Each session has an engine of its own, so the plan is kept as its client wrote it, and is resolved where it is read:
with the reader's privileges, and the tables of that moment.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.errors import SparkError, not_found
from brickyard.workspace.compute.gateway.names import GLOBAL, SessionNames, quote
from brickyard.workspace.compute.gateway.sugar.recursion import HELD

__all__ = ["GlobalViews"]


@dataclass(frozen=True)
class _View:
    relation: relations_pb2.Relation
    catalog: str
    schema: str


class GlobalViews:
    """The global temporary views of a cluster; they end with its gateway.

    Args:
        resolve: Resolves the names of a relation in a session.
    """

    def __init__(self, resolve: Callable[[relations_pb2.Relation, Any], None]) -> None:
        self._resolve = resolve
        self._views: dict[str, _View] = {}
        self._lock = threading.Lock()
        self._here = threading.local()

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._views

    @property
    def names(self) -> list[str]:
        """Their names, in order."""
        return sorted(self._views)

    def define(self, name: str, relation: relations_pb2.Relation, session: Any, *, replace: bool) -> None:
        """Make a view of a relation that is not resolved.

        Raises:
            SparkError: TEMP_TABLE_OR_VIEW_ALREADY_EXISTS, RECURSIVE_VIEW, or what is wrong with the relation.
        """
        view = _View(relation, session.names.catalog, session.names.schema)
        with self._opening(name):
            session.schema(self._resolved(view, session))
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
            relation = self._resolved(view, session)
        held = f"{HELD}global_{hashlib.sha256(relation.SerializeToString(deterministic=True)).hexdigest()[:24]}"
        session.hold_relation(held, relation)
        session.held.discard(held)  # a view that is made of the query reads it later
        return held

    def _resolved(self, view: _View, session: Any) -> relations_pb2.Relation:
        relation = relations_pb2.Relation()
        relation.CopyFrom(view.relation)
        reader = copy.copy(session)
        reader.names = SessionNames(view.catalog, view.schema, session.names.temporary)
        reader.statement = relations_pb2.Relation()
        self._resolve(relation, reader)
        return relation

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
