"""A running cluster is a live engine: with its properties and variables, for everybody who may attach to it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from pyspark.errors import PySparkException

from brickyard.workspace.api.errors import PermissionDenied
from brickyard.workspace.clusters import ClusterUnavailable
from brickyard.workspace.clusters.records import JobTags
from tests.support import wait_for
from tests.workspace.clusters.cluster_lab import ClusterLab

CONF = {"spark.sql.session.timeZone": "Asia/Tokyo", "spark.master": "local[*]", "spark.x": "y"}


def test_clients_from_outside_reach_the_engine_of_the_cluster_that_they_name(lab: ClusterLab) -> None:
    mine = lab.running(spark_conf=CONF, spark_env_vars={"COLOUR": "green"}, custom_tags={"team": "ml"})
    spark, other = lab.session(mine), lab.session("no-cluster")
    assert spark.sql("SELECT current_timezone()").collect()[0][0] == "Asia/Tokyo"
    assert other.sql("SELECT current_timezone()").collect()[0][0] != "Asia/Tokyo"
    assert (spark.conf.get("spark.x"), spark.conf.get("spark.databricks.clusterUsageTags.clusterId")) == ("y", mine)
    tags = json.loads(spark.conf.get("spark.databricks.clusterUsageTags.clusterAllTags") or "")
    assert {"key": "team", "value": "ml"} in tags and {"key": "ClusterId", "value": mine} in tags
    with pytest.raises(PySparkException, match="SQL_CONF_NOT_FOUND"):
        other.conf.get("spark.x")
    from pyspark.sql.functions import udf

    colour = udf(lambda _: os.environ.get("COLOUR"))
    assert spark.range(1).select(colour("id")).collect()[0][0] == "green"
    assert spark.sql("SELECT current_user()").collect()[0][0] == lab.owner.user_name


def test_a_client_starts_a_terminated_cluster_and_needs_permissions(lab: ClusterLab) -> None:
    mine = lab.running()
    robot, token = lab.robot()
    with pytest.raises(PySparkException, match="does not have Attach To permissions"):
        lab.session(mine, token).range(1).collect()
    permissions, securable = lab.workspace.identity.permissions, lab.clusters.securable(mine)
    permissions.grant(securable, robot.id, "CAN_ATTACH_TO")
    spark = lab.session(mine, token)
    assert spark.sql("SELECT current_user()").collect()[0][0] == robot.user_name
    lab.clusters.terminate(lab.clusters.get(mine), "somebody")
    lab.wait(mine, "TERMINATED")
    with pytest.raises(PySparkException, match="does not have Restart permissions"):
        lab.session(mine, token).range(1).collect()
    permissions.grant(securable, robot.id, "CAN_RESTART")
    again = lab.session(mine, token)
    assert again.range(3).count() == 3 and lab.clusters.get(mine).state == "RUNNING"


def test_a_connection_that_goes_to_another_cluster_is_refused(lab: ClusterLab) -> None:
    """Without credentials of its own, a channel of gRPC uses the connection of another one to the same address."""
    from pyspark.sql.connect.session import SparkSession

    place = f"sc://127.0.0.1:{lab.lab.listener.getsockname()[1]}/;x-brickyard-token={lab.lab.token}"
    first, second = lab.running(), lab.running()
    spark = SparkSession.builder.remote(f"{place};x-databricks-cluster-id={first}").create()
    assert spark.conf.get("spark.databricks.clusterUsageTags.clusterId") == first
    other = SparkSession.builder.remote(f"{place};x-databricks-cluster-id={second}").create()
    with pytest.raises(PySparkException, match=f"goes to the cluster {first}, and the session is for {second}"):
        other.range(1).collect()
    spark.stop()


def test_the_whole_tree_ends_with_the_cluster(lab: ClusterLab) -> None:
    mine = lab.running()
    spark = lab.session(mine)
    spark.range(3).count()
    engine = psutil.Process(lab.pid(mine))
    before = {one.pid for one in psutil.Process(engine.ppid()).children()}
    lab.clusters.terminate(lab.clusters.get(mine), "me@localhost")
    ended = lab.wait(mine, "TERMINATED")
    assert ended.reason == {"code": "USER_REQUEST", "type": "SUCCESS", "parameters": {"username": "me@localhost"}}
    fork_server = psutil.Process(lab.workspace.compute._fork_server().pid)
    wait_for(lambda: len(before - {one.pid for one in fork_server.children(recursive=True)}) >= 2)
    assert not engine.is_running()  # the gateway, and the Sail of the session


def test_an_engine_that_is_killed_is_no_running_cluster(lab: ClusterLab) -> None:
    mine = lab.running()
    lost: list[str] = []
    lab.clusters.claim(mine, lab.owner).when_lost(lost.append)
    os.kill(lab.pid(mine), signal.SIGKILL)
    ended = lab.wait(mine, "TERMINATED")
    assert ended.reason is not None and ended.reason["code"] == "DRIVER_UNEXPECTED_FAILURE"
    assert ended.state_message == "The Spark engine was ended by SIGKILL, perhaps because memory ran out."
    assert lost == [ended.state_message]
    assert lab.events(mine)[-2:] == ["DRIVER_UNAVAILABLE", "TERMINATING"]
    assert lab.session(mine).range(2).count() == 2  # it can be started again


def test_a_claim_gives_the_engine_and_keeps_the_cluster(lab: ClusterLab) -> None:
    mine = lab.running(spark_env_vars={"A": "b"}, spark_conf={"spark.x": "y"}, autotermination_minutes=10)
    lab.clusters.terminate(lab.clusters.get(mine), "somebody")
    lab.wait(mine, "TERMINATED")
    with lab.clusters.claim(mine, lab.owner) as claim:
        assert (claim.environment["A"], dict(claim.spark_conf)) == ("b", {"spark.x": "y"})
        from pyspark.sql.connect.session import SparkSession

        spark = SparkSession.builder.remote(claim.remote(lab.lab.token, lab.owner.user_name)).create()
        assert spark.conf.get("spark.x") == "y" and spark.range(4).count() == 4
        spark.stop()
        _rest(lab, mine)
        assert lab.clusters.get(mine).state == "RUNNING"  # as it is claimed
    assert lab.clusters.get(mine).state == "RUNNING"  # its minutes begin again
    _rest(lab, mine)
    ended = lab.wait(mine, "TERMINATED")
    parameters = {"inactivity_duration_min": "10"}
    assert ended.reason == {"code": "INACTIVITY", "type": "SUCCESS", "parameters": parameters}


def _rest(lab: ClusterLab, cluster_id: str) -> None:
    """Let ten minutes pass without activity."""
    running = lab.clusters.lifecycle.get(cluster_id)
    assert running is not None
    running.used_at -= 601
    lab.clusters.end_idle()


def test_what_is_installed_while_a_cluster_runs_is_there_for_its_sessions(lab: ClusterLab, tmp_path: Path) -> None:
    from pyspark.sql.functions import udf

    mine, word = lab.running(), udf(lambda _: __import__("late_library").WORD)
    before = lab.session(mine)
    assert before.range(2).count() == 2
    (tmp_path / "late_library.py").write_text("WORD = 'late'")
    lab.clusters.add_search_path(mine, str(tmp_path))
    wait_for(lambda: _answer(before, word) == "late")
    after = lab.session(mine)
    assert _answer(after, word) == "late"


def _answer(spark: Any, function: Any) -> str:
    """What a function gives; nothing where it cannot import yet."""
    try:
        return str(spark.range(1).select(function("id")).collect()[0][0])
    except PySparkException:
        return ""


def test_who_may_claim(lab: ClusterLab) -> None:
    mine, (robot, _) = lab.running(), lab.robot()
    with pytest.raises(PermissionDenied):
        lab.clusters.claim(mine, robot)
    with pytest.raises(ClusterUnavailable, match="does not exist"):
        lab.clusters.claim("1234-567890-none", lab.owner)


def test_the_cluster_of_a_job_run(lab: ClusterLab) -> None:
    robot, _ = lab.robot()
    definition = {"spark_version": "16.4.x-scala2.12", "node_type_id": "n", "num_workers": 2}
    tags = JobTags({"JobId": "7", "RunName": "nightly"}, {})
    made = lab.clusters.create_job_cluster(definition, robot, name="job-7-run-8-main", tags=tags)
    with lab.clusters.claim(made.id, robot) as claim:
        assert claim.cluster_id == made.id
    found = lab.clusters.get(made.id)
    assert (found.source, found.name, found.state) == ("JOB", "job-7-run-8-main", "RUNNING")
    lab.clusters.end_job_cluster(made.id)
    assert lab.wait(made.id, "TERMINATED").reason == {"code": "JOB_FINISHED", "type": "SUCCESS", "parameters": {}}
    with pytest.raises(ClusterUnavailable, match="JOB_FINISHED"):
        lab.clusters.claim(made.id, robot)


def test_what_is_wrong_at_the_start_is_the_reason_of_the_end(lab: ClusterLab) -> None:
    mine = lab.create(spark_conf={"spark.brickyard.engine": "abacus"})
    ended = lab.wait(mine, "TERMINATED")
    assert ended.reason is not None and ended.reason["code"] == "INVALID_ARGUMENT" and "'abacus'" in ended.state_message
    with pytest.raises(ClusterUnavailable, match="INVALID_ARGUMENT"):
        lab.clusters.claim(mine, lab.owner)
    mine = lab.create(spark_env_vars={"A": "{{secrets/none/none}}"})
    ended = lab.wait(mine, "TERMINATED")
    assert ended.reason is not None and ended.reason["code"] == "SECRET_RESOLUTION_ERROR"
