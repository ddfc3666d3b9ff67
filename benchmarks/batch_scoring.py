"""Batch scoring of a Delta table of ten columns into another: `brickyard score` beside what people write by hand.

Peers: pyfunc on pandas, a batch after the other; `mlflow.pyfunc.spark_udf` on the workspace's Spark engine; and, as a
floor, reading and writing without a model. All write all columns and the prediction. Models: a logistic regression
behind a scaler and a one-hot encoder, and LightGBM with 200 trees. Ours runs twice: first with a model that this
machine has never seen, which is fetched, compiled and verified, then as each later run.
Memory is the most that the process and those it has started held together; for Spark that of the client only, as its
engine is another process, and so is the CPU time.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
from noop_job import workspace

ROWS, FILE_ROWS, BATCH_ROWS = 10_000_000, 1_000_000, 131_072
NUMBERS = [f"n{i}" for i in range(7)]
CARRIERS = np.array(["AA", "B6", "DL", "EV", "UA", "WN"])
BARS = {"linear": 3.0e6, "lightgbm": 0.35e6}
SHARE_BAR, MEMORY_BAR = 0.8, 1024


def rows(count: int, first: int) -> pd.DataFrame:
    """Ten columns: a key, seven numbers, an hour and a carrier."""
    random = np.random.default_rng(first)
    frame = pd.DataFrame({"flight_id": np.arange(first, first + count), "hour": random.integers(0, 24, count)})
    frame = frame.assign(**{name: random.normal(size=count) for name in NUMBERS})
    return frame.assign(carrier=CARRIERS[random.integers(0, len(CARRIERS), count)])


def train(kind: str, path: Path) -> None:
    """A model of the kind, as MLflow saves it."""
    import mlflow
    from mlflow.models import infer_signature

    frame = rows(50_000, 1)
    label = (frame.n0 + frame.n1 * frame.n2 + (frame.carrier == "UA") + frame.hour / 24 > 1).astype(int)
    if kind == "lightgbm":
        import lightgbm

        inputs = frame[[*NUMBERS, "hour"]]
        data = lightgbm.Dataset(inputs, label)
        model: Any = lightgbm.train({"objective": "binary", "num_leaves": 31, "verbose": -1}, data, 200)
        save: Any = mlflow.lightgbm.save_model
    else:
        from sklearn.compose import ColumnTransformer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        inputs = frame[[*NUMBERS, "hour", "carrier"]]
        encoder = OneHotEncoder(handle_unknown="ignore")
        parts = [("n", StandardScaler(), [*NUMBERS, "hour"]), ("c", encoder, ["carrier"])]
        model, save = make_pipeline(ColumnTransformer(parts), LogisticRegression()).fit(inputs, label), None
        save = mlflow.sklearn.save_model
    example = inputs.head(5)
    more = {} if kind == "lightgbm" else {"serialization_format": "cloudpickle"}
    save(model, str(path), signature=infer_signature(example, np.array([0.5])), pip_requirements=[], **more)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--models", nargs="*", default=list(BARS), choices=list(BARS))
    parser.add_argument("--only", nargs="*", default=["floor", "first", "brickyard", "pandas", "spark_udf"])
    options = parser.parse_args()
    with workspace(DATABRICKS_CONFIG_FILE=os.devnull) as api, tempfile.TemporaryDirectory() as directory:
        os.environ["BRICKYARD_PLAN_CACHE"] = str(Path(directory, "plans"))
        os.environ |= {"DATABRICKS_HOST": f"http://localhost:{api.port}", "DATABRICKS_TOKEN": api.token}
        os.environ |= {
            "MLFLOW_TRACKING_URI": "databricks",
            "SPARK_REMOTE": f"sc://localhost:{api.port}/;token={api.token}",
        }
        prepare(Path(directory), options.rows, api.root / "data" / "tables" / "main" / "default" / "rows")
        for kind in options.models:
            measure(kind, Path(directory), options.rows, options.only)


def prepare(directory: Path, count: int, place: Path) -> None:
    """The table, and the models registered."""
    import mlflow
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.catalog import DataSourceFormat, TableType
    from deltalake import write_deltalake

    for first in range(0, count, FILE_ROWS):
        write_deltalake(place, rows(min(FILE_ROWS, count - first), first), mode="append")
    tables = WorkspaceClient().tables
    tables.create("rows", "main", "default", TableType.MANAGED, DataSourceFormat.DELTA, place.as_uri())
    registry = mlflow.MlflowClient("databricks", "databricks-uc")
    for kind in BARS:
        train(kind, directory / kind)
        registry.create_registered_model(f"main.default.{kind}")
        version = registry.create_model_version(f"main.default.{kind}", source=str(directory / kind)).version
        registry.set_registered_model_alias(f"main.default.{kind}", "champion", version)
    (directory / "input").write_text(str(place))


def measure(kind: str, directory: Path, count: int, only: list[str]) -> None:
    """One model, by every way."""
    if "brickyard" in only and "first" not in only:
        only = ["first", *only]
    found = {name: run(name, kind, directory) for name in only}
    rates = {name: count / seconds for name, (seconds, _, _) in found.items()}
    for name, (seconds, memory, spent) in found.items():
        ratio = f", brickyard {rates['brickyard'] / rates[name]:.2f} times that" if "brickyard" in rates else ""
        print(
            f"{kind}, {name}: {seconds:.1f} s, {rates[name]:,.0f} rows/s, {spent:.1f} CPU s, {memory:,.0f} MiB{ratio}",
            flush=True,
        )
    for name in ("first", "brickyard"):
        if name not in rates:
            continue
        share = rates[name] / rates["floor"] if "floor" in rates and kind == "linear" else 0.0
        met = rates[name] >= BARS[kind] or share >= SHARE_BAR
        held = found[name][1] <= MEMORY_BAR
        bar = f"{BARS[kind]:,.0f} rows/s" + (f" or {SHARE_BAR} of the floor: {share:.2f}" if kind == "linear" else "")
        verdicts = [f"{'met' if met else 'MISSED'} (bar {bar})", f"memory {'met' if held else 'MISSED'}"]
        print(f"{kind}, {name}: {'; '.join(verdicts)}", flush=True)


def run(name: str, kind: str, directory: Path) -> tuple[float, float, float]:
    """A way in a process of its own: seconds without the start of Python, MiB, and seconds of CPU in all."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--way", name, kind, str(directory)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with ThreadPoolExecutor(1) as pool:
        together = pool.submit(most_memory, process.pid)
        said = process.stdout.read()
        together.result()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{name} failed: {said}")
    spent = usage.ru_utime + usage.ru_stime
    return float(json.loads(said.splitlines()[-1])["seconds"]), together.result(), spent


