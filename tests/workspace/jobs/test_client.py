"""Jobs through the official SDK, unmodified, against a running workspace: real notebooks, files and states."""

from __future__ import annotations

import io
import json
import os
import signal
import uuid
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psutil
import pytest
from databricks.sdk.errors import InvalidParameterValue, OperationFailed, ResourceDoesNotExist
from databricks.sdk.service import compute, jobs
from databricks.sdk.service.workspace import ImportFormat

from tests.support import LocalWorkspace, WorkspaceHome, wait_for
from tests.workspace.jobs.job_client import Client, codes, results

LIMIT = timedelta(seconds=90)
FOREVER = "import threading\nthreading.Event().wait(600)"


def test_job_runs_and_answers_its_result(client: Client) -> None:
    job_id = client.job(client.task("hello", "print('printed')\ndbutils.notebook.exit('42')"))
    run = client.sdk.jobs.run_now(job_id).result(timeout=LIMIT)
    assert run.state and run.state.result_state is jobs.RunResultState.SUCCESS
    assert run.run_page_url and run.run_page_url.endswith(f"/jobs/{job_id}/runs/{run.run_id}")
    assert run.start_time and run.end_time and run.run_duration is not None
    output = client.output(run, "hello")
    assert output.notebook_output and output.notebook_output.result == "42"
    assert "printed" in (output.logs or "")
    assert output.metadata and output.metadata.job_run_id == run.run_id
    [original] = client.sdk.jobs.get_run(run.run_id or 0, include_history=True).repair_history or []
    assert original.type is jobs.RepairHistoryItemType.ORIGINAL and original.end_time == run.end_time
    assert original.task_run_ids == [one.run_id for one in run.tasks or []] and not run.repair_history


def test_failure_carries_error_and_trace(client: Client) -> None:
    job_id = client.job(
        client.task("bad", "def broken():\n    raise ValueError('no such flight')\nbroken()"),
        client.task("after", "print(1)", "bad"),
    )
    waiter = client.sdk.jobs.run_now(job_id)
    with pytest.raises(OperationFailed, match="Task bad failed with message"):
        waiter.result(timeout=LIMIT)
    run = client.sdk.jobs.get_run(waiter.response.run_id)
    assert run.state and run.state.life_cycle_state is jobs.RunLifeCycleState.INTERNAL_ERROR
    assert run.status and run.status.termination_details
    assert run.status.termination_details.code is jobs.TerminationCodeCode.RUN_EXECUTION_ERROR
    assert results(run) == {"bad": "FAILED", "after": "UPSTREAM_FAILED"}
    output = client.output(run, "bad")
    assert "no such flight" in (output.error or "") and "broken" in (output.error_trace or "")


def test_missing_notebook_fails_the_run_with_its_path(client: Client) -> None:
    job_id = client.job(jobs.Task(task_key="gone", notebook_task=jobs.NotebookTask(f"{client.directory}/gone")))
    run = client.ended(client.started(job_id))
    assert run.state and run.state.result_state is jobs.RunResultState.FAILED
    assert f"{client.directory}/gone" in (run.state.state_message or "")
    assert codes(run) == {"gone": ("INTERNAL_ERROR", "RESOURCE_NOT_FOUND")}


def test_failure_that_is_not_the_code_s_has_a_code_of_its_own(client: Client) -> None:
    none = compute.Library(whl=f"/Workspace{client.directory}/none-1.0-py3-none-any.whl")
    run = client.ended(
        client.started(
            client.job(
                client.task("library", "", libraries=[none]),
                client.task("crash", "import os\nos._exit(3)"),
                client.task("code", "1 / 0"),
            )
        )
    )
    assert codes(run) == {
        "library": ("INTERNAL_ERROR", "LIBRARY_INSTALLATION_ERROR"),
        "crash": ("INTERNAL_ERROR", "DRIVER_ERROR"),
        "code": ("TERMINATED", "RUN_EXECUTION_ERROR"),
    }


