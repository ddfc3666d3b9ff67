"""Tasks that are stopped: cancelled, or over a time limit; nothing that they have started is left."""

from __future__ import annotations

import re

import psutil
from databricks.sdk.service import compute, jobs

from tests.support import wait_for
from tests.workspace.jobs.job_client import Client, codes, results
from tests.workspace.jobs.test_failures import upload, wheel

#: Starts a process in a session of its own that ignores SIGTERM, and one whose parent ends at once; then waits.
TREE = """import subprocess, sys, time
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True)
start = f"import subprocess as s, sys; c = [sys.executable, '-c', {deaf!r}]; " + (
    "print(s.Popen(c, start_new_session=True, stdout=2).pid)"
)
orphan = subprocess.run([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True).stdout
print("PIDS", child.pid, orphan, flush=True)
time.sleep(600)"""


def pids(client: Client, run_id: int, key: str) -> list[int]:
    """The processes that a task has started, once it has."""

    def look() -> list[int]:
        logs = client.output(client.sdk.jobs.get_run(run_id), key).logs or ""
        return [int(one) for one in (re.findall(r"PIDS (\d+) (\d+)\n", logs) or [()])[0]]

    return wait_for(look, seconds=60, every=0.1)


def details(run: jobs.Run, key: str) -> tuple[str, str]:
    """The termination code and message of a task."""
    [found] = [one.status.termination_details for one in run.tasks or [] if one.task_key == key and one.status]
    assert found and found.code
    return found.code.value, found.message or ""


def test_stopped_tasks_of_every_kind_end_with_all_they_started(client: Client) -> None:
    package = upload(
        client, "tree-1.0-py3-none-any.whl", wheel("tree", {"tree.py": f"def main():\n    exec({TREE!r}, {{}})\n"})
    )
    job_id = client.job(
        client.task("cancelled", TREE),
        jobs.Task(
            task_key="late",
            spark_python_task=jobs.SparkPythonTask(upload(client, "tree.py", TREE.encode())),
            timeout_seconds=5,
        ),
        jobs.Task(
            task_key="with_run",
            python_wheel_task=jobs.PythonWheelTask("tree", "main"),
            libraries=[compute.Library(whl=package)],
            depends_on=[jobs.TaskDependency("late")],
            run_if=jobs.RunIf.ALL_DONE,
        ),
    )
    run_id = client.started(job_id)
    started = pids(client, run_id, "cancelled") + pids(client, run_id, "late")
    client.sdk.jobs.cancel_run(
        next(t.run_id for t in client.sdk.jobs.get_run(run_id).tasks or [] if t.task_key == "cancelled")
    )
    started += pids(client, run_id, "with_run")
    client.sdk.jobs.cancel_run(run_id)
    run = client.ended(run_id)
    assert results(run) == {"cancelled": "CANCELED", "late": "TIMEDOUT", "with_run": "CANCELED"}
    assert details(run, "cancelled") == details(run, "with_run") == ("USER_CANCELED", "Run cancelled.")
    assert details(run, "late") == ("CANCELED", "Run timed out after 5 seconds.")
    assert {life for life, _ in codes(run).values()} == {"TERMINATED"}
    assert client.output(run, "with_run").error == "Run cancelled."
    assert not [one for one in started if psutil.pid_exists(one)] and len(started) == 6


def test_run_over_its_limit_and_all_runs_end_with_all_they_started(client: Client) -> None:
    late_job = client.job(client.task("late", TREE), timeout_seconds=5)
    late = client.started(late_job)
    started = pids(client, late, "late")
    job_id = client.job(client.task("all", TREE))
    cancelled = client.started(job_id)
    started += pids(client, cancelled, "all")
    client.sdk.jobs.cancel_all_runs(job_id=job_id)
    ends = [client.ended(one) for one in (late, cancelled)]
    states = [(one.state.result_state, one.state.state_message) for one in ends if one.state]
    assert states == [
        (jobs.RunResultState.TIMEDOUT, "Run timed out after 5 seconds."),
        (jobs.RunResultState.CANCELED, "Run cancelled."),
    ]
    assert details(ends[0], "late") == ("CANCELED", "The job run that it belongs to timed out.")
    assert not [one for one in started if psutil.pid_exists(one)] and len(started) == 4
