"""The cluster policies of one workspace: kept, granted, and applied to clusters."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select, update

from brickyard.workspace.api.errors import InvalidParameterValue, ResourceDoesNotExist
from brickyard.workspace.clock import now
from brickyard.workspace.identity.permissions import Securable
from brickyard.workspace.policies.evaluation import evaluate, refuse
from brickyard.workspace.policies.facts import facts_of
from brickyard.workspace.policies.families import FAMILIES
from brickyard.workspace.policies.pending import PendingEnforcements
from brickyard.workspace.policies.records import PolicyRecord, settings_of
from brickyard.workspace.store.names import name_taken
from brickyard.workspace.store.policies import cluster_policies as table

if TYPE_CHECKING:
    from brickyard.workspace.clusters.records import ClusterRecord
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["Policies"]

_FOR_ALL = "personal-vm"  # the family whose default policy everybody may use


class Policies:
    """The policies of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        #: Clusters that are to keep to their policies later.
        self.pending = PendingEnforcements(workspace.store, self)
        with workspace.store.read() as connection:
            new = connection.execute(select(table.c.id)).first() is None
        if new:
            self._add_defaults()

    def _add_defaults(self) -> None:
        """What every workspace has from the beginning: a policy of each family."""
        identity = self._workspace.identity
        for family in FAMILIES.values():
            body = {"name": family.name, "description": family.description, "policy_family_id": family.id}
            made = self._insert(body, identity.owner, is_default=True)
            if family.id == _FOR_ALL:
                identity.permissions.grant(made.securable, identity.principals.users, "CAN_USE")

    def all(self) -> list[PolicyRecord]:
        """All policies, oldest first."""
        return [
            PolicyRecord(**row)
            for row in self._workspace.store.rows(select(table).order_by(table.c.created_at, table.c.id))
        ]

    def get(self, policy_id: str) -> PolicyRecord:
        """A policy.

        Raises:
            ResourceDoesNotExist: There is none of that id.
        """
        row = self._workspace.store.first(select(table).where(table.c.id == policy_id))
        if row is None:
            raise ResourceDoesNotExist(f"Can't find a cluster policy with id: {policy_id}.")
        return PolicyRecord(**row)

    def securable(self, policy_id: str) -> Securable:
        """What permissions are granted on."""
        return self.get(policy_id).securable

    def create(self, body: Mapping[str, Any], by: Principal) -> PolicyRecord:
        """Make a policy.

        Raises:
            InvalidParameterValue: The name is taken, or the definition or another value is none.
        """
        return self._insert(body, by)

    def edit(self, policy: PolicyRecord, body: Mapping[str, Any]) -> None:
        """Replace a policy's settings; clusters that have it stay as they are.

        Raises:
            InvalidParameterValue: As for `create`, or a default policy would leave its family.
        """
        settings = settings_of(body)
        if policy.is_default and settings["family_id"] != policy.family_id:
            raise InvalidParameterValue(f"{policy.name} is a default policy: its family cannot be changed")
        with self._lock, self._workspace.store.write() as connection:
            self._check_name(connection, settings["name"], policy.id)
            connection.execute(update(table).where(table.c.id == policy.id).values(**settings))

    def delete(self, policy: PolicyRecord) -> None:
        """Delete a policy; clusters that have it still run, and cannot be edited.

        Raises:
            InvalidParameterValue: It is a default policy.
        """
        if policy.is_default:
            raise InvalidParameterValue(f"{policy.name} is a default policy, which cannot be deleted")
        with self._lock, self._workspace.store.write() as connection:
            connection.execute(delete(table).where(table.c.id == policy.id))
        self._workspace.identity.permissions.forget(policy.securable)

    def apply(self, cluster: Mapping[str, Any], by: Principal, source: str) -> dict[str, Any]:
        """What a cluster is under the policy that it names; one that names none is as it is.

        Args:
            cluster: The vendor's `ClusterSpec` as JSON, its types checked.
            by: Who makes it, and so needs CAN_USE on the policy.
            source: Who makes it: `API`, `UI` or `JOB`.

        Raises:
            InvalidParameterValue: It does not keep to the policy, or there is no such policy.
            PermissionDenied: The principal may not use the policy.
        """
        policy_id = cluster.get("policy_id")
        if not policy_id:
            return dict(cluster)
        try:
            policy = self.get(policy_id)
        except ResourceDoesNotExist as error:
            raise InvalidParameterValue(error.message) from error
        self._workspace.identity.permissions.require(by, policy.securable, "CAN_USE")
        wants_defaults = bool(cluster.get("apply_policy_default_values"))
        evaluation = evaluate(policy.rules, cluster, facts_of(source), defaults=wants_defaults)
        refuse(evaluation.violations)
        return evaluation.cluster

    def check_number(self, cluster: ClusterRecord, live: Sequence[ClusterRecord]) -> None:
        """Refuse a cluster that is one too many of its owner's with its policy.

        Raises:
            InvalidParameterValue: The owner has as many clusters as the policy allows.
        """
        policy_id = cluster.definition.get("policy_id")
        policy = next((one for one in self.all() if one.id == policy_id), None) if policy_id else None
        if policy is None or policy.max_clusters_per_user is None:
            return
        owner = cluster.creator_name
        active = sum(one.definition.get("policy_id") == policy_id and one.creator_name == owner for one in live)
        if active >= policy.max_clusters_per_user:
            raise InvalidParameterValue(
                f"{owner} has {active} active clusters with the policy {policy.name}, which allows"
                f" {policy.max_clusters_per_user} for each user. Please terminate one of them, or use another policy."
            )

    def _insert(self, body: Mapping[str, Any], by: Principal, *, is_default: bool = False) -> PolicyRecord:
        made = PolicyRecord(
            id=secrets.token_hex(8).upper(),
            creator_name=by.user_name,
            created_at=now(),
            is_default=is_default,
            **settings_of(body),
        )
        with self._lock, self._workspace.store.write() as connection:
            self._check_name(connection, made.name, made.id)
            connection.execute(insert(table).values(**vars(made)))
        return made

    def _check_name(self, connection: Connection, name: str, own: str) -> None:
        if name_taken(connection, table, name, own):
            raise InvalidParameterValue(f"Policy with name '{name}' already exists. Please choose another name.")
