"""What the pages show of a workspace in which something happened."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support import LocalWorkspace, wait_for

NOTEBOOK = """# Databricks notebook source
# MAGIC %md
# MAGIC # Title of **mine** <script>alert(0)</script>

# COMMAND ----------

dbutils.widgets.text("city", "Oslo")
print("printed", dbutils.widgets.get("city"), "<b>not bold</b>")
print(dbutils.secrets.get("ui-pages", "key"))

# COMMAND ----------

displayHTML("<p onclick='x()'>hello</p><script>alert(1)</script>")

# COMMAND ----------

import pandas
display(pandas.DataFrame({"name": ["<script>alert(2)</script>"], "count": [7]}))

# COMMAND ----------

raise ValueError("broken on <purpose>")
"""
ABOUT = {"description": "What it <does>", "tags": {"team": "ml", "new": ""}}


def path_of(url: str) -> str:
    return urlsplit(url).path


@pytest.fixture(scope="module")
def failed_run(workspace: LocalWorkspace) -> tuple[int, int]:
    """The job and the run of a notebook that shows many things, and then fails."""
    client = workspace.client()
    client.secrets.create_scope("ui-pages")
    client.secrets.put_secret("ui-pages", "key", string_value="canary-of-the-pages")
    content = base64.b64encode(NOTEBOOK.encode()).decode()
    body = {"path": "/Shared/ui_notebook", "language": "PYTHON", "format": "SOURCE", "content": content}
    client.api_client.do("POST", "/api/2.0/workspace/import", body=body)
    task = {"task_key": "show", "notebook_task": {"notebook_path": "/Shared/ui_notebook"}}
    job = client.api_client.do("POST", "/api/2.2/jobs/create", body={"name": "ui <job>", "tasks": [task]} | ABOUT)
    body = {"job_id": job["job_id"], "notebook_params": {"city": "Bergen & <co>"}}
    run = client.api_client.do("POST", "/api/2.2/jobs/run-now", body=body)
    wait_for(lambda: client.jobs.get_run(run["run_id"]).state.result_state, seconds=90)
    return job["job_id"], run["run_id"]


def test_the_run_page_shows_cells_parameters_error_and_trace(
    browser: httpx.Client, failed_run: tuple[int, int]
) -> None:
    page = browser.get(f"/jobs/{failed_run[0]}/runs/{failed_run[1]}")
    assert page.status_code == 200
    assert "Failed" in page.text
    assert "Bergen &amp; &lt;co&gt;" in page.text
    assert "printed Bergen &amp; &lt;co&gt; &lt;b&gt;not bold&lt;/b&gt;" in page.text
    assert "ValueError: broken on &lt;purpose&gt;" in page.text
    assert "Traceback" in page.text
    assert "http-equiv" not in page.text  # it has ended: nothing to wait for
    assert "\x1b[" not in page.text


def test_output_of_a_notebook_cannot_script_the_page(browser: httpx.Client, failed_run: tuple[int, int]) -> None:
    text = browser.get(f"/jobs/{failed_run[0]}/runs/{failed_run[1]}").text
    assert "<script" not in text
    assert "Title of <strong>mine</strong> &lt;script&gt;" in text
    assert re.findall(r"<iframe ([^>]*?)srcdoc=", text) == [
        re.search(r"<iframe (sandbox title=[^>]*?)srcdoc=", text)[1]  # sandbox without any permission
    ]
    assert 'srcdoc="&lt;p onclick=' in text
    assert "<td>&lt;script&gt;alert(2)&lt;/script&gt;</td><td>7</td>" in text


def test_secrets_are_on_no_page(browser: httpx.Client, failed_run: tuple[int, int]) -> None:
    page = browser.get(f"/jobs/{failed_run[0]}/runs/{failed_run[1]}").text
    assert "canary-of-the-pages" not in page
    assert "[REDACTED]" in page


def test_home_and_job_pages_lead_to_the_run(browser: httpx.Client, failed_run: tuple[int, int]) -> None:
    job_id, run_id = failed_run
    home = browser.get("/").text
    assert f'<a href="/jobs/{job_id}">ui &lt;job&gt;</a>' in home
    assert f"/jobs/{job_id}/runs/{run_id}" in home
    job = browser.get(f"/jobs/{job_id}").text
    assert "/Shared/ui_notebook" in job and "What it &lt;does&gt;" in job and "team: ml, new" in job
    assert f"/jobs/{job_id}/runs/{run_id}" in job


def test_the_address_that_the_api_answers_is_a_page(
    browser: httpx.Client, workspace: LocalWorkspace, failed_run: tuple[int, int]
) -> None:
    run = workspace.client().jobs.get_run(failed_run[1])
    assert browser.get(path_of(run.run_page_url)).status_code == 200
    task = browser.get(path_of(run.tasks[0].run_page_url))
    assert task.status_code == 200
    assert "Task run" in task.text


def printed(cells: Path) -> list[dict[str, Any]]:
    """The cells that have put out something."""
    return [cell for cell in json.loads(cells.read_text())["cells"] if cell["outputs"]]


def test_an_active_run_refreshes_and_an_ended_one_does_not(browser: httpx.Client, workspace: LocalWorkspace) -> None:
    client = workspace.client()
    loop = "import threading\nwhile True:\n    print('be' + 'gun')\n    threading.Event().wait(0.1)"
    source = f"# Databricks notebook source\n{loop}"
    content = base64.b64encode(source.encode()).decode()
    body = {"path": "/Shared/ui_waits", "language": "PYTHON", "format": "SOURCE", "content": content}
    client.api_client.do("POST", "/api/2.0/workspace/import", body=body)
    task = {"task_key": "wait", "notebook_task": {"notebook_path": "/Shared/ui_waits"}}
    run_id = client.api_client.do("POST", "/api/2.2/jobs/runs/submit", body={"tasks": [task]})["run_id"]
    path = path_of(client.jobs.get_run(run_id).run_page_url)
    wait_for(lambda: "begun" in browser.get(path).text)
    assert '<meta http-equiv="refresh" content="3">' in browser.get(path).text
    attempt = client.jobs.get_run(run_id).tasks[0].run_id
    [cell] = wait_for(lambda: printed(workspace.root / "runs" / str(attempt) / "cells.json"))
    assert cell["state"] == "RUNNING" and "begun\nbegun" in cell["outputs"][0]["text"]
    client.jobs.cancel_run(run_id)
    wait_for(lambda: client.jobs.get_run(run_id).state.result_state)
    assert "http-equiv" not in browser.get(path).text


def test_schema_table_and_volume(browser: httpx.Client, workspace: LocalWorkspace) -> None:
    import pyarrow
    from deltalake import write_deltalake

    client = workspace.client()
    client.schemas.create("ui_data", "main", comment="for <pages>")
    columns = [{"name": "city", "type_text": "string"}, {"name": "people", "type_text": "bigint"}]
    body = {"name": "cities", "catalog_name": "main", "schema_name": "ui_data", "table_type": "MANAGED"}
    body |= {"data_source_format": "DELTA", "columns": columns}
    location = client.api_client.do("POST", "/api/2.1/unity-catalog/tables", body=body)["storage_location"]
    rows = pyarrow.table({"city": ["Oslo", "<i>Bodø</i>"], "people": [709037, None]})
    write_deltalake(location, rows, mode="append")
    table = browser.get("/explore/data/main/ui_data/cities").text
    assert "bigint" in table
    assert "<dt>Rows</dt><dd>2</dd>" in table
    assert "<dt>Delta version</dt><dd>1" in table
    assert "<td>&lt;i&gt;Bodø&lt;/i&gt;</td><td>null</td>" in table
    made = {"name": "raw", "catalog_name": "main", "schema_name": "ui_data", "volume_type": "MANAGED"}
    client.api_client.do("POST", "/api/2.1/unity-catalog/volumes", body=made)
    client.api_client.do("PUT", "/api/2.0/fs/files/Volumes/main/ui_data/raw/day%201/a%23b.csv", data=b"1,2,3")
    schema = browser.get("/explore/data/main/ui_data").text
    assert "for &lt;pages&gt;" in schema
    assert "/explore/data/main/ui_data/cities" in schema
    assert "/explore/data/volumes/main/ui_data/raw" in schema
    assert (
        'href="/explore/data/volumes/main/ui_data/raw/day%201"'
        in browser.get("/explore/data/volumes/main/ui_data/raw").text
    )
    inner = browser.get("/explore/data/volumes/main/ui_data/raw/day%201").text
    assert "5 B" in inner
    address = "/explore/data/volumes/main/ui_data/raw/day%201/a%23b.csv"
    assert f'<a href="{address}">a#b.csv</a>' in inner
    assert "<pre>1,2,3</pre>" in browser.get(address).text
    markup = "<script>alert(1)</script>" + "å" * 40_000  # longer than what is shown, and cut within a letter
    for name, content in (("page.html", markup.encode()), ("model.bin", b"\x93NUMPY\x01\x00\xff")):
        client.api_client.do("PUT", f"/api/2.0/fs/files/Volumes/main/ui_data/raw/{name}", data=content)
    page = browser.get("/explore/data/volumes/main/ui_data/raw/page.html").text
    assert "<pre>&lt;script&gt;alert(1)&lt;/script&gt;å" in page
    assert "the first 65.5 KB" in page
    assert "Content" not in browser.get("/explore/data/volumes/main/ui_data/raw/model.bin").text
    outside = workspace.root / "outside.txt"
    outside.write_text("not of this volume")
    volume = next((workspace.root / "data").rglob("model.bin")).parent
    (volume / "link.txt").symlink_to(outside)
    (volume / "linked").symlink_to(workspace.root)
    for name in ("link.txt", "linked/outside.txt"):
        answer = browser.get(f"/explore/data/volumes/main/ui_data/raw/{name}")
        assert (answer.status_code, "not of this volume" in answer.text) == (403, False)


def test_statements_warehouses_and_what_they_made(
    browser: httpx.Client, stranger: httpx.Client, workspace: LocalWorkspace
) -> None:
    client = workspace.client()
    client.schemas.create("ui_sql", "main")
    number = next(one.id or "" for one in client.warehouses.list())

    def run(text: str) -> str:
        done = client.statement_execution.execute_statement(text, number, wait_timeout="50s", schema="ui_sql")
        return done.statement_id or ""

    run("CREATE FUNCTION plus(x INT COMMENT 'the <first>', y INT DEFAULT 2) RETURNS INT RETURN x + y")
    run("CREATE TABLE keyed (i INT NOT NULL)")
    run("ALTER TABLE keyed ADD CONSTRAINT its_key PRIMARY KEY (i)")
    run("GRANT SELECT ON TABLE keyed TO `account users`")
    selected, failed = run("SELECT '<b>bold</b>' AS shown, 7 AS seven"), run("SELECT * FROM not_there")
    function = browser.get("/explore/data/functions/main/ui_sql/plus").text
    assert "the &lt;first&gt;" in function and "default 2" in function and "<pre>x + y</pre>" in function
    table = browser.get("/explore/data/main/ui_sql/keyed").text
    assert "<dt>its_key</dt><dd>primary key (i)</dd>" in table and "CREATE TABLE" in table
    assert '<td>account users</td><td><span class="tag">SELECT</span></td>' in table
    tree = browser.get("/explore/data").text
    assert "/explore/data/functions/main/ui_sql/plus" in tree and "/explore/data/main/ui_sql/keyed" in tree
    assert f"/sql/warehouses/{number}" in browser.get("/sql/warehouses").text
    assert f"/sql/history/{selected}" in browser.get(f"/sql/warehouses/{number}").text
    assert f"/sql/history/{failed}" in browser.get("/sql/history").text
    page = browser.get(f"/sql/history/{selected}").text
    assert "<td>&lt;b&gt;bold&lt;/b&gt;</td><td>7</td>" in page and "INT" in page
    assert "TABLE_OR_VIEW_NOT_FOUND" in browser.get(f"/sql/history/{failed}").text
    robot = client.service_principals.create(display_name="reader of pages").application_id or ""
    token = client.token_management.create_obo_token(robot, lifetime_seconds=600).token_value
    stranger.post("/login", data={"token": token, "next": "/"})
    assert selected not in stranger.get("/sql/history").text
    assert stranger.get(f"/sql/history/{selected}").status_code == 403


def test_a_model_and_its_version_with_the_evidence_of_its_gate(
    browser: httpx.Client, workspace: LocalWorkspace
) -> None:
    client = workspace.client()
    client.schemas.create("ui_models", "main")
    call = client.api_client.do
    root = "/api/2.0/mlflow/unity-catalog"
    call("POST", f"{root}/registered-models/create", body={"name": "main.ui_models.delay"})
    gate = {"decision": "passed", "environment": "dev", "version": "3", "by": "ann", "at": "2026-01-02T03:04:05.000Z"}
    gate |= {"data": {"table": "main.ui_models.evaluation", "version": 4, "rows": 57049}}
    tags = {
        "brickyard_gate": json.dumps(gate),
        "brickyard_gate_decision": "passed",
        "brickyard_gate_metrics": '{"roc_auc": 0.75}',
        "brickyard_origin": '{"environment": "dev", "model": "main.ui_models.delay", "version": "3"}',
        "brickyard_approval_1": "no JSON <at all>",
        "mine": "<u>",
    }
    experiment = client.experiments.create_experiment("/Shared/ui-made-the-version").experiment_id
    run_id = client.experiments.create_run(experiment_id=experiment, start_time=1).run.info.run_id
    body = {"name": "main.ui_models.delay", "tags": [{"key": k, "value": v} for k, v in tags.items()]}
    call("POST", f"{root}/model-versions/create", body={**body, "run_id": run_id, "source": "models:/m-1"})
    promoted = [{"key": "brickyard_source", "value": '{"environment": "uat", "version": "7"}'}]
    gone = {"name": body["name"], "tags": promoted, "run_id": "f" * 32, "source": "/gone/model"}
    call("POST", f"{root}/model-versions/create", body=gone)
    model = browser.get("/explore/data/models/main/ui_models/delay").text
    assert "/explore/data/models/main/ui_models/delay/version/1" in model
    assert "roc_auc 0.75" in model
    version = browser.get("/explore/data/models/main/ui_models/delay/version/1").text
    assert "main.ui_models.evaluation, Delta version 4, 57,049 rows" in version
    assert "2026-01-02 03:04:05 UTC by ann" in version
    assert "dev: main.ui_models.delay version 3" in version
    assert "&lt;u&gt;" in version
    assert f'<a href="/ml/experiments/{experiment}/runs/{run_id}">{run_id}</a>' in version
    assert "models:/m-1" in version
    other = browser.get("/explore/data/models/main/ui_models/delay/version/2").text
    assert f"<dd>{'f' * 32}</dd>" in other, "a run that is not here is no link"
    assert "/gone/model" not in other


def test_an_experiment_with_its_runs(browser: httpx.Client, workspace: LocalWorkspace) -> None:
    client = workspace.client()
    experiment = client.experiments.create_experiment("/Shared/ui-experiment").experiment_id
    run = client.experiments.create_run(experiment_id=experiment, run_name="first <run>", start_time=1).run.info
    client.experiments.log_metric("auc", 0.8125, 1, run_id=run.run_id)
    client.experiments.log_param("depth", "<7>", run_id=run.run_id)
    client.experiments.set_tag("mlflow.databricks.jobID", "12", run_id=run.run_id)
    client.experiments.set_tag("mlflow.databricks.jobRunID", "34", run_id=run.run_id)
    page = browser.get(f"/ml/experiments/{experiment}").text
    assert "first &lt;run&gt;" in page
    assert "0.8125" in page
    assert "&lt;7&gt;" in page
    one = browser.get(f"/ml/experiments/{experiment}/runs/{run.run_id}")
    assert one.status_code == 200
    assert "0.8125" in one.text
    assert 'href="/jobs/12/runs/34"' in one.text
    assert browser.get(f"/ml/experiments/123456789/runs/{run.run_id}").status_code == 404
    assert "/Shared/ui-experiment" in browser.get("/ml/experiments").text


def test_an_endpoint_shows_its_state_and_no_value_of_its_environment(
    browser: httpx.Client, workspace: LocalWorkspace
) -> None:
    entity = {"entity_name": "main.default.none", "entity_version": "champion", "workload_size": "Small"}
    entity |= {"scale_to_zero_enabled": True, "environment_vars": {"API_KEY": "value-of-a-variable"}}
    limits = [{"calls": 10, "renewal_period": "minute"}, {"calls": 2, "key": "user", "renewal_period": "minute"}]
    body = {"name": "ui-endpoint", "config": {"served_entities": [entity]}, "rate_limits": limits}
    workspace.client().api_client.do("POST", "/api/2.0/serving-endpoints", body=body)
    page = browser.get("/ml/endpoints/ui-endpoint").text
    assert "Not ready" in page
    assert "10 calls a minute of all, 2 calls a minute of each caller" in page
    assert "main.default.none" in page
    assert "API_KEY" in page
    assert "value-of-a-variable" not in page
    assert "CREATED" in page and "created by" in page
    assert "ui-endpoint" in browser.get("/").text


@pytest.mark.parametrize(
    "path",
    [
        "/jobs/12345",
        "/jobs/99999999999999999999999",
        "/jobs/abc",
        "/jobs/1/runs/1",
        "/ml/experiments/987654321",
        "/ml/endpoints/none",
        "/explore/data/none",
        "/explore/data/main/none",
        "/explore/data/main/default/none",
        "/explore/data/models/main/default/none",
        "/explore/data/models/main/default/none/version/x",
        "/explore/data/volumes/main/default/none",
        "/explore/data/volumes/main/default/none/..%2F..%2Fetc",
        "/ml/other",
        "/explore/data/a/b/c/d/e",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(browser: httpx.Client, path: str) -> None:
    page = browser.get(path)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "There is no such page" in page.text
