"""Init scripts: from where, in which order, with what around them, and what becomes of a cluster when one fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psutil
from databricks.sdk import WorkspaceClient

from tests.support import wait_for
from tests.workspace.clusters.cluster_lab import ClusterLab


def script(lab: ClusterLab, name: str, *lines: str) -> dict[str, dict[str, str]]:
    """A script in the workspace tree."""
    return {"workspace": {"destination": lab.lab.put(name, "\n".join(lines))}}


def logs(lab: ClusterLab, cluster_id: str) -> dict[str, str]:
    """What scripts have printed, by the script and its output."""
    directory = lab.workspace.root / "clusters" / cluster_id / "init_scripts"
    return {one.name.split("_", 2)[2]: one.read_text() for one in sorted(directory.iterdir())}


def test_scripts_are_executed_in_order_with_logs_of_their_own(lab: ClusterLab, tmp_path: Path) -> None:
    w = WorkspaceClient(host=lab.workspace.url, token=lab.lab.token)
    w.secrets.create_scope("init")
    w.secrets.put_secret("init", "key", string_value="s3cret-value")
    place = tmp_path / "second.sh"
    place.write_text('echo "second $COLOUR $EXPORTED"; pwd >&2; (sleep 600 &) ; exit 0\n')
    first = script(lab, "first.sh", 'export EXPORTED=yes; echo "$DB_CLUSTER_ID $DB_IS_DRIVER $TOKEN"')
    mine = lab.running(
        init_scripts=[first, {"file": {"destination": f"file:{place}"}}],
        spark_env_vars={"COLOUR": "green", "TOKEN": "{{secrets/init/key}}"},
    )
    assert lab.events(mine) == ["CREATING", "INIT_SCRIPTS_STARTED", "INIT_SCRIPTS_FINISHED", "RUNNING"]
    found = logs(lab, mine)
    assert found["00_first.sh.stdout.log"] == f"{mine} TRUE [REDACTED]\n"
    assert found["01_second.sh.stdout.log"] == "second green \n"
    asleep = [one for one in psutil.process_iter() if _is_of(one, mine)]
    assert len(asleep) == 1  # a service that a script has started goes on
    lab.clusters.terminate(lab.clusters.get(mine), "me")
    lab.wait(mine, "TERMINATED")
    wait_for(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in asleep))


def test_a_script_that_fails_ends_the_cluster(lab: ClusterLab) -> None:
    broken = script(lab, "broken.sh", "echo no such luck >&2", "exit 3")
    mine = lab.create(init_scripts=[broken, script(lab, "never.sh", "echo never")])
    ended = lab.wait(mine, "TERMINATED")
    assert ended.reason is not None and (ended.reason["code"], ended.reason["type"]) == (
        "INIT_SCRIPT_FAILURE",
        "CLIENT_ERROR",
    )
    said = f"Cluster scoped init script {broken['workspace']['destination']} failed: Script exit status is non-zero (3)"
    assert ended.state_message == said
    _, [finished] = lab.clusters.store.events(
        mine, types=["INIT_SCRIPTS_FINISHED"], span=(0, 2**62), newest_first=True, offset=0, limit=1
    )
    first, second = finished.details["init_scripts"]["cluster"]
    assert (first["status"], first["stderr"], second["status"]) == (
        "FAILED_EXECUTION",
        "no such luck\n",
        "NOT_EXECUTED",
    )


def test_a_script_that_is_not_there_or_not_for_the_creator(lab: ClusterLab) -> None:
    mine = lab.create(init_scripts=[{"workspace": {"destination": "/Shared/none.sh"}}])
    assert "Cannot read the script" in lab.wait(mine, "TERMINATED").state_message
    robot, _ = lab.robot()
    private = script(lab, "private.sh", "echo private")
    body = {"spark_version": "16.4.x-scala2.12", "node_type_id": "n", "num_workers": 0, "init_scripts": [private]}
    mine = lab.clusters.create(body, replace(robot, entitlements=frozenset({"allow-cluster-create"}))).id
    ended = lab.wait(mine, "TERMINATED")
    assert "Cannot read the script" in ended.state_message and "permissions" in ended.state_message


def test_a_cluster_whose_script_goes_on_can_be_terminated(lab: ClusterLab) -> None:
    mine = lab.create(init_scripts=[script(lab, "long.sh", "sleep 600")])
    wait_for(lambda: lab.events(mine) == ["CREATING", "INIT_SCRIPTS_STARTED"])
    lab.clusters.terminate(lab.clusters.get(mine), "me")
    ended = lab.wait(mine, "TERMINATED")
    assert ended.reason is not None and ended.reason["code"] == "USER_REQUEST"
    wait_for(lambda: not any(_is_of(one, mine) for one in psutil.process_iter()))


def test_places_that_are_null_are_none(lab: ClusterLab, tmp_path: Path) -> None:
    mine = lab.running(init_scripts=[{"file": None, **script(lab, "nulls.sh", "echo of the tree")}])
    assert logs(lab, mine)["00_nulls.sh.stdout.log"] == "of the tree\n"
    local = tmp_path / "local.sh"
    local.write_text("echo of the machine\n")
    place = {"destination": str(local)}
    mine = lab.running(init_scripts=[{"workspace": None, "file": place}])
    assert logs(lab, mine)["00_local.sh.stdout.log"] == "of the machine\n"
    mine = lab.create(init_scripts=[{"file": None, "workspace": place}])
    assert "Cannot read the script" in lab.wait(mine, "TERMINATED").state_message


def _is_of(process: psutil.Process, cluster_id: str) -> bool:
    try:
        return process.environ().get("DB_CLUSTER_ID") == cluster_id
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False
