"""A secret that a job shows in every way there is reaches no log, output, page, export, record or result."""

from __future__ import annotations

import base64
import io
import json
import secrets
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs
from databricks.sdk.service.workspace import ImportFormat, Language

from brickyard.plan.exported_notebooks import to_jupyter
from tests.support import wait_for
from tests.workspace.compute.compute_support import Lab

READ = "import base64, os, sys\ns = dbutils.secrets.get('canary', 'key')\nprint('it has', len(s), 'characters')"
#: Each of these shows the secret; the words in capitals say that it was reached.
LEAKS = [
    "print('PLAIN', s, repr(s), [s], {'k': s}, s[:8] + s[8:])",
    "print('FORMS', s[::-1], s.upper(), ' '.join(s), '-'.join(s), s.encode(), s.encode().hex(), list(s))",
    "from urllib.parse import quote\nprint('CODED', quote(s, safe=''), base64.b64encode(s.encode()).decode())",
    "print('INNER', base64.b64encode(b'user:' + s.encode()).decode(), base64.urlsafe_b64encode(s.encode()).decode())",
    "for c in s: print(c, end='', flush=True)\nprint(' PIECES')",
    "sys.stderr.write('ERRORS ' + s[:7]); sys.stderr.flush(); sys.stderr.write(s[7:] + '\\n')",
    "os.write(1, b'DESCRIPTOR ' + s.encode() + b'\\n')\nos.environ['S'] = s\nos.system('echo SYSTEM $S; echo $S >&2')",
    "import subprocess\nprint('CAPTURED', subprocess.run('echo $S | rev; echo $S', shell=True, capture_output=True))",
    "%sh echo SHELL $S; echo $S | base64; echo $S | od -A n -t x1 | tr -d ' \\n'",
    "!echo BANG $S",
    "import logging, warnings\nlogging.warning('LOGGED %s', s)\nwarnings.warn('WARNED ' + s)",
    "display(spark.createDataFrame([(s, 1)], 'SPARKTABLE string, n int'))",
    "import pandas as pd\ndisplay(pd.DataFrame({'PANDAS': [s], s: [1]}))\npd.DataFrame({'LAST': [s]})",
    "displayHTML('<b title=\"' + s + '\">HTML ' + s + '</b>')\ndisplay({'DICT': s})",
    "%config InlineBackend.figure_formats = ['svg', 'png']\nimport matplotlib.pyplot as plt\n"
    "plt.title('PLOT ' + s)\nplt.plot([1])\nplt.show()",
    "figure, axes = plt.subplots()\naxes.set_xlabel(s)\ndisplay(figure)\nplt.close(figure)\nprint('FIGURE')",
    "try:\n    raise KeyError(s)\nexcept KeyError:\n    import traceback as t\n    t.print_exc()\n    print('CAUGHT')",
    "try:\n    spark.table('SPARKERROR.' + s).show()\nexcept Exception as error:\n    print(error)",
    "spark.sql(f\"select '{s}' as STATEMENT\").show()",
    "name = dbutils.secrets.get('canary', 'name')",
    "try:\n    open(name)\nexcept OSError as error:\n    print('NAMED', error)",
    "dbutils.fs.put('/files/' + name, '', True)\ndisplay(dbutils.fs.ls('/files'))\ndbutils.fs.rm('/files', True)",
    "try:\n    dbutils.fs.head('/Volumes/main/default/' + name)\nexcept OSError as error:\n    print('VOLUME', error)",
    "plt.title('[REDACTED]')\nplt.show()",
    "plt.title(s)\nplt.show()",
    "print('CHILD', dbutils.notebook.run('child', 60, {'given': s}))",
    "dbutils.jobs.taskValues.set('value', s)\ndbutils.jobs.taskValues.set('words', ['TASKVALUE ' + s])",
]
CHILD = (
    "print('IN THE CHILD', dbutils.widgets.get('given'))\ndbutils.notebook.exit('back ' + dbutils.widgets.get('given'))"
)
NOTEBOOKS = {
    "leaks": [READ, *LEAKS, "def fail(given):\n    raise ValueError('RAISED ' + given)\nfail(s)"],
    "exits": [READ, "dbutils.notebook.exit('EXITED ' + s)"],
}
PROGRAM = """import base64, sys
from databricks.sdk import WorkspaceClient
s = base64.b64decode(WorkspaceClient().secrets.get_secret('canary', 'key').value).decode()
print('PROGRAM', s)
sys.exit('ENDED ' + s)
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "workspace")
    yield made
    made.close()


def forms(value: str) -> list[bytes]:
    raw = value.encode()
    texts = [value, value[::-1], " ".join(value), "-".join(value), urllib.parse.quote(value, safe=""), raw.hex()]
    codes = [base64.b64encode(raw), base64.b64encode(b"user:" + raw)[8:-4], base64.urlsafe_b64encode(raw)]
    return [*(text.encode() for text in texts), *(code.rstrip(b"=") for code in codes), str(list(value)).encode()]


def notebook(client: WorkspaceClient, name: str, *cells: str) -> str:
    magic = ["# MAGIC " + cell.replace("\n", "\n# MAGIC ") if cell.startswith("%") else cell for cell in cells]
    text = "# Databricks notebook source\n" + "\n\n# COMMAND ----------\n\n".join(magic)
    client.workspace.upload(
        f"/Shared/{name}", io.BytesIO(text.encode()), format=ImportFormat.SOURCE, language=Language.PYTHON
    )
    return f"/Shared/{name}"


def test_a_secret_is_shown_nowhere(lab: Lab) -> None:
    client = WorkspaceClient(host=lab.workspace.url, token=lab.token)
    value = f"c4nary/-_{secrets.token_hex(8)}+x="
    client.secrets.create_scope("canary")
    name = f"n4me-{secrets.token_hex(8)}"
    client.secrets.put_secret("canary", "key", string_value=value)
    client.secrets.put_secret("canary", "name", string_value=name)
    notebook(client, "child", CHILD)
    client.workspace.upload("/Shared/program.py", io.BytesIO(PROGRAM.encode()), format=ImportFormat.AUTO)
    tasks = [
        jobs.SubmitTask("program", spark_python_task=jobs.SparkPythonTask("/Shared/program.py")),
        *(
            jobs.SubmitTask(key, notebook_task=jobs.NotebookTask(notebook(client, key, *cells)))
            for key, cells in NOTEBOOKS.items()
        ),
    ]
    run_id = client.jobs.submit(run_name="canary", tasks=tasks).run_id
    wait_for(lambda: (state := client.jobs.get_run(run_id).state) and state.result_state, seconds=100)

    answers = answers_about(lab, client, run_id)
    hidden = [*forms(value), *forms(name)]
    for what, answer in answers.items():
        assert [form for form in hidden if form in answer] == [], what
    found = [path for path in lab.workspace.root.rglob("*") if path.is_file() and not path.is_symlink()]
    leaked = [path for path in found if any(form in path.read_bytes() for form in hidden)]
    assert leaked == []
    assert_all_was_reached(answers)


def answers_about(lab: Lab, client: WorkspaceClient, run_id: int) -> dict[str, bytes]:
    """What the workspace says about the run: API, pages, exports."""
    run = client.jobs.get_run(run_id)
    answers = {"run": json.dumps(run.as_dict()).encode()}
    with httpx.Client(base_url=lab.workspace.url, timeout=60) as browser:
        browser.post("/login", data={"token": lab.token, "next": "/"})
        for task in run.tasks or []:
            answers[f"{task.task_key} output"] = json.dumps(
                client.jobs.get_run_output(task.run_id or 0).as_dict()
            ).encode()
            answers[f"{task.task_key} page"] = browser.get(f"/jobs/{run.job_id}/runs/{task.run_id}").content
            if task.notebook_task is None:
                continue
            for view in client.jobs.export_run(task.run_id or 0).views or []:
                answers[f"{task.task_key} export {view.name}"] = (view.content or "").encode()
                answers[f"{task.task_key} jupyter {view.name}"] = to_jupyter(view.content or "").encode()
    return answers


def assert_all_was_reached(answers: dict[str, bytes]) -> None:
    """The leaks were executed, so that it says something that nothing was found."""
    log, cells = answers["leaks output"].decode(), answers["leaks jupyter leaks"].decode()
    assert "it has 28 characters" in log
    for word in ("PLAIN", "FORMS", "CODED", "INNER", "PIECES", "ERRORS", "DESCRIPTOR", "SYSTEM", "CAPTURED", "SHELL"):
        assert word in log
    for word in ("BANG", "LOGGED", "WARNED", "SPARKTABLE", "PANDAS", "HTML", "FIGURE", "CAUGHT", "STATEMENT", "NAMED"):
        assert word in cells
    for word in ("SPARKERROR", "VOLUME", "RAISED [REDACTED]", "CHILD back [REDACTED]", "image/svg+xml"):
        assert word in cells
    assert "IN THE CHILD [REDACTED]" in answers["leaks jupyter child"].decode()
    assert "EXITED [REDACTED]" in answers["exits output"].decode()
    assert "PROGRAM [REDACTED]" in answers["program output"].decode()
    *_, plain, hidden, _, _, _ = json.loads(cells)["cells"]
    assert plain["outputs"][0]["data"]["image/png"] == hidden["outputs"][0]["data"]["image/png"]
