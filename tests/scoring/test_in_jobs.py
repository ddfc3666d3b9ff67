"""Scoring as a task of a job, and as a function inside Spark, on the workspace's engine."""

from __future__ import annotations

from typing import Any

import pytest
from databricks.sdk.service import jobs

from brickyard.errors import DataError, ModelError
from brickyard.scoring.batch import score_table
from brickyard.scoring.udf import scoring_udf
from tests.scoring.conftest import ModelPath
from tests.scoring.warehouse import Warehouse, job, keyed
from tests.support import LocalWorkspace, wait_for


def test_a_wheel_task_scores_a_table(warehouse: Warehouse, model_path: ModelPath) -> None:
    table, output = warehouse.table(keyed(30)), warehouse.unused("out")
    given = {
        "model": f"models:/{warehouse.register(model_path('booster'))}@champion",
        "input": table,
        "output": output,
        "keys": "flight_id",
        "mode": "incremental",
    }
    task = jobs.PythonWheelTask("brickyard", "score", named_parameters=given)
    wrong = jobs.PythonWheelTask("brickyard", "score", named_parameters=given | {"input": "main.scoring.nothing"})
    run = warehouse.client.jobs.submit(
        tasks=[jobs.SubmitTask("score", python_wheel_task=task), jobs.SubmitTask("wrong", python_wheel_task=wrong)]
    )
    wait_for(lambda: warehouse.client.jobs.get_run(run.run_id).end_time, seconds=100)
    parts = {part.task_key: part for part in warehouse.client.jobs.get_run(run.run_id).tasks or []}
    said = warehouse.client.jobs.get_run_output(parts["score"].run_id or 0)
    assert f"scored 30 rows of {table} (version 0)" in (said.logs or ""), said.error
    assert warehouse.delta(output).count() == 30
    failed = warehouse.client.jobs.get_run_output(parts["wrong"].run_id or 0)
    assert parts["wrong"].state and parts["wrong"].state.result_state is jobs.RunResultState.FAILED
    assert "there is no table 'main.scoring.nothing'" in (failed.error or "")


@pytest.fixture(scope="module")
def spark(workspace: LocalWorkspace) -> Any:
    from pyspark.sql.connect.session import SparkSession

    port = workspace.host.rpartition(":")[2]  # for a host of another name the client wants TLS
    session = SparkSession.builder.remote(f"sc://localhost:{port}/;token={workspace.token}").create()
    yield session
    session.stop()


@pytest.mark.parametrize("kind", ["classifier", "custom"])
def test_the_function_inside_spark_predicts_what_batch_scoring_does(
    kind: str, warehouse: Warehouse, model_path: ModelPath, spark: Any
) -> None:
    table, output = warehouse.table(keyed(200)), warehouse.unused("out")
    model = warehouse.register(model_path(kind))
    score_table(warehouse.connection, job(model, table, output))
    function = scoring_udf(f"models:/{model}@champion", keep=["flight_id"], connection=warehouse.connection)
    frame = spark.table(table)
    scored = frame.mapInArrow(function, function.schema(frame))
    scored.write.saveAsTable(inside := warehouse.unused("inside"))
    names = ["flight_id", "prediction", "model_name", "model_version", "run_id"]
    both = [
        warehouse.delta(name).to_pyarrow_table(columns=names).sort_by("flight_id").to_pylist()
        for name in (output, inside)
    ]
    assert both[0] == both[1] and len(both[0]) == 200

    with pytest.raises(DataError, match="the table has no column n0"):
        function.schema(frame.select("flight_id"))
    with pytest.raises(DataError, match="the data frame has no rows"):
        function.schema(frame.limit(0))
    with pytest.raises(ModelError, match="no MLflow model here"):
        scoring_udf("/nowhere")
