"""Commands in live contexts, by the unmodified SDK."""

from __future__ import annotations

import base64
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service.compute import CommandStatus, CommandStatusResponse, Language, Results, ResultType

from tests.support import LocalWorkspace, wait_for
from tests.workspace.compute.test_other_versions import wheel

Run = Callable[..., Results]


@pytest.fixture(scope="module")
def cluster(workspace: LocalWorkspace) -> Iterator[str]:
    """A running cluster."""
    w = workspace.client()
    made = w.clusters.create("16.4.x-scala2.12", cluster_name="commands", node_type_id="Standard_DS3_v2", num_workers=0)
    wait_for(lambda: w.clusters.get(made.cluster_id).state.value == "RUNNING")
    yield made.cluster_id
    w.clusters.permanent_delete(made.cluster_id)


@pytest.fixture(scope="module")
def context(workspace: LocalWorkspace, cluster: str) -> str:
    """A Python context on it."""
    w = workspace.client().command_execution
    number = str(w.create(cluster_id=cluster, language=Language.PYTHON).response.id)
    wait_for(lambda: w.context_status(cluster, number).status.value == "Running")
    return number


@pytest.fixture
def run(workspace: LocalWorkspace, cluster: str, context: str) -> Run:
    """Executes a command to its end."""
    w = workspace.client().command_execution

    def execute(command: str, language: Language = Language.PYTHON) -> Results:
        made = w.execute(cluster_id=cluster, context_id=context, command=command, language=language)
        done = wait_for(lambda: _ended(w.command_status(cluster, context, made.command_id)))
        assert done.status is CommandStatus.FINISHED and done.results is not None, done
        return done.results

    return execute


def _done(ask: Callable[[], CommandStatusResponse]) -> CommandStatusResponse | None:
    return _ended(ask())


def _ended(status: CommandStatusResponse) -> CommandStatusResponse | None:
    return status if status.results is not None else None


def test_names_and_spark_are_kept_between_commands(run: Run) -> None:
    assert run("total = spark.range(4)").data == ""
    assert run("print('counted')\ntotal.count()").data == "counted\n4"
    run("total.createOrReplaceTempView('counted')")
    assert run("SELECT sum(id) AS total FROM counted", Language.SQL).data == [[6]]


def test_tables(run: Run) -> None:
    found = run("display(spark.range(1200).selectExpr('id', 'cast(id as string) name'))")
    assert found.result_type is ResultType.TABLE and found.is_json_schema and found.truncated
    assert found.schema == [
        {"name": "id", "type": '"long"', "metadata": "{}"},
        {"name": "name", "type": '"string"', "metadata": "{}"},
    ]
    assert len(found.data) == 1000 and found.data[:2] == [[0, "0"], [1, "1"]]
    empty = run("CREATE OR REPLACE TEMP VIEW nothing AS SELECT 1", Language.SQL)
    assert (empty.result_type, empty.data, empty.schema) == (ResultType.TABLE, [], [])


def test_images(run: Run) -> None:
    draw = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);\n"
    one = run(draw)
    assert one.result_type is ResultType.IMAGE
    kind, _, data = (one.file_name or "").partition(",")
    assert kind == "data:image/png;base64" and base64.b64decode(data).startswith(b"\x89PNG")
    two = run(f"{draw}plt.show()\n{draw}plt.show()")
    assert two.result_type is ResultType.IMAGES and len(two.file_names or []) == 2


def test_errors(run: Run) -> None:
    run("def divide(by):\n    return 1 / by")
    found = run("divide(0)")
    assert found.result_type is ResultType.ERROR
    assert found.summary == '<span class="ansi-red-fg">ZeroDivisionError</span>: division by zero'
    assert "return 1 / by" in (found.cause or "") and "site-packages" not in (found.cause or "")
    assert "PARSE_SYNTAX_ERROR" in (run("SELEC 1", Language.SQL).summary or "")
    assert run("1 + 1").data == "2"


