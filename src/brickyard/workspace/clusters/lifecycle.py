"""What runs of clusters: started, restarted and ended, and what is written of it."""

from __future__ import annotations

import logging
import shutil
import threading
from typing import TYPE_CHECKING, Any

from brickyard.workspace.clusters import hooks, states
from brickyard.workspace.clusters.cluster_store import ClusterStore
from brickyard.workspace.clusters.records import LIVE, ClusterRecord, Json, Reason
from brickyard.workspace.clusters.running_cluster import RunningCluster

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["ClusterLifecycle"]

_STOPPED = "The local workspace stopped while the cluster was running."
_CLOSE_SECONDS = 10.0
_RETRY_SECONDS = 1.0
_log = logging.getLogger(__name__)


class ClusterLifecycle:
    """Starts, restarts and ends clusters, and writes what becomes of them.

    Attributes:
        changed: Notified whenever the state of a cluster has changed; its lock is held while one changes.
        store: Clusters and their events.
    """

    def __init__(self, workspace: Workspace, store: ClusterStore) -> None:
        self._workspace = workspace
        self.store = store
        self.changed = threading.Condition(threading.RLock())
        self._running: dict[str, RunningCluster] = {}
        self._leaving: set[RunningCluster] = set()
        self._unwritten: dict[str, ClusterRecord] = {}  # have ended, which could not be written yet
        self._closing = False

    def get(self, cluster_id: str) -> RunningCluster | None:
        """What runs of a cluster."""
        return self._running.get(cluster_id)

    def all(self) -> list[RunningCluster]:
        """What runs of any cluster."""
        return list(self._running.values())

    @property
    def closing(self) -> bool:
        """Whether nothing starts any more, as the workspace stops."""
        return self._closing

    def begin(self, cluster: ClusterRecord) -> None:
        """Start the engine of a cluster, whose state says so already."""
        self._unwritten.pop(cluster.id, None)  # nothing is to be said of its last end any more
        running = self._running[cluster.id] = RunningCluster(self._workspace, cluster, self)
        running.begin()

    def end(self, cluster: ClusterRecord, reason: Reason, **user: str) -> None:
        """End a cluster that is not ending yet; returns at once."""
        with self.changed:
            cluster = self.store.get(cluster.id)
            running = self._running.get(cluster.id)
            if cluster.state not in LIVE or (running is not None and cluster.state == "TERMINATING"):
                return
            try:
                self.write(
                    cluster.id, ("TERMINATING", {**states.failing(reason), **user}), **states.terminating(reason)
                )
            except Exception:
                if running is None:
                    raise
                _log.exception("that cluster %s ends could not be written", cluster.id)  # a full disk, say: it ends
                self.store.hold(cluster.id, **states.terminating(reason))
            if running is None:
                self.write(cluster.id, **states.terminated(), **hooks.policy_changes(self._workspace, cluster))
            else:
                running.stop()

    def restart(self, cluster: ClusterRecord, by: str, *events: tuple[str, Json], **values: Any) -> None:
        """End what runs of a cluster, and start it again, with another definition where `values` has one."""
        with self.changed:
            self.write(cluster.id, *events, ("RESTARTING", {"user": by}), **values, **states.starting("RESTARTING"))
            running = self._running.get(cluster.id)
            if running is None:
                self.begin(self.store.get(cluster.id))
            else:
                running.stop()

    def write(self, cluster_id: str, *events: tuple[str, Json], **values: Any) -> None:
        """Change a cluster, and tell those who wait."""
        with self.changed:
            self.store.change(cluster_id, *events, **values)
            self.changed.notify_all()

    def ready(self, running: RunningCluster) -> None:
        """See `RunningCluster`."""
        with self.changed:
            if self._running.get(running.cluster.id) is running and not self._closing:
                count = states.workers(running.cluster.definition)
                happened = {"current_num_workers": count, "target_num_workers": count}
                self.write(running.cluster.id, ("RUNNING", happened), **states.running())

    def happened(self, running: RunningCluster, kind: str, details: Json) -> None:
        """See `RunningCluster`."""
        with self.changed:
            if not self._closing:
                self.store.change(running.cluster.id, (kind, details))

    def over(self, running: RunningCluster, reason: Reason | None) -> None:
        """See `RunningCluster`."""
        with self.changed:
            del self._running[running.cluster.id]
            self._leaving.add(running)
            claims = list(running.claims)  # there are no more from now on
            try:
                if not self._closing or self.store.find(running.cluster.id) is None:
                    self._after(running.cluster, reason)
            except Exception:  # a full disk, say: those who use it or wait for it must hear of its end all the same
                _log.exception("the end of cluster %s could not be written", running.cluster.id)
                self._write_later(running.cluster, reason)
        for claim in claims:
            claim.lost("The cluster was terminated." if reason is None else reason.message)
        with self.changed:
            self._leaving.discard(running)
            self.changed.notify_all()
        self.rest()

    def rest(self) -> None:
        """See `RunningCluster`: where no cluster runs, the process that starts engines is not needed."""
        if not self._closing and not self._running:
            self._workspace.compute.rest()

    def _write_later(self, begun: ClusterRecord, reason: Reason | None) -> None:
        """Say that a cluster has ended, and write so when that works."""
        if not self._restarts(begun.id, reason):
            self.store.hold(begun.id, **states.terminated(reason))
        self._unwritten[begun.id] = begun

        def over() -> bool:
            return self._closing or self._unwritten.get(begun.id) is not begun  # else it was not started meanwhile

        def again() -> None:
            with self.changed:
                while not self.changed.wait_for(over, _RETRY_SECONDS):
                    try:
                        self._after(begun, reason)
                        self._unwritten.pop(begun.id, None)
                    except Exception as error:
                        _log.warning("the end of cluster %s could not be written, trying again: %s", begun.id, error)

        threading.Thread(target=again, name=f"end-of-{begun.id}", daemon=True).start()

    def _restarts(self, cluster_id: str, reason: Reason | None) -> bool:
        cluster = self.store.find(cluster_id)
        return reason is None and cluster is not None and cluster.state == "RESTARTING"

    def _after(self, begun: ClusterRecord, reason: Reason | None) -> None:
        cluster_id = begun.id
        cluster = self.store.find(cluster_id)
        if cluster is None:  # it was deleted for good, and has written until now
            hooks.forget(self._workspace, begun)
            shutil.rmtree(self._workspace.root / "clusters" / cluster_id, ignore_errors=True)
            return
        by_policy = hooks.policy_changes(self._workspace, cluster)
        if self._restarts(cluster_id, reason):
            if by_policy:
                self.write(cluster_id, **by_policy)
            self.begin(self.store.get(cluster_id))
        elif reason is None or cluster.state == "TERMINATING":
            self.write(cluster_id, **states.terminated(), **by_policy)
        else:
            lost: list[tuple[str, Json]] = (
                [("DRIVER_UNAVAILABLE", {})] if reason.code == "DRIVER_UNEXPECTED_FAILURE" else []
            )
            ending = ("TERMINATING", states.failing(reason))
            self.write(cluster_id, *lost, ending, **states.terminated(reason), **by_policy)

    def recover(self) -> None:
        """Say of the clusters that ran when an earlier life of the workspace ended that they do not any more."""
        for cluster in self.store.live():
            for scratch in (self._workspace.root / "clusters" / cluster.id).glob("engine-*"):  # logs of scripts stay
                shutil.rmtree(scratch, ignore_errors=True)
            self._terminate(cluster)

    def close(self) -> None:
        """End all clusters with the workspace."""
        with self.changed:
            self._closing = True
            for running in self.all():
                self._close(running)
            self.changed.wait_for(lambda: not self._running and not self._leaving, _CLOSE_SECONDS)

    def _close(self, running: RunningCluster) -> None:
        """End a cluster with the workspace; the others end as well where this one cannot be written."""
        try:
            cluster = self.store.find(running.cluster.id)
            if cluster is not None:  # else it was deleted for good, and is about to end
                self._terminate(cluster)
        except Exception:  # the next start says so
            _log.exception("the end of cluster %s could not be written", running.cluster.id)
        running.stop()

    def _terminate(self, cluster: ClusterRecord) -> None:
        by_policy = hooks.policy_changes(self._workspace, cluster)
        if cluster.state == "TERMINATING":  # for a reason of its own
            self.write(cluster.id, **states.terminated(), **by_policy)
            return
        reason = Reason.fault("CLOUD_PROVIDER_SHUTDOWN", _STOPPED, "CLOUD_FAILURE")
        self.write(cluster.id, ("TERMINATING", states.failing(reason)), **states.terminated(reason), **by_policy)
