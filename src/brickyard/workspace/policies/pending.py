"""Clusters that run, and are to keep to their policies when they end or restart."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.clock import now
from brickyard.workspace.policies.compliance import Enforcement, enforce_cluster
from brickyard.workspace.store.policies import pending_enforcements as table

if TYPE_CHECKING:
    from databricks.sdk.service.compute import PendingEnforcement
    from sqlalchemy import Connection, Delete, Update

    from brickyard.workspace.clusters.records import ClusterRecord
    from brickyard.workspace.policies.service import Policies
    from brickyard.workspace.store import Store

__all__ = ["PendingEnforcements"]

_MOST_FAILURES = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Pending:
    """See the table `pending_enforcements`."""

    cluster_id: str
    initiator: str
    initiated_at: int
    failures: int


class PendingEnforcements:
    """What is enforced is worked out when it is: by the policy and the cluster as they are then."""

    def __init__(self, store: Store, policies: Policies) -> None:
        self._store = store
        self._policies = policies

    def schedule(self, cluster_id: str, initiator: str) -> None:
        """Enforce the policy of a cluster when it ends or restarts."""
        with self._store.write() as connection:
            connection.execute(delete(table).where(table.c.cluster_id == cluster_id))
            connection.execute(insert(table).values(**vars(_Pending(cluster_id, initiator, now(), 0))))

    def cancel(self, cluster_id: str) -> bool:
        """Do not; whether that was pending."""
        with self._store.write() as connection:
            return bool(connection.execute(delete(table).where(table.c.cluster_id == cluster_id)).rowcount)

    def wire(self, cluster: ClusterRecord) -> PendingEnforcement | None:
        """What is pending of a cluster, as the API shows it."""
        from databricks.sdk.service.compute import PendingEnforcement

        found = self._find(cluster.id)
        if found is None:
            return None
        try:
            changes = enforce_cluster(self._policies, cluster.definition, cluster.source).changes
        except InvalidParameterValue:  # as it will be said in the log when it is enforced
            changes = []
        return PendingEnforcement.from_dict(
            {
                "enforcement_status": "ACTIVE" if found.failures < _MOST_FAILURES else "INACTIVE",
                "initiate_time": datetime.fromtimestamp(found.initiated_at / 1000, UTC).isoformat(),
                "initiator_user": found.initiator,
                "target_changes": [
                    {"field": one.field, "previous_value": one.previous, "new_value": one.new} for one in changes
                ],
            }
        )

    def take(self, cluster: ClusterRecord) -> dict[str, Any]:
        """What of a cluster changes now that it ends or restarts: arguments of `ClusterStore.change`.

        It stays pending until that change is written.
        """
        found = self._find(cluster.id)
        if found is None or found.failures >= _MOST_FAILURES:
            return {}
        mine = table.c.cluster_id == cluster.id
        try:
            done: Enforcement = enforce_cluster(self._policies, cluster.definition, cluster.source)
        except InvalidParameterValue as error:
            _log.warning("the policy of cluster %s cannot be enforced: %s", cluster.id, error.message)
            return {"also": _executing(update(table).where(mine).values(failures=found.failures + 1))}
        columns = {"definition": done.made, "given": done.made} if done.changes else {}
        return {"also": _executing(delete(table).where(mine)), **columns}

    def _find(self, cluster_id: str) -> _Pending | None:
        with self._store.read() as connection:
            row = connection.execute(select(table).where(table.c.cluster_id == cluster_id)).mappings().first()
        return None if row is None else _Pending(**row)


def _executing(statement: Delete | Update) -> Callable[[Connection], None]:
    def execute(connection: Connection) -> None:
        connection.execute(statement)

    return execute
