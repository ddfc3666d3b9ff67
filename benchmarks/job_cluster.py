"""A task on a job cluster, from the submission of its run to the first line of its code, and to its first Spark result.

The cluster is a new one for every run. Once as the first run of a workspace that has just started, then in a workspace
that has run one before; and without a cluster, for comparison.
"""

from __future__ import annotations

import json
import time
from typing import Any

from _timing import report
from noop_job import Api, workspace

BAR = 1.5
RUNS, FIRST_RUNS = 7, 3
SOURCE = """# Databricks notebook source
import json, time
begun = time.time()
spark.range(1000).count()
dbutils.notebook.exit(json.dumps([begun, time.time()]))
"""
CLUSTER = {"spark_version": "16.4.x-scala2.12", "node_type_id": "Standard_DS3_v2", "num_workers": 0}


def submitted(api: Api, notebook: str, *, cluster: bool) -> tuple[float, float]:
    """Run the notebook once; how many seconds passed until its code began, and until it had a result of Spark."""
    task: dict[str, Any] = {"task_key": "t", "notebook_task": {"notebook_path": notebook}}
    if cluster:
        task["new_cluster"] = CLUSTER
    at = time.time()
    run_id = api.call("POST", "2.2/jobs/runs/submit", {"tasks": [task]})["run_id"]
    while (run := api.call("GET", f"2.2/jobs/runs/get?run_id={run_id}"))["status"]["state"] != "TERMINATED":
        time.sleep(0.02)
    output = api.call("GET", f"2.2/jobs/runs/get-output?run_id={run['tasks'][0]['run_id']}")
    begun, counted = json.loads(output["notebook_output"]["result"])
    return begun - at, counted - at


def main() -> None:
    """Measure and print."""
    first = []
    for _ in range(FIRST_RUNS):
        with workspace() as api:
            first.append(submitted(api, api.notebook("/Shared/count", SOURCE), cluster=True))
    with workspace() as api:
        notebook = api.notebook("/Shared/count", SOURCE)
        submitted(api, notebook, cluster=True)
        later = [submitted(api, notebook, cluster=True) for _ in range(RUNS)]
        alone = [submitted(api, notebook, cluster=False) for _ in range(RUNS)]
    for what, found in (("first run of a workspace", first), ("later run", later), ("no cluster", alone)):
        report(f"{what}, to the first line of code", [begun for begun, _ in found], BAR)
        report(f"{what}, to the first result of Spark", [counted for _, counted in found], BAR)


if __name__ == "__main__":
    main()
