"""What goes wrong around the end of a cluster: its users hear of it, others go on, and nothing of it is left."""

from __future__ import annotations

import base64
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest

from brickyard.workspace.api.errors import ApiError, ResourceExhausted, TemporarilyUnavailable
from brickyard.workspace.clusters import engine as engines
from brickyard.workspace.clusters import hooks
from brickyard.workspace.clusters.claims import ClusterUnavailable
from tests.support import wait_for
from tests.workspace.clusters.cluster_lab import SIZE, ClusterLab


def test_a_claim_that_fails_and_a_busy_service_do_not_keep_others_from_their_ends(lab: ClusterLab) -> None:
    mine, other = lab.running(), lab.running()
    heard: list[str] = []

    def fail(reason: str) -> None:
        raise RuntimeError(reason)

    for callback in (fail, heard.append):
        lab.clusters.claim(mine, lab.owner).when_lost(callback)
    with lab.clusters.lifecycle.changed:  # the thread that hears of all tasks does not wait for it
        psutil.Process(lab.pid(mine)).kill()
        running = lab.clusters.lifecycle.get(other)
        assert running is not None and running.engine is not None
        psutil.Process(lab.pid(other)).kill()
        engine = running.engine
        wait_for(lambda: not Path(engine.socket).parent.exists())
    assert lab.wait(mine, "TERMINATED").state_message.startswith("The Spark engine ")
    lab.wait(other, "TERMINATED")
    wait_for(lambda: len(heard) == 1)


