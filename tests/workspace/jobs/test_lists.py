"""Lists of jobs and runs: pages forwards and back, and what is in them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotImplemented
from databricks.sdk.service.jobs import JobRunAs

from tests.workspace.jobs.job_client import Client

NOWHERE = {"task_key": "t", "job_cluster_key": "c", "notebook_task": {"notebook_path": "/Shared/nowhere"}}
CLUSTERS = [
    {
        "job_cluster_key": "c",
        "new_cluster": {"spark_version": "16.4.x-scala2.12", "node_type_id": "Standard_DS3_v2", "num_workers": 1},
    }
]


def ask(client: Client, path: str, **query: Any) -> dict[str, Any]:
    answer = client.sdk.api_client.do("GET", f"/api/2.2/jobs/{path}", query=query)
    assert isinstance(answer, dict)
    return answer


def walk(client: Client, path: str, key: str, number: str, **query: Any) -> None:
    """Five of them, two at a time: to the end, and back to the beginning."""
    pages, token = [], None
    for way in ("next", "prev"):
        while True:
            page = ask(client, path, limit=2, **query, **({"page_token": token} if token else {}))
            pages.append([one[number] for one in page[key]])
            if f"{way}_page_token" not in page:
                break
            token = page[f"{way}_page_token"]
        token = page.get("prev_page_token")
    assert [len(page) for page in pages] == [2, 2, 1, 2, 2]
    whole = [one for page in pages[:3] for one in page]
    assert whole == sorted(whole, reverse=True)
    assert pages[3] == whole[2:4]
    assert pages[4] == whole[:2]


def test_pages_of_jobs_and_runs(client: Client) -> None:
    name = uuid.uuid4().hex
    body = {"name": name, "tasks": [NOWHERE], "job_clusters": CLUSTERS, "max_concurrent_runs": 0}
    jobs = [client.sdk.api_client.do("POST", "/api/2.2/jobs/create", body=body) for _ in range(5)]
    walk(client, "list", "jobs", "job_id", name=name.upper())
    for _ in range(5):  # each of them is skipped, as none may run
        client.sdk.api_client.do("POST", "/api/2.1/jobs/run-now", body={"job_id": jobs[0]["job_id"]})
    walk(client, "runs/list", "runs", "run_id", job_id=jobs[0]["job_id"])
    [plain] = ask(client, "runs/list", job_id=jobs[0]["job_id"], limit=1)["runs"]
    [whole] = ask(client, "runs/list", job_id=jobs[0]["job_id"], limit=1, expand_tasks="true")["runs"]
    assert not {"tasks", "job_clusters"} & plain.keys()
    assert {"tasks", "job_clusters"} <= whole.keys()
    for token in ("prev-x", "x", "-1"):
        with pytest.raises(BadRequest):
            ask(client, "list", page_token=token)


def test_what_runs_cannot_be_asked_for(client: Client) -> None:
    job = client.sdk.api_client.do("POST", "/api/2.2/jobs/create", body={"tasks": [NOWHERE], "job_clusters": CLUSTERS})
    with pytest.raises(InvalidParameterValue, match="notebook_params must have at most 10000 bytes"):
        client.sdk.jobs.run_now(job["job_id"], notebook_params={"a": "x" * 10_000})
    with pytest.raises(NotImplemented, match="group_name"):
        client.job(client.task("a", "1"), run_as=JobRunAs(group_name="users"))
