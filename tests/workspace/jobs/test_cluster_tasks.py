"""Tasks on clusters: of the run, of their own, and those that are there; with real engines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from databricks.sdk.service import compute, jobs

from tests.support import wait_for
from tests.workspace.jobs.job_client import Client, results
from tests.workspace.jobs.test_failures import upload, wheel

SPEC: dict[str, Any] = {"spark_version": "16.4.x-scala2.12", "node_type_id": "Standard_DS3_v2", "num_workers": 0}
#: What a task sees of its cluster, and of what another task has left in its session there.
SHOW = """import json, os
spark.sql("CREATE TEMP VIEW mine AS SELECT 1")
dbutils.notebook.exit(json.dumps({
    "env": os.environ.get("STAGE"),
    "conf": spark.conf.get("spark.sql.shuffle.partitions"),
    "cluster": spark.conf.get("spark.databricks.clusterUsageTags.clusterId"),
    "job": spark.conf.get("spark.databricks.job.id"),
    "engine": os.environ["SPARK_REMOTE"].partition("/;")[0],
}))"""


def spec(**more: Any) -> compute.ClusterSpec:
    """The definition of a job cluster."""
    return compute.ClusterSpec.from_dict(SPEC | more)


def cluster_of(run: jobs.Run, key: str) -> str:
    """The cluster that a task ran on."""
    [instance] = [one.cluster_instance for one in (run.tasks or [])[::-1] if one.task_key == key][:1]
    assert instance and instance.cluster_id and instance.spark_context_id
    return instance.cluster_id


def result(client: Client, run: jobs.Run, key: str) -> dict[str, Any]:
    """What a task's notebook gave back."""
    output = client.output(run, key)
    assert output.notebook_output and output.notebook_output.result, output.error
    found: dict[str, Any] = json.loads(output.notebook_output.result)
    return found


def failure(run: jobs.Run, key: str) -> tuple[str, str]:
    """The termination code and the message of a task."""
    [details] = [one.status.termination_details for one in run.tasks or [] if one.task_key == key and one.status][-1:]
    assert details and details.code
    return details.code.value, details.message or ""


def test_tasks_share_the_cluster_of_their_run(client: Client) -> None:
    own = spec(spark_env_vars={"STAGE": "dev"}, spark_conf={"spark.sql.shuffle.partitions": "3"})
    job_id = client.job(
        client.task("a", SHOW, job_cluster_key="main"),
        client.task("b", SHOW, "a", job_cluster_key="main"),
        client.task("none", "", "b"),
        job_clusters=[jobs.JobCluster("main", own)],
    )
    run = client.ended(client.started(job_id))
    assert results(run) == {"a": "SUCCESS", "b": "SUCCESS", "none": "SUCCESS"}, client.output(run, "b").error
    cluster_id = cluster_of(run, "a")
    assert cluster_of(run, "b") == cluster_id and (run.tasks or [])[2].cluster_instance is None
    first, second = result(client, run, "a"), result(client, run, "b")
    assert first == second, "one engine, and a session of its own for each"
    assert (first["env"], first["conf"], first["cluster"]) == ("dev", "3", cluster_id)
    assert first["job"] == str(job_id)
    cluster = wait_for(lambda: (c := client.sdk.clusters.get(cluster_id)).state is compute.State.TERMINATED and c)
    assert cluster.cluster_source is compute.ClusterSource.JOB and cluster.termination_reason
    assert cluster.termination_reason.code is compute.TerminationReasonCode.JOB_FINISHED
    assert cluster.cluster_name == f"job-{job_id}-run-{run.run_id}-main"
    kinds = [event.type for event in client.sdk.clusters.events(cluster_id)]
    assert {compute.EventType.CREATING, compute.EventType.RUNNING, compute.EventType.TERMINATING} <= set(kinds)
    whole = client.sdk.jobs.get_run(next(t.run_id or 0 for t in run.tasks or [] if t.task_key == "a"))
    assert whole.cluster_instance and whole.cluster_instance.cluster_id == cluster_id


def test_task_s_own_cluster_and_its_libraries(client: Client) -> None:
    library = upload(
        client, "shapes-1.0-py3-none-any.whl", wheel("shapes", {"shapes.py": "def area(x):\n    return x * x\n"})
    )
    source = """import shapes
from pyspark.sql.functions import udf
print(spark.range(4).select(udf(lambda x: shapes.area(x), "long")("id")).collect())
dbutils.notebook.exit("{}")"""
    own = client.task("own", source, new_cluster=spec(), libraries=[compute.Library(whl=library)])
    loop = jobs.Task(
        task_key="loop",
        for_each_task=jobs.ForEachTask("[1, 2]", client.task("one", SHOW, job_cluster_key="main"), 2),
    )
    run = client.ended(client.started(client.job(own, loop, job_clusters=[jobs.JobCluster("main", spec())])))
    assert results(run) == {"own": "SUCCESS", "loop": "SUCCESS"}, client.output(run, "own").error
    [loop_id] = [one.run_id or 0 for one in run.tasks or [] if one.task_key == "loop"]
    iterations = client.sdk.jobs.get_run(loop_id).iterations or []
    used = {one.cluster_instance.cluster_id for one in iterations if one.cluster_instance}
    assert len(used) == 1 and cluster_of(run, "own") not in used, "the iterations share the cluster of the run"
    for one in (*used, cluster_of(run, "own")):
        wait_for(lambda one=one: client.sdk.clusters.get(one or "").state is compute.State.TERMINATED)