def test_a_cluster_whose_end_cannot_be_written_has_ended_for_all_who_wait(
    lab: ClusterLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    full, mine = threading.Event(), lab.running()
    monkeypatch.setattr(hooks, "installed", lambda *given: [] if full.wait(30) else None)
    starting = lab.create()
    lab.clusters.claim(mine, lab.owner).when_lost(heard.append)
    with lab.workspace.store.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE ON clusters BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    full.set()
    psutil.Process(lab.pid(mine)).kill()
    with pytest.raises(ClusterUnavailable, match="database or disk is full"):  # it cannot be said that it runs
        lab.clusters.claim(starting, lab.owner)
    lab.wait(mine, "TERMINATED")
    wait_for(lambda: len(heard) == 1)
    assert {written(lab, one) for one in (mine, starting)} == {"RUNNING", "PENDING"}
    with lab.clusters.lifecycle.changed:  # before it is tried again
        with lab.workspace.store.write() as connection:
            connection.exec_driver_sql("DROP TRIGGER full")
        lab.clusters.pin(lab.clusters.get(starting), lab.owner.user_name)
        assert lab.clusters.get(starting).state == "TERMINATED"
    wait_for(lambda: {written(lab, one) for one in (mine, starting)} == {"TERMINATED"})
    assert lab.events(mine)[-2:] == ["DRIVER_UNAVAILABLE", "TERMINATING"]


def written(lab: ClusterLab, cluster_id: str) -> str:
    """The state of a cluster that is in the database."""
    with lab.workspace.store.read() as connection:
        found = connection.exec_driver_sql("SELECT state FROM clusters WHERE id = ?", (cluster_id,))
        return str(found.scalar_one())


def test_an_engine_that_does_not_answer_in_time_is_ended(lab: ClusterLab, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[engines.ClusterEngine] = []
    start = engines.ClusterEngine.wait

    def late(engine: engines.ClusterEngine) -> None:
        start(engine)
        made.append(engine)
        raise engines.EngineFailed("it did not answer within 120 seconds")

    monkeypatch.setattr(engines.ClusterEngine, "wait", late)
    mine = lab.create()
    assert "did not answer" in lab.wait(mine, "TERMINATED").state_message
    wait_for(lambda: not psutil.pid_exists(made[0].pid))


def test_nothing_starts_while_the_workspace_stops(lab: ClusterLab, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = lab.running()
    monkeypatch.setattr(lab.clusters.lifecycle, "_closing", True)
    with pytest.raises(ClusterUnavailable, match="stopping"):
        lab.clusters.claim(mine, lab.owner)
    with pytest.raises(TemporarilyUnavailable, match="stopping"):
        lab.create()


def test_a_running_cluster_does_not_outgrow_its_pool(lab: ClusterLab) -> None:
    w = WorkspaceClient(host=lab.workspace.url, token=lab.lab.token)
    pool = w.instance_pools.create(instance_pool_name="small", node_type_id="Standard_DS3_v2", max_capacity=2)
    size = {"spark_version": SIZE["spark_version"], "cluster_name": "pooled", "instance_pool_id": pool.instance_pool_id}
    mine = lab.clusters.create({**size, "num_workers": 0}, lab.owner)
    lab.wait(mine.id, "RUNNING")
    lab.clusters.resize(mine, {"num_workers": 1}, lab.owner)
    with pytest.raises(ResourceExhausted, match="max_capacity of 2"):
        lab.clusters.resize(mine, {"num_workers": 2}, lab.owner)
    with pytest.raises(ResourceExhausted, match="max_capacity of 2"):
        lab.clusters.edit(mine, {**size, "num_workers": 5}, lab.owner)
    assert lab.clusters.get(mine.id).definition["num_workers"] == 1
    w.instance_pools.delete(pool.instance_pool_id)
    with pytest.raises(ApiError, match="pool"):
        lab.clusters.restart(mine, "me")


def test_a_cluster_that_installs_libraries_can_be_deleted_with_all_its_files(
    lab: ClusterLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def install(*given: Any) -> list[str]:
        begun.set()
        go_on.wait(60)
        return []

    monkeypatch.setattr(hooks, "installed", install)
    mine = lab.create(init_scripts=[{"workspace": {"destination": lab.lab.put("made.sh", "echo made")}}])
    assert begun.wait(30)
    files = lab.workspace.root / "clusters" / mine
    assert any(files.rglob("*.log"))
    lab.clusters.delete(lab.clusters.get(mine))
    wait_for(lambda: not files.exists())
    assert lab.clusters.lifecycle.get(mine) is None and not go_on.is_set()
    go_on.set()


def test_an_installer_ends_with_its_cluster(lab: ClusterLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "slow"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
        "[project]\nname = 'slow-to-build'\nversion = '1'\n"
    )
    (project / "backend.py").write_text(
        f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    cluster = lab.clusters.get(lab.running())
    wanted = [{"pypi": {"package": f"slow-to-build @ {project.as_uri()}"}}]
    lab.workspace.libraries.install(cluster, wanted, lab.owner)
    build = psutil.Process(int(wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())))
    installers = build.parents()[:1]
    assert "uv" in installers[0].name()
    lab.clusters.terminate(cluster, "me")
    lab.wait(cluster.id, "TERMINATED")
    assert not psutil.wait_procs([build, *installers], timeout=10)[1]


def test_names_of_global_scripts_are_short_enough_for_files(lab: ClusterLab) -> None:
    w = WorkspaceClient(host=lab.workspace.url, token=lab.lab.token)
    text = base64.b64encode(b"echo hello").decode()
    with pytest.raises(BadRequest, match="control characters"):
        w.global_init_scripts.create(name="a\0b", script=text)
    with pytest.raises(BadRequest, match="position"):
        w.api_client.do(
            "POST", "/api/2.0/global-init-scripts", body={"name": "n", "script": text, "position": "9" * 5000}
        )
    made = w.global_init_scripts.create(name="\u5b57" * 100, script=text, enabled=True).script_id or ""
    try:
        mine = lab.create()
        wait_for(lambda: lab.clusters.get(mine).state in ("RUNNING", "TERMINATED"))
        assert lab.clusters.get(mine).state == "RUNNING"
    finally:
        w.global_init_scripts.delete(made)
