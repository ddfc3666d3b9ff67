"""Processes: nothing outlives its task, its workspace, or the fork server; every end has a true outcome."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import sys
from pathlib import Path

import psutil
import pytest

from brickyard.workspace.compute.tasks import read_outcome
from tests.support import wait_for
from tests.workspace.compute.compute_support import Lab

#: Starts a process in a session of its own, whose parent ends at once, and one that ignores SIGTERM.
ESCAPE = """
import os, signal, subprocess, sys, time
code = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
script = f"import subprocess, sys; n = subprocess.DEVNULL; c = [sys.executable, '-c', {code!r}]; " + (
    "print(subprocess.Popen(c, start_new_session=True, stdout=n, stderr=n).pid)"
)
orphan = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout
print("PIDS", os.getpid(), child.pid, orphan, flush=True)
"""


def pids(log: Path) -> list[int]:
    """The processes that a task's output names; the end of its line is held back where it could begin a secret."""
    line = wait_for(lambda: re.search(r"^PIDS (.*)\n", log.read_text() if log.exists() else "", re.MULTILINE))
    assert line is not None
    return [int(word) for word in line[1].split()]


def gone(processes: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) for pid in processes)


def test_cancel_kills_what_the_task_started_in_other_sessions(lab: Lab) -> None:
    handle = lab.start("spark_python", lab.put("escape.py", ESCAPE + "time.sleep(600)\n"))
    started = pids(handle.log)
    assert len(started) == 3 and not gone(started)
    handle.cancel()
    outcome = handle.wait(30)
    assert outcome is not None and outcome.state == "CANCELED"
    assert gone(started)


def test_end_of_a_task_kills_what_it_left_running(lab: Lab) -> None:
    done = lab.run("spark_python", lab.put("leave.py", ESCAPE)).ok()
    assert gone(pids(done.handle.log))


def test_files_and_ports_of_a_task_are_free_when_its_end_is_told(lab: Lab, tmp_path: Path) -> None:
    """Also where its memory, which is given back first at the end of a process, takes a while."""
    source = f"""
import fcntl, socket
memory = b"x" * (300 << 20)
lock = open({str(tmp_path / "lock")!r}, "w")
fcntl.flock(lock, fcntl.LOCK_EX)
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1])
"""
    done = lab.run("spark_python", lab.put("holds.py", source)).ok()
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(done.output)))


def test_a_child_that_comes_to_the_end_of_the_program_does_not_end_the_task(lab: Lab) -> None:
    source = """
import os, sys
child = os.fork()
if child == 0:
    print("the child")
    sys.exit(0)
os.waitpid(child, 0)
print("the parent")
raise ValueError("the task's own end")
"""
    done = lab.run("spark_python", lab.put("forks.py", source))
    assert done.outcome.state == "FAILED" and "the task's own end" in (done.outcome.error or "")
    assert "the child" in done.output and "the parent" in done.output


def test_a_task_shares_neither_random_numbers_nor_the_time_zone_with_others(lab: Lab, tmp_path: Path) -> None:
    source = f"""
import numpy, time
print(numpy.random.rand(), time.strftime("%Z"))
left_open = open({str(tmp_path / "left")!r}, "w")
left_open.write("written at the end")
"""
    program = lab.put("draws.py", source)
    first, second = (lab.run("spark_python", program, environment={"TZ": "Asia/Tokyo"}).ok() for _ in range(2))
    assert first.output.split()[0] != second.output.split()[0]
    assert first.output.split()[1] == "JST"
    assert (tmp_path / "left").read_text() == "written at the end"


def test_timeout_ends_the_task_and_says_so(lab: Lab) -> None:
    handle = lab.start("spark_python", lab.put("slow.py", ESCAPE + "time.sleep(600)\n"), timeout_seconds=2)
    started = pids(handle.log)
    outcome = handle.wait(30)
    assert outcome is not None and outcome.state == "TIMEDOUT" and "2 seconds" in outcome.message
    assert gone(started)
    assert read_outcome(handle.spec.directory) == outcome


