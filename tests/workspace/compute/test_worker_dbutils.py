"""dbutils, secrets and the vendor's libraries inside a task."""

from __future__ import annotations

import base64
import json

import pytest

from brickyard.workspace.compute.tasks import TASK_FILE
from tests.workspace.compute.compute_support import Lab

CANARY = "c4nary-Zx9-Secret+value"
SECOND = "another-c4nary-of-the-SDK"


@pytest.fixture(scope="module")
def scope(lab: Lab) -> str:
    import http.client

    def post(path: str, body: dict[str, str]) -> None:
        connection = http.client.HTTPConnection(lab.workspace.url.removeprefix("http://"))
        headers = {"Authorization": f"Bearer {lab.token}", "Content-Type": "application/json"}
        connection.request("POST", f"/api/2.0/secrets/{path}", json.dumps(body), headers)
        response = connection.getresponse()
        assert response.status == 200, response.read()

    post("scopes/create", {"scope": "canary"})
    post("put", {"scope": "canary", "key": "key", "string_value": CANARY})
    post("put", {"scope": "canary", "key": "second", "string_value": SECOND})
    return "canary"


def test_secrets_never_reach_what_the_run_leaves(lab: Lab, scope: str) -> None:
    done = lab.cells(
        f"s = dbutils.secrets.get('{scope}', 'key')\nassert len(s) == {len(CANARY)}\nprint('plain', s, repr(s), [s])",
        "import base64\nprint(s[::-1], s.upper(), base64.b64encode(s.encode()).decode(), ' '.join(s))",
        "for c in s: print(c)",
        "import sys\nsys.stdout.write(s[:9]); sys.stdout.flush(); sys.stdout.write(s[9:] + '\\n')",
        "import os\nos.environ['S'] = s\nos.system('echo sub $S; echo err $S >&2')",
        "%sh echo shell $S",
        "display({'value': s})\ndisplayHTML('<b>' + s + '</b>')",
        f"print(dbutils.secrets.list('{scope}'), dbutils.secrets.listScopes())",
        "from databricks.sdk import WorkspaceClient\nimport base64\n"
        f"v = WorkspaceClient().secrets.get_secret('{scope}', 'second').value\n"
        "print('sdk', base64.b64decode(v).decode())",
        "print('token', os.environ['DATABRICKS_TOKEN'])",
        "raise ValueError('with ' + s)",
    )
    assert done.outcome.error == "ValueError: with [REDACTED]"
    assert "plain [REDACTED] '[REDACTED]' ['[REDACTED]']" in done.output
    assert "SecretMetadata(key='key'), SecretMetadata(key='second')" in done.output
    assert "sdk [REDACTED]" in done.output
    hidden = (CANARY, SECOND, CANARY[::-1], CANARY.upper(), base64.b64encode(CANARY.encode()).decode(), lab.token)
    for file in done.directory.rglob("*"):
        if file.is_file():
            text = file.read_text(errors="replace")
            squashed = "".join(text.split())
            for value in hidden:
                assert value not in text, file
            assert CANARY not in squashed and "".join(json.dumps(c) for c in CANARY) not in squashed, file


def test_secrets_are_hidden_in_what_a_task_leaves_in_the_pipe_when_it_vanishes(lab: Lab, scope: str) -> None:
    """The worker has no time to write it: whoever finds it in the pipe has to know the secret."""
    source = (
        f"s = dbutils.secrets.get('{scope}', 'key')\nimport os\nos.write(1, (s + '!').encode() * 2000)\nos._exit(7)"
    )
    done = lab.cells(source)
    assert done.output.count("[REDACTED]!") == 2000 and CANARY not in done.output


def test_secret_that_does_not_exist_is_named(lab: Lab, scope: str) -> None:
    outcome = lab.cells(f"dbutils.secrets.get('{scope}', 'none')").outcome
    assert (
        outcome.error
        == "ValueError: java.lang.IllegalArgumentException: Secret does not exist with scope: canary and key: none"
    )


def test_token_is_not_written_to_the_run_s_directory(lab: Lab) -> None:
    done = lab.cells("1").ok()
    assert lab.token not in (done.directory / TASK_FILE).read_text()


