"""A job of tasks that do nothing, through the REST API on a warm workspace: ten as a chain, as a fan, and further ones.

What a further task costs is the difference between chains of ten and of thirty tasks.
"""

from __future__ import annotations

import http.client
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from _timing import report, seconds

BAR, FURTHER_BAR = 0.6, 30.0
NOTEBOOK = "# Databricks notebook source\n"


class Api:
    """One keep-alive connection to a workspace; `env_seconds` is what `workspace env` took, which waits for Spark."""

    def __init__(self, host: str, token: str, pid: int = 0, root: Path = Path(), env_seconds: float = math.nan) -> None:
        self.port, self.token, self.pid, self.root = urlsplit(host).port, token, pid, root
        self.env_seconds = env_seconds
        self._connection = http.client.HTTPConnection(urlsplit(host).netloc, timeout=120)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer of a call; fails on anything but success."""
        self._connection.request(method, f"/api/{path}", json.dumps(body) if body else None, self._headers)
        response = self._connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: {answer}")
        return answer

    def notebook(self, path: str, source: str) -> str:
        """Put a notebook into the workspace."""
        import base64

        content = base64.b64encode(source.encode()).decode()
        body = {"path": path, "format": "SOURCE", "language": "PYTHON", "overwrite": True, "content": content}
        self.call("POST", "2.0/workspace/import", body)
        return path

    def job(self, tasks: list[dict[str, Any]]) -> int:
        """Make a job."""
        return int(self.call("POST", "2.2/jobs/create", {"name": "benchmark", "tasks": tasks})["job_id"])

    def run(self, job_id: int) -> None:
        """Run a job from the request to its end."""
        run_id = self.call("POST", "2.2/jobs/run-now", {"job_id": job_id})["run_id"]
        while True:
            run = self.call("GET", f"2.2/jobs/runs/get?run_id={run_id}")
            if run["status"]["state"] == "TERMINATED":
                break
            time.sleep(0.02)
        if run["state"]["result_state"] != "SUCCESS":
            raise RuntimeError(run["state"]["state_message"])


@contextmanager
def workspace(**more: str) -> Iterator[Api]:
    """A workspace of the benchmark's own, with more environment variables."""
    home = Path(tempfile.mkdtemp(prefix="brickyard-benchmark-"))
    environ = os.environ | {"BRICKYARD_HOME": str(home)} | more
    brickyard = [sys.executable, "-m", "brickyard", "workspace"]

    def command(*arguments: str) -> str:
        return subprocess.run([*brickyard, *arguments], env=environ, check=True, capture_output=True, text=True).stdout

    try:
        command("start", "benchmark")
        begin = time.perf_counter()
        lines = dict(
            line.removeprefix("export ").split("=", 1) for line in command("env", "benchmark").splitlines()[:2]
        )
        env_seconds = time.perf_counter() - begin
        pid = json.loads(command("status", "benchmark", "--output", "json"))["pid"]
        root = home / "workspaces" / "benchmark"
        yield Api(lines["DATABRICKS_HOST"], lines["DATABRICKS_TOKEN"], pid, root, env_seconds)
    finally:
        command("stop", "benchmark")
        shutil.rmtree(home)


def tasks(notebook: str, count: int = 10, *, chain: bool = True) -> list[dict[str, Any]]:
    """Tasks: each after the one before it, or all after the first."""
    made: list[dict[str, Any]] = []
    for place in range(count):
        task: dict[str, Any] = {"task_key": f"t{place}", "notebook_task": {"notebook_path": notebook}}
        if place:
            task["depends_on"] = [{"task_key": f"t{place - 1 if chain else 0}"}]
        made.append(task)
    return made


def main() -> None:
    """Measure and print."""
    with workspace() as api:
        notebook = api.notebook("/Shared/nothing", NOTEBOOK)
        chain, fan, long = (
            api.job(tasks(notebook, count, chain=chain)) for count, chain in ((10, True), (10, False), (30, True))
        )
        found = {
            job_id: seconds(lambda job_id=job_id: api.run(job_id), runs=7, warmups=2) for job_id in (chain, fan, long)
        }
    report("ten-task no-op job, chain", found[chain], BAR)
    report("ten-task no-op job, fan-out", found[fan], BAR)
    further = [1000 * (more - less) / 20 for less, more in zip(found[chain], found[long], strict=True)]
    report("a further task", further, FURTHER_BAR, "ms")


if __name__ == "__main__":
    main()
