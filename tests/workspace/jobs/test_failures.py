"""Every way in which a task can fail ends in the service's state, with a reason that a user understands.

The tasks of the table run once, together, in a workspace of real processes; each line is a test of its own.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from databricks.sdk.service import compute, jobs
from databricks.sdk.service.workspace import ImportFormat

from tests.support import LocalWorkspace
from tests.workspace.jobs.job_client import Client

# The Spark gateway of the notebook is found by the connection to it, and killed while a query runs.
KILLED_ENGINE = """import os, psutil, threading
spark.range(1).count()
mine = {(c.laddr, c.raddr) for c in psutil.Process().net_connections("tcp") if c.raddr}
others = [p for p in psutil.Process(os.getppid()).children() if p.pid != os.getpid()]
engine = next(p for p in others if any((c.raddr, c.laddr) in mine for c in p.net_connections("tcp") if c.raddr))
threading.Timer(0.3, engine.kill).start()
spark.range(10**13).selectExpr("sum(id * id % 7)").collect()"""
OOM = "This may have been caused by an OOM error. Check your command's memory usage."
UNRESPONSIVE = "Fatal error: The Python kernel is unresponsive."
DENIED = "Either it does not exist, or the identity used to run this job,"
LIBRARY = "Library installation failed for library due to user error. Error messages:\n"
#: What a program does: its code; the termination code; what the error begins with; what is in it.
PROGRAMS: dict[str, tuple[str, str, str, str]] = {
    "raises": ("1 / 0", "RUN_EXECUTION_ERROR", "ZeroDivisionError: division by zero", ""),
    "exits": ("import sys\nsys.exit(3)", "RUN_EXECUTION_ERROR", "SystemExit: 3", ""),
    "exits_with_words": ("import sys\nsys.exit('no data')", "RUN_EXECUTION_ERROR", "SystemExit: no data", ""),
    "asks_for_too_much": ("bytearray(1 << 50)", "RUN_EXECUTION_ERROR", "MemoryError", ""),
    "vanishes": ("import os\nos._exit(3)", "DRIVER_ERROR", UNRESPONSIVE, "exited with exit code 3 before"),
    "is_killed": ("import os\nos.kill(os.getpid(), 9)", "DRIVER_ERROR", UNRESPONSIVE, f"137 (SIGKILL: Killed). {OOM}"),
    "crashes": ("import ctypes\nctypes.string_at(0)", "DRIVER_ERROR", UNRESPONSIVE, "exit code 139 (SIGSEGV: "),
}


@dataclass(frozen=True)
class Case:
    """A task that fails, and how: its fields but for the key; the code; the beginning of the error; what is in it."""

    task: dict[str, Any]
    code: str
    error: str
    reason: str = ""


def wheel(name: str, files: dict[str, str], requires: str = "") -> bytes:
    """A wheel of version 1.0 whose entry points are the functions of its module `name`."""
    info, content = f"{name}-1.0.dist-info", io.BytesIO()
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n" + (
        f"Requires-Dist: {requires}\n" if requires else ""
    )
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(content, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", tags)
        archive.writestr(f"{info}/RECORD", "")
    return content.getvalue()


def upload(client: Client, name: str, content: bytes) -> str:
    """Put a file into the workspace."""
    path = f"{client.directory}/{name}"
    client.sdk.workspace.upload(path, io.BytesIO(content), format=ImportFormat.AUTO, overwrite=True)
    return f"/Workspace{path}"


def cases(client: Client) -> Iterator[tuple[str, Case]]:
    """The tasks of the table, by key."""
    functions = "".join(
        f"def {name}():\n    " + code.replace("\n", "\n    ") + "\n" for name, (code, *_) in PROGRAMS.items()
    )
    failing = compute.Library(
        whl=upload(client, "failing-1.0-py3-none-any.whl", wheel("failing", {"failing.py": functions}))
    )
    for name, (code, *expected) in PROGRAMS.items():
        notebook = jobs.NotebookTask(client.notebook(name, code))
        file = jobs.SparkPythonTask(upload(client, f"{name}.py", code.encode()))
        yield f"notebook_{name}", Case({"notebook_task": notebook}, *expected)
        yield f"file_{name}", Case({"spark_python_task": file}, *expected)
        entry = jobs.PythonWheelTask("failing", name)
        yield f"wheel_{name}", Case({"python_wheel_task": entry, "libraries": [failing]}, *expected)
    yield from missing(client, failing)
    yield from limited(client, failing)


def missing(client: Client, failing: compute.Library) -> Iterator[tuple[str, Case]]:
    """Tasks whose code or libraries are not there, or do not go together."""
    none, here = f"{client.directory}/none", jobs.NotebookTask(client.notebook("empty", ""))
    yield (
        "no_notebook",
        Case(
            {"notebook_task": jobs.NotebookTask(none)},
            "RESOURCE_NOT_FOUND",
            f'Unable to access the notebook "{none}". {DENIED}',
        ),
    )
    yield (
        "no_file",
        Case(
            {"spark_python_task": jobs.SparkPythonTask(f"/Workspace{none}.py")},
            "RESOURCE_NOT_FOUND",
            f"Cannot read the python file /Workspace{none}.py. {DENIED}",
        ),
    )
    yield (
        "no_package",
        Case(
            {"python_wheel_task": jobs.PythonWheelTask("nowhere-at-all", "main")},
            "RESOURCE_NOT_FOUND",
            "Python wheel with name nowhere-at-all could not be found",
        ),
    )
    yield (
        "no_entry_point",
        Case(
            {"python_wheel_task": jobs.PythonWheelTask("failing", "none"), "libraries": [failing]},
            "RUN_EXECUTION_ERROR",
            "AttributeError: the package 'failing' has no entry point and no function 'none'",
        ),
    )
    gone = compute.Library(whl=f"/Workspace{none}-1.0-py3-none-any.whl")
    yield (
        "no_library",
        Case({"notebook_task": here, "libraries": [gone]}, "LIBRARY_INSTALLATION_ERROR", LIBRARY, "does not exist"),
    )
    at_odds = wheel("at_odds", {"at_odds.py": ""}, requires="failing==2.0")
    other = compute.Library(whl=upload(client, "at_odds-1.0-py3-none-any.whl", at_odds))
    yield (
        "libraries_at_odds",
        Case(
            {"notebook_task": here, "libraries": [failing, other]},
            "LIBRARY_INSTALLATION_ERROR",
            LIBRARY,
            "failing==2.0",
        ),
    )


def limited(client: Client, failing: compute.Library) -> Iterator[tuple[str, Case]]:
    """Tasks that lose their engine."""
    engine = jobs.NotebookTask(client.notebook("killed_engine", KILLED_ENGINE))
    yield (
        "killed_engine",
        Case({"notebook_task": engine}, "DRIVER_ERROR", "The spark driver has stopped unexpectedly", "SIGKILL"),
    )


KEYS = [f"{kind}_{name}" for name in PROGRAMS for kind in ("notebook", "file", "wheel")] + [
    "no_notebook", "no_file", "no_package", "no_entry_point", "no_library", "libraries_at_odds", "killed_engine",
]  # fmt: skip


@dataclass(frozen=True)
class Table:
    """The run of all tasks, and what is expected of each."""

    client: Client
    run: jobs.Run
    cases: dict[str, Case]


@pytest.fixture(scope="module")
def table(workspace: LocalWorkspace) -> Table:
    client = Client(workspace)
    tasks = dict(cases(client))
    run = client.ended(client.started(client.job(*(jobs.Task(task_key=key, **one.task) for key, one in tasks.items()))))
    return Table(client, run, tasks)


@pytest.mark.parametrize("key", KEYS)
def test_failure_ends_in_the_state_of_the_service(table: Table, key: str) -> None:
    case = table.cases[key]
    [task] = [one for one in table.run.tasks or [] if one.task_key == key]
    output = table.client.output(table.run, key)
    assert task.state and task.status and task.status.termination_details
    details = task.status.termination_details
    is_users = case.code == "RUN_EXECUTION_ERROR"
    assert (task.state.result_state, details.code) == (
        jobs.RunResultState.FAILED,
        jobs.TerminationCodeCode(case.code),
    ), output.error
    assert task.state.life_cycle_state is jobs.RunLifeCycleState["TERMINATED" if is_users else "INTERNAL_ERROR"]
    assert task.status.state is jobs.RunLifecycleStateV2State.TERMINATED
    assert details.type is jobs.TerminationTypeType.CLIENT_ERROR
    assert output.error and output.error.startswith(case.error) and case.reason in output.error
    message = "Workload failed, see run output for details" if is_users else output.error
    assert task.state.state_message == details.message == message
    assert (output.error_trace is not None) == (is_users and not output.error.startswith("SystemExit"))
    assert not task.state.user_cancelled_or_timedout


def test_run_of_all_says_what_failed_first(table: Table) -> None:
    run = table.run
    assert set(table.cases) == set(KEYS)
    assert run.state and run.state.life_cycle_state is jobs.RunLifeCycleState.INTERNAL_ERROR
    assert run.state.result_state is jobs.RunResultState.FAILED
    assert (run.state.state_message or "").startswith("Task notebook_raises failed with message: Workload failed")
    assert "Also failed: file_raises, wheel_raises, notebook_exits" in (run.state.state_message or "")
    assert table.client.output(run, "file_raises").error_trace.count("Traceback") == 1
