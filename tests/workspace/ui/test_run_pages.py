"""The pages of a job with every kind of task that is more than a state, of its run and of what the run started."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support import LocalWorkspace, wait_for

NOTEBOOKS = {
    "load": "dbutils.widgets.text('city', '')\ndbutils.jobs.taskValues.set('rows', 7)",
    "outer": "dbutils.notebook.run('./pages_inner', 60)",
    "inner": "dbutils.notebook.exit('41 <rows>')",
    "region": "dbutils.widgets.text('region', '')\nassert dbutils.widgets.get('region') != '<south>', 'no data'",
}


def notebook(name: str, **parameters: str) -> dict[str, Any]:
    return {"notebook_task": {"notebook_path": f"/Shared/pages_{name}", "base_parameters": parameters}}


def tasks(child: int) -> list[dict[str, Any]]:
    each = {"task_key": "region", **notebook("region", region="{{input}}")}
    loop = {"inputs": '["north", "<south>"]', "concurrency": 2, "task": each}
    enough = {"op": "GREATER_THAN", "left": "{{tasks.load.values.rows}}", "right": "5"}
    return [
        {"task_key": "load", **notebook("load", city="Bergen")},
        {"task_key": "enough", "depends_on": [{"task_key": "load"}], "condition_task": enough},
        {"task_key": "each", "depends_on": [{"task_key": "enough", "outcome": "true"}], "for_each_task": loop},
        {"task_key": "other", "depends_on": [{"task_key": "enough", "outcome": "false"}], **notebook("load")},
        {"task_key": "outer", **notebook("outer")},
        {"task_key": "report", "depends_on": [{"task_key": "load"}], "run_job_task": {"job_id": child}},
        {
            "task_key": "tell",
            "depends_on": [{"task_key": "each"}, {"task_key": "report"}],
            "run_if": "ALL_DONE",
            **notebook("load"),
        },
    ]


@dataclass(frozen=True)
class Ran:
    """A run that was repaired, and the ids of the last attempts at its tasks."""

    job_id: int
    run_id: int
    child_job: int
    attempts: dict[str, int]

    def address(self, key: str = "") -> str:
        return f"/jobs/{self.job_id}/runs/{self.attempts[key] if key else self.run_id}"


@pytest.fixture(scope="module")
def ran(workspace: LocalWorkspace) -> Ran:
    """A run of all of them, repaired once."""
    w = workspace.client()
    for name, source in NOTEBOOKS.items():
        content = base64.b64encode(f"# Databricks notebook source\n{source}".encode()).decode()
        body = {"path": f"/Shared/pages_{name}", "language": "PYTHON", "format": "SOURCE", "content": content}
        w.api_client.do("POST", "/api/2.0/workspace/import", body=body)
    only = [{"task_key": "write", **notebook("load")}]
    child = w.api_client.do("POST", "/api/2.2/jobs/create", body={"name": "pages child", "tasks": only})["job_id"]
    schedule = {"quartz_cron_expression": "0 0 3 1 1 ? 2099", "timezone_id": "UTC"}
    parameters = [{"name": "day", "default": "today"}]
    body = {"name": "pages", "schedule": schedule, "parameters": parameters, "tasks": tasks(child)}
    job = w.api_client.do("POST", "/api/2.2/jobs/create", body=body)["job_id"]
    given = {"job_id": job, "job_parameters": {"day": "monday"}}
    run = w.api_client.do("POST", "/api/2.2/jobs/run-now", body=given)["run_id"]
    wait_for(lambda: w.jobs.get_run(run).state.result_state, seconds=60)
    w.jobs.repair_run(run, rerun_tasks=["each"])
    wait_for(lambda: w.jobs.get_run(run).state.result_state, seconds=60)
    return Ran(job, run, child, {one.task_key: one.run_id for one in w.jobs.get_run(run).tasks})


def plain(page: str) -> str:
    """What a reader sees, with single blanks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.partition("<main")[2]))