def test_widgets(lab: Lab) -> None:
    done = lab.cells(
        "dbutils.widgets.text('a', '1')\ndbutils.widgets.dropdown('b', 'x', ['x', 'y'])\n"
        "dbutils.widgets.combobox('c', 'z', ['z'])\ndbutils.widgets.multiselect('d', 'm', ['m', 'n'])",
        "print(dbutils.widgets.getAll() == {'a': '1', 'b': 'y', 'c': 'z', 'd': 'm', 'given': '7'})",
        "print(dbutils.widgets.getArgument('none', 'fallback'), getArgument('b'), dbutils.widgets.get('given'))",
        "dbutils.widgets.remove('a')\nprint('a' in dbutils.widgets.getAll())",
        "dbutils.widgets.get('missing')",
        parameters={"b": "y", "given": "7"},
    )
    assert "True\nfallback y 7\nFalse" in done.output
    assert (done.outcome.error or "").endswith(
        "dbutils_v1.InputWidgetNotDefined: No input widget named missing is defined"
    )


def test_task_values(lab: Lab) -> None:
    done = lab.cells(
        "v = dbutils.jobs.taskValues\nprint(v.get('before', 'rows'), v.get('before', 'none', default=0))",
        "v.set('rows', [1, {'a': None}])\nv.set('name', 'x')",
        task_values={"before": {"rows": 12}},
    ).ok()
    assert "12 0" in done.output
    assert done.outcome.task_values == {"rows": [1, {"a": None}], "name": "x"}
    missing = lab.cells("dbutils.jobs.taskValues.get('other', 'rows')", task_values={"before": {}})
    assert "the task 'other' has set no value 'rows'" in (missing.outcome.error or "")


def test_files(lab: Lab) -> None:
    done = lab.cells(
        "fs = dbutils.fs\nfs.mkdirs('dbfs:/lab/in')\nfs.put('/lab/in/a.txt', 'hello', True)",
        "print([(f.path, f.name, f.size, f.isDir()) for f in fs.ls('dbfs:/lab')], fs.head('/lab/in/a.txt', 4))",
        "fs.cp('/lab/in', '/lab/out', True)\nfs.mv('dbfs:/lab/out/a.txt', 'dbfs:/lab/b.txt')",
        "print(open('/dbfs/lab/b.txt').read(), fs.rm('/lab', True), fs.rm('/lab', True))",
        "%fs ls /",
        "fs.put('/lab/c.txt', '', True)",
        "print(spark.createDataFrame(fs.ls('/lab')).columns, fs.mounts()[-1][1])\nfs.help()",
        "fs.ls('/Volumes/main/default/no_such_volume')",
    )
    assert "[('dbfs:/lab/in/', 'in/', 0, True)] hell" in done.output
    assert "hello True False" in done.output
    assert "['path', 'name', 'size', 'modificationTime'] DatabricksRoot" in done.output
    assert "dbutils.fs.put(file, contents, overwrite=False): Write a text to a file.\n" in done.output
    assert done.outcome.error == "FileNotFoundError: the volume main.default.no_such_volume does not exist"


def test_data_is_summarized_and_long_files_are_cut(lab: Lab) -> None:
    done = lab.cells(
        "dbutils.data.summarize(spark.createDataFrame([(1, None), (2, 'x')], 'a int, b string'))",
        "dbutils.fs.put('/long.txt', 'hello', True)\nprint(dbutils.fs.head('/long.txt', 3))",
        "dbutils.help()",
    ).ok()
    [table] = done.cells[0]["outputs"]
    rows = table["metadata"]["application/vnd.databricks.v1+output"]["data"]
    assert [row[:5] for row in rows] == [["a", "int", 2, "2", "1.5"], ["b", "string", 1, "1", None]]
    assert "[Truncated to first 3 bytes]\nhel\n" in done.output
    assert "dbutils.widgets.text(name" in done.output and "widgets.bind" not in done.output


def test_what_is_not_supported_is_refused_by_name(lab: Lab) -> None:
    outcome = lab.cells("dbutils.fs.cacheFiles('/mnt/a')").outcome
    assert outcome.error and outcome.error.startswith("NotSupported: dbutils.fs.cacheFiles is not available")
    assert "dbutils.credentials is not available" in (lab.cells("dbutils.credentials").outcome.error or "")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("head('/lab')", "IsADirectoryError: java.lang.IllegalArgumentException: Cannot head a directory: /lab"),
        ("mkdirs('/lab/f/x')", "NotADirectoryError: /lab/f/x: Not a directory"),
        ("put('/lab', 'x', True)", "IsADirectoryError: /lab: Is a directory"),
    ],
)
def test_errors_of_files_name_the_path_that_was_given(lab: Lab, code: str, error: str) -> None:
    assert lab.cells("dbutils.fs.put('/lab/f', 'x', True)", f"dbutils.fs.{code}").outcome.error == error


