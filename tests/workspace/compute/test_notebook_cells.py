"""What the cells of a notebook do: magics, includes, widgets, display, errors, the other format."""

from __future__ import annotations

import json

from tests.workspace.compute.compute_support import Lab


def test_magics_of_a_notebook(lab: Lab) -> None:
    done = lab.cells(
        "%md # A title",
        "%sh echo from bash; echo host $DATABRICKS_HOST",
        "%python print('python cell')",
        "import asyncio\nawait asyncio.sleep(0)\nprint('awaited')",
        "%time print('timed')\nx = !echo captured\nprint(x)",
        "6 * 7",
    ).ok()
    for text in ("from bash", f"host {lab.workspace.url}", "python cell", "awaited", "timed", "['captured']", "42"):
        assert text in done.output
    assert done.cells[0]["outputs"][0]["data"] == {"text/markdown": "# A title"}
    assert done.cells[5]["outputs"][0]["data"]["text/plain"] == "42"
    assert {cell["state"] for cell in done.cells} == {"FINISHED"}
    assert done.cells[1]["started_at"] <= done.cells[1]["ended_at"]


def test_cells_of_files_libraries_and_cells_that_are_left_out(lab: Lab) -> None:
    done = lab.cells(
        "%fs mkdirs /magics/in",
        "%fs put --overwrite=true /magics/in/a.txt 'hello there'",
        "%fs cp --recurse /magics/in dbfs:/magics/out",
        "%fs head --maxBytes=5 /magics/out/a.txt",
        "%fs rm -r /magics",
        "%fs mounts",
        "%skip\nraise ValueError('skipped')\nx = 1",
        "%uv pip list",
        "%pip uninstall -y nothing-like-this",
        "y = 5\n%restart_python",
        "print('y' in globals(), 'x' in globals())",
        "%set_cell_max_output_size_in_mb 2\nprint('z' * 1_500_000)",
        "%fs cp --force a b",
    )
    states = [cell["state"] for cell in done.cells]
    assert states == ["FINISHED"] * 6 + ["SKIPPED"] + ["FINISHED"] * 5 + ["ERROR"]
    assert "hello\n" in done.output and "DatabricksRoot" in done.output and "False False" in done.output
    assert "pandas" in done.cells[7]["outputs"][0]["text"] and "Skipping nothing-like-this" in done.output
    assert len(done.cells[11]["outputs"][0]["text"]) > 1_500_000
    assert done.outcome.error == "ValueError: %fs cp has no option '--force'; its options: --recurse"


def test_what_would_change_the_workspace_s_python_is_refused_by_name(lab: Lab) -> None:
    cells = ["%pip install -e .", "%pip uninstall -y pandas", "%pip download x", "%conda install x", "%uv sync"]
    tries = [f"try:\n    {cell}\nexcept NotImplementedError as error:\n    print(error)" for cell in cells]
    output = lab.cells(*tries).ok().output
    for text in ("%pip install -e is not", "it belongs to the runtime", "%pip download is", "%conda is", "%uv sync is"):
        assert text in output


def test_other_languages_fail_by_name(lab: Lab) -> None:
    done = lab.cells("%scala println(1)")
    assert done.outcome.state == "FAILED"
    assert "'scala' cannot be executed" in (done.outcome.error or "")
    assert lab.cells("%r print(1)").outcome.state == "FAILED"


def test_notebook_in_r_is_refused_by_name(lab: Lab) -> None:
    import http.client

    body = {"path": "/Shared/in_r", "language": "R", "format": "SOURCE", "content": "cHJpbnQoMSk="}
    connection = http.client.HTTPConnection(lab.workspace.url.removeprefix("http://"))
    headers = {"Authorization": f"Bearer {lab.token}", "Content-Type": "application/json"}
    connection.request("POST", "/api/2.0/workspace/import", json.dumps(body), headers)
    assert connection.getresponse().status == 200
    outcome = lab.run("notebook", "/Shared/in_r").outcome
    assert outcome.message == "NotSupported: notebooks in R cannot be executed in a local workspace"


