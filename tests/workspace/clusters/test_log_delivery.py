"""The logs of a real cluster in a volume: scripts and contexts, without secrets, and also of a context that is gone."""

from __future__ import annotations

from dataclasses import replace

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import VolumeType

from tests.support import wait_for
from tests.workspace.clusters.cluster_lab import SIZE, ClusterLab
from tests.workspace.clusters.test_contexts import made
from tests.workspace.clusters.test_init_scripts import script

SECRET = "correct-horse-battery"


def test_a_cluster_s_logs_are_in_the_volume(lab: ClusterLab) -> None:
    w = WorkspaceClient(host=lab.workspace.url, token=lab.lab.token)
    w.volumes.create("main", "default", "logs", VolumeType.MANAGED)
    w.secrets.create_scope("delivery")
    w.secrets.put_secret("delivery", "key", string_value=SECRET)
    destination = "/Volumes/main/default/logs/clusters"
    mine = lab.running(
        cluster_log_conf={"volumes": {"destination": destination}},
        spark_env_vars={"TOKEN": "{{secrets/delivery/key}}"},
        init_scripts=[script(lab, "hello.sh", "echo hello $TOKEN", "echo warned >&2")],
    )
    commands = lab.workspace.commands
    context = made(commands, lab, mine)
    code = "import os, sys; print('printed', os.environ['TOKEN']); print('warned', file=sys.stderr); "
    code += "assert spark.conf.get('spark.databricks.clusterUsageTags.clusterLogDeliveryEnabled') == 'true'"
    command = commands.execute(context, code, "python")
    wait_for(lambda: command.state == "Finished")
    commands.destroy(context)
    wait_for(lambda: b"printed [REDACTED]" in read(w, f"{destination}/{mine}/driver/stdout"))
    lab.clusters.terminate(lab.clusters.get(mine), "me")
    lab.wait(mine, "TERMINATED")
    assert b"warned" in read(w, f"{destination}/{mine}/driver/stdout")
    happened = read(w, f"{destination}/{mine}/driver/log4j-active.log").decode()
    assert "hello.sh: SUCCEEDED" in happened and f"context {context.id}" in happened
    scripts = f"{destination}/{mine}/init_scripts/{mine}_127_0_0_1"
    found = {
        (one.path or "").split("_")[-1]: read(w, one.path or "") for one in w.files.list_directory_contents(scripts)
    }
    assert found == {"hello.sh.stdout.log": b"hello [REDACTED]\n", "hello.sh.stderr.log": b"warned\n"}
    assert w.clusters.get(mine).cluster_log_status.last_exception is None


def test_logs_go_only_where_the_cluster_s_creator_may_write(lab: ClusterLab) -> None:
    robot, _ = lab.robot()
    WorkspaceClient(host=lab.workspace.url, token=lab.lab.token).volumes.create(
        "main", "default", "private", VolumeType.MANAGED
    )
    body = {**SIZE, "cluster_log_conf": {"volumes": {"destination": "/Volumes/main/default/private"}}}
    mine = lab.clusters.create(body, replace(robot, entitlements=frozenset({"allow-cluster-create"}))).id
    lab.wait(mine, "RUNNING")
    lab.clusters.terminate(lab.clusters.get(mine), "me")
    status = lab.wait(mine, "TERMINATED").log_status
    assert status is not None and "does not have WRITE VOLUME" in status["last_exception"]
    assert not lab.workspace.files.local_path(f"/Volumes/main/default/private/{mine}").exists()


def read(w: WorkspaceClient, path: str) -> bytes:
    """A file, empty where it is not there."""
    from databricks.sdk.errors import NotFound

    try:
        contents = w.files.download(path).contents
    except NotFound:
        return b""
    return contents.read() if contents else b""