def test_context_of_the_notebook(lab: Lab) -> None:
    done = lab.cells(
        "c = dbutils.notebook.entry_point.getDbutils().notebook().getContext()",
        "print(c.notebookPath().get(), c.apiUrl().get(), c.tags().get('jobId').get())",
        "print(c.tags().get('none').isDefined())",
        "import json\nprint(json.loads(c.toJson())['tags']['user'])",
        "assert json.loads(c.safeToJson())['attributes']['currentRunId'] == c.currentRunId().get()",
        "print(json.loads(c.toJson())['currentRunId'], c.extraContext().apply('notebook_path'))",
        "print(spark.conf.get('spark.databricks.clusterUsageTags.clusterId') == c.tags().get('clusterId').get())",
    ).ok()
    assert f"{{'id': {done.handle.spec.run_id}}} {done.handle.spec.source}\nTrue" in done.output
    assert f"{done.handle.spec.source} {lab.workspace.url} 77\nFalse" in done.output
    assert "me@localhost" in done.output


def test_parameters_are_found_as_programs_for_the_service_find_them(lab: Lab) -> None:
    code = "print(dict(dbutils.notebook.entry_point.getCurrentBindings()))"
    assert "{'day': 'today'}" in lab.cells(code, parameters={"day": "today"}).ok().output


def test_the_sdk_works_without_configuration(lab: Lab) -> None:
    done = lab.cells(
        "from databricks.sdk import WorkspaceClient\nw = WorkspaceClient()\nprint(w.current_user.me().user_name)",
        "from databricks.sdk.runtime import dbutils as other, spark as session",
        "print(other is dbutils, session is spark)",
        "print(w.dbutils is dbutils)",
        "from pyspark.dbutils import DBUtils\nprint(DBUtils(spark) is dbutils)",
    ).ok()
    assert lab.workspace.identity.owner.user_name in done.output
    assert "True True\nTrue\nTrue" in done.output


def test_everything_of_the_sdk_runtime_can_be_imported(lab: Lab) -> None:
    done = lab.cells(
        "from databricks.sdk.runtime import *",
        "print('imported', dbutils.widgets.getAll(), spark.range(1).count(), hasattr(sc, 'parallelize'))",
        "sc.parallelize([1])",
    )
    assert "imported {} 1 False" in done.output
    assert "sc.parallelize is not supported by the local workspace" in (done.outcome.error or "")


def test_plain_python_opens_files_of_the_workspace(lab: Lab) -> None:
    lab.put("data/a.csv", "x,y\n1,2\n")
    program = """
import os, glob, shutil
from pathlib import Path
import pandas as pd
base = "/Workspace/Users/me@localhost/data"
print(open(f"{base}/a.csv").read().split(), os.listdir(base), Path(base, "a.csv").exists(), os.path.isdir(base))
print(pd.read_csv(f"{base}/a.csv").y.sum(), glob.glob(base + "/*.csv"), Path("data/a.csv").stat().st_size)
os.makedirs("/dbfs/plain/deep", exist_ok=True)
shutil.copy(f"{base}/a.csv", "/dbfs/plain/deep/b.csv")
pd.DataFrame({"a": [1, 2]}).to_parquet("/dbfs/plain/t.parquet")
print(len(pd.read_parquet("/dbfs/plain/t.parquet")), sorted(os.walk("/dbfs/plain"))[1])
os.rename("/dbfs/plain/deep/b.csv", "/dbfs/plain/c.csv"); os.remove("/dbfs/plain/c.csv")
print(__file__, os.path.exists(__file__))
"""
    done = lab.run("spark_python", lab.put("plain_paths.py", program)).ok()
    assert "['x,y', '1,2'] ['a.csv'] True True" in done.output
    assert "2 ['/Workspace/Users/me@localhost/data/a.csv'] 8" in done.output
    assert "2 ('/dbfs/plain/deep', [], ['b.csv'])" in done.output
    assert "/Workspace/Users/me@localhost/plain_paths.py True" in done.output