def test_shell_that_fails_fails_the_notebook(lab: Lab) -> None:
    done = lab.cells("%sh ls /there/is/none")
    assert done.outcome.state == "FAILED" and "exit status 2" in (done.outcome.error or "")
    done = lab.cells("%sh -e\necho first\nls /there/is/none\necho last")
    assert done.outcome.state == "FAILED" and "first" in done.output and "last" not in done.output


def test_run_includes_another_notebook_with_parameters(lab: Lab) -> None:
    lab.notebook("shared/inner", "dbutils.widgets.text('who', 'nobody')\nfound = dbutils.widgets.get('who')")
    lab.notebook("shared/outer", '%run ./inner $who="the caller"', "level = 2")
    done = lab.cells("%run ./shared/outer", "print(found, level)").ok()
    assert "the caller 2" in done.output


def test_run_behind_code_is_refused_as_on_a_cluster(lab: Lab) -> None:
    lab.notebook("shared/plain", "print('it runs')")
    assert "it runs" in lab.cells("# a comment\n%run ./shared/plain").ok().output
    assert "%run must be in a cell of its own" in (lab.cells("x = 1\n%run ./shared/plain").outcome.error or "")


def test_results_are_shown_unless_a_semicolon_ends_them(lab: Lab) -> None:
    pool = "import multiprocessing as mp\nwith mp.get_context('fork').Pool(2) as pool:\n    print(pool.map(abs, [-7]))"
    done = lab.cells("41 + 1", "41 + 2;", "[{'a': 1}]", "spark.range(1)", pool).ok()
    shown = [[output["data"]["text/plain"] for output in cell["outputs"]] for cell in done.cells[:4]]
    assert shown == [["42"], [], ["[{'a': 1}]"], ["DataFrame[id: bigint]"]]
    assert done.output.endswith("[7]\n"), "processes of a pool end without a word"


def test_pools_that_a_notebook_leaves_open_end_with_it(lab: Lab) -> None:
    done = lab.cells(
        "from joblib import Parallel, delayed\nprint(Parallel(n_jobs=2)(delayed(abs)(-i) for i in range(2)))",
        "from concurrent.futures import ProcessPoolExecutor as Pool\npool = Pool(1)\npool.submit(abs, -3).result()",
        "import time\nwaiting = pool.submit(time.sleep, 600)",
    ).ok()
    assert "[0, 1]\n3" in done.output and "Traceback" not in done.output


def test_run_of_a_missing_notebook_names_it(lab: Lab) -> None:
    done = lab.cells("%run ./nowhere")
    missing = "Notebook not found: Users/me@localhost/nowhere. Notebooks can be specified via a relative path"
    assert (done.outcome.error or "").startswith(f"FileNotFoundError: {missing}")


def test_notebook_that_includes_itself_ends(lab: Lab) -> None:
    path = lab.notebook("circle", "%run ./circle")
    assert "RecursionError" in (lab.run("notebook", path).outcome.error or "")


def test_missing_notebook_fails_the_run(lab: Lab) -> None:
    outcome = lab.run("notebook", "/Users/me@localhost/none").outcome
    assert outcome.state == "FAILED"
    assert 'Unable to access the notebook "/Users/me@localhost/none"' in outcome.message


def test_file_that_is_no_notebook_fails_the_run(lab: Lab) -> None:
    outcome = lab.run("notebook", lab.put("plain.py", "print(1)")).outcome
    assert outcome.state == "FAILED" and "is not a notebook" in outcome.message


def test_error_stops_the_notebook_and_shows_the_cell(lab: Lab) -> None:
    done = lab.cells("a = 1", "def fail():\n    return a / 0\nfail()", "print('not reached')")
    outcome = done.outcome
    assert (outcome.state, outcome.error) == ("FAILED", "ZeroDivisionError: division by zero")
    assert outcome.error_trace and "return a / 0" in outcome.error_trace and "\x1b" not in outcome.error_trace
    assert "Cell In[2], line 3" in outcome.error_trace and "brickyard" not in outcome.error_trace
    assert [cell["state"] for cell in done.cells] == ["FINISHED", "ERROR", "SKIPPED"]
    assert done.cells[1]["outputs"][-1]["ename"] == "ZeroDivisionError"
    assert "ZeroDivisionError" in done.output and "not reached" not in done.output


