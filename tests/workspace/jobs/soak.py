"""Many runs of many kinds in one workspace, and whether what it says of each is true.

Every program writes to one file when it begins and when it is about to end, under the run id of its attempt; so what
the workspace says can be compared with what happened, whenever it was killed.
"""

from __future__ import annotations

import base64
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psutil
import requests

from brickyard.workspace.jobs.settings import graph_of
from tests.support import LocalWorkspace, WorkspaceHome, wait_for
from tests.workspace.jobs.rules import expected, result_of_run

__all__ = ["ENDS", "Soak", "weights"]

Json = dict[str, Any]

NOTEBOOK = """# Databricks notebook source
import os
kind, attempt, run_id = (dbutils.widgets.get(name) for name in ("kind", "attempt", "run_id"))
def mark(what):
    file = os.open(dbutils.widgets.get("marks"), os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(file, f"{what} {run_id}\\n".encode())
    os.close(file)
mark("begin")
if kind == "bad" or (kind == "flaky" and attempt == "0"):
    raise ValueError("asked to fail")
if kind == "wait":
    import threading
    threading.Event().wait(600)
if kind == "spark":
    assert spark.range(3).count() == 3
mark("end")
"""
#: How a run of each job ends where nothing disturbs it.
ENDS = {
    **dict.fromkeys(("chain", "branch", "loop", "flaky", "lasting", "queued", "other", "spark"), "SUCCESS"),
    **{"failing": "FAILED", "late": "TIMEDOUT", "cancelled": "CANCELED"},
}
#: What a task that the workspace did not survive says.
LOST = "The workspace stopped while this task was running"
ENDED = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}


def weights(*, rare: bool) -> dict[str, int]:
    """How often each job is run; what takes long or much is rare."""
    often = dict.fromkeys(("chain", "failing", "branch", "loop", "flaky", "lasting", "queued", "other"), 10)
    return often | ({"spark": 2, "late": 1, "cancelled": 8} if rare else {"cancelled": 8})


