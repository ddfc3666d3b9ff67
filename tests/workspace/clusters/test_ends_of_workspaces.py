"""What becomes of clusters when their workspace ends, and when it ends without a word."""

from __future__ import annotations

from pathlib import Path

from tests.workspace.clusters.cluster_lab import ClusterLab
from tests.workspace.compute.compute_support import Lab

STOPPED = "The local workspace stopped while the cluster was running."


def test_clusters_that_ran_are_terminated_with_a_reason(tmp_path: Path) -> None:
    first = ClusterLab(Lab(tmp_path / "lab"))
    closed, ended = first.running(), first.create()
    first.clusters.terminate(first.clusters.get(ended), "me")
    first.wait(ended, "TERMINATED")
    crashed = first.create()
    first.__exit__()
    again = ClusterLab(Lab(tmp_path / "lab"))
    again.clusters.store.change(crashed, state="RUNNING", state_message="", reason=None)  # as after kill -9
    log, scratch = (again.workspace.root / "clusters" / crashed / name for name in ("init_scripts", "engine-1"))
    for one in (log, scratch):
        one.mkdir(parents=True, exist_ok=True)
    again.clusters.recover()
    assert log.exists() and not scratch.exists()
    for cluster_id in (closed, crashed):
        found = again.clusters.get(cluster_id)
        assert (found.state, found.state_message) == ("TERMINATED", STOPPED)
        assert found.reason is not None and found.reason["code"] == "CLOUD_PROVIDER_SHUTDOWN"
        assert found.terminated_at is not None and again.events(cluster_id)[-1] == "TERMINATING"
    reason = again.clusters.get(ended).reason
    assert reason is not None and reason["code"] == "USER_REQUEST"
    again.clusters.start(again.clusters.get(closed), "me")
    again.wait(closed, "RUNNING")
    again.__exit__()
