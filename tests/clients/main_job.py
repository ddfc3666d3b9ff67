"""A user's script: the official clients, unmodified, against a workspace; knows nothing of brickyard.

It is run by an interpreter in whose environment brickyard is not installed. Host and token come from the environment.
"""

import base64
import importlib.util
import io
import json
import sys
import time

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service import catalog, compute, jobs, serving, workspace

assert importlib.util.find_spec("brickyard") is None, "brickyard must not be importable here"

w = WorkspaceClient()
ME = w.current_user.me().user_name
HOME = f"/Users/{ME}/clients"


def tree() -> None:
    """Workspace objects: mkdirs, import, list, get-status, export, delete."""
    w.workspace.mkdirs(HOME)
    source = "# Databricks notebook source\nprint('hello')\n"
    w.workspace.import_(
        f"{HOME}/hello",
        content=base64.b64encode(source.encode()).decode(),
        format=workspace.ImportFormat.SOURCE,
        language=workspace.Language.PYTHON,
        overwrite=True,
    )
    w.workspace.upload(f"{HOME}/data.txt", io.BytesIO(b"plain"), format=workspace.ImportFormat.AUTO, overwrite=True)
    kinds = {item.path: item.object_type for item in w.workspace.list(HOME)}
    assert kinds[f"{HOME}/hello"] == workspace.ObjectType.NOTEBOOK, kinds
    assert kinds[f"{HOME}/data.txt"] == workspace.ObjectType.FILE, kinds
    assert w.workspace.get_status(f"{HOME}/hello").language == workspace.Language.PYTHON
    exported = w.workspace.export(f"{HOME}/hello", format=workspace.ExportFormat.SOURCE)
    assert base64.b64decode(exported.content).decode() == source
    with w.workspace.download(f"{HOME}/data.txt") as file:
        assert file.read() == b"plain"
    w.workspace.delete(f"{HOME}/data.txt")
    try:
        w.workspace.get_status(f"{HOME}/data.txt")
    except NotFound:
        return
    raise AssertionError("a deleted file is still there")


def unity() -> None:
    """Catalog, schema, volume, files in it."""
    assert "main" in {one.name for one in w.catalogs.list()}
    w.schemas.create(name="clients", catalog_name="main")
    w.volumes.create("main", "clients", "files", catalog.VolumeType.MANAGED)
    w.files.upload("/Volumes/main/clients/files/a/b.bin", io.BytesIO(b"\x00\x01"), overwrite=True)
    assert w.files.download("/Volumes/main/clients/files/a/b.bin").contents.read() == b"\x00\x01"
    assert [e.name for e in w.files.list_directory_contents("/Volumes/main/clients/files/a")] == ["b.bin"]
    w.files.delete("/Volumes/main/clients/files/a/b.bin")


def secrets() -> None:
    """Scopes and values."""
    w.secrets.create_scope("clients")
    w.secrets.put_secret("clients", "key", string_value="canary-of-the-client")
    assert [s.key for s in w.secrets.list_secrets("clients")] == ["key"]
    assert base64.b64decode(w.secrets.get_secret("clients", "key").value) == b"canary-of-the-client"