def test_parameters_and_task_values_reach_notebooks(client: Client) -> None:
    first = "dbutils.jobs.taskValues.set('auc', 0.71)\ndbutils.jobs.taskValues.set('rows', [1, 2])"
    second = """import json
auc = dbutils.jobs.taskValues.get(taskKey="train", key="auc")
rows = dbutils.jobs.taskValues.get("train", "rows")
names = ("day", "own", "auc", "run")
dbutils.notebook.exit(json.dumps({"value": auc, "rows": rows, **{n: dbutils.widgets.get(n) for n in names}}))"""
    given = {"own": "base", "auc": "{{tasks.train.values.auc}}", "run": "{{job.run_id}}", "day": "mine"}
    job_id = client.job(
        client.task("train", first),
        client.task("use", second, "train", base_parameters=given),
        parameters=[jobs.JobParameterDefinition("day", "monday")],
    )
    run = client.ended(client.started(job_id, job_parameters={"day": "friday"}))
    output = client.output(run, "use")
    assert output.notebook_output and output.notebook_output.result, output.error
    found = json.loads(output.notebook_output.result)
    assert found == {
        "value": 0.71, "rows": [1, 2], "day": "friday", "own": "base", "auc": "0.71", "run": str(run.run_id),
    }  # fmt: skip
    assert run.job_parameters == [jobs.JobParameter(default="monday", name="day", value="friday")]


def test_python_file_gets_its_arguments(client: Client) -> None:
    path = f"{client.directory}/script.py"
    client.sdk.workspace.upload(
        path, io.BytesIO(b"import sys\nprint('args', sys.argv[1:])"), format=ImportFormat.AUTO, overwrite=True
    )
    task = jobs.Task(task_key="s", spark_python_task=jobs.SparkPythonTask(path, ["--n", "{{job.name}}"]))
    run = client.ended(client.started(client.job(task)))
    assert results(run) == {"s": "SUCCESS"}, client.output(run, "s").error
    assert f"args ['--n', '{run.run_name}']" in (client.output(run, "s").logs or "")


def test_cancel_ends_the_task_and_what_it_started(client: Client) -> None:
    source = """import subprocess, os
child = subprocess.Popen(["sleep", "600"])
print("pids", os.getpid(), child.pid, flush=True)
child.wait()"""
    run_id = client.started(client.job(client.task("long", source)))

    def pids() -> list[int]:
        logs = client.output(client.sdk.jobs.get_run(run_id), "long").logs or ""
        return [int(one) for one in logs.partition("pids ")[2].split()[:2]]

    started = wait_for(pids, seconds=60, every=0.1)
    client.sdk.jobs.cancel_run(run_id)
    run = client.ended(run_id)
    assert run.state and run.state.life_cycle_state is jobs.RunLifeCycleState.TERMINATED
    assert run.state.result_state is jobs.RunResultState.CANCELED and run.state.user_cancelled_or_timedout
    wait_for(lambda: not any(psutil.pid_exists(one) for one in started))


def test_task_over_its_time_limit_is_stopped(client: Client) -> None:
    run = client.ended(client.started(client.job(client.task("slow", FOREVER, timeout_seconds=1))))
    assert results(run) == {"slow": "TIMEDOUT"}
    assert run.state and run.state.result_state is jobs.RunResultState.TIMEDOUT
    whole = client.ended(client.started(client.job(client.task("slow", FOREVER), timeout_seconds=1)))
    assert whole.tasks and whole.tasks[0].state
    assert whole.tasks[0].state.state_message == "The job run that it belongs to timed out."


def test_retries_are_attempts_of_their_own(client: Client) -> None:
    source = """path = "/tmp/" + dbutils.widgets.get("marker")
import os
if not os.path.exists(path):
    open(path, "w").close()
    raise RuntimeError("first time")
os.remove(path)"""
    marker = {"marker": f"brickyard-{uuid.uuid4().hex}"}
    run = client.ended(client.started(client.job(client.task("flaky", source, base_parameters=marker, max_retries=1))))
    assert run.state and run.state.result_state is jobs.RunResultState.SUCCESS
    first, second = run.tasks or []
    assert (first.attempt_number, second.attempt_number) == (0, 1)
    retry = client.sdk.jobs.get_run(second.run_id or 0)
    assert (retry.original_attempt_run_id, retry.attempt_number) == (first.run_id, 1)


