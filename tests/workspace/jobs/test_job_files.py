"""The job files of a batch scoring system, as its pipeline sends them to API 2.0: raw text, one task, a new cluster.

Six files: their keys are repeated, four of them have one name, and each names the same two instance pools.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from databricks.sdk.service import compute, jobs

from tests.support import LocalWorkspace, wait_for
from tests.workspace.jobs.job_client import Client

NAMES = ["train-model", "score-batch", "score-batch", "score-batch", "score-batch", "monitor"]
FILE = """{
  "name": "%(name)s",
  "new_cluster": {
    "spark_version": "9.1.x-scala2.12",
    "spark_version": "10.4.x-cpu-ml-scala2.12",
    "spark_conf": {"spark.master": "local[*, 4]", "spark.databricks.cluster.profile": "singleNode"},
    "custom_tags": {"ResourceClass": "SingleNode"},
    "instance_pool_id": "%(pool)s",
    "driver_instance_pool_id": "%(pool)s",
    "azure_attributes": {"first_on_demand": 1, "availability": "ON_DEMAND_AZURE", "spot_bid_max_price": -1},
    "runtime_engine": "STANDARD",
    "num_workers": 0
  },
  "libraries": [{"pypi": {"package": "pandas"}}],
  "email_notifications": {},
  "timeout_seconds": 0,
  "notebook_task": {"notebook_path": "/Shared/elsewhere"},
  "notebook_task": {"notebook_path": "%(notebook)s"},
  "max_concurrent_runs": 1,
  "max_concurrent_runs": 2,
  "format": "SINGLE_TASK"
}"""
SOURCE = "dbutils.notebook.exit(spark.conf.get('spark.databricks.clusterUsageTags.clusterId'))"


def post(workspace: LocalWorkspace, path: str, text: str) -> dict[str, Any]:
    """Send a text as it is, and answer what comes back, also where it is an error."""
    request = urllib.request.Request(
        f"{workspace.host}/api/2.0/{path}", text.encode(), {"Authorization": f"Bearer {workspace.token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            found: dict[str, Any] = json.loads(response.read())
    except urllib.error.HTTPError as error:
        found = json.loads(error.read())
    return found


def get(client: Client, path: str, **query: Any) -> dict[str, Any]:
    """What API 2.0 answers."""
    answer = client.sdk.api_client.do("GET", f"/api/2.0/{path}", query=query)
    assert isinstance(answer, dict)
    return answer


@pytest.fixture
def pool(client: Client) -> str:
    """An instance pool."""
    made = client.sdk.instance_pools.create(f"pool{client.directory}".replace("/", "-"), "Standard_DS3_v2")
    assert made.instance_pool_id
    return made.instance_pool_id


def test_six_job_files_are_created_and_run(workspace: LocalWorkspace, client: Client, pool: str) -> None:
    notebooks = [client.notebook(f"step{number}", SOURCE) for number in range(len(NAMES))]
    made = []
    for name, notebook in zip(NAMES, notebooks, strict=True):
        given = {"name": f"{name}-{client.directory[-8:]}", "pool": pool, "notebook": notebook}
        made.append(post(workspace, "jobs/create", FILE % given)["job_id"])
    assert len(set(made)) == 6, "a name is no identity"
    same = f"{NAMES[1]}-{client.directory[-8:]}"
    assert len(list(client.sdk.jobs.list(name=same))) == 4
    for job_id, notebook in zip(made, notebooks, strict=True):
        settings = get(client, "jobs/get", job_id=job_id)["settings"]
        assert settings["new_cluster"]["spark_version"] == "10.4.x-cpu-ml-scala2.12", "of two keys the last one counts"
        assert settings["max_concurrent_runs"] == 2 and settings["format"] == "SINGLE_TASK"
        assert settings["notebook_task"]["notebook_path"] == notebook and "tasks" not in settings
    runs = [post(workspace, "jobs/run-now", json.dumps({"job_id": job_id}))["run_id"] for job_id in made]
    used = set()
    for run_id in runs:
        assert client.ended(run_id).state == jobs.RunState.from_dict(
            {
                "life_cycle_state": "TERMINATED",
                "result_state": "SUCCESS",
                "state_message": "",
                "user_cancelled_or_timedout": False,
            }
        )
        run = get(client, "jobs/runs/get", run_id=run_id)
        assert run["cluster_spec"]["new_cluster"]["instance_pool_id"] == pool
        assert run["cluster_spec"]["libraries"] == [{"pypi": {"package": "pandas"}}]
        cluster_id = run["cluster_instance"]["cluster_id"]
        assert get(client, "jobs/runs/get-output", run_id=run_id)["notebook_output"]["result"] == cluster_id
        used.add(cluster_id)
    assert len(used) == 6, "every run has a cluster of its own"
    for cluster_id in used:
        wait_for(lambda one=cluster_id: client.sdk.clusters.get(one).state is compute.State.TERMINATED)
        assert client.sdk.clusters.get(cluster_id).driver_instance_pool_id == pool


def test_job_file_that_names_a_pool_of_elsewhere_is_refused(workspace: LocalWorkspace, client: Client) -> None:
    given = {"name": "j", "pool": "0831-081111-hides1-pool-xxxxxxxx", "notebook": client.notebook("n", SOURCE)}
    answer = post(workspace, "jobs/create", FILE % given)
    assert answer["error_code"] == "INVALID_PARAMETER_VALUE"
    assert "Cluster validation error: " in answer["message"] and given["pool"] in answer["message"]
    assert post(workspace, "jobs/create", "{" + FILE)["error_code"] == "MALFORMED_REQUEST"


def test_policy_is_applied_to_job_clusters(client: Client) -> None:
    rules = {
        "spark_conf.spark.sql.shuffle.partitions": {"type": "fixed", "value": "5"},
        "num_workers": {"type": "range", "maxValue": 2},
        "cluster_type": {"type": "fixed", "value": "job"},
    }
    name = f"policy{client.directory}".replace("/", "-")
    policy = client.sdk.cluster_policies.create(name=name, definition=json.dumps(rules)).policy_id
    node = {"spark_version": "16.4.x-scala2.12", "node_type_id": "Standard_DS3_v2", "policy_id": policy}
    source = "dbutils.notebook.exit(spark.conf.get('spark.sql.shuffle.partitions'))"
    good = client.task("a", source, new_cluster=compute.ClusterSpec.from_dict(node | {"num_workers": 1}))
    run = client.ended(client.started(client.job(good)))
    output = client.output(run, "a")
    assert output.notebook_output and output.notebook_output.result == "5", output.error
    bad = client.task("a", source, new_cluster=compute.ClusterSpec.from_dict(node | {"num_workers": 3}))
    with pytest.raises(Exception, match=r"task 'a': Cluster validation error: .*num_workers"):
        client.job(bad)