def test_the_run_shows_its_graph_outcomes_and_repairs(browser: httpx.Client, ran: Ran) -> None:
    page = browser.get(ran.address()).text
    text = plain(page)
    assert "day monday" in text and "Because of by hand" in text
    graph = page[page.index("<svg") : page.index("</svg>")]
    assert graph.count("<rect") == 7 and graph.count('class="line"') == 6
    assert "<title>each: Failed</title>" in graph and f'<a href="{ran.address("each")}">' in graph
    assert "7 &gt; 5: true" in text
    assert "1 of 2 iterations succeeded, 1 failed" in text
    assert "Original run" in text and "Repair 1" in text and "retry 1" in text
    child = re.search(rf'<a href="(/jobs/{ran.child_job}/runs/\d+)">', page)
    assert child is not None
    below = browser.get(child[1])
    assert below.status_code == 200 and f"task report of run {ran.run_id}" in below.text


def test_a_loop_shows_its_iterations(browser: httpx.Client, ran: Ran) -> None:
    page = browser.get(ran.address("each")).text
    text = plain(page)
    assert "region_0 north Succeeded" in text
    assert "region_1 &lt;south&gt; Failed AssertionError: no data" in text
    assert "Attempts" in text and "2 this one" in text
    address = re.search(r'<a href="([^"]+)">region_1</a>', page)
    assert address is not None
    iteration = browser.get(address[1])
    assert iteration.status_code == 200 and "region &lt;south&gt;" in plain(iteration.text)
    assert f'<a href="{ran.address("each")}">each</a>' in iteration.text


def test_the_job_shows_what_starts_it_and_when(browser: httpx.Client, ran: Ran) -> None:
    text = plain(browser.get(f"/jobs/{ran.job_id}").text)
    assert "Starts 0 0 3 1 1 ? 2099 (UTC) Next 2099-01-01 03:00:00 UTC" in text
    assert "for each: notebook /Shared/pages_region enough (true)" in text
    assert "each, report, all done" in text


def test_a_notebook_that_another_has_started_is_a_link_away(browser: httpx.Client, ran: Ran) -> None:
    page = browser.get(ran.address("outer")).text
    link = re.search(r'<a href="(/jobs/\d+/runs/(\d+))">Notebook job #(\d+)</a>', page)
    assert link is not None and link[2] == link[3]
    inner = plain(browser.get(link[1]).text)
    assert "Notebook exited: 41 &lt;rows&gt;" in inner and "task outer of run" in inner
    assert "Notebook exited" not in page


def test_clusters(browser: httpx.Client, stranger: httpx.Client, workspace: LocalWorkspace) -> None:
    w = workspace.client()
    size = {"spark_version": "16.4.x-scala2.12", "node_type_id": "Standard_DS3_v2", "num_workers": 0}
    made = w.clusters.create(cluster_name="on <pages>", spark_env_vars={"STAGE": "dev"}, **size)
    wait_for(lambda: w.clusters.get(made.cluster_id).state.value == "RUNNING")
    assert "on &lt;pages&gt;" in browser.get("/compute/clusters").text
    text = plain(browser.get(f"/compute/clusters/{made.cluster_id}").text)
    assert "STAGE dev" in text and "single node" in text and "Nothing now" in text and "Creating" in text
    w.clusters.permanent_delete(made.cluster_id)
    assert browser.get(f"/compute/clusters/{made.cluster_id}").status_code == 404
    assert stranger.get("/compute/clusters").status_code == 303


def test_a_repository_is_shown_without_the_token_in_its_address(
    browser: httpx.Client, workspace: LocalWorkspace
) -> None:
    source = {"git_url": "https://secret-token@localhost:1/o/r", "git_provider": "gitHub", "git_branch": "main"}
    task = {"task_key": "a", "notebook_task": {"notebook_path": "nb", "source": "GIT"}}
    body = {"name": "from Git", "git_source": source, "tasks": [task]}
    api: Any = workspace.client().api_client
    job_id = api.do("POST", "/api/2.2/jobs/create", body=body)["job_id"]
    run_id = api.do("POST", "/api/2.2/jobs/run-now", body={"job_id": job_id})["run_id"]
    for page in (f"/jobs/{job_id}", f"/jobs/{job_id}/runs/{run_id}"):
        shown = browser.get(page).text
        assert "https://localhost:1/o/r" in shown and "secret-token" not in shown