def test_second_run_waits_or_is_skipped(client: Client) -> None:
    task = client.task("wait", FOREVER)
    queued_job = client.job(task, queue=jobs.QueueSettings(enabled=True))
    first, second = client.started(queued_job), client.started(queued_job)
    state = client.sdk.jobs.get_run(second).status
    assert state and state.state is jobs.RunLifecycleStateV2State.QUEUED
    client.sdk.jobs.update(queued_job, new_settings=jobs.JobSettings(queue=jobs.QueueSettings(enabled=False)))
    skipped = client.ended(client.started(queued_job))
    assert skipped.state and skipped.state.life_cycle_state is jobs.RunLifeCycleState.SKIPPED
    assert skipped.state.result_state is jobs.RunResultState.MAXIMUM_CONCURRENT_RUNS_REACHED
    client.sdk.jobs.cancel_all_runs(job_id=queued_job)
    ends = [client.ended(one).state for one in (first, second)]
    assert [one.result_state for one in ends if one] == [jobs.RunResultState.CANCELED] * 2


def test_settings_are_kept_listed_changed_and_deleted(client: Client) -> None:
    job_id = client.job(client.task("a", ""), tags={"team": "ml"}, max_concurrent_runs=3)
    job = client.sdk.jobs.get(job_id)
    assert job.settings and job.settings.name and job.settings.tags == {"team": "ml"}
    assert job.settings.format is jobs.Format.MULTI_TASK and job.settings.timeout_seconds == 0
    listed = list(client.sdk.jobs.list(name=job.settings.name.upper(), expand_tasks=True))
    assert [one.job_id for one in listed] == [job_id] and listed[0].settings and listed[0].settings.tasks
    client.sdk.jobs.reset(job_id, jobs.JobSettings(name="again", tasks=job.settings.tasks))
    after = client.sdk.jobs.get(job_id).settings
    assert after and after.name == "again" and after.tags is None and after.max_concurrent_runs == 1
    client.sdk.jobs.delete(job_id)
    with pytest.raises(ResourceDoesNotExist):
        client.sdk.jobs.get(job_id)


def test_many_tasks_come_in_pages_that_the_client_joins(client: Client) -> None:
    notebook = client.notebook("one", "")
    tasks = [jobs.Task(task_key=f"t{one}", notebook_task=jobs.NotebookTask(notebook)) for one in range(130)]
    job_id = client.job(*tasks)
    job = client.sdk.jobs.get(job_id)
    assert job.settings and [one.task_key for one in job.settings.tasks or []] == [f"t{one}" for one in range(130)]
    run_id = client.started(job_id)
    client.sdk.jobs.cancel_run(run_id)
    assert len(client.ended(run_id).tasks or []) == 130


def test_runs_are_listed_newest_first_and_by_state(client: Client) -> None:
    job_id = client.job(client.task("a", ""), max_concurrent_runs=9)
    made = [client.started(job_id) for _ in range(3)]
    for run_id in made:
        client.ended(run_id)
    assert [one.run_id for one in client.sdk.jobs.list_runs(job_id=job_id, limit=2)] == made[::-1]
    assert list(client.sdk.jobs.list_runs(job_id=job_id, active_only=True)) == []
    expanded = next(iter(client.sdk.jobs.list_runs(job_id=job_id, expand_tasks=True, completed_only=True)))
    assert [one.task_key for one in expanded.tasks or []] == ["a"]


@pytest.mark.parametrize("query", [{"page_token": "-1"}, {"page_token": "x"}, {"run_type": "NONE"}, {"limit": 26}])
def test_wrong_places_in_lists_are_refused_by_name(client: Client, query: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterValue, match=next(iter(query))):
        client.sdk.api_client.do("GET", "/api/2.2/jobs/runs/list", query=query)


def test_submitted_run_needs_no_job(client: Client) -> None:
    task = jobs.SubmitTask(task_key="once", notebook_task=jobs.NotebookTask(client.notebook("once", "print(1)")))
    run = client.sdk.jobs.submit(run_name="just once", tasks=[task]).result(timeout=LIMIT)
    assert run.run_name == "just once" and run.run_type is jobs.RunType.SUBMIT_RUN
    assert run.job_id not in {one.job_id for one in client.sdk.jobs.list()}


def test_output_of_a_job_s_run_is_refused_as_the_service_does(client: Client) -> None:
    query = {"run_id": client.ended(client.started(client.job(client.task("a", "print('of a')")))).run_id or 0}
    for version in ("2.2", "2.1"):
        with pytest.raises(InvalidParameterValue, match="individual task run"):
            client.sdk.api_client.do("GET", f"/api/{version}/jobs/runs/get-output", query=query)
    old = client.sdk.api_client.do("GET", "/api/2.0/jobs/runs/get-output", query=query)
    assert isinstance(old, dict) and old["logs"] == "of a\n"