def test_error_that_cannot_say_what_it_is_ends_the_notebook(lab: Lab) -> None:
    done = lab.cells("class Odd(Exception):\n    def __str__(self):\n        raise RuntimeError('in str')\nraise Odd")
    assert done.outcome.error == "Odd: <its message cannot be shown: RuntimeError>"
    assert done.cells[0]["outputs"][-1]["ename"] == "Odd" and "notebook/shell.py" not in done.output


def test_syntax_error_is_the_notebook_s(lab: Lab) -> None:
    outcome = lab.cells("x = = 1").outcome
    assert outcome.state == "FAILED" and outcome.error is not None and "SyntaxError" in outcome.error
    done = lab.cells("def f():\n    f()\nf()")
    assert "similar frames: f at line 2 (95 times)" in (done.outcome.error_trace or ""), "formatting all takes long"
    done = lab.cells("raise ExceptionGroup('both', [ValueError(1), TypeError(2)])")
    assert "ExceptionGroup: both" in (done.outcome.error_trace or "") and "IPython" not in done.outcome.error_trace
    assert done.cells[0]["outputs"][-1]["ename"] == "ExceptionGroup"
    trace = lab.run("spark_python", lab.put("syntax.py", "x = = 1")).outcome.error_trace
    assert trace and "x = = 1" in trace and "brickyard" not in trace


def test_exit_ends_the_notebook_with_a_value(lab: Lab) -> None:
    guarded = "try:\n    dbutils.notebook.exit({'rows': 3})\nexcept Exception:\n    print('caught')"
    done = lab.cells(guarded, "print('on')").ok()
    assert done.outcome.result == "{'rows': 3}"
    assert "caught" not in done.output and "on" not in done.output.split()
    assert [cell["state"] for cell in done.cells] == ["FINISHED", "SKIPPED"]


def test_sys_exit_of_zero_is_success_and_of_another_code_failure(lab: Lab) -> None:
    assert lab.cells("import sys\nsys.exit(0)").outcome.state == "SUCCESS"
    done = lab.cells("import sys\nsys.exit(3)")
    assert (done.outcome.state, done.outcome.error) == ("FAILED", "SystemExit: 3")
    assert done.output == "", "no advice of IPython to someone at a terminal"
    assert lab.cells("exit()", "1 / 0").outcome.state == "SUCCESS"


def test_run_returns_the_value_of_a_notebook_in_its_own_process(lab: Lab) -> None:
    exit_value = "dbutils.widgets.get('n') + ' ' + str(os.getpid())"
    lab.notebook("child", f"secretly = 1\nimport os\ndbutils.notebook.exit({exit_value})")
    lab.notebook("bad_child", "1 / 0")
    done = lab.cells(
        "import os\nvalue, pid = dbutils.notebook.run('child', 60, {'n': 5}).split()",
        "print(value, int(pid) != os.getpid())",
        "try:\n    dbutils.notebook.run('./bad_child', 60)\nexcept Exception as e:\n    print(type(e).__name__, e)",
        "print('secretly' in globals())",
    ).ok()
    assert "5 True" in done.output
    assert "NotebookExecutionException: FAILED: the notebook ./bad_child failed: ZeroDivisionError" in done.output
    assert "False" in done.output
    assert (done.directory / "notebooks" / "2" / "cells.json").exists()


def test_run_of_a_notebook_that_takes_too_long(lab: Lab) -> None:
    lab.notebook("slow_child", "import time\ntime.sleep(600)")
    outcome = lab.cells("dbutils.notebook.run('slow_child', 1)").outcome
    assert outcome.error and "did not end within 1 seconds" in outcome.error


