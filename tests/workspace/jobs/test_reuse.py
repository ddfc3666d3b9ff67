"""Tasks that are not run again where nothing has changed, through the official SDK."""

from __future__ import annotations

import io
import uuid
from pathlib import Path

import pytest
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import compute, jobs, sql

from tests.support.git_remote import GitRemote
from tests.workspace.jobs.job_client import Client, results

CLEAN = """
import helper
from pathlib import Path
source, factor = dbutils.widgets.get("source"), int(dbutils.widgets.get("factor"))
rows = spark.table(source)
rows.selectExpr(f"n * {factor * helper.SCALE} AS n").write.mode("overwrite").saveAsTable(source + "_clean")
total = spark.table(source + "_clean").agg({"n": "sum"}).first()[0]
Path(f"/Workspace/Shared/{source}.txt").write_text(str(total))
dbutils.jobs.taskValues.set("total", total)
dbutils.notebook.exit(f"total {total}")
"""
SHOW = """
from pathlib import Path
source = dbutils.widgets.get("source")
print(Path(f"/Workspace/Shared/{source}.txt").read_text(), dbutils.jobs.taskValues.get("clean", "total"))
"""


class Reusing:
    """A job of two tasks, which read and write tables, files and each other's values."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.table = f"reuse_{uuid.uuid4().hex[:8]}"
        self.warehouse = next(one.id for one in client.sdk.warehouses.list() if one.id)
        self.execute(f"CREATE TABLE {self.table} AS SELECT * FROM VALUES (1), (2) AS t(n)")
        self.helper("SCALE = 10")
        given = {"source": self.table, "factor": "{{job.parameters.factor}}"}
        self.job_id = client.job(
            client.task("clean", CLEAN, base_parameters=given),
            client.task("show", SHOW, "clean", base_parameters={"source": self.table}),
            parameters=[jobs.JobParameterDefinition(name="factor", default="1")],
            tags={"brickyard.reuse": "true"},
        )

    def execute(self, statement: str) -> None:
        """Do something to the tables, as anybody could."""
        answer = self.client.sdk.statement_execution.execute_statement(statement, self.warehouse, wait_timeout="50s")
        assert answer.status and answer.status.state is sql.StatementState.SUCCEEDED, answer.status

    def helper(self, source: str) -> None:
        """Write the module that the notebook imports."""
        path = f"{self.client.directory}/helper.py"
        self.client.sdk.workspace.upload(path, io.BytesIO(source.encode()), format=None, overwrite=True)

    def run(self, **parameters: str) -> dict[str, str]:
        """The messages of the tasks after one more run, in which all of them succeeded."""
        run = self.client.ended(self.client.started(self.job_id, job_parameters=parameters))
        assert set(results(run).values()) == {"SUCCESS"}, run
        self.last = run
        return {one.task_key: (one.state and one.state.state_message) or "" for one in run.tasks or []}


def test_a_task_is_reused_until_something_it_depends_on_changes(client: Client) -> None:
    reusing = Reusing(client)
    assert reusing.run() == {"clean": "", "show": ""}
    first = reusing.last

    messages = reusing.run()
    assert (
        messages["clean"].startswith("REUSED: the result of task run ") and f"run {first.run_id}," in messages["clean"]
    )
    assert messages["show"].startswith("REUSED")
    output = client.output(reusing.last, "clean").notebook_output
    assert output and output.result == "total 30"
    assert "30 30" in (client.output(reusing.last, "show").logs or "")
    assert f"run {first.run_id}," in reusing.run()["clean"]  # whose it was in the first place

    changes = {
        "an input": lambda: reusing.execute(f"INSERT INTO {reusing.table} VALUES (3)"),
        "an output": lambda: reusing.execute(f"DELETE FROM {reusing.table}_clean WHERE n > 10"),
        "a module": lambda: reusing.helper("SCALE = 100"),
    }
    for what, change in changes.items():
        change()
        assert reusing.run()["clean"] == "", what
        assert reusing.run()["clean"].startswith("REUSED"), what
    assert reusing.run(factor="2") == {"clean": "", "show": ""}
    assert "1200 1200" in (client.output(reusing.last, "show").logs or "")

    client.notebook("clean", CLEAN)  # deployed again as it is
    assert reusing.run(factor="2")["clean"].startswith("REUSED")
    client.notebook("clean", CLEAN + "\n# changed")
    assert reusing.run(factor="2")["clean"] == ""


def test_nothing_is_reused_that_does_not_ask_for_it(client: Client) -> None:
    tasks = client.task("one", "print(1)"), client.task("two", "print(2)")
    job_id = client.job(*tasks, tags={"brickyard.reuse": "two"})
    client.ended(client.started(job_id))
    run = client.ended(client.started(job_id))
    messages = {one.task_key: (one.state and one.state.state_message) or "" for one in run.tasks or []}
    assert messages["one"] == "" and messages["two"].startswith("REUSED")
    client.sdk.jobs.update(job_id, fields_to_remove=["tags"])
    assert not any(one.state and one.state.state_message for one in client.ended(client.started(job_id)).tasks or [])


def test_code_from_git_is_reused_with_the_files_of_its_commit(client: Client, tmp_path: Path) -> None:
    code = "from pathlib import Path\nimport lib\nprint(Path('note.txt').read_text(), lib.NAME)\n"
    remote = GitRemote(tmp_path / "remote", {"main.py": code, "note.txt": "noted", "lib.py": "NAME = 'root'\n"})
    work = jobs.SparkPythonTask("main.py", source=jobs.Source.GIT)
    job_id = client.job(
        jobs.Task("main", spark_python_task=work),
        git_source=jobs.GitSource(remote.url, jobs.GitProvider.GIT_HUB, git_branch="main"),
        tags={"brickyard.reuse": "true"},
    )
    for expected in ("", "REUSED"):
        run = client.ended(client.started(job_id))
        assert results(run) == {"main": "SUCCESS"}
        [task] = run.tasks or []
        assert ((task.state and task.state.state_message) or "").partition(":")[0] == expected
        assert "noted root" in (client.output(run, "main").logs or "")


def test_a_task_that_read_secrets_is_reused_until_they_change(client: Client) -> None:
    scope = f"reuse-{uuid.uuid4().hex[:8]}"
    client.sdk.secrets.create_scope(scope)
    for key in ("a", "b"):
        client.sdk.secrets.put_secret(scope, key, string_value="canary-one")
    of_dbutils = f"print(len(dbutils.secrets.get('{scope}', 'a')))"
    of_sdk = f"from databricks.sdk import WorkspaceClient\nWorkspaceClient().secrets.get_secret('{scope}', 'b')"
    tasks = client.task("dbutils", of_dbutils), client.task("sdk", of_sdk)
    job_id = client.job(*tasks, tags={"brickyard.reuse": "true"})

    def reused() -> set[str]:
        run = client.ended(client.started(job_id))
        assert set(results(run).values()) == {"SUCCESS"}, run
        return {one.task_key for one in run.tasks or [] if one.state and one.state.state_message}

    assert (reused(), reused()) == (set(), {"dbutils", "sdk"})
    client.sdk.secrets.put_secret(scope, "a", string_value="canary-two")
    assert reused() == {"sdk"}
    client.sdk.secrets.put_secret(scope, "b", string_value="canary-two")
    assert reused() == {"dbutils"}


def test_a_tag_that_names_what_cannot_be_reused_is_refused(client: Client) -> None:
    task = client.task("one", "print(1)")
    condition = jobs.Task("two", condition_task=jobs.ConditionTask(jobs.ConditionTaskOp.EQUAL_TO, "1", "1"))
    for value, said in (("three", "there is no task 'three'"), ("one, two", "task 'two' cannot be reused")):
        with pytest.raises(InvalidParameterValue, match=said):
            client.job(task, condition, tags={"brickyard.reuse": value})
    client.job(task, condition, tags={"brickyard.reuse": "one"})


def test_tasks_that_share_a_cluster_are_reused_each_by_what_it_used(client: Client) -> None:
    name = f"reuse_{uuid.uuid4().hex[:8]}"
    spec = compute.ClusterSpec(spark_version="16.4.x-scala2.12", node_type_id="Standard_DS3_v2", num_workers=0)
    write = f"spark.range({{}}).write.mode('overwrite').saveAsTable('{name}_{{}}')"
    read = f"dbutils.notebook.exit(str(spark.table('{name}_a').count()))"
    job_id = client.job(
        client.task("a", write.format(3, "a"), job_cluster_key="main"),
        client.task("b", write.format(4, "b"), job_cluster_key="main"),
        client.task("c", read, "a", job_cluster_key="main"),
        job_clusters=[jobs.JobCluster("main", spec)],
        tags={"brickyard.reuse": "true"},
    )
    messages = []
    for _ in range(2):
        run = client.ended(client.started(job_id))
        assert set(results(run).values()) == {"SUCCESS"}
        messages.append([((one.state and one.state.state_message) or "")[:6] for one in run.tasks or []])
    assert messages == [["", "", ""], ["REUSED"] * 3]
    client.notebook("a", write.format(5, "a"))
    run = client.ended(client.started(job_id))
    again = {one.task_key: not (one.state and one.state.state_message) for one in run.tasks or []}
    assert again["a"] and again["c"]
    output = client.output(run, "c").notebook_output
    assert output and output.result == "5"
