"""Spark sessions: how soon one is ready, what the gateway adds to a query, and what a hundred of them leave behind.

Ready is from the first touch of `spark` in a notebook, or from `getOrCreate()` in a user's own process, to the answer
of `SELECT 1`. What the gateway adds is the difference of medians between it and the Sail behind it, asked in turns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _footprint import Footprint, halves, line, slope
from _timing import report
from noop_job import Api, workspace

READY_BAR, ADDED_BAR, PROCESSES_BAR, GROWTH_BAR = 0.6, 3.0, 0, 10.0
RUNS, SESSIONS, EVERY = 5, 100, 10
NOTEBOOK = """# Databricks notebook source
import json, time

begin = time.perf_counter()
spark.sql("SELECT 1").collect()
ready = time.perf_counter() - begin

# COMMAND ----------

import statistics, psutil
from pyspark.sql import SparkSession

own = int(spark.client._builder.endpoint.rpartition(":")[2])
server = psutil.Process().parent()
processes = [server, *server.children(recursive=True)]
ports = {c.laddr.port for p in processes for c in p.net_connections("tcp") if c.status == "LISTEN"} - {own}
sail = SparkSession.builder.remote(f"sc://127.0.0.1:{ports.pop()}").create()
queries = {"range": lambda s: s.range(1).collect(), "SQL": lambda s: s.sql("SELECT 1").collect()}


def timed(query, session):
    begin = time.perf_counter()
    query(session)
    return 1000 * (time.perf_counter() - begin)


added = {}
for name, query in queries.items():
    pairs = [(timed(query, spark), timed(query, sail)) for _ in range(320)][20:]
    added[name] = [statistics.median(side) for side in zip(*pairs)]
dbutils.notebook.exit(json.dumps({"ready": ready, "added": added}))
"""
CLIENT = """
import sys, time

from pyspark.sql import SparkSession

for _ in range(int(sys.argv[1])):
    begin = time.perf_counter()
    spark = SparkSession.builder.getOrCreate()
    spark.sql("SELECT 1").collect()
    print(time.perf_counter() - begin, flush=True)
    spark.stop()
"""


def main() -> None:
    """Measure and print."""
    with workspace() as api:
        path = api.notebook("/Shared/session", NOTEBOOK)
        job = api.job([{"task_key": "session", "notebook_task": {"notebook_path": path}}])
        found = [_notebook(api, job) for _ in range(RUNS)]
    report("session ready in a notebook, the first of the workspace", [found[0]["ready"]], READY_BAR)
    report("session ready in a notebook, later", [each["ready"] for each in found[1:]], READY_BAR)
    for name in ("range", "SQL"):
        sides = [each["added"][name] for each in found]
        report(f"what the gateway adds to a query, {name}", [ours - raw for ours, raw in sides], ADDED_BAR, "ms")
        print(f"  medians of 300 each, ms: {', '.join(f'{ours:.2f} and {raw:.2f}' for ours, raw in sides)}")
    with (
        tempfile.TemporaryDirectory() as directory,
        tempfile.NamedTemporaryFile("w", suffix=".py") as client,
        workspace(TMPDIR=directory) as api,
    ):
        client.write(CLIENT)
        client.flush()
        _many(api, client.name, Footprint(api.pid, api.root, Path(directory)))


def _notebook(api: Api, job: int) -> dict[str, Any]:
    run_id = api.call("POST", "2.2/jobs/run-now", {"job_id": job})["run_id"]
    while (run := api.call("GET", f"2.2/jobs/runs/get?run_id={run_id}"))["status"]["state"] != "TERMINATED":
        time.sleep(0.02)
    output = api.call("GET", f"2.2/jobs/runs/get-output?run_id={run['tasks'][0]['run_id']}")
    if not output.get("notebook_output", {}).get("result"):
        raise RuntimeError(output.get("error") or run["state"])
    answer: dict[str, Any] = json.loads(output["notebook_output"]["result"])
    return answer


def _many(api: Api, program: str, footprint: Footprint) -> None:
    first = _sessions(api, program, 1)
    report("session ready in a process of the user's own, the first of the workspace", first, READY_BAR)
    print(f"  after `workspace env`, which starts the engine: {api.env_seconds:.2f} s")
    later = [_sessions(api, program, 1)[0] for _ in range(RUNS)]
    report("session ready in a process of the user's own, later", later, READY_BAR)
    samples = []
    for number in range(EVERY, SESSIONS + 1, EVERY):
        _sessions(api, program, EVERY)
        time.sleep(3)  # those that end have ended
        samples.append((number, footprint.sample()))
        print(f"after {number} sessions: {line(samples[-1][1])}", flush=True)
    _, last = halves(samples)
    start = samples[0][1]
    more = samples[-1][1]["processes"] - start["processes"]
    report(f"processes more after {SESSIONS} sessions", [more], PROCESSES_BAR, "processes")
    claim = f"memory more with every 100 sessions, later half of {SESSIONS} (of {start['MB']:.0f} MB)"
    report(claim, [slope(last, "MB")], GROWTH_BAR, "MB")


def _sessions(api: Api, program: str, count: int) -> list[float]:
    environ = os.environ | {"SPARK_REMOTE": f"sc://localhost:{api.port}/;token={api.token}"}
    command = [sys.executable, program, str(count)]
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    return [float(line) for line in done.stdout.split()]


if __name__ == "__main__":
    main()
