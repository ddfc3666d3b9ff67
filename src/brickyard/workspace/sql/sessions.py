"""Sessions of SQL connectors: statements that share a catalog, a schema, settings, variables and temporary views.

A session lives in its principal's process of the warehouse and ends with it.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import InvalidParameterValue, NotFound
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.clock import now
from brickyard.workspace.sql.config import check_parameters

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.sql.runners import Runner
    from brickyard.workspace.sql.warehouses import Warehouses

__all__ = ["Session", "Sessions"]

#: After how long without a statement a session can end.
_IDLE_MILLISECONDS = 8 * 3_600_000


@dataclass(frozen=True)
class _Wire:
    """The types of the body."""

    warehouse_id: str
    catalog: str | None = None
    schema: str | None = None
    session_confs: dict[str, str] | None = None
    execution_mode: str | None = None


@dataclass(frozen=True)
class Session:
    """A session.

    Attributes:
        id: Its id.
        user_id: Whose it is.
        warehouse_id: Where.
        catalog: The catalog that it starts in; none for the default.
        schema: The schema that it starts in; none for the default.
        settings: The SQL parameters that it starts with.
        runner: The process that it lives in.
        used_at: When it was used last, in epoch milliseconds.
    """

    id: str
    user_id: int
    warehouse_id: str
    catalog: str | None
    schema: str | None
    settings: Mapping[str, str]
    runner: Runner
    used_at: int

    @property
    def order(self) -> dict[str, Any]:
        """What the process is told of it."""
        return {"id": self.id, "catalog": self.catalog, "schema": self.schema, "settings": dict(self.settings)}


class Sessions:
    """The sessions that are open."""

    def __init__(self, warehouses: Warehouses) -> None:
        self._warehouses = warehouses
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}

    def open(self, body: Mapping[str, Any], by: Principal) -> Session:
        """Open a session; starts the warehouse where it is stopped.

        Raises:
            InvalidParameterValue: A field has a wrong type, or is unknown.
            ResourceDoesNotExist: There is no such warehouse.
        """
        check_shape(_Wire, body)
        for unknown in body.keys() - _Wire.__dataclass_fields__.keys():
            raise InvalidParameterValue(f"{unknown} is not a field of sessions")
        warehouse = self._warehouses.get(body["warehouse_id"])
        given = {name: str(value) for name, value in (body.get("session_confs") or {}).items()}
        of_spark = {name: value for name, value in given.items() if "." in name}
        parameters = {name.upper(): value for name, value in given.items() if name not in of_spark}
        check_parameters(parameters)
        made = Session(
            id=str(uuid.uuid4()),
            user_id=by.id,
            warehouse_id=warehouse.id,
            catalog=body.get("catalog") or self._warehouses.settings.default_catalog,
            schema=body.get("schema") or None,
            settings=parameters | of_spark,
            runner=self._warehouses.runner(warehouse, by),
            used_at=now(),
        )
        self._forget_idle()
        with self._lock:
            self._open[made.id] = made
        return made

    def used(self, session_id: str, warehouse_id: str, by: Principal) -> Session:
        """A session in which a statement is executed.

        Raises:
            NotFound: It is not open, is somebody else's or another warehouse's, or its process has ended.
        """
        with self._lock:
            found = self._open.get(session_id)
            gone = found is None or found.user_id != by.id or found.warehouse_id != warehouse_id
            if found is None or gone or found.runner.is_over:
                self._open.pop("" if gone else session_id, None)
                raise NotFound(
                    f"The session {session_id} does not exist: it was closed, or the SQL warehouse was stopped. Connect"
                    " again."
                )
            found = self._open[session_id] = replace(found, used_at=now())
            return found

    def close(self, session_id: str, by: Principal) -> None:
        """End a session with what is in it; does nothing where it is not open."""
        with self._lock:
            found = self._open.get(session_id)
            if found is None or (found.user_id != by.id and not by.is_admin):
                return
            del self._open[session_id]
        found.runner.close_session(session_id)

    def _forget_idle(self) -> None:
        oldest = now() - _IDLE_MILLISECONDS
        with self._lock:
            old = [one for one in self._open.values() if one.runner.is_over or one.used_at < oldest]
            for one in old:
                del self._open[one.id]
        for one in old:
            one.runner.close_session(one.id)