class Soak:
    """A workspace with the jobs, which can be killed and goes on.

    Args:
        home: Where the workspace is.
        seed: Of everything that is random.
    """

    def __init__(self, home: WorkspaceHome, seed: int) -> None:
        self.home = home
        self.workspace: LocalWorkspace = home.start("soak")
        self.chance = random.Random(seed)
        self.marks = home.home / "marks"
        self.marks.touch()
        self.runs: dict[int, str] = {}
        self.lost = 0  # attempts that the workspace did not survive
        self._session = requests.Session()
        content = base64.b64encode(NOTEBOOK.encode()).decode()
        self.call("POST", "2.0/workspace/import", path="/Shared/soak", language="PYTHON", content=content)
        self.jobs: dict[str, int] = {}
        for name, tasks, settings in self._jobs():
            made = self.call(
                "POST", "2.2/jobs/create", name=name, tasks=tasks, **{"max_concurrent_runs": 500, **settings}
            )
            self.jobs[name] = made["job_id"]

    def call(self, method: str, path: str, /, **values: Any) -> Json:
        """The answer of a call; fails on anything but success."""
        given = {"params" if method == "GET" else "json": values}
        headers = {"Authorization": f"Bearer {self.workspace.token}"}
        answer = self._session.request(
            method, f"{self.workspace.host}/api/{path}", headers=headers, timeout=30, **given
        )
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        found: Json = answer.json()
        return found

    def start(self, name: str) -> int:
        """Start a run of a job; what is cancelled, is so at once."""
        run_id = int(self.call("POST", "2.2/jobs/run-now", job_id=self.jobs[name])["run_id"])
        self.runs[run_id] = name
        if name == "cancelled":
            self.call("POST", "2.2/jobs/runs/cancel", run_id=run_id)
        return run_id

    def start_many(self, count: int, *, rare: bool) -> None:
        """Start runs of random jobs."""
        chances = weights(rare=rare)
        for name in self.chance.choices(list(chances), list(chances.values()), k=count):
            self.start(name)

    def active(self) -> list[int]:
        """The runs that have not ended, as far as a page shows them."""
        return [one["run_id"] for one in self.call("GET", "2.2/jobs/runs/list", active_only="true").get("runs", [])]

    def settle(self) -> None:
        """Wait until no run is active, those of before a kill neither; none may be stuck."""
        self.call("POST", "2.2/jobs/runs/cancel-all", job_id=self.jobs["cancelled"])
        wait_for(lambda: not self.active(), seconds=180, every=0.1)

    def kill(self) -> None:
        """`kill -9` of the workspace's server and its start; nothing of what it had started may be left."""
        server = psutil.Process(self.workspace.pid)
        tree = server.children(recursive=True)
        server.kill()
        _, left = psutil.wait_procs([server, *tree], timeout=20)
        assert not left, f"left by the workspace that was killed: {left}"
        self._session.close()
        self._session = requests.Session()
        self.home.run("workspace", "start", self.workspace.name)

    def check(self, *, disturbed: bool) -> Counter[str]:
        """Every run has ended, and what is said of it is true; answers how many ended how. Forgets the runs.

        Args:
            disturbed: Whether the workspace was killed since the last check, so that runs may say so.
        """
        marks = Counter(self.marks.read_text().splitlines())
        assert not [line for line, times in marks.items() if times > 1], "no attempt began twice"
        results: Counter[str] = Counter()
        for run_id, name in self.runs.items():
            run = self.call("GET", "2.2/jobs/runs/get", run_id=run_id)
            assert run["state"]["life_cycle_state"] in ENDED, run
            self._check_run(run, marks)
            result = run["state"]["result_state"]
            lost = LOST in str(run["tasks"]) or LOST in run["state"]["state_message"]
            if not (disturbed and (lost or name in ("cancelled", "other", "loop", "late"))):
                assert result == ENDS[name], f"{name} ended as {result}: {run['state']}"
            results[result] += 1
        self.runs.clear()
        return results

    def _check_run(self, run: Json, marks: Counter[str]) -> None:
        attempts: dict[str, list[Json]] = {}
        for one in run["tasks"]:
            attempts.setdefault(one["task_key"], []).append(one)
        last = {key: of_task[-1] for key, of_task in attempts.items()}
        for of_task in attempts.values():
            for place, one in enumerate(of_task):
                self._check_attempt(one, marks)
                follows = place + 1 < len(of_task)
                assert not (follows and one["state"]["result_state"] != "FAILED"), "only failures are tried again"
                if LOST in one["state"]["state_message"]:
                    self.lost += 1
                    stopped = run["state"]["result_state"] in ("CANCELED", "TIMEDOUT")
                    retried = one["attempt_number"] < one.get("max_retries", 0)
                    assert follows == retried or stopped, f"its retries say otherwise: {one}"
        results = {key: one["state"]["result_state"] for key, one in last.items()}
        said = {key: one["condition_task"].get("outcome", "") for key, one in last.items() if "condition_task" in one}
        nodes = graph_of(list(last.values()))
        if run["state"]["result_state"] not in ("CANCELED", "TIMEDOUT"):
            assert results == expected(nodes, results.__getitem__, said), run
            assert run["state"]["result_state"] == result_of_run(nodes, results), run

    def _check_attempt(self, one: Json, marks: Counter[str]) -> None:
        """What an attempt wrote down is what is said of it."""
        began, ended = (marks[f"{what} {one['run_id']}"] for what in ("begin", "end"))
        state, program = one["state"], "notebook_task" in one
        result, lost = state["result_state"], LOST in state["state_message"]
        if "for_each_task" in one and result == "SUCCESS":
            iterations = self.call("GET", "2.2/jobs/runs/get", run_id=one["run_id"])["iterations"]
            assert [each["state"]["result_state"] for each in iterations] == ["SUCCESS"] * 4, iterations
            for each in iterations:
                self._check_attempt(each, marks)
        if result == "SUCCESS" and program:
            assert (began, ended) == (1, 1), f"it says SUCCESS, and did not run to its end: {one}"
        elif result in ("UPSTREAM_FAILED", "UPSTREAM_CANCELED", "EXCLUDED"):
            assert not began, f"it says that it did not run: {one}"
        elif result == "FAILED" and program and not lost:
            assert (began, ended) == (1, 0), f"it says that its code failed: {one}"
            kind = one["notebook_task"]["base_parameters"]["kind"]
            assert kind == "bad" or (kind == "flaky" and one["attempt_number"] == 0), one

    def _jobs(self) -> Iterator[tuple[str, list[Json], Json]]:
        program = self._program
        yield "chain", [program("a"), program("b", "a"), program("c", "b")], {}
        failing = [program("ok"), program("bad", "ok", kind="bad"), program("after", "bad")]
        yield "failing", [*failing, program("alarm", "bad", run_if="AT_LEAST_ONE_FAILED")], {}
        condition = {"task_key": "c", "condition_task": {"op": "EQUAL_TO", "left": "1", "right": "1"}}
        branches = [program(one, depends_on=[{"task_key": "c", "outcome": one}]) for one in ("true", "false")]
        yield "branch", [condition, *branches, program("end", "true", "false", run_if="NONE_FAILED")], {}
        loop = {"inputs": "[1, 2, 3, 4]", "concurrency": 2, "task": program("one")}
        yield "loop", [{"task_key": "each", "for_each_task": loop}, program("after", "each")], {}
        yield "flaky", [program("flaky", kind="flaky", max_retries=2)], {}
        yield "lasting", [program("a", max_retries=60), program("b", "a", max_retries=60)], {}
        yield "queued", [program("a")], {"max_concurrent_runs": 1, "queue": {"enabled": True}}
        yield "spark", [program("a", kind="spark")], {}
        yield "late", [program("a", kind="wait", timeout_seconds=1)], {}
        yield "cancelled", [program("a", kind="wait"), program("b", "a")], {}
        yield "other", [{"task_key": "a", "run_job_task": {"job_id": self.jobs["chain"]}}, program("b", "a")], {}

    def _program(self, key: str, *after: str, kind: str = "ok", **more: Any) -> Json:
        given = {"kind": kind, "marks": str(self.marks), "run_id": "{{task.run_id}}"}
        work = {"notebook_path": "/Shared/soak", "base_parameters": given | {"attempt": "{{task_retry_count}}"}}
        before = {"depends_on": [{"task_key": one} for one in after]} if after else {}
        return {"task_key": key, "notebook_task": work, **before, **more}
