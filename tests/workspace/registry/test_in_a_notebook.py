"""MLflow inside a task needs no configuration: a notebook's experiment, a registered model, and a Spark UDF of it."""

from __future__ import annotations

import base64
import uuid

import pytest
from databricks.sdk.service.jobs import NotebookTask, Task
from databricks.sdk.service.workspace import ImportFormat, Language

from tests.support import LocalWorkspace
from tests.workspace.registry.clients import model_name

_NOTEBOOK = """# Databricks notebook source
import mlflow
import pandas as pd
from sklearn.linear_model import LogisticRegression

rows = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
model = LogisticRegression().fit(rows, [0, 0, 1, 1])
with mlflow.start_run() as run:
    mlflow.log_metric("score", 1.0)
    info = mlflow.sklearn.log_model(
        model,
        name="model",
        signature=mlflow.models.infer_signature(rows, model.predict(rows)),
        pip_requirements=["scikit-learn"],
        registered_model_name="MODEL",
    )

# COMMAND ----------
mlflow.MlflowClient().set_registered_model_alias("MODEL", "champion", info.registered_model_version)
predict = mlflow.pyfunc.spark_udf(spark, "models:/MODEL@champion", result_type="long", env_manager="local")
found = spark.createDataFrame(rows).withColumn("p", predict("a", "b")).toPandas()

# COMMAND ----------
dbutils.notebook.exit(f"{found['p'].tolist()} {mlflow.get_experiment(run.info.experiment_id).name}")
"""


@pytest.mark.usefixtures("schema")
def test_a_notebook_trains_registers_and_scores(workspace: LocalWorkspace) -> None:
    client = workspace.client()
    path = f"/Shared/{uuid.uuid4().hex}"
    content = base64.b64encode(_NOTEBOOK.replace("MODEL", model_name()).encode()).decode()
    client.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)
    job = client.jobs.create(
        name="registry", tasks=[Task(task_key="train", notebook_task=NotebookTask(notebook_path=path))]
    )
    assert job.job_id is not None
    run = client.jobs.run_now_and_wait(job.job_id)
    assert run.tasks is not None and run.tasks[0].run_id is not None
    output = client.jobs.get_run_output(run.tasks[0].run_id)
    assert output.notebook_output is not None
    assert output.notebook_output.result == f"[0, 0, 1, 1] {path}"
    assert "https://" not in (output.logs or ""), "an address that MLflow makes up, where nothing answers"
    experiment = client.experiments.get_by_name(path).experiment
    assert experiment is not None and experiment.experiment_id is not None
    tracked = next(iter(client.experiments.search_runs(experiment_ids=[experiment.experiment_id])))
    tags = {tag.key for tag in (tracked.data.tags or [])} if tracked.data else set()
    assert "mlflow.databricks.notebookPath" in tags
    assert "mlflow.source.git.commit" not in tags, "a commit of another repository than the notebook's"
