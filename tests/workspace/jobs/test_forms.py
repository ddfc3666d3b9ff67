"""Forms in which clients say what a job does: references, and one task without a list."""

from __future__ import annotations

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.compute.tasks import TaskOutcome
from brickyard.workspace.jobs import wire
from brickyard.workspace.jobs.output import run_output
from tests.workspace.jobs.lab import CLUSTER, Lab, task


def test_names_are_put_between_backticks_and_other_braces_stay_text(lab: Lab) -> None:
    given = {
        "q": "{{tasks.`a-1`.values.`my value`}}",
        "p": "{{job.parameters.`p.x-1`}}",
        "ds": "{{ ds }} {{run.id}} {{}}",
    }
    lab.compute.behaviours["a-1"] = lambda _: TaskOutcome("SUCCESS", task_values={"my value": 7})
    reads = {"task_key": "b", "notebook_task": {"notebook_path": "/n", "base_parameters": given}}
    lab.done(task("a-1"), reads | {"depends_on": [{"task_key": "a-1"}]}, parameters=[{"name": "p.x-1", "default": "x"}])
    assert lab.compute.started[-1].parameters == {"q": "7", "p": "x", "ds": given["ds"], "p.x-1": "x"}


def test_one_task_without_a_list_is_a_job_too(lab: Lab) -> None:
    """As Airflow's operators and MLflow's projects send it, to every version of the API."""
    body = {"notebook_task": {"notebook_path": "/n"}, "new_cluster": CLUSTER, "max_retries": 1}
    run = lab.ended(lab.jobs.submit(body | {"run_name": "my run", "timeout_seconds": 60}, lab.owner).run_id)
    assert run.settings["format"] == "SINGLE_TASK" and run.settings["timeout_seconds"] == 60
    assert run.tasks[0]["task_key"] == "my_run" and run.tasks[0]["max_retries"] == 1
    with pytest.raises(InvalidParameterValue, match="spark_jar_task is not supported"):
        lab.jobs.create({"name": "j", "spark_jar_task": {"main_class_name": "a.B"}}, lab.owner)


def test_token_of_a_deleted_submission_leaves_nothing_behind(lab: Lab) -> None:
    body = {"tasks": [task("a")], "idempotency_token": "once"}
    run = lab.ended(lab.jobs.submit(body, lab.owner).run_id)
    lab.jobs.delete_run(run.run_id)
    count = "select count(*) from permissions where kind = 'jobs'"
    with lab.workspace.store.read() as connection:
        before = connection.exec_driver_sql(count).scalar()
    with pytest.raises(InvalidParameterValue, match="was deleted; use another token"):
        lab.jobs.submit(body, lab.owner)
    with lab.workspace.store.read() as connection:
        assert connection.exec_driver_sql(count).scalar() == before


def test_a_run_whose_task_was_late_says_so_everywhere(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: TaskOutcome("TIMEDOUT", "It was late.")
    run, tasks = lab.done(task("a"))
    answer = wire.run(run, list(tasks.values()), "", wire.Shown()).as_dict()
    assert answer["state"]["user_cancelled_or_timedout"] and answer["tasks"][0]["state"]["user_cancelled_or_timedout"]
    assert run_output(lab.workspace, tasks["a"].run_id).error == "It was late."


def test_a_long_message_is_whole_in_the_output_only(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: TaskOutcome("FAILED", "x" * 9999, error="x" * 9999)
    run, tasks = lab.done(task("a"))
    assert len(tasks["a"].state.message) == 4099 and len(run.state.message) < 4300
    assert len(run_output(lab.workspace, tasks["a"].run_id).error or "") == 9999


def test_parameters_of_a_run_win_over_those_of_its_tasks(lab: Lab) -> None:
    named = {"a": "task", "b": "task"}
    wheel = {"package_name": "p", "entry_point": "main", "named_parameters": named}
    job_id = lab.job(
        {"task_key": "notebook", "notebook_task": {"notebook_path": "/n", "base_parameters": named}},
        {"task_key": "file", "spark_python_task": {"python_file": "/f.py", "parameters": ["task"]}},
        {"task_key": "wheel", "python_wheel_task": wheel},
    )
    mine = {"a": "run"}
    given = {"notebook_params": mine, "python_params": ["run", "{{job.id}}"], "python_named_params": mine}
    lab.ended(lab.run(job_id, **given))
    both = {"a": "run", "b": "task"}
    found = {spec.task_key: spec.parameters for spec in lab.compute.started}
    assert found == {"notebook": both, "file": ["run", str(job_id)], "wheel": both}
