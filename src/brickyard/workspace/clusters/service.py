"""The cluster service of a workspace."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import ApiError, InvalidParameterValue, InvalidState
from brickyard.workspace.clock import now
from brickyard.workspace.clusters.claims import Claim, ClusterUnavailable
from brickyard.workspace.clusters.operations import ClusterOperations
from brickyard.workspace.clusters.records import LIVE, ClusterRecord, JobTags, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brickyard.workspace.clusters.running_cluster import RunningCluster
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.identity.permissions import Securable
    from brickyard.workspace.workspace import Workspace

__all__ = ["Clusters", "build"]

_LOOK_SECONDS, _STOP_SECONDS = 15.0, 0.2
_MOST_PINNED, _KEPT_OF_JOBS = 100, 30
_log = logging.getLogger(__name__)


class Clusters(ClusterOperations):
    """Clusters: kept in the database, each a live engine while it runs.

    Others use a cluster through `claim`, and job runs make theirs with `create_job_cluster` and end them with
    `end_job_cluster`. Where policies, pools, libraries and global init scripts come in, `hooks` says.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._never = threading.Event()
        self._watch: threading.Thread | None = None

    def recover(self) -> None:
        """Say what became of the clusters that ran when the workspace ended, and look after idle ones from now on."""
        self.lifecycle.recover()
        self._watch = threading.Thread(target=self._look, name="idle-clusters", daemon=True)
        self._watch.start()

    def close(self) -> None:
        """End all clusters."""
        self._never.set()
        self.lifecycle.close()

    def securable(self, cluster_id: str) -> Securable:
        """What permissions are granted on.

        Raises:
            InvalidParameterValue: There is no such cluster.
        """
        return self.get(cluster_id).securable

    def claim(
        self,
        cluster_id: str,
        principal: Principal,
        *,
        stop: threading.Event | None = None,
        timeout: float = 1200.0,
    ) -> Claim:
        """Use a cluster: waits until it runs, and starts it where it is terminated, as job runs of the service do.

        Args:
            cluster_id: The cluster.
            principal: Who uses it: needs CAN_ATTACH_TO, and CAN_RESTART where it has to be started.
            stop: Ends the waiting when it is set.
            timeout: How many seconds to wait at most.

        Raises:
            ClusterUnavailable: There is none, it cannot be started, or the waiting was stopped.
            PermissionDenied: The principal lacks a permission.
        """
        moment = now() + timeout * 1000
        started = False
        with self.lifecycle.changed:
            while True:
                if self.lifecycle.closing:
                    raise ClusterUnavailable(f"Cluster {cluster_id} cannot be used: the workspace is stopping.")
                cluster = self._usable(cluster_id, principal)
                running = self.lifecycle.get(cluster_id)
                if running is not None and cluster.state in ("RUNNING", "RESIZING"):
                    return self._claimed(running)
                if cluster.state not in LIVE:
                    if started or cluster.source == "JOB":
                        raise ClusterUnavailable(_ended(cluster))
                    self._workspace.identity.permissions.require(principal, cluster.securable, "CAN_RESTART")
                    self.start(cluster, principal.user_name)
                started = True
                if now() > moment or (stop is not None and stop.is_set()):
                    raise ClusterUnavailable(f"Cluster {cluster_id} was not waited for until it ran.")
                self.lifecycle.changed.wait(1.0 if stop is None else _STOP_SECONDS)

    def connected(self, headers: Mapping[str, str], lost: str) -> str | None:
        """Where the engine listens that a client from outside means; starts its cluster where it is terminated.

        Args:
            headers: Of the client's first call; `x-databricks-cluster-id` names the cluster, as in Databricks Connect.
            lost: Where it was found not to listen any more.

        Returns:
            The path of a socket; none where no cluster of this workspace is named.

        Raises:
            EngineUnavailable: It does not start, or is not for this client.
        """
        from brickyard.workspace.tunnel import EngineUnavailable

        cluster_id = headers.get("x-databricks-cluster-id", "")
        if not cluster_id or self.store.find(cluster_id) is None:
            return None
        token = headers.get("x-brickyard-token")
        authorization = f"Bearer {token}" if token else headers.get("authorization")
        try:
            with self.claim(cluster_id, self._workspace.identity.authenticate(authorization)):
                running = self.lifecycle.get(cluster_id)
                engine = None if running is None else running.engine
        except (ClusterUnavailable, ApiError) as error:
            raise EngineUnavailable(str(error)) from error
        if engine is None or engine.socket == lost:
            raise EngineUnavailable(f"the engine of cluster {cluster_id} has ended")
        return engine.socket

    def create_job_cluster(
        self, definition: Mapping[str, Any], principal: Principal, *, name: str, tags: JobTags
    ) -> ClusterRecord:
        """Make the cluster of a job run, and start it; `claim` waits for it, `end_job_cluster` ends it.

        Args:
            definition: The vendor's `ClusterSpec`, as the job has it.
            principal: Who the run runs as.
            name: What it is called.
            tags: Those of the job and its run.

        Raises:
            InvalidParameterValue: The definition is wrong, or something in it is not supported.
        """
        return self.create({**definition, "cluster_name": name}, principal, source="JOB", tags=tags)

    def end_job_cluster(self, cluster_id: str) -> None:
        """End the cluster of a job run that has ended; only the last ones are remembered, as on the service."""
        cluster = self.store.find(cluster_id)
        if cluster is not None:
            self.lifecycle.end(cluster, Reason("JOB_FINISHED", "SUCCESS", {}))
        ended = [one for one in self.store.all() if one.source == "JOB" and one.state not in LIVE]
        for one in ended[_KEPT_OF_JOBS:]:
            self.forget(one)

    def add_search_path(self, cluster_id: str, directory: str) -> None:
        """Let what begins on a running cluster, and its sessions, import from one more directory; else nothing."""
        running = self.lifecycle.get(cluster_id)
        if running is not None and directory not in running.search_path:
            running.search_path.insert(0, directory)
            if running.engine is not None:
                running.engine.add_import(directory)

    def pin(self, cluster: ClusterRecord, by: str) -> None:
        """Keep a cluster in lists however long it has been terminated."""
        if cluster.pinned_at is None:
            if sum(one.pinned_at is not None for one in self.store.all()) >= _MOST_PINNED:
                raise InvalidParameterValue(f"At most {_MOST_PINNED} clusters can be pinned.")
            self.store.change(cluster.id, ("PINNED", {"user": by}), pinned_at=now())

    def unpin(self, cluster: ClusterRecord, by: str) -> None:
        """Keep it no longer than others."""
        if cluster.pinned_at is not None:
            self.store.change(cluster.id, ("UNPINNED", {"user": by}), pinned_at=None)

    def change_owner(self, cluster: ClusterRecord, owner: Principal) -> None:
        """Give a terminated cluster to somebody else, with whose rights it reads secrets and scripts.

        Raises:
            InvalidState: It is not terminated.
        """
        if cluster.state != "TERMINATED":
            raise InvalidState(f"Cluster {cluster.id} must be terminated before its owner can be changed.")
        self.store.change(cluster.id, creator_name=owner.user_name)
        self._workspace.identity.permissions.grant(cluster.securable, owner.id, "CAN_MANAGE")

    def end_idle(self) -> None:
        """End the clusters on which nothing has been done for as long as they say."""
        for running in self.lifecycle.all():
            cluster = self.store.find(running.cluster.id)
            minutes = 0 if cluster is None or cluster.state != "RUNNING" else cluster.autotermination_minutes
            if cluster is not None and minutes and running.idle_seconds() >= minutes * 60:
                _log.info("cluster %s ends after %s minutes without activity", cluster.id, minutes)
                self.lifecycle.end(cluster, Reason("INACTIVITY", "SUCCESS", {"inactivity_duration_min": str(minutes)}))

    def _usable(self, cluster_id: str, principal: Principal) -> ClusterRecord:
        cluster = self.store.find(cluster_id)
        if cluster is None:
            raise ClusterUnavailable(f"Cluster {cluster_id} does not exist.")
        self._workspace.identity.permissions.require(principal, cluster.securable, "CAN_ATTACH_TO")
        return cluster

    @staticmethod
    def _claimed(running: RunningCluster) -> Claim:
        claim = Claim(running)
        running.claims.add(claim)
        running.used()
        return claim

    def _look(self) -> None:
        while not self._never.wait(_LOOK_SECONDS):
            try:
                self.end_idle()
            except Exception:  # the next look may succeed, and the others have to end as well
                _log.exception("idle clusters could not be ended")


def _ended(cluster: ClusterRecord) -> str:
    code = (cluster.reason or {}).get("code", "")
    return f"Cluster {cluster.id} was terminated during its start or use. Reason: {code}. {cluster.state_message}"


def build(workspace: Workspace) -> Clusters:
    """The cluster service of a workspace."""
    return Clusters(workspace)
