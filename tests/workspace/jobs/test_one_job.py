"""One job with every kind of task, through the official SDK: what passes between its tasks, in which order they run."""

from __future__ import annotations

import io
import json
import uuid
from datetime import UTC, datetime

import pytest
from databricks.sdk.service import compute, jobs, sql
from databricks.sdk.service.workspace import ImportFormat

from tests.support import LocalWorkspace
from tests.workspace.jobs.job_client import Client, results
from tests.workspace.jobs.test_client import wheel
from tests.workspace.jobs.test_sql_tasks import rows, sql_file, warehouse

SECRET = "s3cr3t-of-the-flights"

HELPERS = "def doubled(number):\n    return 2 * number\n"
INGEST = """
# MAGIC %pip install {wheel}
# COMMAND ----------
# MAGIC %run ./helpers
# COMMAND ----------
import json, {module}
dbutils.widgets.text("day", "none")
dbutils.widgets.dropdown("size", "small", ["small", "large"])
dbutils.widgets.combobox("unit", "km", ["km", "mi"])
dbutils.widgets.multiselect("carriers", "UA", ["AA", "UA", "WN"])
found = {{name: dbutils.widgets.get(name) for name in ("day", "size", "unit", "carriers", "run", "date", "task")}}
found["again"] = getArgument("unit")
secret = dbutils.secrets.get("{scope}", "key")
print("the secret is", secret, len(secret))
dbutils.jobs.taskValues.set("rows", doubled(21))
dbutils.jobs.taskValues.set("names", ["left", "right"])
dbutils.notebook.exit(json.dumps(found | {{"installed": {module}.main()}}))
"""
EACH = 'print("side", dbutils.widgets.get("side"))'
OTHER = 'print("inner", dbutils.widgets.get("day"))'
LAST = "import json\nnames = {names!r}\ndbutils.notebook.exit(json.dumps({{n: dbutils.widgets.get(n) for n in names}}))"
ASKED = {
    "clean": "{{tasks.clean.result_state}}",
    "none": "{{tasks.none.result_state}}",
    "each": "{{tasks.each.result_state}}",
    "count": "{{tasks.ingest.execution_count}}",
    "path": "{{tasks.ingest.notebook_path}}",
    "id": "{{tasks.ingest.run_id}}",
    "names": "{{tasks.ingest.values.names}}",
    "trigger": "{{job.trigger.type}}",
    "text": "{{ ds }}",
}


def uploaded(client: Client, name: str, content: bytes) -> str:
    """The path of a file in the client's directory."""
    path = f"{client.directory}/{name}"
    client.sdk.workspace.upload(path, io.BytesIO(content), format=ImportFormat.AUTO, overwrite=True)
    return f"/Workspace{path}"


def after(*keys: str, **outcomes: str) -> list[jobs.TaskDependency]:
    return [jobs.TaskDependency(key, outcomes.get(key)) for key in (*keys, *outcomes)]