def test_finally_blocks_are_executed_when_a_task_is_cancelled(lab: Lab) -> None:
    source = "import time\nprint('PIDS 1', flush=True)\ntry:\n    time.sleep(600)\nfinally:\n    print('tidied up')\n"
    handle = lab.start("spark_python", lab.put("tidy.py", source))
    pids(handle.log)
    handle.cancel()
    assert handle.wait(30) is not None
    assert "tidied up" in handle.log.read_text()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import os\nos._exit(0)", "exited with exit code 0 before the task came to its end"),
        (
            "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
            "exit code 137 (SIGKILL: Killed). This may have been caused by an OOM error.",
        ),
        ("import ctypes\nctypes.string_at(0)", "exit code 139 (SIGSEGV: "),
    ],
)
def test_process_that_disappears_is_a_failure_with_a_reason(lab: Lab, source: str, message: str) -> None:
    done = lab.run("spark_python", lab.put("vanish.py", "print('said before!', flush=True)\n" + source))
    assert done.outcome.state == "FAILED" and message in done.outcome.message
    assert "said before!" in done.output
    assert read_outcome(done.directory) == done.outcome


def test_what_was_printed_just_before_the_end_is_kept(lab: Lab) -> None:
    """Also what the worker has read and holds back, as it could be the beginning of the token."""
    source = """
import fcntl, os, termios
print("first")
print("the last is", os.environ["DATABRICKS_TOKEN"][:12], end="", flush=True)
while any(fcntl.ioctl(1, termios.FIONREAD, bytes(4))):
    pass
os._exit(7)
"""
    done = lab.run("spark_python", lab.put("last.py", source))
    assert done.output == f"first\nthe last is {lab.token[:12]}"
    assert "The Python process exited with exit code 7" in done.outcome.message


def test_output_that_cannot_be_written_fails_the_task_and_does_not_stop_it(lab: Lab) -> None:
    source = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for i in range(100_000):
    print("line", i)
"""
    done = lab.run("spark_python", lab.put("no_room.py", source))
    assert done.outcome.error == "OSError: the task's output could not be written: [Errno 27] File too large"
    assert done.output.startswith("line 0\nline 1\n")
    assert 20_000 <= len(done.output) < 20_100  # what the process could write, and what was still in the pipe


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process")
def test_process_that_cannot_be_started_fails_its_task_only(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    try:
        running = lab.start("spark_python", lab.put("escape.py", ESCAPE + "time.sleep(600)\n"))
        servers = psutil.Process(pids(running.log)[0]).parents()[:2]
        servers = [one for one in servers if "brickyard.workspace.compute.forkserver" in one.cmdline()]
        limits = [one.rlimit(psutil.RLIMIT_NOFILE) for one in servers]
        for one in servers:
            one.rlimit(psutil.RLIMIT_NOFILE, (4, limits[0][1]))
        path = lab.put("next.py", "print(1)")
        refused = lab.run("spark_python", path).outcome
        assert (
            refused.message == "The task was not started: no process could be started: [Errno 24] Too many open files."
        )
        for one, limit in zip(servers, limits, strict=True):
            one.rlimit(psutil.RLIMIT_NOFILE, limit)
        assert lab.run("spark_python", path).ok().output == "1\n"
        assert running.outcome is None and all(one.is_running() for one in servers)
    finally:
        lab.close()


def test_run_directory_that_is_gone_ends_the_task_only(lab: Lab) -> None:
    """As on a full disk, neither the output nor the outcome can be written."""
    running = lab.start("spark_python", lab.put("beside.py", ESCAPE + "time.sleep(600)\n"))
    pids(running.log)
    number = next(lab.numbers) + 1
    directory = lab.workspace.root / "runs" / str(number)
    held = "print(os.environ['DATABRICKS_TOKEN'][:12], end='', flush=True)"
    source = f"import os, shutil\nshutil.rmtree({str(directory)!r})\n{held}\nos._exit(3)"
    handle = lab.start("spark_python", lab.put("no_place.py", source))
    outcome = handle.wait(30)
    assert handle.spec.directory == directory and not directory.exists()
    assert outcome is not None and "The Python process exited with exit code 3" in outcome.message
    assert running.outcome is None
    running.cancel()
    assert running.wait(30) is not None


def test_damaged_result_ends_the_task(lab: Lab) -> None:
    source = """
