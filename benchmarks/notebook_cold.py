"""A notebook that uses Spark, from `run-now` to its result, each time with a new Python process and a new engine.

Once as the first task of a workspace that has just started, once in a workspace that has run one before.
"""

from __future__ import annotations

from _timing import report, seconds
from noop_job import Api, workspace

BAR = 1.5
FIRST_RUNS = 5
SOURCE = "# Databricks notebook source\ndbutils.notebook.exit(str(spark.range(1000).count()))\n"


def main() -> None:
    """Measure and print."""
    first: list[float] = []
    for _ in range(FIRST_RUNS):
        with workspace() as api:
            job_id = _job(api)
            first += seconds(lambda api=api, job_id=job_id: api.run(job_id), runs=1, warmups=0)
    with workspace() as api:
        job_id = _job(api)
        later = seconds(lambda: api.run(job_id), runs=5, warmups=1)
    report("notebook with Spark, first task of a workspace", first, BAR)
    report("notebook with Spark, later", later, BAR)


def _job(api: Api) -> int:
    notebook = api.notebook("/Shared/count", SOURCE)
    return api.job([{"task_key": "count", "notebook_task": {"notebook_path": notebook}}])


if __name__ == "__main__":
    main()