class OneJob:
    """The job, and its run once it has ended."""

    def __init__(self, client: Client) -> None:
        self.client, self.name = client, uuid.uuid4().hex[:6]
        self.warehouse = warehouse(client)
        self.scope = f"one-job-{self.name}"
        client.sdk.secrets.create_scope(self.scope)
        client.sdk.secrets.put_secret(self.scope, "key", string_value=SECRET)
        self.inner = client.job(
            client.task("inner", OTHER), parameters=[jobs.JobParameterDefinition("day", "not given")]
        )
        self.job_id = client.job(
            *self.programs(),
            *self.queries(),
            *self.control(),
            parameters=[jobs.JobParameterDefinition("day", "monday"), jobs.JobParameterDefinition("least", "40")],
        )
        self.run = client.ended(client.started(self.job_id, job_parameters={"day": "friday"}))
        self.tasks = {one.task_key: one for one in self.run.tasks or []}
        self.outputs = {key: client.output(self.run, key) for key in self.tasks if key not in ("each", "other")}

    def programs(self) -> list[jobs.Task]:
        """Tasks with processes: notebooks with everything in them, a Python file, a wheel."""
        client, module = self.client, f"installed_{self.name}"
        client.notebook("helpers", HELPERS)
        library = uploaded(
            client, f"{module}-0.1-py3-none-any.whl", wheel(module, "def main():\n    return 'by pip'\n")
        )
        package = f"packaged_{self.name}"
        code = "import sys\n\ndef main():\n    print('wheel got', sys.argv[1:])\n"
        packaged = uploaded(client, f"{package}-0.1-py3-none-any.whl", wheel(package, code))
        script = uploaded(client, "clean.py", b"import sys\nprint('script got', sys.argv[1:])")
        given = {
            "run": "{{job.run_id}}",
            "date": "{{job.start_time.iso_date}}",
            "task": "{{task.name}}",
            "size": "large",
        }
        return [
            client.task(
                "ingest",
                INGEST.format(wheel=library, module=module, scope=self.scope),
                base_parameters=given,
            ),
            jobs.Task(
                "clean",
                spark_python_task=jobs.SparkPythonTask(
                    script,
                    ["{{tasks.ingest.values.rows}}", "{{job.parameters.day}}", "{{tasks.ingest.result_state}}"],
                ),
                depends_on=after("ingest"),
            ),
            jobs.Task(
                "score",
                python_wheel_task=jobs.PythonWheelTask(
                    package_name=package, entry_point="main", parameters=["{{tasks.ingest.values.rows}}", "{{job.id}}"]
                ),
                libraries=[compute.Library(whl=packaged)],
                depends_on=after("ingest"),
            ),
        ]

    def queries(self) -> list[jobs.Task]:
        """SQL tasks: a saved query and a file."""
        saved = self.client.sdk.queries.create(
            query=sql.CreateQueryRequestQuery(
                display_name=f"one-job-{self.name}",
                query_text="SELECT :rows + 1 AS n",
                warehouse_id=self.warehouse,
                parameters=[sql.QueryParameter(name="rows", numeric_value=sql.NumericValue(value=0))],
            )
        )
        file = sql_file(self.client, "report.sql", "SELECT 1; SELECT :day || ' ' || :rows AS line")
        values = {"rows": "{{tasks.ingest.values.rows}}"}
        query = jobs.SqlTask(self.warehouse, query=jobs.SqlTaskQuery(saved.id or ""), parameters=values)
        report = jobs.SqlTask(self.warehouse, file=file, parameters=values)
        return [
            jobs.Task("query", sql_task=query, depends_on=after("ingest")),
            jobs.Task("report", sql_task=report, depends_on=after("query")),
        ]

    def control(self) -> list[jobs.Task]:
        """A condition, a loop, another job, and a task that asks about all of them."""
        comparison = jobs.ConditionTask(
            op=jobs.ConditionTaskOp.GREATER_THAN,
            left="{{tasks.ingest.values.rows}}",
            right="{{job.parameters.least}}",
        )
        one = self.client.task("one", EACH, base_parameters={"side": "{{input}}"})
        asking = {"base_parameters": ASKED, "run_if": jobs.RunIf.ALL_DONE}
        return [
            jobs.Task("many", condition_task=comparison, depends_on=after("ingest")),
            jobs.Task(
                "each",
                for_each_task=jobs.ForEachTask(inputs="{{tasks.ingest.values.names}}", task=one, concurrency=2),
                depends_on=after("ingest", many="true"),
            ),
            self.none(),
            jobs.Task(
                "other",
                run_job_task=jobs.RunJobTask(self.inner, job_parameters={"day": "{{job.parameters.day}}"}),
                depends_on=after("clean"),
            ),
            self.client.task(
                "last", LAST.format(names=list(ASKED)), "ingest", "clean", "each", "none", "other", **asking
            ),
        ]

    def none(self) -> jobs.Task:
        """A task of the branch that is not taken."""
        task = self.client.task("none", "print(1)")
        task.depends_on = after(many="false")
        return task


