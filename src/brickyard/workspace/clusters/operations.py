"""What can be done with clusters: the vendor's operations, with its states and refusals."""

from __future__ import annotations

import secrets
import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import InvalidParameterValue, InvalidState, TemporarilyUnavailable
from brickyard.workspace.clock import now
from brickyard.workspace.clusters import hooks, states
from brickyard.workspace.clusters.cluster_store import ClusterStore
from brickyard.workspace.clusters.definition import full_definition, given_fields
from brickyard.workspace.clusters.lifecycle import ClusterLifecycle
from brickyard.workspace.clusters.masks import masked
from brickyard.workspace.clusters.records import ClusterRecord, JobTags, Json, Reason, with_tags
from brickyard.workspace.identity.entitlement import require_entitled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["ClusterOperations"]


class ClusterOperations:
    """What can be done with clusters: the vendor's operations.

    Attributes:
        store: Clusters and their events.
        lifecycle: Starts and ends them, and knows what runs of them.
        there_are: Whether there has ever been a cluster.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.store = ClusterStore(workspace.store)
        self.lifecycle = ClusterLifecycle(workspace, self.store)
        self.there_are = self.store.any()

    def get(self, cluster_id: str) -> ClusterRecord:
        """A cluster.

        Raises:
            InvalidParameterValue: There is none of that id.
        """
        return self.store.get(cluster_id)

    def create(
        self,
        body: Mapping[str, Any],
        by: Principal,
        *,
        source: str = "API",
        user: str = "",
        state: str = "PENDING",
        tags: JobTags | None = None,
    ) -> ClusterRecord:
        """Make a cluster and start it; with an idempotency token that was used before, the cluster that it made.

        Raises:
            InvalidParameterValue: Its definition is wrong, or something in it is not supported.
            PermissionDenied: It has no policy, or one that the principal may not use, and needs one.
        """
        given = with_tags(self._given(body), {} if tags is None else tags.custom)
        if source != "JOB":  # asked when the job was made or changed
            require_entitled(by, given)
        token = body.get("idempotency_token") or None
        with self.lifecycle.changed:
            made = None if token is None else self.store.with_token(f"{by.id}:{token}")
            if made is not None:
                return made
            definition = full_definition(self._workspace, given, by, source)
            cluster = ClusterRecord(
                id=_new_id(),
                definition=definition,
                given=given,
                creator_name=by.user_name,
                source=source,
                created_at=now(),
                token=None if token is None else f"{by.id}:{token}",
                tags=None if tags is None else dict(tags.default),
                **{"state": state, **states.starting()},
            )
            self._check_start(cluster)
            created = {"cluster_size": states.size(definition), "attributes": states.attributes(definition)}
            self.store.add(cluster, ("CREATING", {**created, "user": user or by.user_name}))
            self._workspace.identity.permissions.grant(cluster.securable, by.id, "CAN_MANAGE")
            self.there_are = True
            self.lifecycle.begin(cluster)
        return cluster

    def edit(self, cluster: ClusterRecord, body: Mapping[str, Any], by: Principal) -> None:
        """Replace the definition; a cluster that runs is restarted.

        Raises:
            InvalidState: It neither runs nor is terminated.
            InvalidParameterValue: The definition is wrong, or something in it is not supported.
        """
        self._redefine(cluster, self._given(body), by)

    def update(self, cluster: ClusterRecord, body: Mapping[str, Any], by: Principal) -> None:
        """Change the fields that the mask names; a cluster that runs is restarted.

        Raises:
            InvalidState: It neither runs nor is terminated.
            InvalidParameterValue: The mask or the definition is wrong.
        """
        self._redefine(cluster, masked(cluster.given, body), by)

    def start(self, cluster: ClusterRecord, by: str) -> None:
        """Start a cluster.

        Raises:
            InvalidState: It is not terminated.
        """
        with self.lifecycle.changed:
            cluster = self.get(cluster.id)
            states.need(cluster, "TERMINATED", "ERROR")
            _check_not_of_job(cluster)
            self._check_start(cluster)
            self.lifecycle.write(cluster.id, ("STARTING", {"user": by}), **states.starting())
            self.lifecycle.begin(self.get(cluster.id))

    def restart(self, cluster: ClusterRecord, by: str) -> None:
        """Restart a cluster.

        Raises:
            InvalidState: It does not run.
        """
        with self.lifecycle.changed:
            cluster = self.get(cluster.id)
            states.need(cluster, "RUNNING")
            _check_not_of_job(cluster)
            self._check_start(cluster)
            self.lifecycle.restart(cluster, by)

    def resize(self, cluster: ClusterRecord, body: Mapping[str, Any], by: Principal) -> None:
        """Give a cluster another number of workers; here they are a number, the engine uses the whole machine.

        Raises:
            InvalidState: It does not run.
            InvalidParameterValue: Not exactly one of `num_workers` and `autoscale` is there.
        """
        with self.lifecycle.changed:
            cluster = self.get(cluster.id)
            states.need(cluster, "RUNNING", "RESIZING")
            wanted = states.size(given_fields(body))
            given = {**states.attributes(cluster.given), **wanted}
            definition = full_definition(self._workspace, given, by, cluster.source)
            self._check_start(replace(cluster, definition=definition))
            before, after = states.workers(cluster.definition), states.workers(definition)
            sizes = {
                "cluster_size": states.size(definition),
                "previous_cluster_size": states.size(cluster.definition),
                "current_num_workers": before,
                "target_num_workers": after,
                "cause": "USER_REQUEST",
            }
            self.lifecycle.write(cluster.id, ("RESIZING", {**sizes, "user": by.user_name}), state="RESIZING")
            done = {"current_num_workers": after, "target_num_workers": after}
            completed = [("UPSIZE_COMPLETED", done)] if after > before else []
            self.lifecycle.write(cluster.id, *completed, state="RUNNING", definition=definition, given=given)

    def terminate(self, cluster: ClusterRecord, by: str) -> None:
        """End a cluster; does nothing where it has ended, or is about to."""
        self.lifecycle.end(cluster, Reason("USER_REQUEST", "SUCCESS", {"username": by}), user=by)

    def delete(self, cluster: ClusterRecord) -> None:
        """End a cluster and forget it.

        Raises:
            InvalidState: It is pinned.
        """
        if cluster.pinned_at is not None:
            raise InvalidState(f"Cluster {cluster.id} is currently pinned, please unpin the cluster first.")
        self.forget(cluster)

    def forget(self, cluster: ClusterRecord) -> None:
        """End a cluster and remove everything of it."""
        with self.lifecycle.changed:
            running = self.lifecycle.get(cluster.id)
            self.store.delete([cluster.id])
            if running is not None:
                running.stop()
            self.lifecycle.changed.notify_all()
        self._workspace.identity.permissions.forget(cluster.securable)
        hooks.forget(self._workspace, cluster)
        if running is None:
            shutil.rmtree(self._workspace.root / "clusters" / cluster.id, ignore_errors=True)

    def _check_start(self, cluster: ClusterRecord) -> None:
        if self.lifecycle.closing:
            raise TemporarilyUnavailable(f"Cluster {cluster.id} cannot be started: the workspace is stopping.")
        hooks.check_start(self._workspace, cluster)

    def _given(self, body: Mapping[str, Any]) -> Json:
        source = body.get("clone_from")
        if isinstance(source, dict) and isinstance(source.get("source_cluster_id"), str):
            return given_fields({**self.get(source["source_cluster_id"]).given, **body})
        return given_fields(body)

    def _redefine(self, cluster: ClusterRecord, given: Json, by: Principal) -> None:
        with self.lifecycle.changed:
            cluster = self.get(cluster.id)
            states.need(cluster, "RUNNING", "TERMINATED")
            _check_not_of_job(cluster)
            if cluster.definition.get("policy_id"):  # one that nothing limits can be edited by who manages it
                require_entitled(by, given)
            definition = full_definition(self._workspace, given, by, cluster.source)
            edited = {
                "attributes": states.attributes(definition),
                "previous_attributes": states.attributes(cluster.definition),
                "cluster_size": states.size(definition),
                "previous_cluster_size": states.size(cluster.definition),
                "user": by.user_name,
            }
            values = {"definition": definition, "given": given}
            if cluster.state == "RUNNING":
                self._check_start(replace(cluster, definition=definition))
                self.lifecycle.restart(cluster, by.user_name, ("EDITED", edited), **values)
            else:
                self.lifecycle.write(cluster.id, ("EDITED", edited), **values)


def _check_not_of_job(cluster: ClusterRecord) -> None:
    if cluster.source == "JOB":
        raise InvalidParameterValue(f"Cluster {cluster.id} was made for a job run: it cannot be changed or restarted")


def _new_id() -> str:
    return f"{time.strftime('%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
