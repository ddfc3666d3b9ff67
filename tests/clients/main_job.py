"""A user's script: the official clients, unmodified, against a workspace; knows nothing of brickyard.

It is run by an interpreter in whose environment brickyard is not installed. Host and token come from the environment.
"""

import base64
import importlib.util
import io
import json
import sys
import time
import zipfile

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, OperationFailed, Unauthenticated
from databricks.sdk.service import catalog, compute, jobs, serving, workspace

assert importlib.util.find_spec("brickyard") is None, "brickyard must not be importable here"

w = WorkspaceClient()
ME = w.current_user.me().user_name
HOME = f"/Users/{ME}/clients"


def tokens() -> None:
    """Discovery, and tokens of one's own: made, used, listed and ended."""
    assert str(w.get_workspace_id()) == str(w.api_client.do("GET", "/.well-known/databricks-config")["workspace_id"])
    made = w.tokens.create(comment="of the client", lifetime_seconds=600)
    own = WorkspaceClient(host=w.config.host, token=made.token_value, auth_type="pat")
    assert own.current_user.me().user_name == ME
    assert made.token_info.token_id in {one.token_id for one in w.tokens.list()}
    w.tokens.delete(made.token_info.token_id)
    assert made.token_info.token_id not in {one.token_id for one in w.tokens.list()}
    try:
        own.current_user.me()
    except Unauthenticated:
        return
    raise AssertionError("a deleted token is still accepted")


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
    imported = f"/api/2.0/workspace-files/import-file{HOME}/data.txt"
    w.api_client.do("POST", imported, query={"overwrite": "true"}, data=b"again", headers={})
    with w.workspace.download(f"{HOME}/data.txt") as file:
        assert file.read() == b"again"
    w.workspace.delete(f"{HOME}/data.txt")
    try:
        w.workspace.get_status(f"{HOME}/data.txt")
    except NotFound:
        return
    raise AssertionError("a deleted file is still there")


def unity() -> None:
    """Catalog, schema, volume, files in it."""
    w.catalogs.create("clients")
    assert {"main", "clients"} <= {one.name for one in w.catalogs.list()}
    w.catalogs.delete("clients", force=True)
    assert "clients" not in {one.name for one in w.catalogs.list()}
    w.schemas.create(name="clients", catalog_name="main")
    assert w.schemas.get("main.clients").name in {one.name for one in w.schemas.list("main")}
    w.volumes.create("main", "clients", "files", catalog.VolumeType.MANAGED)
    assert [one.full_name for one in w.volumes.list("main", "clients")] == ["main.clients.files"]
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


def more_jobs() -> None:
    """A task of a wheel, one that is tried again, and one that takes too long."""
    path = f"{HOME}/greeting-0.1-py3-none-any.whl"
    w.workspace.upload(path, io.BytesIO(_wheel()), format=workspace.ImportFormat.AUTO, overwrite=True)
    _put("flaky", "# Databricks notebook source\nraise ValueError('no such flight')\n", workspace.Language.PYTHON)
    _put("late", "# Databricks notebook source\nimport time\ntime.sleep(600)\n", workspace.Language.PYTHON)
    greeting = jobs.PythonWheelTask("greeting", "main", parameters=["client"])
    tasks = [
        jobs.Task("greet", python_wheel_task=greeting, libraries=[compute.Library(whl=f"/Workspace{path}")]),
        jobs.Task("flaky", notebook_task=jobs.NotebookTask(f"{HOME}/flaky"), max_retries=1),
        jobs.Task("late", notebook_task=jobs.NotebookTask(f"{HOME}/late"), timeout_seconds=1),
    ]
    waiting = w.jobs.run_now(w.jobs.create(name="more", tasks=tasks).job_id)
    try:
        waiting.result()
    except OperationFailed as error:
        assert "Task flaky failed" in str(error)
    run = w.jobs.get_run(waiting.run_id)
    found = {(task.task_key, task.attempt_number): task for task in run.tasks}
    results = {key: task.state.result_state.value for key, task in found.items()}
    expected = {("greet", 0): "SUCCESS", ("flaky", 0): "FAILED", ("flaky", 1): "FAILED", ("late", 0): "TIMEDOUT"}
    assert results == expected, results
    assert run.state.result_state == jobs.RunResultState.FAILED, run.state
    assert "hello client" in w.jobs.get_run_output(found["greet", 0].run_id).logs
    assert "no such flight" in w.jobs.get_run_output(found["flaky", 1].run_id).error


def _wheel() -> bytes:
    info = "greeting-0.1.dist-info"
    files = {
        "greeting.py": "import sys\n\ndef main():\n    print('hello', sys.argv[1])\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 0.1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nmain = greeting:main\n",
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]))
    return content.getvalue()


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
    entity.environment_vars = {"KEY": "{{secrets/clients/key}}"}
    w.serving_endpoints.update_config_and_wait("line", served_entities=[entity])
    found = w.serving_endpoints.get("line")
    assert found.state.ready == serving.EndpointStateReady.READY
    assert found.config.served_entities[0].environment_vars == {"KEY": "{{secrets/clients/key}}"}
    w.serving_endpoints.patch("line", add_tags=[serving.EndpointTag("team", "ops")])
    assert [(one.name, one.tags) for one in w.serving_endpoints.list()] == [
        ("line", [serving.EndpointTag("team", "ops")])
    ]
    _registry("main.clients.line")
    w.serving_endpoints.delete("line")
    assert list(w.serving_endpoints.list()) == []
    source = """# Databricks notebook source
import mlflow
predict = mlflow.pyfunc.spark_udf(spark, "models:/main.clients.line@champion", env_manager="local")
dbutils.notebook.exit(str(spark.range(3).selectExpr("CAST(id AS DOUBLE) AS x").select(predict("x")).collect()[2][0][0]))
"""
    _put("predict", source, workspace.Language.PYTHON)
    task = jobs.SubmitTask("predict", notebook_task=jobs.NotebookTask(f"{HOME}/predict"))
    run = w.jobs.submit(run_name="spark_udf", tasks=[task]).result()
    answer = w.jobs.get_run_output(run.tasks[0].run_id).notebook_output.result
    assert float(answer) == model.predict([[2.0]])[0], answer


def _registry(name: str) -> None:
    """The registry by the workspace client: models, versions, aliases."""
    assert [one.full_name for one in w.registered_models.list(catalog_name="main", schema_name="clients")] == [name]
    w.registered_models.set_alias(name, "challenger", 1)
    aliases = w.registered_models.get(name, include_aliases=True).aliases
    assert {one.alias_name: one.version_num for one in aliases} == {"champion": 1, "challenger": 1}
    assert w.model_versions.get_by_alias(name, "challenger").version == 1
    w.registered_models.delete_alias(name, "challenger")
    w.registered_models.update(name, comment="a line")
    assert w.registered_models.get(name).comment == "a line"
    w.model_versions.update(name, 1, comment="the first")
    assert [(one.version, one.comment, one.status) for one in w.model_versions.list(name)] == [
        (1, "the first", catalog.ModelVersionInfoStatus.READY)
    ]


def _put(name: str, source: str, language: workspace.Language) -> None:
    content = base64.b64encode(source.encode()).decode()
    w.workspace.import_(
        f"{HOME}/{name}", content=content, format=workspace.ImportFormat.SOURCE, language=language, overwrite=True
    )


if __name__ == "__main__":
    for step in (tokens, tree, unity, secrets, run_jobs, more_jobs, models):
        begin = time.monotonic()
        step()
        print(f"{step.__name__}: ok in {time.monotonic() - begin:.1f} s", file=sys.stderr)
    print("ALL OK")
