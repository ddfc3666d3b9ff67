"""The instance pools of one workspace."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select, update

from brickyard.workspace.api.errors import InvalidParameterValue, ResourceDoesNotExist, ResourceExhausted
from brickyard.workspace.clock import now
from brickyard.workspace.clusters.states import workers
from brickyard.workspace.identity.permissions import Securable
from brickyard.workspace.pools.records import PoolRecord, settings_of
from brickyard.workspace.store.names import name_taken
from brickyard.workspace.store.pools import instance_pools as table

if TYPE_CHECKING:
    from brickyard.workspace.clusters.records import ClusterRecord
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["Pools"]

_OF_NODES = {"instance_pool_id": "node_type_id", "driver_instance_pool_id": "driver_node_type_id"}
_USING = frozenset({"RUNNING", "RESIZING", "TERMINATING"})


class Pools:
    """The pools of one workspace; machines of this one are not divided among them."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()

    def all(self) -> list[PoolRecord]:
        """All pools, by name."""
        return [PoolRecord(**row) for row in self._workspace.store.rows(select(table).order_by(table.c.name))]

    def get(self, pool_id: str) -> PoolRecord:
        """A pool.

        Raises:
            ResourceDoesNotExist: There is none of that id, or no more.
        """
        row = self._workspace.store.first(select(table).where(table.c.id == pool_id))
        if row is None:
            raise ResourceDoesNotExist(f"Can't find an instance pool with id: {pool_id}.")
        return PoolRecord(**row)

    def securable(self, pool_id: str) -> Securable:
        """What permissions are granted on."""
        return self.get(pool_id).securable

    def create(self, body: Mapping[str, Any], by: Principal) -> PoolRecord:
        """Make a pool.

        Raises:
            InvalidParameterValue: The name is taken, or a value that it cannot have.
        """
        name, settings = settings_of(body)
        number = f"{secrets.token_hex(2)}-{secrets.token_hex(3)}-{secrets.token_hex(2)}-pool-{secrets.token_hex(4)}"
        made = PoolRecord(number, name, by.id, now(), settings)
        with self._lock, self._workspace.store.write() as connection:
            self._check_name(connection, name, made.id)
            connection.execute(insert(table).values(**vars(made)))
        self._workspace.identity.permissions.grant(made.securable, by.id, "CAN_MANAGE")
        return made

    def edit(self, pool: PoolRecord, body: Mapping[str, Any]) -> None:
        """Change settings.

        Raises:
            InvalidParameterValue: The name is taken, or a value that it cannot have.
        """
        name, settings = settings_of(body, pool)
        with self._lock, self._workspace.store.write() as connection:
            self._check_name(connection, name, pool.id)
            connection.execute(update(table).where(table.c.id == pool.id).values(name=name, settings=settings))

    def delete(self, pool: PoolRecord) -> None:
        """Delete a pool; clusters that use it go on, and cannot be started again with it."""
        with self._lock, self._workspace.store.write() as connection:
            connection.execute(delete(table).where(table.c.id == pool.id))
        self._workspace.identity.permissions.forget(pool.securable)

    def apply(self, cluster: Mapping[str, Any], by: Principal) -> dict[str, Any]:
        """A cluster with the node types of the pools that it names.

        Args:
            cluster: The vendor's `ClusterSpec` as JSON.
            by: Who makes it, and so needs CAN_ATTACH_TO on the pools.

        Raises:
            InvalidParameterValue: There is no such pool, or the cluster names another node type besides.
            PermissionDenied: The principal may not use the pool.
        """
        found = dict(cluster)
        if found.get("instance_pool_id"):
            found.setdefault("driver_instance_pool_id", found["instance_pool_id"])
        for field, node_type in _OF_NODES.items():
            if not found.get(field):
                continue
            pool = self._usable(found[field], by)
            if found.get(node_type) not in (None, "", pool.node_type_id):
                raise InvalidParameterValue(
                    f"The field '{node_type}' cannot be supplied when an instance pool ID is provided."
                )
            found[node_type] = pool.node_type_id
        return found

    def check_room(self, cluster: ClusterRecord, live: Sequence[ClusterRecord]) -> None:
        """Refuse a cluster whose pools are gone, or have no instances left for it.

        Raises:
            InvalidParameterValue: A pool was deleted.
            ResourceExhausted: A pool would have more instances than its `max_capacity`.
        """
        for pool_id in dict.fromkeys(cluster.definition.get(field) for field in _OF_NODES):
            if not pool_id:
                continue
            pool = self._found(pool_id)
            used, needed = sum(_instances(one, pool_id) for one in live), _instances(cluster, pool_id)
            if pool.max_capacity is not None and used + needed > pool.max_capacity:
                raise ResourceExhausted(
                    f"Instance pool {pool.name} ({pool_id}) has a max_capacity of {pool.max_capacity} instances, and "
                    f"{used} are used: the cluster needs {needed}. Terminate a cluster, or give the pool a higher one."
                )

    def stats(self, pool: PoolRecord) -> dict[str, int]:
        """How many instances clusters use, wait for, and find ready, as the API has it."""
        clusters = self._workspace.clusters.store.live()
        used = sum(_instances(one, pool.id) for one in clusters if one.state in _USING)
        pending = sum(_instances(one, pool.id) for one in clusters if one.state not in _USING)
        room = pool.min_idle if pool.max_capacity is None else max(0, pool.max_capacity - used - pending)
        idle = min(pool.min_idle, room)
        return {"used_count": used, "idle_count": idle, "pending_used_count": pending, "pending_idle_count": 0}

    def _found(self, pool_id: str) -> PoolRecord:
        try:
            return self.get(pool_id)
        except ResourceDoesNotExist as error:
            raise InvalidParameterValue(error.message) from error

    def _usable(self, pool_id: str, by: Principal) -> PoolRecord:
        pool = self._found(pool_id)
        self._workspace.identity.permissions.require(by, pool.securable, "CAN_ATTACH_TO")
        return pool

    def _check_name(self, connection: Connection, name: str, own: str) -> None:
        if name_taken(connection, table, name, own):
            raise InvalidParameterValue(f"Instance pool with name '{name}' already exists.")


def _instances(cluster: ClusterRecord, pool_id: str) -> int:
    """How many instances of a pool a cluster has: its driver, its workers or both."""
    definition = cluster.definition
    of_driver = definition.get("driver_instance_pool_id") == pool_id
    return of_driver + (workers(definition) if definition.get("instance_pool_id") == pool_id else 0)
