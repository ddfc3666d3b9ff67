"""Resolved plans that an engine has under names of their own, by which SQL and other plans read them."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import grpc
from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway import zones
from brickyard.workspace.compute.gateway.caching.stamps import Stamp, places_in, stamp_of
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.sugar.recursion import HELD

__all__ = ["HeldPlans"]

#: So many plans an engine has at most; one that is needed again is made again.
MOST = 256


@dataclass(frozen=True)
class _Held:
    relation: relations_pb2.Relation
    engine: int
    tables: dict[Path, Stamp]


@dataclass(frozen=True)
class _Known:
    fields: Any
    tables: dict[Path, Stamp]


@dataclass
class HeldPlans:
    """The plans that one session's engine has.

    A name is drawn from the plan with a secret, so that nobody writes one. The engine reads a Delta table as it was
    when it got the plan (Sail 0.7.2), and gets it again when the table has changed.
    """

    _plans: OrderedDict[str, _Held] = field(default_factory=OrderedDict)
    _views: OrderedDict[str, _Known] = field(default_factory=OrderedDict)
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def names(self) -> list[str]:
        """The names of all plans."""
        return list(self._plans)

    def get(self, name: str) -> relations_pb2.Relation | None:
        """The plan of a name."""
        found = self._plans.get(name)
        return None if found is None else found.relation

    def name_of(self, session: Any, relation: relations_pb2.Relation, *, named: bool = False) -> str:
        """The name of a plan in the session's engine, which gets it if it does not have it.

        Args:
            session: The session, in the time zone of the plan.
            relation: The plan.
            named: Whether functions that the client registers anew take the place of those in the plan.
        """
        content = relation.SerializeToString(deterministic=True)
        functions = session.sail.memory.functions_in(content) if named else b""
        parts = b"\0".join([content, functions, session.zone.encode()])
        name = HELD + blake2b(parts, digest_size=16, key=self._secret).hexdigest()
        with self._lock:
            self._hold(name, relation, session)
        return name

    def fields_of(self, query: str, ask: Callable[[str], Any]) -> Any:
        """The columns of a view's query, which the engine is asked for anew when the query reads something else."""
        with self._lock:
            known = self._views.get(query)
            plan = relations_pb2.Relation(sql=relations_pb2.SQL(query=query))
            places = set(places_in(plan, self.get)) if known is None else known.tables
            tables = {place: stamp_of(place) for place in places}
            if known is None or known.tables != tables:
                known = self._views[query] = _Known(ask(query).fields, tables)
            while len(self._views) > MOST:
                self._views.popitem(last=False)
        return known.fields

    def _hold(self, name: str, relation: relations_pb2.Relation, session: Any) -> None:
        known, sail = self._plans.get(name), session.sail
        places = set(places_in(relation, self.get))
        tables = {place: stamp_of(place) for place in places if _is_delta(place)}
        if known is None or not sail.runs or (known.engine, known.tables) != (sail.generation, tables):
            with zones.engine_in(session):
                session.register(name, relation)
            self._plans[name] = _Held(relation, sail.generation, tables)
        self._plans.move_to_end(name)
        while len(self._plans) > MOST:
            oldest, _ = self._plans.popitem(last=False)
            with contextlib.suppress(SparkError, grpc.RpcError):  # it went with an engine
                session.drop(oldest)


def _is_delta(place: Path) -> bool:
    return (place / "_delta_log").is_dir()
