"""`runs/export`: the notebooks of runs with their results, as pages and for Jupyter."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from typing import Any

import nbformat
import pytest
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import jobs

from brickyard.plan.connect import connect
from brickyard.plan.exported_notebooks import to_jupyter
from brickyard.plan.run_queries import exported
from brickyard.plan.runs import look
from tests.support import LocalWorkspace
from tests.workspace.jobs.job_client import Client

CELLS = """# MAGIC %md
# MAGIC # A title

# COMMAND ----------

# DBTITLE 1,The table
print("told")
display([{"city": "Bern <b>", "n": 1}, {"city": None, "n": 2}])

# COMMAND ----------

# MAGIC %sh echo "from the shell"

# COMMAND ----------

dbutils.notebook.run("inner", 60, {"who": "me"})

# COMMAND ----------

displayHTML("<h1>shown</h1><script>alert(1)</script>")
raise ValueError("no <luck>")

# COMMAND ----------

print("not reached")
"""


def model_of(view: jobs.ViewItem) -> dict[str, Any]:
    """The notebook as the vendor's script reads it out of a page."""
    found = re.search(r"__DATABRICKS_NOTEBOOK_MODEL = '(.*?)'", view.content or "")
    assert found
    model: dict[str, Any] = json.loads(urllib.parse.unquote(base64.b64decode(found[1]).decode()))
    return model


@pytest.fixture
def views(client: Client) -> list[jobs.ViewItem]:
    client.notebook("inner", "dbutils.notebook.exit('hello ' + dbutils.widgets.get('who'))")
    run = client.ended(client.started(client.job(client.task("outer", CELLS))))
    [task] = run.tasks or []
    return client.sdk.jobs.export_run(task.run_id or 0, views_to_export=jobs.ViewsToExport.ALL).views or []


def test_notebooks_of_a_run_are_exported_with_their_results(views: list[jobs.ViewItem]) -> None:
    assert [(view.name, view.type) for view in views] == [
        ("outer", jobs.ViewType.NOTEBOOK),
        ("inner", jobs.ViewType.NOTEBOOK),
    ]
    page = views[0].content or ""
    for shown in ("A title", "The table", "told", "Bern &lt;b&gt;", "from the shell", "no &lt;luck&gt;"):
        assert shown in page
    assert "<script>alert" not in page and 'sandbox="allow-scripts"' in page
    model = model_of(views[0])
    assert (model["version"], model["language"]) == ("NotebookV1", "python")
    states = [command["state"] for command in model["commands"]]
    assert states == ["finished", "finished", "finished", "finished", "error", "input"]
    printed, table = model["commands"][1]["results"]["data"]
    assert (printed["type"], printed["data"]) == ("ansi", "told\n")
    assert table["data"] == [["Bern <b>", 1], [None, 2]]
    assert [(one["name"], one["type"]) for one in table["schema"]] == [("city", '"string"'), ("n", '"long"')]
    failed = model["commands"][4]
    assert failed["errorSummary"] == "ValueError: no <luck>" and "no <luck>" in failed["error"]
    assert 0 < failed["startTime"] <= failed["finishTime"]


def test_exported_pages_become_jupyter_notebooks(views: list[jobs.ViewItem]) -> None:
    notebook = nbformat.reads(to_jupyter(views[0].content or ""), as_version=4)
    nbformat.validate(notebook)
    title, table, shell, _, failed, never = notebook.cells
    assert (title.cell_type, title.source) == ("markdown", "# A title")
    assert table.source.startswith('print("told")') and table.outputs[0].text == "told\n"
    assert table.outputs[1].metadata["application/vnd.databricks.v1+output"]["data"][0] == ["Bern <b>", 1]
    assert shell.source == '%sh echo "from the shell"'
    assert failed.outputs[-1].ename == "ValueError" and never.execution_count is None


def test_pages_of_the_service_become_jupyter_notebooks() -> None:
    results = [
        {"type": "html", "data": "<b>x</b>"},
        {"type": "image", "data": "data:image/png;base64,iVBOR"},
        {"type": "table", "data": [[1, None]], "schema": [{"name": "a"}, {"name": "b"}]},
    ]
    commands = [
        {"command": "x", "position": 2.0, "state": "finished", "results": {"type": "listResults", "data": results}},
        {"command": "%md hello", "position": 1.0, "results": None},
    ]
    model = json.dumps({"name": "n", "language": "python", "commands": commands})
    page = f"var __DATABRICKS_NOTEBOOK_MODEL = '{base64.b64encode(urllib.parse.quote(model).encode()).decode()}';"
    first, second = nbformat.reads(to_jupyter(page), as_version=4).cells
    assert first.source == "hello"
    shown = [output.data for output in second.outputs]
    assert shown[0]["text/html"] == "<b>x</b>" and shown[1]["image/png"] == "iVBOR" and "null" in shown[2]["text/plain"]


def test_what_is_no_notebook_is_not_exported(client: Client) -> None:
    run = client.ended(client.started(client.job(client.task("one", "1"), jobs.Task("no", condition_task=EQUAL))))
    condition = next(task for task in run.tasks or [] if task.task_key == "no")
    with pytest.raises(InvalidParameterValue, match="is not a notebook run"):
        client.sdk.jobs.export_run(condition.run_id or 0)
    with pytest.raises(InvalidParameterValue, match="individual task run"):
        client.sdk.jobs.export_run(run.run_id or 0)
    one = next(task for task in run.tasks or [] if task.task_key == "one")
    dashboards = client.sdk.jobs.export_run(one.run_id or 0, views_to_export=jobs.ViewsToExport.DASHBOARDS)
    assert not dashboards.views
    query = {"run_id": one.run_id, "views_to_export": "PICTURES"}
    with pytest.raises(InvalidParameterValue, match="ALL, CODE, DASHBOARDS"):
        client.sdk.api_client.do("GET", "/api/2.1/jobs/runs/export", query=query)


def test_iterations_of_a_loop_are_exported(client: Client, workspace: LocalWorkspace) -> None:
    inner = client.task("one", "print('got', dbutils.widgets.get('v'))", base_parameters={"v": "{{input}}"})
    loop = jobs.Task("loop", for_each_task=jobs.ForEachTask(inputs='["a", "b"]', task=inner))
    run = client.ended(client.started(client.job(loop)))
    connection = connect(host=workspace.host, auth={"token": workspace.token}, environ={})
    [task] = look(connection, run.run_id or 0).tasks
    found = exported(connection, task, "ipynb")
    assert [name for name, _ in found] == ["one", "one"]
    texts = sorted(json.loads(text)["cells"][0]["outputs"][0]["text"] for _, text in found)
    assert texts == ["got a\n", "got b\n"]


EQUAL = jobs.ConditionTask(op=jobs.ConditionTaskOp.EQUAL_TO, left="1", right="1")
