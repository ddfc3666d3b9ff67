"""A notebook that uses Spark, from `run-now` to its result, each time with a new Python process and a new engine."""

from __future__ import annotations

from _timing import report, seconds
from noop_job import workspace

BAR = 1.5
SOURCE = "# Databricks notebook source\ndbutils.notebook.exit(str(spark.range(1000).count()))\n"


def main() -> None:
    """Measure and print."""
    with workspace() as api:
        notebook = api.notebook("/Shared/count", SOURCE)
        job_id = api.job([{"task_key": "count", "notebook_task": {"notebook_path": notebook}}])
        report("notebook with Spark, cold", seconds(lambda: api.run(job_id), runs=5, warmups=1), BAR)


if __name__ == "__main__":
    main()