import os
from pathlib import Path
Path({directory!r}, "result.json").write_text("[1")
os._exit(0)
"""
    number = next(lab.numbers) + 1
    directory = str(lab.workspace.root / "runs" / str(number))
    done = lab.run("spark_python", lab.put("damage.py", source.format(directory=directory)))
    assert done.directory == Path(directory)
    assert done.outcome.state == "FAILED" and "result cannot be read: JSONDecodeError" in done.outcome.message


def test_many_tasks_at_once(lab: Lab) -> None:
    path = lab.put("many.py", "import sys\nprint('number', sys.argv[1])\n")
    handles = [lab.start("spark_python", path, [str(number)]) for number in range(25)]
    for number, handle in enumerate(handles):
        outcome = handle.wait(60)
        assert outcome is not None and outcome.succeeded, outcome
        assert handle.log.read_text() == f"number {number}\n"


def test_output_of_a_task_that_prints_much_is_whole(lab: Lab) -> None:
    done = lab.run("spark_python", lab.put("much.py", "for i in range(200_000): print('line', i)\n")).ok()
    assert done.output == "".join(f"line {i}\n" for i in range(200_000))


def test_closing_ends_everything(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    try:
        handle = lab.start("spark_python", lab.put("escape.py", ESCAPE + "time.sleep(600)\n"))
        started = pids(handle.log)
        server = next(p for p in psutil.Process(started[0]).parents() if p.ppid() == os.getpid())
        tree = [server.pid, *(child.pid for child in server.children(recursive=True))]
    finally:
        lab.close()
    assert gone(started + tree)
    assert read_outcome(handle.spec.directory) is None


def test_killed_fork_server_fails_its_tasks_and_a_new_one_serves_the_next(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    try:
        handle = lab.start("spark_python", lab.put("escape.py", ESCAPE + "time.sleep(600)\n"))
        started = pids(handle.log)
        assert handle.pid is not None
        for process in psutil.Process(handle.pid).parents():
            if "brickyard.workspace.compute.forkserver" in process.cmdline():
                process.send_signal(signal.SIGKILL)
        outcome = handle.wait(30)
        assert outcome is not None and outcome.state == "FAILED"
        wait_for(lambda: gone(started))
        lab.run("spark_python", lab.put("next.py", "print(1)")).ok()
    finally:
        lab.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells nobody of the death of a parent")
def test_nothing_is_left_when_the_workspace_s_process_is_killed(tmp_path: Path) -> None:
    import subprocess

    script = tmp_path / "server.py"
    script.write_text(
        "import sys, time\nfrom pathlib import Path\n"
        "from tests.workspace.compute.compute_support import Lab\n"
        f"lab = Lab(Path({str(tmp_path)!r}) / 'lab')\n"
        f"handle = lab.start('spark_python', lab.put('escape.py', {ESCAPE!r} + 'time.sleep(600)\\n'))\n"
        "print(handle.log, flush=True)\ntime.sleep(600)\n"
    )
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    server = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environ)
    assert server.stdout is not None
    started = pids(Path(server.stdout.readline().strip()))
    tree = [process.pid for process in psutil.Process(server.pid).children(recursive=True)]
    server.kill()
    server.wait()
    server.stdout.close()
    wait_for(lambda: gone(started + tree))


def test_many_tasks_at_once_all_end_truly(lab: Lab) -> None:
    program = lab.put("short.py", "import sys\nprint('done', sys.argv[1])\n")
    handles = [lab.start("spark_python", program, parameters=[str(i)]) for i in range(100)]
    outcomes = [handle.wait(60) for handle in handles]
    assert [outcome.state for outcome in outcomes if outcome is not None] == ["SUCCESS"] * 100
    assert all(f"done {i}" in handle.log.read_text() for i, handle in enumerate(handles))


#: Its engine has no room for its files.
BLOCKED = """
import pathlib, time
from pyspark.sql import SparkSession
pathlib.Path({blocked!r}).write_text("")
try:
    SparkSession.builder.getOrCreate()
except RuntimeError as error:
    print("SAID", error)
time.sleep(0.5)  # time in which the end of the engine's process could end the task
{more}
"""


@pytest.mark.parametrize("more", ["print('went on')", "SparkSession.builder.getOrCreate()"])
def test_an_engine_that_cannot_start_is_an_error_of_the_task(lab: Lab, more: str) -> None:
    number = next(lab.numbers) + 1
    blocked = str(lab.workspace.root / "runs" / str(number) / "engine")
    done = lab.run("spark_python", lab.put("blocked.py", BLOCKED.format(blocked=blocked, more=more)))
    said = "the Spark engine did not start: FileExistsError"
    assert f"SAID {said}" in done.output
    if "went on" in more:
        assert "went on" in done.ok().output
    else:
        assert done.outcome.state == "FAILED" and said in done.outcome.error_trace