def test_what_is_not_supported_is_refused_by_name(client: Client) -> None:
    with pytest.raises(InvalidParameterValue, match=r"task 'q': pipeline_task is not supported"):
        client.job(jobs.Task(task_key="q", pipeline_task=jobs.PipelineTask("p")))


@pytest.fixture
def killed(workspaces: WorkspaceHome) -> Callable[[LocalWorkspace], LocalWorkspace]:
    """Kills a workspace at once and starts it again."""

    def kill(workspace: LocalWorkspace) -> LocalWorkspace:
        pid = json.loads(workspaces.run("workspace", "status", workspace.name, "-o", "json").stdout)["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not psutil.pid_exists(pid))
        return workspaces.start(workspace.name)

    return kill


def test_killed_workspace_ends_its_runs_truly(
    workspaces: WorkspaceHome, killed: Callable[[LocalWorkspace], LocalWorkspace]
) -> None:
    workspace = workspaces.start("dev")
    client = Client(workspace)
    slow = "import time\nprint('up', flush=True)\ntime.sleep(600)"
    job_id = client.job(
        client.task("fast", "print(1)"), client.task("slow", slow, "fast"), client.task("end", "", "slow")
    )
    run_id = client.started(job_id)
    wait_for(lambda: "up" in (client.output(client.sdk.jobs.get_run(run_id), "slow").logs or ""), seconds=60, every=0.1)
    before = [one.run_id for one in client.sdk.jobs.get_run(run_id).tasks or []]
    killed(workspace)
    run = client.ended(run_id)
    assert [one.run_id for one in run.tasks or []] == before, "nothing was repeated"
    assert results(run) == {"fast": "SUCCESS", "slow": "FAILED", "end": "UPSTREAM_FAILED"}
    assert run.state and "workspace stopped" in (run.state.state_message or "")


def test_acknowledged_run_survives_a_kill(
    workspaces: WorkspaceHome, killed: Callable[[LocalWorkspace], LocalWorkspace]
) -> None:
    workspace = workspaces.start("dev")
    client = Client(workspace)
    job_id = client.job(client.task("a", "", max_retries=3))
    run_id = client.started(job_id, idempotency_token="once")
    killed(workspace)
    assert client.started(job_id, idempotency_token="once") == run_id
    run = client.ended(run_id)
    assert run.state and run.state.result_state is jobs.RunResultState.SUCCESS


def wheel(name: str, module: str) -> bytes:
    """A wheel with one module and the entry point `main`, as a build backend would make it."""
    info = f"{name}-0.1.dist-info"
    files = {
        f"{name}.py": module,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\nmain = {name}:main\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in (files | {f"{info}/RECORD": record}).items():
            archive.writestr(path, text)
    return buffer.getvalue()


def test_wheel_task_runs_its_entry_point(client: Client) -> None:
    name = f"flights_{uuid.uuid4().hex[:6]}"
    path = f"{client.directory}/{name}-0.1-py3-none-any.whl"
    content = io.BytesIO(wheel(name, "import sys\n\ndef main():\n    print('given', sorted(sys.argv[1:]))\n"))
    client.sdk.workspace.upload(path, content, format=ImportFormat.AUTO, overwrite=True)
    task = jobs.Task(
        task_key="w",
        python_wheel_task=jobs.PythonWheelTask(name, "main", named_parameters={"month": "9", "own": "x"}),
        environment_key="default",
    )
    spec = compute.Environment(client="1", dependencies=[f"/Workspace{path}"])
    job_id = client.job(
        task,
        environments=[jobs.JobEnvironment("default", spec)],
        parameters=[jobs.JobParameterDefinition("month", "10")],
    )
    run = client.ended(client.started(job_id))
    output = client.output(run, "w")
    assert results(run) == {"w": "SUCCESS"}, output.error
    assert "given ['--month=10', '--own=x']" in (output.logs or "")


def test_cluster_variables_reach_the_task(client: Client) -> None:
    spec = compute.ClusterSpec(
        spark_version="16.4.x-scala2.12", node_type_id="Standard_DS3_v2", num_workers=0, spark_env_vars={"KEY": "plain"}
    )
    source = "import os\ndbutils.notebook.exit(os.environ['KEY'])"
    clusters = [jobs.JobCluster("c", spec)]
    run = client.ended(client.started(client.job(client.task("a", source, job_cluster_key="c"), job_clusters=clusters)))
    output = client.output(run, "a").notebook_output
    assert output and output.result == "plain"
