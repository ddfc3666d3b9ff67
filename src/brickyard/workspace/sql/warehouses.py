"""SQL warehouses: kept in the database, run by processes that end when nobody has asked for long."""

from __future__ import annotations

import secrets
import shutil
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from brickyard.workspace.api.errors import InvalidParameterValue, ResourceDoesNotExist
from brickyard.workspace.clock import now
from brickyard.workspace.identity.permissions import Securable
from brickyard.workspace.sql.config import WarehouseConfig
from brickyard.workspace.sql.records import WarehouseRecord
from brickyard.workspace.sql.runners import TOKEN_COMMENT, Runner
from brickyard.workspace.sql.settings import settings_of
from brickyard.workspace.store.names import name_taken
from brickyard.workspace.store.sql import sql_warehouses as table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["Warehouses"]

_SECONDS_A_MINUTE = 60.0
_STARTER = {
    "name": "Serverless Starter Warehouse",
    "cluster_size": "Small",
    "auto_stop_mins": 10,
    "enable_serverless_compute": True,
}


@dataclass
class _Live:
    """A warehouse that is not stopped.

    Attributes:
        state: `STARTING`, `RUNNING` or `STOPPING`.
        runners: Its processes, by the number of the principal.
        idle: Stops it when nothing has run for long.
    """

    state: str = "STARTING"
    runners: dict[int, Runner] = field(default_factory=dict)
    idle: threading.Timer | None = None


