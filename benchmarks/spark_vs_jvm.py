"""The same work on five million rows: a notebook task of a workspace, beside PySpark on the JVM, each with its start.

The JVM's side runs with the Python that `BENCHMARK_PYSPARK` names, which has `pyspark`, and with Delta's jars from the
directory `BENCHMARK_DELTA_JARS`; without them it writes Parquet, which is less work.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from noop_job import Api, workspace

BAR = 5.0
WORK = """
import json, time
from pyspark.sql import functions as F, Window

begin = time.perf_counter()
steps = {}


def step(name, work):
    global begin
    work()
    now = time.perf_counter()
    steps[name], begin = round(now - begin, 3), now


rows = spark.read.parquet(f"{DATA}/rows")
keys = spark.read.parquet(f"{DATA}/keys")
schema = "id BIGINT, k INT, x DOUBLE, s STRING"
by_csv = spark.read.schema(schema).option("header", True).csv(f"{DATA}/csv")
newest = Window.partitionBy("k").orderBy(F.col("x").desc())
twice = F.udf(lambda x: 2 * x, "double")
step("first query", lambda: spark.sql("SELECT 1").collect())
step("parquet, group by", lambda: rows.groupBy("s").agg(F.sum("x"), F.count("*")).collect())
step("csv, group by", lambda: by_csv.groupBy("s").agg(F.sum("x"), F.count("*")).collect())
step("join, count distinct", lambda: rows.join(keys, "k").groupBy("name").agg(F.countDistinct("id")).collect())
step("window", lambda: rows.withColumn("n", F.row_number().over(newest)).where("n = 1").agg(F.sum("x")).collect())
step("join, write", lambda: rows.join(keys, "k").write.format(FORMAT).mode("overwrite").save(f"{DATA}/out-{SIDE}"))
step("read back", lambda: spark.read.format(FORMAT).load(f"{DATA}/out-{SIDE}").groupBy("name").count().collect())
tenth = rows.where("id % 10 = 0")
step("Python function, a tenth", lambda: tenth.select(twice("x").alias("y")).agg(F.sum("y")).collect())
"""
NOTEBOOK = """# Databricks notebook source
DATA, FORMAT, SIDE = "file:{data}", "delta", "sail"
{work}
dbutils.notebook.exit(json.dumps(steps))
"""
JVM = """
import glob, sys
from pyspark.sql import SparkSession
DATA, SIDE = sys.argv[1], "jvm"
builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", "4g")
builder = builder.config("spark.ui.enabled", "false")
builder = builder.config("spark.sql.shuffle.partitions", "4")
FORMAT = "parquet"
if sys.argv[2]:
    FORMAT = "delta"
    builder = builder.config("spark.jars", ",".join(glob.glob(sys.argv[2] + "/*.jar")))
    builder = builder.config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    builder = builder.config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
spark = builder.getOrCreate()
{work}
print(json.dumps(steps))
"""


def generate(directory: Path, count: int) -> None:
    """Rows in Parquet and CSV, and a small table to join them with."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv, parquet

    random = np.random.RandomState(1)
    words = np.array([f"word {number:03}" for number in range(500)])
    rows = pa.table(
        {
            "id": np.arange(count),
            "k": random.randint(0, 10_000, count).astype("int32"),
            "x": random.random_sample(count),
            "s": words[random.randint(0, 500, count)],
        }
    )
    for name in ("rows", "keys", "csv"):
        (directory / name).mkdir()
    for part in range(4):
        size = count // 4
        parquet.write_table(rows.slice(part * size, size), directory / "rows" / f"{part}.parquet")
        csv.write_csv(rows.slice(part * size, size), directory / "csv" / f"{part}.csv")
    names = pa.table(
        {"k": np.arange(10_000, dtype="int32"), "name": [f"group {number % 100}" for number in range(10_000)]}
    )
    parquet.write_table(names, directory / "keys" / "0.parquet")


def ours(api: Api, directory: Path) -> tuple[float, dict[str, float]]:
    """Seconds from `run-now` to the end of a task with a new process and a new engine, and those of its steps."""
    path = api.notebook("/Shared/work", NOTEBOOK.format(data=directory, work=WORK))
    job = api.job([{"task_key": "work", "notebook_task": {"notebook_path": path}}])
    begin = time.perf_counter()
    run_id = api.call("POST", "2.2/jobs/run-now", {"job_id": job})["run_id"]
    while (run := api.call("GET", f"2.2/jobs/runs/get?run_id={run_id}"))["status"]["state"] != "TERMINATED":
        time.sleep(0.02)
    took = time.perf_counter() - begin
    output = api.call("GET", f"2.2/jobs/runs/get-output?run_id={run['tasks'][0]['run_id']}")
    if "notebook_output" not in output or not output["notebook_output"].get("result"):
        raise RuntimeError(output.get("error") or run["state"])
    return took, json.loads(output["notebook_output"]["result"])


def theirs(python: str, directory: Path) -> tuple[float, dict[str, float]]:
    """Seconds of a process that starts PySpark and does the same, and those of its steps."""
    program = directory / "jvm.py"
    program.write_text(JVM.replace("{work}", WORK))
    begin = time.perf_counter()
    command = [python, str(program), str(directory), os.environ.get("BENCHMARK_DELTA_JARS", "")]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")}
    environ["PYSPARK_PYTHON"] = python
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    took = time.perf_counter() - begin
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    return took, json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    options = parser.parse_args()
    python = os.environ.get("BENCHMARK_PYSPARK")
    with tempfile.TemporaryDirectory(prefix="brickyard-benchmark-") as name:
        directory = Path(name)
        generate(directory, options.rows)
        with workspace() as api:
            mine, steps = ours(api, directory)
        print(f"workspace: {mine:.2f} s with start; {steps}")
        if python is None:
            print("BENCHMARK_PYSPARK names no Python with pyspark: the JVM's side is left out")
            return
        other, steps = theirs(python, directory)
    print(f"PySpark on the JVM: {other:.2f} s with start; {steps}")
    ratio = other / mine
    print(f"ratio {ratio:.1f}, bar {BAR}: {'met' if ratio >= BAR else 'MISSED'}")


if __name__ == "__main__":
    main()
