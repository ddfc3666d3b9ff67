"""mlflow inside a task, without configuration: tracking, the registry, tags of the source, models as functions."""

from __future__ import annotations

from tests.workspace.compute.compute_support import Lab


def test_mlflow_without_configuration(lab: Lab) -> None:
    done = lab.cells(
        "import mlflow\nfrom sklearn.linear_model import LinearRegression\nimport pandas as pd",
        "x = pd.DataFrame({'a': [1.0, 2.0, 3.0]})\nmodel = LinearRegression().fit(x, [2.0, 4.0, 6.0])",
        "spark.sql('create schema if not exists main.tracked')\n"
        "mlflow.set_experiment('/Users/me@localhost/tracked')\n"
        "with mlflow.start_run() as run:\n"
        "    mlflow.log_metric('m', 1.5)\n"
        "    info = mlflow.sklearn.log_model(model, name='model', input_example=x,\n"
        "        registered_model_name='main.tracked.line', pip_requirements=[])",
        "client = mlflow.MlflowClient()\nclient.set_registered_model_alias('main.tracked.line', 'champion', 1)",
        "tags = mlflow.get_run(run.info.run_id).data.tags\n"
        "print({k: v for k, v in tags.items() if k.startswith('mlflow.databricks') or 'source' in k})",
        "f = mlflow.pyfunc.spark_udf(spark, 'models:/main.tracked.line@champion', env_manager='local')\n"
        "print([r[0] for r in spark.createDataFrame(x).select(f('a')).collect()])",
    ).ok()
    assert "'mlflow.databricks.jobID': '77'" in done.output
    assert "'mlflow.databricks.notebookPath'" in done.output
    (values,) = [line for line in done.output.splitlines() if line.startswith("[")]
    assert [round(float(value), 6) for value in values.strip("[]").split(",")] == [2.0, 4.0, 6.0]