def test_secrets_are_not_shown(workspace: LocalWorkspace, run: Run) -> None:
    w = workspace.client()
    w.secrets.create_scope("commands")
    w.secrets.put_secret("commands", "key", string_value="correct-horse-battery")
    assert run("value = dbutils.secrets.get('commands', 'key')\nprint(value)\nvalue").data == "[REDACTED]\n'[REDACTED]'"
    failed = run("raise ValueError(value)")
    assert "[REDACTED]" in (failed.summary or "") and "horse" not in f"{failed.summary}{failed.cause}"
    assert run("display([{'a': value}])").data == [["[REDACTED]"]]


def test_canceling(workspace: LocalWorkspace, cluster: str, context: str, run: Run) -> None:
    w = workspace.client().command_execution
    run("begun = []")
    forever = ("import time\ntime.sleep(1000)", "%sh sleep 1000", "spark.range(10**12).filter('id < 0').count()")
    for code in forever:
        made = w.execute(cluster_id=cluster, context_id=context, command=code, language=Language.PYTHON)
        ask = partial(w.command_status, cluster, context, made.command_id)
        assert ask().status is CommandStatus.RUNNING
        w.cancel(cluster_id=cluster, context_id=context, command_id=made.command_id)
        assert wait_for(partial(_done, ask)).status is CommandStatus.CANCELLED
    assert run("begun").data == "[]" and run("spark.range(3).count()").data == "3"


@pytest.mark.soak
def test_canceling_at_any_moment_of_a_query(workspace: LocalWorkspace, cluster: str, context: str, run: Run) -> None:
    w = workspace.client().command_execution
    for _ in range(60):
        query = "spark.range(10**12).filter('id < 0').count()"
        made = w.execute(cluster_id=cluster, context_id=context, command=query, language=Language.PYTHON)
        ask = partial(w.command_status, cluster, context, made.command_id)
        w.cancel(cluster_id=cluster, context_id=context, command_id=made.command_id)
        assert wait_for(partial(_done, ask)).status is CommandStatus.CANCELLED
        assert run("spark.range(3).count()").data == "3"


def test_the_sdks_dbutils(workspace: LocalWorkspace, cluster: str, run: Run) -> None:
    w = WorkspaceClient(host=workspace.host, token=workspace.token, cluster_id=cluster, auth_type="pat")
    w.dbutils.fs.put("/commands/a.txt", "one", overwrite=True)
    assert run("open('/dbfs/commands/a.txt').read()").data == "'one'"
    with pytest.raises(DatabricksError, match="nothing/here"):
        w.dbutils.notebook.run("/nothing/here", 10)
    run("dbutils.widgets.text('where', 'home')")
    assert run("dbutils.widgets.get('where')").data == "'home'"


def test_a_file_as_the_command(workspace: LocalWorkspace, cluster: str, context: str) -> None:
    w = workspace.client().command_execution
    fields = {"clusterId": cluster, "contextId": context, "language": "python"}
    parts = [f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    file = '--b\r\nContent-Disposition: form-data; name="command"; filename="a.py"\r\n\r\n3 + 4\r\n--b--\r\n'
    headers = {"Authorization": f"Bearer {workspace.token}", "Content-Type": "multipart/form-data; boundary=b"}
    address = f"{workspace.host}/api/1.2/commands/execute"
    with urllib.request.urlopen(urllib.request.Request(address, "".join([*parts, file]).encode(), headers)) as answer:
        number = answer.read().decode().split('"')[3]
    done = wait_for(lambda: _ended(w.command_status(cluster, context, number)))
    assert done.results is not None and done.results.data == "7"


def test_a_restart_after_pip_goes_on_with_the_other_version(run: Run, tmp_path: Path) -> None:
    library = wheel(tmp_path)
    run("kept = 1\nspark.range(5).createOrReplaceTempView('five')\nimport sqlparse\nsqlparse.__version__")
    run(f"%pip install {library}\ndbutils.library.restartPython()")
    code = "import sqlparse\nprint(sqlparse.__version__, 'kept' in globals(), spark.table('five').count())"
    assert run(code).data == "0.0.1 False 5"
    assert run("print('next')").data == "next"
