"""The versions of the Jobs API: their shapes of jobs and runs, and what holds where nothing is said."""

from __future__ import annotations

from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue

from tests.workspace.jobs.job_client import Client

CLUSTER = {
    "spark_version": "15.4.x-scala2.12",
    "node_type_id": "Standard_DS3_v2",
    "num_workers": 0,
    "custom_tags": {"ResourceClass": "SingleNode"},
}


def call(client: Client, method: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
    """A call as a client of that version sends it."""
    answer = client.sdk.api_client.do(method, f"/api/{path}", body=body, query=query)
    assert isinstance(answer, dict)
    return answer


def test_job_of_one_task_is_answered_as_each_version_has_it(client: Client) -> None:
    body = {
        "name": "nightly",
        "new_cluster": CLUSTER,
        "libraries": [],
        "email_notifications": {},
        "timeout_seconds": 3600,
        "notebook_task": {"notebook_path": client.notebook("n", "dbutils.notebook.exit('done')")},
        "max_concurrent_runs": 1,
        "format": "SINGLE_TASK",
    }
    job_id = call(client, "POST", "2.0/jobs/create", body)["job_id"]
    old = call(client, "GET", "2.0/jobs/get", job_id=job_id)["settings"]
    assert old["format"] == "SINGLE_TASK" and "tasks" not in old
    assert old["notebook_task"]["notebook_path"] == body["notebook_task"]["notebook_path"]
    assert old["new_cluster"]["custom_tags"] == CLUSTER["custom_tags"]
    new = call(client, "GET", "2.1/jobs/get", job_id=job_id)["settings"]
    assert new["format"] == "MULTI_TASK" and [task["task_key"] for task in new["tasks"]] == ["nightly"]
    assert "notebook_task" not in new
    [listed] = [job for job in call(client, "GET", "2.0/jobs/list", limit=5)["jobs"] if job["job_id"] == job_id]
    assert listed["settings"]["notebook_task"] == old["notebook_task"]

    run_id = call(client, "POST", "2.0/jobs/run-now", {"job_id": job_id})["run_id"]
    client.ended(run_id)
    run = call(client, "GET", "2.0/jobs/runs/get", run_id=run_id)
    assert run["state"]["result_state"] == "SUCCESS" and "tasks" not in run
    assert run["task"]["notebook_task"]["notebook_path"] == body["notebook_task"]["notebook_path"]
    assert run["cluster_spec"]["new_cluster"]["num_workers"] == 0
    output = call(client, "GET", "2.0/jobs/runs/get-output", run_id=run_id)
    assert output["notebook_output"]["result"] == "done"
    assert (output["metadata"]["run_id"], output["metadata"]["task"]) == (run_id, run["task"])
    assert [one["task"] for one in call(client, "GET", "2.0/jobs/runs/list", job_id=job_id)["runs"]] == [run["task"]]
    assert len(call(client, "GET", "2.2/jobs/runs/get", run_id=run_id)["tasks"]) == 1


def test_task_of_a_job_of_one_task_is_changed_without_a_list(client: Client) -> None:
    first, second = client.notebook("a", ""), client.notebook("b", "")
    body = {"name": "j", "notebook_task": {"notebook_path": first}, "new_cluster": CLUSTER, "max_retries": 1}
    job_id = call(client, "POST", "2.0/jobs/create", body)["job_id"]
    changes = {"notebook_task": {"notebook_path": second}, "max_concurrent_runs": 3}
    call(client, "POST", "2.0/jobs/update", {"job_id": job_id, "new_settings": changes})
    [task] = call(client, "GET", "2.2/jobs/get", job_id=job_id)["settings"]["tasks"]
    assert task["notebook_task"]["notebook_path"] == second and task["max_retries"] == 1
    call(
        client,
        "POST",
        "2.0/jobs/update",
        {"job_id": job_id, "new_settings": {"spark_python_task": {"python_file": "/x"}}},
    )
    settings = call(client, "GET", "2.0/jobs/get", job_id=job_id)["settings"]
    assert settings["spark_python_task"]["python_file"] == "/x" and "notebook_task" not in settings


def test_runs_wait_for_each_other_where_a_job_is_made_by_2_2(client: Client) -> None:
    body = {"name": "j", "tasks": [{"task_key": "a", "notebook_task": {"notebook_path": client.notebook("q", "")}}]}
    made = {version: call(client, "POST", f"{version}/jobs/create", body)["job_id"] for version in ("2.1", "2.2")}
    found = {name: call(client, "GET", "2.2/jobs/get", job_id=job_id)["settings"] for name, job_id in made.items()}
    assert found["2.2"]["queue"] == {"enabled": True} and "queue" not in found["2.1"]


def test_lists_of_2_0_are_not_cut_where_they_were_not(client: Client) -> None:
    body = {"name": "many", "notebook_task": {"notebook_path": "/x"}, "new_cluster": CLUSTER}
    for _ in range(21):
        call(client, "POST", "2.0/jobs/create", body)
    assert len(call(client, "GET", "2.0/jobs/list", name="many")["jobs"]) == 21
    assert len(call(client, "GET", "2.1/jobs/list", name="many")["jobs"]) == 20
    call(client, "GET", "2.0/jobs/runs/list", limit=1000)
    with pytest.raises(InvalidParameterValue, match="between 1 and 25"):
        call(client, "GET", "2.1/jobs/runs/list", limit=1000)
