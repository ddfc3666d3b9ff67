"""Notebooks that tasks run with `dbutils.notebook.run`: runs of their own, with numbers that they know."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from databricks.sdk.service import jobs

from brickyard.workspace.api.errors import InvalidParameterValue, InvalidState, PermissionDenied
from brickyard.workspace.compute.tasks import TaskOutcome
from tests.workspace.jobs.job_client import Client, results
from tests.workspace.jobs.lab import BROKEN, OK, Lab, task

CONTEXT = """import json
context = json.loads(dbutils.notebook.entry_point.getDbutils().notebook().getContext().safeToJson())["attributes"]
"""
INNER = f"""{CONTEXT}
print("inner of", dbutils.widgets.get("who"))
if dbutils.widgets.get("who") == "nobody":
    raise ValueError("nobody is there")
dbutils.notebook.exit(json.dumps({{name: context[name] for name in ("currentRunId", "rootRunId", "jobId")}}))"""
OUTER = f"""{CONTEXT}
found = [context["currentRunId"], json.loads(dbutils.notebook.run("inner", 60, {{"who": "me"}}))]
try:
    dbutils.notebook.run("inner", 60, {{"who": "nobody"}})
except Exception as error:
    found.append(str(error))
dbutils.notebook.exit(json.dumps(found))"""


def test_a_notebook_of_a_task_is_a_run_of_its_own(client: Client) -> None:
    inner = client.notebook("inner", INNER)
    run = client.ended(client.started(client.job(client.task("outer", OUTER))))
    assert results(run) == {"outer": "SUCCESS"}, client.output(run, "outer").error
    output = client.output(run, "outer").notebook_output
    own, known, failure = json.loads(output.result if output and output.result else "")
    assert known["rootRunId"] == own != known["currentRunId"] and "nobody is there" in failure
    number = int(known["currentRunId"])
    child = client.sdk.jobs.get_run(number)
    assert child.run_type is jobs.RunType.WORKFLOW_RUN and str(child.job_id) == known["jobId"] != str(run.job_id)
    assert child.state and child.state.result_state is jobs.RunResultState.SUCCESS
    [work] = [one.notebook_task for one in child.tasks or []]
    assert work and work.notebook_path == f"/Workspace{inner}" and work.base_parameters == {"who": "me"}
    told = client.sdk.jobs.get_run_output(number)
    assert told.notebook_output and json.loads(told.notebook_output.result or "") == known
    assert "inner of me" in (told.logs or "")
    [page] = client.sdk.jobs.export_run(number).views or []
    assert page.name == "inner"
    listed = list(client.sdk.jobs.list_runs(run_type=jobs.RunType.WORKFLOW_RUN, expand_tasks=True))
    paths = [one.tasks[0].notebook_task.notebook_path for one in listed if one.tasks and one.tasks[0].notebook_task]
    assert paths[:2] == [f"/Workspace{inner}"] * 2, "the newest are those of this test"
    states = [one.state.result_state.value for one in listed[:2] if one.state and one.state.result_state]
    assert states == ["FAILED", "SUCCESS"]
    assert listed[1].run_id == child.job_run_id
    pages = client.sdk.jobs.export_run(int(own)).views or []
    assert [one.name for one in pages] == ["outer", "inner", "inner"]
    assert f"Notebook job #{child.job_run_id}" in (pages[0].content or "")


def test_notebooks_end_with_the_task_that_executes_them(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    run_id = lab.run(lab.job(task("a")))
    parent = lab.running("a").spec.run_id
    notebooks, owner = lab.jobs.notebooks, lab.owner
    first = notebooks.begin(parent, "/nb/x", {"p": "1" * 20_000}, owner)
    inner = notebooks.begin(first.run_id, "/nb/y", {}, owner)
    done = notebooks.begin(parent, "/nb/z", {}, owner)
    notebooks.end(done.run_id, BROKEN, owner)
    with pytest.raises(InvalidState, match="cancel that one"):
        lab.jobs.cancel(first.run_id)
    lab.compute.finish("a", OK)
    assert lab.ended(run_id).state.result == "SUCCESS"
    found = {one.run_id: lab.ended(one.run_id).state.result for one in (first, inner, done)}
    assert found == {first.run_id: "CANCELED", inner.run_id: "CANCELED", done.run_id: "FAILED"}
    with pytest.raises(InvalidState, match="has ended"):
        notebooks.begin(parent, "/nb/x", {}, owner)


def test_notebooks_that_ran_when_the_workspace_ended_have_ended(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    lab.run(lab.job(task("a")))
    made = lab.jobs.notebooks.begin(lab.running("a").spec.run_id, "/nb/x", {}, lab.owner)
    lab.die()
    lab.start()
    lab.jobs.recover()
    assert "stopped while this task was running" in lab.ended(made.run_id).state.message


def test_only_who_a_task_runs_as_says_that_it_runs_a_notebook(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    run_id = lab.run(lab.job(task("a")))
    parent = lab.running("a").spec.run_id
    with pytest.raises(InvalidParameterValue, match="is no task's"):
        lab.jobs.notebooks.begin(run_id, "/nb/x", {}, lab.owner)
    with pytest.raises(InvalidParameterValue, match="is not the run of a notebook"):
        lab.jobs.notebooks.end(parent, TaskOutcome("FAILED"), lab.owner)
    other = replace(lab.owner, user_name="other@example.com")
    with pytest.raises(PermissionDenied):
        lab.jobs.notebooks.begin(parent, "/nb/x", {}, other)
    made = lab.jobs.notebooks.begin(parent, "/nb/x", {}, lab.owner)
    with pytest.raises(PermissionDenied):
        lab.jobs.notebooks.end(made.run_id, TaskOutcome("FAILED"), other)
    lab.compute.finish("a", OK)