class Warehouses:
    """The warehouses of a workspace; a new one has one, which everybody may use.

    Attributes:
        config: What all of them have.
    """

    def __init__(self, workspace: Workspace, config: WarehouseConfig) -> None:
        self._workspace = workspace
        self.settings = workspace.identity.settings
        self.config = config
        self._lock = threading.RLock()
        self._live: dict[str, _Live] = {}
        self._directory = workspace.root / "sql" / "warehouses"
        shutil.rmtree(self._directory, ignore_errors=True)
        workspace.identity.tokens.revoke_of(TOKEN_COMMENT)  # of processes that outlived a killed server
        with workspace.store.read() as connection:
            new = connection.execute(select(table.c.id)).first() is None
        if new:
            self._add_starter()

    def _add_starter(self) -> None:
        made = self._insert(_STARTER, self._workspace.identity.owner)
        self._workspace.identity.permissions.grant(made.securable, self._workspace.identity.principals.users, "CAN_USE")

    def all(self) -> list[WarehouseRecord]:
        """All warehouses, by name."""
        return [WarehouseRecord(**row) for row in self._workspace.store.rows(select(table).order_by(table.c.name))]

    def get(self, warehouse_id: str) -> WarehouseRecord:
        """A warehouse.

        Raises:
            ResourceDoesNotExist: There is none of that id.
        """
        row = self._workspace.store.first(select(table).where(table.c.id == warehouse_id))
        if row is None:
            raise ResourceDoesNotExist(f"SQL warehouse {warehouse_id} does not exist.")
        return WarehouseRecord(**row)

    def securable(self, warehouse_id: str) -> Securable:
        """What permissions are granted on."""
        return self.get(warehouse_id).securable

    def create(self, body: Mapping[str, Any], by: Principal) -> WarehouseRecord:
        """Make a warehouse, and start it.

        Raises:
            InvalidParameterValue: The name is taken, or a value that it cannot have.
        """
        self.config.check_type(settings_of(body)[1]["warehouse_type"])
        made = self._insert(body, by)
        self.start(made, by)
        return made

    def edit(self, warehouse: WarehouseRecord, body: Mapping[str, Any]) -> None:
        """Change settings.

        Raises:
            InvalidParameterValue: The name is taken, or a value that it cannot have.
        """
        name, settings = settings_of({"name": warehouse.name, **body}, warehouse.settings)
        if settings["warehouse_type"] != warehouse.settings["warehouse_type"]:
            self.config.check_type(settings["warehouse_type"])
        with self._lock, self._workspace.store.write() as connection:
            self._check_name(connection, name, warehouse.id)
            mine = table.c.id == warehouse.id
            connection.execute(update(table).where(mine).values(name=name, settings=settings))
        self._rest(warehouse.id)

    def delete(self, warehouse: WarehouseRecord) -> None:
        """Stop and delete a warehouse."""
        self.stop(warehouse)
        with self._workspace.store.write() as connection:
            connection.execute(delete(table).where(table.c.id == warehouse.id))
        self._workspace.identity.permissions.forget(warehouse.securable)

    def state(self, warehouse_id: str) -> str:
        """`STARTING`, `RUNNING`, `STOPPING` or `STOPPED`."""
        live = self._live.get(warehouse_id)
        return "STOPPED" if live is None else live.state

    def sessions(self, warehouse_id: str) -> int:
        """How many statements it is executing."""
        live = self._live.get(warehouse_id)
        return 0 if live is None else sum(runner.busy for runner in list(live.runners.values()))

    def start(self, warehouse: WarehouseRecord, by: Principal) -> None:
        """Start it; does nothing where it runs."""
        self._runner(warehouse, by)

    def stop(self, warehouse: WarehouseRecord) -> None:
        """End its processes; what they execute fails."""
        self._stop(warehouse.id)

    def _stop(self, warehouse_id: str) -> None:
        with self._lock:
            live = self._live.get(warehouse_id)
            if live is None:
                return
            live.state = "STOPPING"
            runners = list(live.runners.values())
            if live.idle is not None:
                live.idle.cancel()
        for runner in runners:
            runner.stop()
        if not runners:
            self._forget(warehouse_id)

    def runner(self, warehouse: WarehouseRecord, by: Principal) -> Runner:
        """What executes a principal's statements; starts the warehouse where it is stopped."""
        return self._runner(warehouse, by)

    def done(self, warehouse_id: str) -> None:
        """A statement has ended: count from now how long nothing runs."""
        self._rest(warehouse_id)

    def stop_all(self) -> None:
        """End the processes of all warehouses, and of those that were deleted and are ending."""
        for warehouse_id in list(self._live):
            self._stop(warehouse_id)

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            runners = [runner for live in self._live.values() for runner in live.runners.values()]
            for live in self._live.values():
                live.state = "STOPPING"
                if live.idle is not None:
                    live.idle.cancel()
        for runner in runners:
            runner.stop()

    def _insert(self, body: Mapping[str, Any], by: Principal) -> WarehouseRecord:
        name, settings = settings_of(body)
        made = WarehouseRecord(secrets.token_hex(8), name, by.user_name, now(), settings)
        with self._lock, self._workspace.store.write() as connection:
            self._check_name(connection, name, made.id)
            connection.execute(insert(table).values(**vars(made)))
        self._workspace.identity.permissions.grant(made.securable, by.id, "IS_OWNER")
        return made

    def _check_name(self, connection: Any, name: str, own: str) -> None:
        if name_taken(connection, table, name, own):
            raise InvalidParameterValue(f"SQL warehouse with name `{name}` already exists")

    def _runner(self, warehouse: WarehouseRecord, by: Principal) -> Runner:
        with self._lock:
            live = self._live.get(warehouse.id)
            if live is None or live.state == "STOPPING":  # those that are ending know which life was theirs
                live = self._live[warehouse.id] = _Live()
            runner = live.runners.get(by.id)
            if runner is None:
                runner = live.runners[by.id] = Runner(
                    self._workspace,
                    by,
                    self._directory / warehouse.id,
                    partial(self._ready, warehouse.id, live),
                    partial(self._ended, warehouse.id, live),
                )
            return runner

    def _ready(self, warehouse_id: str, live: _Live) -> None:
        with self._lock:
            if live.state == "STARTING":
                live.state = "RUNNING"
        self._rest(warehouse_id)

    def _ended(self, warehouse_id: str, live: _Live, ended: Runner) -> None:
        with self._lock:
            live.runners = {who: one for who, one in live.runners.items() if one is not ended}
            if not live.runners and self._live.get(warehouse_id) is live:
                self._forget(warehouse_id)

    def _forget(self, warehouse_id: str) -> None:
        with self._lock:
            live = self._live.pop(warehouse_id, None)
            if live is not None and live.idle is not None:
                live.idle.cancel()

    def _rest(self, warehouse_id: str) -> None:
        """Stop the warehouse when nothing runs until its time is over."""
        with self._lock:
            live = self._live.get(warehouse_id)
            if live is None or live.state == "STOPPING":
                return
            if live.idle is not None:
                live.idle.cancel()
            minutes = self.get(warehouse_id).auto_stop_minutes
            if minutes:
                live.idle = threading.Timer(minutes * _SECONDS_A_MINUTE, self._overslept, [warehouse_id])
                live.idle.daemon = True
                live.idle.start()

    def _overslept(self, warehouse_id: str) -> None:
        if self.sessions(warehouse_id):
            self._rest(warehouse_id)
        else:
            self.stop(self.get(warehouse_id))
