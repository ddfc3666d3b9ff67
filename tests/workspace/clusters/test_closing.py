"""What is written of clusters whose workspace stops or cannot write, without processes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from brickyard.workspace.clusters.records import ClusterRecord
from brickyard.workspace.clusters.running_cluster import RunningCluster
from brickyard.workspace.store import Store
from tests.support import wait_for
from tests.workspace.jobs.lab import CLUSTER, Lab


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    made.workspace.close()


def running(scripted: Lab, **more: Any) -> ClusterRecord:
    """A cluster that runs."""
    made = scripted.workspace.clusters.create({**CLUSTER, **more}, scripted.owner)
    wait_for(lambda: scripted.workspace.clusters.get(made.id).state == "RUNNING")
    return scripted.workspace.clusters.get(made.id)


def states(scripted: Lab) -> list[str]:
    """What the database says, by another connection: the oldest cluster first."""
    with Store(scripted.root / "workspace.db").read() as connection:
        return list(connection.exec_driver_sql("SELECT state FROM clusters ORDER BY created_at, id").scalars())


def most(minutes: int) -> str:
    """A policy's limit of the time without use."""
    return json.dumps({"autotermination_minutes": {"type": "range", "maxValue": minutes, "defaultValue": minutes}})


@pytest.fixture
def slow_ends(monkeypatch: pytest.MonkeyPatch) -> list[RunningCluster]:
    """Clusters that go on for a while after they were stopped."""
    stopped: list[RunningCluster] = []
    monkeypatch.setattr(RunningCluster, "stop", lambda running: stopped.append(running))
    monkeypatch.setattr("brickyard.workspace.clusters.lifecycle._CLOSE_SECONDS", 0.01)
    return stopped


def test_a_cluster_that_is_deleted_while_the_workspace_stops_keeps_no_other_from_its_end(
    scripted: Lab, slow_ends: list[RunningCluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted, other = running(scripted), running(scripted)
    files = scripted.root / "clusters" / deleted.id
    files.mkdir(parents=True, exist_ok=True)
    scripted.workspace.clusters.delete(deleted)
    scripted.workspace.clusters.lifecycle.close()
    assert {one.cluster.id for one in slow_ends} == {deleted.id, other.id}
    assert states(scripted) == ["TERMINATED"]
    monkeypatch.undo()
    for one in slow_ends:
        one.stop()
    wait_for(lambda: not files.exists())


def test_a_cluster_that_cannot_be_written_keeps_no_other_from_its_end(
    scripted: Lab, slow_ends: list[RunningCluster]
) -> None:
    mine, _ = running(scripted), running(scripted)
    full(scripted, mine)
    scripted.workspace.clusters.lifecycle.close()
    assert len(slow_ends) == 2
    assert sorted(states(scripted)) == ["RUNNING", "TERMINATED"]


def full(scripted: Lab, cluster: ClusterRecord) -> None:
    """From now on nothing can be written of a cluster."""
    with scripted.workspace.store.write() as connection:
        connection.exec_driver_sql(
            f"CREATE TRIGGER full BEFORE UPDATE ON clusters WHEN OLD.id = '{cluster.id}'"
            " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )


def test_a_cluster_can_be_ended_while_the_disk_is_full(scripted: Lab) -> None:
    cluster, clusters = running(scripted), scripted.workspace.clusters
    full(scripted, cluster)
    clusters.terminate(cluster, "me")
    wait_for(lambda: clusters.get(cluster.id).state == "TERMINATED" and clusters.lifecycle.get(cluster.id) is None)
    assert states(scripted) == ["RUNNING"]
    with scripted.workspace.store.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    wait_for(lambda: states(scripted) == ["TERMINATED"])
    reason = clusters.get(cluster.id).reason
    assert reason is not None and (reason["code"], reason["parameters"]) == ("USER_REQUEST", {"username": "me"})


def test_a_cluster_that_is_started_again_before_its_end_is_written_goes_on(
    scripted: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("brickyard.workspace.clusters.lifecycle._RETRY_SECONDS", 0.05)
    cluster, clusters = running(scripted), scripted.workspace.clusters
    full(scripted, cluster)
    clusters.terminate(cluster, "me")
    wait_for(lambda: "trying again" in caplog.text)
    with clusters.lifecycle.changed:  # before the end is tried again
        with scripted.workspace.store.write() as connection:
            connection.exec_driver_sql("DROP TRIGGER full")
        clusters.start(cluster, "me")
    wait_for(lambda: not any(one.name == f"end-of-{cluster.id}" for one in threading.enumerate()))
    wait_for(lambda: states(scripted) == ["RUNNING"])
    clusters.terminate(cluster, "me")
    wait_for(lambda: clusters.lifecycle.get(cluster.id) is None)
    assert states(scripted) == ["TERMINATED"]


@pytest.mark.parametrize("how", ["close", "recover"])
def test_a_cluster_that_was_ending_as_the_workspace_ended_keeps_its_reason(
    scripted: Lab, slow_ends: list[RunningCluster], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    cluster, clusters = running(scripted), scripted.workspace.clusters
    clusters.terminate(cluster, "me")
    assert states(scripted) == ["TERMINATING"]
    getattr(clusters.lifecycle, how)()
    found = clusters.get(cluster.id)
    assert (found.state, found.state_message) == ("TERMINATED", "Terminated by user")
    assert found.reason and found.reason["code"] == "USER_REQUEST"
    monkeypatch.undo()
    for one in slow_ends:
        one.stop()


def test_what_a_policy_is_to_change_stays_pending_until_it_is_written(scripted: Lab) -> None:
    clusters, policies = scripted.workspace.clusters, scripted.workspace.policies
    policy = policies.create({"name": "p", "definition": most(60)}, scripted.owner)
    cluster = running(scripted, policy_id=policy.id, autotermination_minutes=60)
    policies.edit(policy, {"name": "p", "definition": most(30)})
    policies.pending.schedule(cluster.id, "me")
    full(scripted, cluster)
    with clusters.lifecycle.changed:  # it ends once the disk is full, and is tried again after it is not
        running_one = clusters.lifecycle.get(cluster.id)
        assert running_one is not None
        running_one.stop()
    wait_for(lambda: clusters.get(cluster.id).state == "TERMINATED")
    assert policies.pending.wire(cluster) is not None and states(scripted) == ["RUNNING"]
    with scripted.workspace.store.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    wait_for(lambda: states(scripted) == ["TERMINATED"])
    assert clusters.get(cluster.id).definition["autotermination_minutes"] == 30
    assert policies.pending.wire(cluster) is None


def test_a_restart_goes_on_once_what_a_policy_changes_can_be_written(
    scripted: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("brickyard.workspace.clusters.lifecycle._RETRY_SECONDS", 0.05)
    clusters, policies = scripted.workspace.clusters, scripted.workspace.policies
    policy = policies.create({"name": "p", "definition": most(60)}, scripted.owner)
    cluster = running(scripted, policy_id=policy.id, autotermination_minutes=60)
    policies.edit(policy, {"name": "p", "definition": most(30)})
    policies.pending.schedule(cluster.id, "me")
    with clusters.lifecycle.changed:  # the disk is full once the restart is written, and before its engine has ended
        clusters.restart(cluster, "me")
        full(scripted, cluster)
    wait_for(lambda: "trying again" in caplog.text)
    assert clusters.get(cluster.id).state == "RESTARTING"
    with scripted.workspace.store.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    wait_for(lambda: states(scripted) == ["RUNNING"])
    assert clusters.get(cluster.id).definition["autotermination_minutes"] == 30
