"""What tasks may use of the machine's memory, and how many of them it has room for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest

from brickyard.workspace.compute.client import Exit
from brickyard.workspace.compute.memory import LIMIT, EngineMemory, Machine, MemoryWatch, machine
from brickyard.workspace.compute.tasks import TaskHandle, TaskOutcome, TaskSpec
from tests.support import wait_for
from tests.workspace.compute.compute_support import Lab
from tests.workspace.compute.test_forkserver import gone, pids

MEGABYTE = 1 << 20
#: Two processes, each of them smaller than the limit, and together larger; and one that no parent waits for.
GREEDY = """
import subprocess, sys, time
hold = "import sys, time; kept = bytearray(b'x') * (130 << 20); print('up', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
print("PIDS", child.pid, flush=True)
kept = bytearray(b"x") * (130 << 20)
time.sleep(600)
"""


class Simulated:
    """A machine with so many megabytes, whose tasks use what a test says."""

    def __init__(self, total: int, available: int) -> None:
        self.total, self.available = total, available
        self.used: dict[int, int] = {}
        self.counted = 0
        self.ended: list[tuple[TaskHandle, str]] = []
        self.watch = MemoryWatch(lambda handle, why: self.ended.append((handle, why)), self.look, self.usage)

    def look(self) -> Machine:
        return Machine(self.total * MEGABYTE, self.available * MEGABYTE)

    def usage(self, trees: Iterable[Iterable[int]], exactly: bool) -> list[int]:
        self.counted += 1
        return [sum(self.used[pid] for pid in tree) * MEGABYTE for tree in trees]

    def task(self, pid: int, used: int) -> TaskHandle:
        spec = TaskSpec(1, 1, 1, "t", "notebook", "/n", "me", "", Path())
        handle = TaskHandle(spec, lambda handle: None)
        handle.started(pid)
        self.used[pid] = used
        self.watch.add(handle)
        return handle


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> Simulated:
    monkeypatch.setenv(LIMIT, "50%")
    return Simulated(total=10_000, available=8_000)


def test_task_that_outgrows_its_memory_ends_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIMIT, "200m")
    lab = Lab(tmp_path / "lab")
    try:
        beside = lab.start(
            "spark_python", lab.put("beside.py", "import time\nprint('PIDS 1', flush=True)\ntime.sleep(60)")
        )
        pids(beside.log)
        handle = lab.start("spark_python", lab.put("greedy.py", GREEDY))
        started = pids(handle.log)
        outcome = handle.wait(30)
        assert outcome is not None and (outcome.state, outcome.code) == ("FAILED", "DRIVER_ERROR")
        assert outcome.error == outcome.message and outcome.message.startswith(
            "Fatal error: The Python kernel is unresponsive. The Python process exited with exit code 137 (SIGKILL: "
            "Killed). This may have been caused by an OOM error. Check your command's memory usage. It used "
        )
        assert outcome.message.endswith(f"; a task may use 200 MB ({LIMIT}).")
        assert gone(started)
        assert beside.outcome is None
        notebook = lab.notebook("child", "kept = bytearray(b'x') * (300 << 20)\nimport time\ntime.sleep(600)")
        outcome = lab.cells(f"dbutils.notebook.run('{notebook}', 0)").outcome
        assert "a task may use 200 MB" in outcome.message, "what other processes do for it counts, too"
    finally:
        lab.close()


def test_only_who_is_over_the_limit_ends(simulated: Simulated) -> None:
    within, over = simulated.task(1, 4_900), simulated.task(2, 5_100)
    simulated.watch.count(simulated.look())
    assert [handle for handle, _ in simulated.ended] == [over]
    over.finish(TaskOutcome("FAILED"))
    within.finish(TaskOutcome("SUCCESS"))


def test_largest_ends_where_the_machine_has_no_more(simulated: Simulated) -> None:
    tasks = [simulated.task(1, 1_000), simulated.task(2, 3_000)]
    simulated.available = 200
    simulated.watch.count(simulated.look())
    [(handle, why)] = simulated.ended
    assert handle is tasks[1] and why.endswith("It used 2.9 GB; only 200 MB were left on this machine.")
    simulated.ended.clear()
    simulated.used[2] = 1_900
    simulated.watch.count(simulated.look())
    assert not simulated.ended, "others than tasks have taken it"
    for task in tasks:
        task.finish(TaskOutcome("SUCCESS"))


def test_tasks_are_counted_when_one_of_them_may_be_over_the_limit(simulated: Simulated) -> None:
    task = simulated.task(1, 1_000)
    simulated.watch.count(simulated.look())
    simulated.used[1], simulated.available = 5_500, 3_500
    wait_for(lambda: simulated.ended, seconds=2)
    assert simulated.counted <= 4
    task.finish(TaskOutcome("FAILED"))


def test_room_is_what_those_that_run_will_not_need(simulated: Simulated) -> None:
    simulated.available = 1_100
    assert simulated.watch.room(0) == 4
    task = simulated.task(1, 100)
    assert simulated.watch.room(1) == 3, "it has just begun, and will use more"
    simulated.watch.count(simulated.look())
    assert simulated.watch.room(1) == 3
    simulated.used[1] = 600
    simulated.watch.count(simulated.look())
    assert simulated.watch.room(1) == 4
    simulated.available = 10
    assert simulated.watch.room(1) == 0 and simulated.watch.room(0) == 1, "one always runs"
    task.finish(TaskOutcome("SUCCESS"))


@pytest.mark.parametrize(("text", "limit"), [("3g", 3 << 30), ("512 MiB", 512 << 20), ("12.5%", 1250 << 20)])
def test_limit_is_a_share_or_a_size(monkeypatch: pytest.MonkeyPatch, text: str, limit: int) -> None:
    monkeypatch.setenv(LIMIT, text)
    assert Simulated(10_000, 10_000).watch.limit == limit


def test_limit_that_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv(LIMIT, "plenty")
    assert Simulated(10_000, 10_000).watch.limit == 7_500 << 20
    assert f"{LIMIT} must be a share of the memory, like 75%, or a size, like 3g, not 'plenty'" in caplog.text


def test_machine_is_the_container_where_that_has_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brickyard.workspace.compute.memory._CGROUP", tmp_path)
    assert machine().total == psutil.virtual_memory().total
    for name, text in {
        "max": f"{200 << 20}",
        "current": f"{150 << 20}",
        "stat": f"anon 1\ninactive_file {30 << 20}\n",
    }.items():
        (tmp_path / f"memory.{name}").write_text(text)
    assert machine() == Machine(200 << 20, 80 << 20)
    (tmp_path / "memory.max").write_text("max\n")
    assert machine().total == psutil.virtual_memory().total


def test_engine_that_tasks_share_ends_where_it_uses_too_much(simulated: Simulated) -> None:
    gone: list[str] = []
    engine = EngineMemory(simulated.watch, lambda end: gone.append("told"))
    engine.kill = lambda: gone.append("killed")
    engine.pids += [1, 2]
    simulated.used = {1: 2_000, 2: 2_900}
    simulated.watch.count(simulated.look())
    assert gone == []
    simulated.used[2] = 3_100
    simulated.watch.count(simulated.look())
    assert gone == ["killed"]
    engine.ended(Exit(-9))
    simulated.watch.count(simulated.look())
    assert gone == ["killed", "told"], "it is not watched any more"
    assert simulated.watch.room(0) == 31, "engines take no places"