def test_repaired_run_has_a_new_cluster(client: Client) -> None:
    flaky = 'if dbutils.widgets.get("fail") == "yes":\n    raise ValueError("told so")\n' + SHOW
    task = client.task("a", flaky, job_cluster_key="main", base_parameters={"fail": "yes"})
    job_id = client.job(task, job_clusters=[jobs.JobCluster("main", spec())])
    run = client.ended(client.started(job_id))
    before = cluster_of(run, "a")
    assert failure(run, "a")[0] == "RUN_EXECUTION_ERROR"
    client.sdk.jobs.repair_run(run.run_id or 0, rerun_all_failed_tasks=True, notebook_params={"fail": "no"})
    run = client.ended(run.run_id or 0)
    assert results(run) == {"a": "SUCCESS"} and cluster_of(run, "a") != before


@pytest.fixture
def cluster(client: Client) -> compute.ClusterDetails:
    """A terminated all-purpose cluster."""
    made = client.sdk.clusters.create(
        **SPEC | {"cluster_name": "shared", "spark_env_vars": {"STAGE": "shared"}}
    ).result()
    client.sdk.clusters.delete(made.cluster_id or "").result()
    return made


def test_existing_cluster_is_started_and_stays(client: Client, cluster: compute.ClusterDetails) -> None:
    cluster_id = cluster.cluster_id or ""
    run = client.ended(client.started(client.job(client.task("a", SHOW, existing_cluster_id=cluster_id))))
    found = result(client, run, "a")
    assert cluster_of(run, "a") == found["cluster"] == cluster_id and found["env"] == "shared"
    assert client.sdk.clusters.get(cluster_id).state is compute.State.RUNNING
    slow = "spark.range(3).count()\nprint('up', flush=True)\nimport time\ntime.sleep(600)"
    run_id = client.started(client.job(client.task("a", slow, existing_cluster_id=cluster_id)))
    wait_for(lambda: "up" in (client.output(client.sdk.jobs.get_run(run_id), "a").logs or ""), every=0.1)
    client.sdk.clusters.delete(cluster_id)
    run = client.ended(run_id)
    code, message = failure(run, "a")
    said = f"Cluster {cluster_id} was terminated during the run (cluster state message: Terminated by user)."
    assert (code, message) == ("CLUSTER_ERROR", said)
    client.sdk.clusters.permanent_delete(cluster_id)


def test_clusters_that_cannot_be_used_fail_their_tasks_by_name(client: Client) -> None:
    script = upload(client, "broken.sh", b"echo no driver for the disk >&2; exit 3")
    broken = spec(init_scripts=[{"workspace": {"destination": script}}])
    job_id = client.job(
        client.task("gone", "", existing_cluster_id="0101-000000-nowhere"),
        client.task("script", "", new_cluster=broken),
        client.task("shared", "", job_cluster_key="main"),
        job_clusters=[jobs.JobCluster("main", broken)],
    )
    run = client.ended(client.started(job_id))
    assert failure(run, "gone") == ("RESOURCE_NOT_FOUND", "Cluster 0101-000000-nowhere does not exist.")
    for key in ("script", "shared"):
        code, message = failure(run, key)
        assert code == "CLUSTER_ERROR" and "INIT_SCRIPT_FAILURE(CLIENT_ERROR)" in message
        assert message.startswith("Unexpected failure while waiting for the cluster (") and script in message
    one = next(one for one in run.tasks or [] if one.task_key == "script")
    assert one.state and one.state.life_cycle_state is jobs.RunLifeCycleState.INTERNAL_ERROR


def test_cancelling_does_not_wait_for_a_cluster(client: Client) -> None:
    script = upload(client, "slow.sh", b"sleep 600")
    slow = spec(init_scripts=[{"workspace": {"destination": script}}])
    run_id = client.started(client.job(client.task("a", "", new_cluster=slow)))

    def waiting() -> bool:
        [task] = client.sdk.jobs.get_run(run_id).tasks or []
        return bool(task.state and task.state.state_message == "Waiting for cluster")

    wait_for(waiting, every=0.1)
    [task] = client.sdk.jobs.get_run(run_id).tasks or []
    assert task.state and task.state.life_cycle_state is jobs.RunLifeCycleState.PENDING
    client.sdk.jobs.cancel_run(run_id)
    run = client.ended(run_id)
    assert results(run) == {"a": "CANCELED"} and failure(run, "a") == ("USER_CANCELED", "Run cancelled.")
    wait_for(
        lambda: (
            not [
                c
                for c in client.sdk.clusters.list()
                if f"-run-{run_id}-" in (c.cluster_name or "") and c.state is not compute.State.TERMINATED
            ]
        )
    )