def test_display_keeps_tables_and_figures_with_the_cell(lab: Lab) -> None:
    done = lab.cells(
        "import pandas as pd\ndisplay(pd.DataFrame({'city': ['Bern <b>'], 'n': [1]}))",
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2])\ndisplay(fig)",
        "displayHTML('<h1>Hi</h1>')",
        "pd.DataFrame({'last': [9]})",
        "plt.plot([3, 4])\nplt.show()",
    ).ok()
    table, figure, page, last, shown = (cell["outputs"] for cell in done.cells)
    assert "Bern &lt;b&gt;" in table[0]["data"]["text/html"]
    assert figure[-1]["data"]["image/png"].startswith("iVBOR")
    assert page[0]["data"]["text/html"] == "<h1>Hi</h1>"
    assert "<table" in last[0]["data"]["text/html"]
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert "Bern" in done.output


def test_jupyter_notebook(lab: Lab) -> None:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Title"]},
        {"cell_type": "code", "metadata": {}, "source": "x = 2", "outputs": [], "execution_count": None},
        {"cell_type": "code", "metadata": {}, "source": "%sh echo shell", "outputs": [], "execution_count": None},
        {"cell_type": "code", "metadata": {}, "source": "print(x * 21)", "outputs": [], "execution_count": None},
    ]
    content = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    done = lab.run("notebook", lab.put("jupyter", content)).ok()
    assert "Warning" not in done.output  # the cells have no ids
    assert "shell" in done.output and "42" in done.output
    assert [cell["language"] for cell in done.cells] == ["md", "python", "sh", "python"]


def test_output_is_there_while_the_notebook_runs(lab: Lab) -> None:
    from tests.support import wait_for

    path = lab.notebook("slow", "print('first line', flush=True)\nimport time\ntime.sleep(600)")
    handle = lab.start("notebook", path)
    # Its end is held back where it could be the beginning of a secret.
    wait_for(lambda: handle.log.exists() and "first li" in handle.log.read_text())
    assert handle.outcome is None
    cells = handle.spec.directory / "cells.json"
    wait_for(lambda: "first li" in "".join(str(cell["outputs"]) for cell in json.loads(cells.read_text())["cells"]))
    handle.cancel()
    outcome = handle.wait(30)
    assert outcome is not None and outcome.state == "CANCELED"


def test_modules_beside_the_notebook_can_be_imported(lab: Lab) -> None:
    lab.put("project/helpers/__init__.py", "def answer():\n    return 42\n")
    path = lab.notebook("project/main", "from helpers import answer\nprint(answer())")
    assert "42" in lab.run("notebook", path).ok().output


def test_modules_of_the_workspace_are_imported_anew_after_a_restart(lab: Lab) -> None:
    """Others are not asked for anything, as some load themselves when they are."""
    module = lab.put("changing.py", "VALUE = 1\n")
    done = lab.cells(
        "import sys, types, changing\nsys.modules['lazy'] = type('Lazy', (types.ModuleType,), "
        "{'__getattr__': lambda self, name: print('asked for', name)})('lazy')",
        f"with open('/Workspace{module}', 'w') as file:\n    file.write('VALUE = 20\\n')",
        "dbutils.library.restartPython()",
        "import changing, sys\nprint(changing.VALUE, 'lazy' in sys.modules)",
    ).ok()
    assert done.output == "20 True\n"


def test_modules_elsewhere_in_the_workspace_can_be_imported(lab: Lab) -> None:
    lab.put("bundle/src/forty/two.py", "ANSWER = 42\n")
    lab.put("bundle/lib/one.py", "ONE = 1\n")
    path = lab.notebook(
        "bundle/notebooks/main",
        "import sys\nsys.path += ['../lib', '/Workspace/Users/me@localhost/bundle/src']",
        "from forty.two import ANSWER\nfrom pyspark.sql.functions import udf",
        "@udf('int')\ndef add(x):\n    import one, forty.two\n    return x + one.ONE + forty.two.ANSWER",
        "print(ANSWER, spark.range(1).select(add('id')).first()[0])",
    )
    assert "42 43" in lab.run("notebook", path).ok().output
    lab.put("core/three.py", "THREE = 3\n", base="/Repos/me@localhost/flights")
    file = lab.put(
        "jobs/deep/main.py", "from core.three import THREE\nprint(THREE)", base="/Repos/me@localhost/flights"
    )
    assert lab.run("spark_python", file).ok().output == "3\n"