def most_memory(pid: int) -> float:
    """The most MiB that a process and those it has started have held at one moment; at its end.

    Linux counts as a process's own peak also that of the process that started it, which here holds the tables' rows.
    """
    most, process = 0, psutil.Process(pid)
    with suppress(psutil.NoSuchProcess):
        while process.status() != psutil.STATUS_ZOMBIE:
            held = 0
            for each in [process, *process.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    held += each.memory_info().rss
            most = max(most, held)
            time.sleep(0.02)
    return most / (1 << 20)


def way(name: str, kind: str, directory: Path) -> None:
    """Do it, and print the seconds."""
    source, target = (directory / "input").read_text(), directory / f"{name}-{kind}"
    begin = time.perf_counter()
    ways = {"floor": floor, "pandas": by_pandas, "first": by_brickyard, "brickyard": by_brickyard}
    (ways | {"spark_udf": by_spark})[name](kind, source, target)
    print(json.dumps({"seconds": time.perf_counter() - begin}))


def batches(source: str, size: int) -> Iterator[pa.RecordBatch]:
    """The table's rows."""
    from deltalake import DeltaTable

    return DeltaTable(source).to_pyarrow_dataset().to_batches(batch_size=size, batch_readahead=2, fragment_readahead=1)


def written(made: Iterator[pa.RecordBatch], target: Path) -> None:
    """Write batches to a new table."""
    from deltalake import write_deltalake

    first = next(made)
    write_deltalake(target, pa.RecordBatchReader.from_batches(first.schema, itertools.chain([first], made)))


def floor(kind: str, source: str, target: Path) -> None:
    """No model: the first number is the prediction."""
    size = 65_536
    written((batch.append_column("prediction", batch.column("n0")) for batch in batches(source, size)), target)


def by_pandas(kind: str, source: str, target: Path) -> None:
    """Pyfunc on a frame after the other."""
    import mlflow

    model = mlflow.pyfunc.load_model(str(target.parent / kind))
    names = model.metadata.get_input_schema().input_names()

    def predicted() -> Iterator[pa.RecordBatch]:
        for batch in batches(source, BATCH_ROWS):
            yield batch.append_column("prediction", pa.array(model.predict(batch.to_pandas()[names])))

    written(predicted(), target)


def by_brickyard(kind: str, source: str, target: Path) -> None:
    """`brickyard score`, with its four stamps on each row."""
    from brickyard.plan.connect import connect
    from brickyard.scoring.batch import BatchScoring, score_table
    from brickyard.scoring.memory import keep_freed_memory

    keep_freed_memory()  # as the command does
    job = BatchScoring(
        f"models:/main.default.{kind}@champion",
        "main.default.rows",
        "main.default." + target.name.replace("-", "_"),
        ("flight_id",),
        columns=("*",),
    )
    score_table(connect(), job)


def by_spark(kind: str, source: str, target: Path) -> None:
    """`mlflow.pyfunc.spark_udf`."""
    import mlflow
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.getOrCreate()
    udf = mlflow.pyfunc.spark_udf(spark, str(target.parent / kind), result_type="double", env_manager="local")
    frame = spark.table("main.default.rows")
    names = [*NUMBERS, "hour", *(["carrier"] if kind == "linear" else [])]  # in the order of the signature
    frame.withColumn("prediction", udf(*names)).write.saveAsTable(f"main.default.spark_{kind}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--way"]:
        way(*sys.argv[2:4], Path(sys.argv[4]))
    else:
        main()