@pytest.fixture(scope="module")
def done(workspace: LocalWorkspace) -> OneJob:
    """The job, run once for all tests."""
    return OneJob(Client(workspace))


def answer(done: OneJob, key: str) -> dict[str, str]:
    """What a notebook said at its end."""
    output = done.outputs[key].notebook_output
    assert output and output.result, done.outputs[key].error
    found: dict[str, str] = json.loads(output.result)
    return found


def test_every_task_ends_as_it_should(done: OneJob) -> None:
    assert done.run.state and done.run.state.result_state is jobs.RunResultState.SUCCESS
    assert results(done.run) == dict.fromkeys(done.tasks, "SUCCESS") | {"none": "EXCLUDED"}


def test_no_task_starts_before_what_it_depends_on_has_ended(done: OneJob) -> None:
    pairs = [(one.task_key, task) for task in done.tasks.values() for one in task.depends_on or []]
    assert len(pairs) == 14
    for before, task in pairs:
        if task.task_key != "none":  # which has not started
            assert (task.start_time or 0) >= (done.tasks[before].end_time or 0), (before, task.task_key)


def test_notebook_has_widgets_parameters_libraries_and_other_notebooks(done: OneJob) -> None:
    began = datetime.fromtimestamp((done.run.start_time or 0) / 1000, UTC)
    assert answer(done, "ingest") == {
        "day": "friday", "size": "large", "unit": "km", "again": "km", "carriers": "UA", "installed": "by pip",
        "run": str(done.run.run_id), "date": began.strftime("%Y-%m-%d"), "task": "ingest",
    }  # fmt: skip


def test_secret_is_there_and_not_shown(done: OneJob) -> None:
    assert f"the secret is [REDACTED] {len(SECRET)}" in (done.outputs["ingest"].logs or "")
    assert SECRET not in json.dumps([one.as_dict() for one in done.outputs.values()])


def test_task_values_reach_programs_and_queries(done: OneJob) -> None:
    assert "script got ['42', 'friday', 'success']" in (done.outputs["clean"].logs or "")
    assert f"wheel got ['42', '{done.job_id}']" in (done.outputs["score"].logs or "")
    found = {}
    for key in ("query", "report"):
        output = done.outputs[key].sql_output
        assert output and output.query_output and output.query_output.sql_statements
        found[key] = rows(done.client, output.query_output.sql_statements[-1].lookup_key or "")
    assert found == {"query": [["43.0"]], "report": [["friday 42"]]}


def test_loop_gives_each_iteration_its_input(done: OneJob) -> None:
    loop = done.client.sdk.jobs.get_run(done.tasks["each"].run_id or 0)
    printed = [done.client.sdk.jobs.get_run_output(one.run_id or 0).logs for one in loop.iterations or []]
    assert printed == ["side left\n", "side right\n"]


def test_other_job_runs_with_the_parameter_of_this_one(done: OneJob) -> None:
    [other] = done.client.sdk.jobs.list_runs(job_id=done.inner, expand_tasks=True)
    assert other.tasks and other.trigger is jobs.TriggerType.RUN_JOB_TASK
    assert done.client.sdk.jobs.get_run_output(other.tasks[0].run_id or 0).logs == "inner friday\n"
    output = done.client.sdk.jobs.get_run_output(done.tasks["other"].run_id or 0)
    assert output.run_job_output and output.run_job_output.run_id == other.run_id


def test_last_task_knows_how_the_others_ended(done: OneJob) -> None:
    ingest = done.tasks["ingest"]
    assert answer(done, "last") == {
        "clean": "success", "none": "excluded", "each": "success", "count": "1", "id": str(ingest.run_id),
        "path": ingest.notebook_task.notebook_path if ingest.notebook_task else "", "trigger": "one_time",
        "names": '["left", "right"]', "text": "{{ ds }}",
    }  # fmt: skip