def run_jobs() -> None:
    """A job of a notebook, a Python file and what they hand on."""
    notebook = """# Databricks notebook source
dbutils.widgets.text("name", "nobody")
name = dbutils.widgets.get("name")
spark.range(5).write.mode("overwrite").saveAsTable("main.clients.numbers")
print(dbutils.secrets.get("clients", "key"))
dbutils.jobs.taskValues.set("total", spark.table("main.clients.numbers").count())
dbutils.notebook.exit("hello " + name)
"""
    script = "import sys\nprint('total is', sys.argv[1])\n"
    _put("first", notebook, workspace.Language.PYTHON)
    w.workspace.upload(
        f"{HOME}/second.py", io.BytesIO(script.encode()), format=workspace.ImportFormat.RAW, overwrite=True
    )
    tasks = [
        jobs.Task(
            task_key="first",
            notebook_task=jobs.NotebookTask(notebook_path=f"{HOME}/first"),
            environment_key="default",
        ),
        jobs.Task(
            task_key="second",
            depends_on=[jobs.TaskDependency("first")],
            spark_python_task=jobs.SparkPythonTask(
                python_file=f"{HOME}/second.py", parameters=["{{tasks.first.values.total}}"]
            ),
            environment_key="default",
        ),
    ]
    made = w.jobs.create(
        name="clients",
        tasks=tasks,
        parameters=[jobs.JobParameterDefinition(name="name", default="world")],
        environments=[jobs.JobEnvironment("default", compute.Environment(client="2"))],
    )
    assert [job.job_id for job in w.jobs.list(name="clients")] == [made.job_id]
    run = w.jobs.run_now(made.job_id, job_parameters={"name": "client"}).result()
    assert run.state.result_state == jobs.RunResultState.SUCCESS, run.state
    ids = {task.task_key: task.run_id for task in run.tasks}
    first = w.jobs.get_run_output(ids["first"])
    assert first.notebook_output.result == "hello client", first
    assert "canary-of-the-client" not in json.dumps(first.as_dict())
    assert "total is 5" in w.jobs.get_run_output(ids["second"]).logs
    settings = w.jobs.get(made.job_id).settings
    settings.name = "clients, renamed"
    w.jobs.reset(made.job_id, settings)
    assert w.jobs.get(made.job_id).settings.name == "clients, renamed"
    assert run.run_id in {one.run_id for one in w.jobs.list_runs(job_id=made.job_id)}
    _cancel()
    table = w.tables.get("main.clients.numbers")
    assert [column.name for column in table.columns] == ["id"], table


def _cancel() -> None:
    _put("slow", "# Databricks notebook source\nimport time\ntime.sleep(600)\n", workspace.Language.PYTHON)
    task = jobs.Task(task_key="slow", notebook_task=jobs.NotebookTask(notebook_path=f"{HOME}/slow"))
    job = w.jobs.create(name="slow", tasks=[task])
    waiting = w.jobs.run_now(job.job_id)
    w.jobs.cancel_run_and_wait(waiting.run_id)
    assert w.jobs.get_run(waiting.run_id).state.result_state == jobs.RunResultState.CANCELED


def models() -> None:
    """MLflow: a run, its artifacts, a model with an alias, loaded again; then served."""
    import mlflow
    import numpy as np
    from sklearn.linear_model import LinearRegression

    mlflow.set_experiment("/Shared/clients")
    x = np.arange(10.0).reshape(-1, 1)
    model = LinearRegression().fit(x, 2 * x[:, 0])
    with mlflow.start_run() as run:
        mlflow.log_param("kind", "line")
        mlflow.log_metric("error", 0.0)
        mlflow.log_text("a note", "notes/note.txt")
        mlflow.sklearn.log_model(
            model,
            name="model",
            signature=mlflow.models.infer_signature(x, model.predict(x)),
            pip_requirements=["scikit-learn"],
            registered_model_name="main.clients.line",
        )
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/note.txt") == "a note"
    client = mlflow.MlflowClient()
    client.set_registered_model_alias("main.clients.line", "champion", 1)
    loaded = mlflow.pyfunc.load_model("models:/main.clients.line@champion")
    assert loaded.predict(np.array([[21.0]]))[0] == model.predict([[21.0]])[0]
    entity = serving.ServedEntityInput(
        entity_name="main.clients.line", entity_version="1", workload_size="Small", scale_to_zero_enabled=False
    )
    config = serving.EndpointCoreConfigInput(name="line", served_entities=[entity])
    w.serving_endpoints.create_and_wait("line", config=config)
    answer = w.serving_endpoints.query("line", inputs=[[21.0]])
    assert answer.predictions == [model.predict([[21.0]])[0]], answer
    w.serving_endpoints.update_config_and_wait("line", served_entities=[entity])
    assert w.serving_endpoints.get("line").state.ready == serving.EndpointStateReady.READY


def _put(name: str, source: str, language: workspace.Language) -> None:
    content = base64.b64encode(source.encode()).decode()
    w.workspace.import_(
        f"{HOME}/{name}", content=content, format=workspace.ImportFormat.SOURCE, language=language, overwrite=True
    )


if __name__ == "__main__":
    for step in (tree, unity, secrets, run_jobs, models):
        begin = time.monotonic()
        step()
        print(f"{step.__name__}: ok in {time.monotonic() - begin:.1f} s", file=sys.stderr)
    print("ALL OK")
