"""Tasks whose libraries have another version of something that the fork server imports before any task."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from brickyard.workspace.compute.environments import Environments, LibraryError
from brickyard.workspace.compute.requirements import differing
from tests.support import wait_for
from tests.workspace.compute.compute_support import HOME, Lab

#: What tells which interpreter executes the code: the version of a module that is imported before any task.
VERSION = "import sqlparse\nprint('version', sqlparse.__version__)\n"


def wheel(directory: Path, name: str = "sqlparse", version: str = "0.0.1", code: str = "") -> Path:
    """A wheel of a module that says its version."""
    path, info = directory / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", f"__version__ = {version!r}\n{code}")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"{name}/__init__.py,,\n{info}/METADATA,,\n{info}/RECORD,,\n")
    return path


@pytest.fixture(scope="module")
def library(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A wheel with another version, once tasks have the workspace's own imported already."""
    plain = lab.put("imported.py", "import sys\nprint('sqlparse' in sys.modules)\n")
    wait_for(lambda: lab.run("spark_python", plain).ok().output == "True\n")
    return lab.put_wheel(wheel(tmp_path_factory.mktemp("wheels")))


def test_a_program_and_its_functions_get_the_version_of_its_libraries(lab: Lab, library: str) -> None:
    source = VERSION + (
        "import os, sys\n"
        "from pyspark.sql import SparkSession\n"
        "from pyspark.sql.functions import udf\n"
        "@udf('string')\n"
        "def version(i):\n"
        "    import sqlparse\n"
        "    return sqlparse.__version__\n"
        "print('function', SparkSession.builder.getOrCreate().range(1).select(version('id')).first()[0])\n"
        "print(sys.argv, os.environ['MINE'], os.environ['DATABRICKS_TOKEN'])\n"
    )
    path = lab.put("shadow/versions.py", source)
    lab.put("shadow/random.py", "raise ImportError('not the one of the standard library')")  # beside the program
    done = lab.run("spark_python", path, ["--x"], libraries=(library,), environment={"MINE": "yes"}).ok()
    assert "version 0.0.1\nfunction 0.0.1\n" in done.output
    assert "versions.py', '--x'] yes [REDACTED]" in done.output
    assert "version 0.0.1" not in lab.run("spark_python", lab.put("plain.py", VERSION)).ok().output


def test_a_notebook_gets_the_version_and_has_all_that_others_have(lab: Lab, library: str) -> None:
    inner = lab.notebook("inner_version", VERSION, "import sqlparse\ndbutils.notebook.exit(sqlparse.__version__)")
    done = lab.cells(
        VERSION,
        "dbutils.jobs.taskValues.set('k', 7)",
        "%sh echo from the shell",
        f"print('inner', dbutils.notebook.run('{inner}', 60), dbutils.widgets.get('p'), spark.range(3).count())",
        "dbutils.notebook.exit('left')",
        libraries=(library,),
        parameters={"p": "given"},
    ).ok()
    assert "version 0.0.1\nfrom the shell\ninner 0.0.1 given 3\n" in done.output
    assert (done.outcome.result, done.outcome.task_values) == ("left", {"k": 7})
    assert done.cells[0]["outputs"][0]["text"] == "version 0.0.1\n"


def test_the_output_comes_while_it_runs_and_a_cancelled_program_tidies_up(lab: Lab, library: str) -> None:
    source = VERSION + "import time\ntry:\n    time.sleep(600)\nfinally:\n    print('tidied up')\n"
    handle = lab.start("spark_python", lab.put("waits.py", source), libraries=(library,))
    wait_for(lambda: handle.log.exists() and "version 0.0.1\n" in handle.log.read_text())
    handle.cancel()
    outcome = handle.wait(30)
    assert outcome is not None and outcome.state == "CANCELED"
    assert "tidied up" in handle.log.read_text()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import os\nprint('last', end='', flush=True)\nos._exit(7)", "exited with exit code 7"),
        ("print('last', end='')\nraise ValueError('wrong')", "ValueError: wrong"),
    ],
)
def test_its_end_is_told_as_that_of_others(lab: Lab, library: str, source: str, words: str) -> None:
    done = lab.run("spark_python", lab.put("ends.py", source), libraries=(library,))
    assert words in str(done.outcome.error) and "last" in done.output


def test_a_version_that_breaks_the_runtime_is_refused_with_the_reason(lab: Lab, tmp_path: Path) -> None:
    environments = Environments(tmp_path / "environments", {"UV_OFFLINE": "1"})
    with pytest.raises(LibraryError, match=r"what executes tasks here needs pandas>=2\.2") as refused:
        environments.build(["pandas==0.1"])
    assert refused.value.__suppress_context__  # tracebacks have the user's own frames only
    with pytest.raises(LibraryError, match=r"pyspark==3\.5 is asked for, but .* needs pyspark=="):
        environments.build([str(wheel(tmp_path, "pyspark", "3.5"))])
    code = "import os\nprint(os.environ['DATABRICKS_TOKEN'], 'x' * 200_000, 'put out')\nraise ImportError('too new')"
    broken = lab.put_wheel(wheel(tmp_path, "traitlets", "99.0", code))
    done = lab.run("spark_python", lab.put("plain.py", VERSION), libraries=(broken,))
    assert done.outcome.code == "LIBRARY_INSTALLATION_ERROR" and "ImportError: too new" in done.outcome.message
    assert done.output.startswith("[REDACTED] xxx") and done.output.endswith("x put out\n")


def test_only_another_version_of_what_is_imported_already_counts(tmp_path: Path) -> None:
    environments = Environments(tmp_path / "environments")
    libraries = [str(wheel(tmp_path, "brickyard_own")), str(wheel(tmp_path))]
    assert differing([str(environments.build(libraries[:1]))]) == {}
    assert differing([str(environments.build(libraries))]) == {"sqlparse": "0.0.1"}


def test_after_pip_and_a_restart_a_notebook_goes_on_in_a_fresh_interpreter(lab: Lab, library: str) -> None:
    inner = lab.notebook("inner_pip", "import sqlparse\ndbutils.notebook.exit(sqlparse.__version__)")
    done = lab.cells(
        "import os\ndbutils.widgets.text('w', 'default')\ndbutils.jobs.taskValues.set('p', os.getpid())",
        "import sqlparse\nbefore = sqlparse.__version__\nspark.range(5).createOrReplaceTempView('five')",
        "import threading\nthreading.Thread(target=threading.Event().wait).start()\nos.environ['X'] = '1'",
        f"%pip install {library}",
        "print('still', sqlparse.__version__ == before)",
        "dbutils.library.restartPython()",
        VERSION + "import os\nprint('kept', 'before' in globals(), 'X' in os.environ)",
        "print(dbutils.widgets.get('w'), dbutils.widgets.get('p'), spark.table('five').count())\n"
        f"print('inner', dbutils.notebook.run('{inner}', 60), os.environ['DATABRICKS_TOKEN'])\n"
        "dbutils.jobs.taskValues.set('later', os.getpid())",
        "%pip uninstall -y sqlparse\n%restart_python",
        "import sqlparse\nprint('again', sqlparse.__version__ != '0.0.1')\ndbutils.notebook.exit('end')",
        parameters={"p": "given"},
    ).ok()
    assert "still True\nversion 0.0.1\nkept False False\ndefault given 5\ninner 0.0.1 [REDACTED]\n" in done.output
    assert "again True" in done.output and "to use updated packages" in done.output
    assert done.outcome.result == "end" and set(done.outcome.task_values.values()) == {done.handle.pid}
    assert [cell["state"] for cell in done.cells] == ["FINISHED"] * 10
    assert [cell["outputs"][0]["text"] for cell in done.cells[4:7:2]] == [
        "still True\n",
        "version 0.0.1\nkept False False\n",
    ]


def test_a_notebook_that_begins_with_pip_needs_no_restart(lab: Lab, library: str) -> None:
    setup = lab.notebook("setup_pip", "# ours", f"%pip install {library}")
    assert "version 0.0.1" in lab.cells("%md # Title", f"%run .{setup.removeprefix(HOME)}", VERSION).ok().output
    done = lab.cells("x = 1", f"%pip install {library}", "print('x', x)", VERSION).ok()
    assert "x 1\n" in done.output and "version 0.0.1" not in done.output


@pytest.mark.parametrize("fresh", [False, True])
def test_its_variables_may_be_large_and_its_pythonpath_is_searched(lab: Lab, tmp_path: Path, fresh: bool) -> None:
    (tmp_path / "added_to_path.py").write_text("WORD = 'found'\n")
    wanted = wheel(tmp_path, *(() if fresh else ("brickyard_own",)))
    source = (
        "import os, subprocess, sys\nimport added_to_path\nprint(added_to_path.WORD, len(os.environ.pop('LARGE')))\n"
        "inner = [sys.executable, '-c', 'import added_to_path, os; print(added_to_path.WORD)']\n"
        "print(subprocess.run(inner, capture_output=True, text=True, check=True).stdout)\n"
    )
    environment = {"PYTHONPATH": str(tmp_path), "LARGE": "x" * (1 << 18)}
    libraries = (lab.put_wheel(wanted),)
    done = lab.run("spark_python", lab.put("large.py", source), libraries=libraries, environment=environment).ok()
    assert done.output == f"found {1 << 18}\nfound\n\n"


def test_an_interpreter_that_does_not_start_ends_the_run_with_the_reason(lab: Lab, library: str) -> None:
    cells = ("import sys\nsys.executable = '/nowhere/python'", f"%pip install {library}", "%restart_python")
    done = lab.cells("kept = 1", *cells)
    assert done.outcome.message.startswith("The task could not be started: FileNotFoundError")
    outcome = lab.run("spark_python", lab.put("plain.py", VERSION), environment={"A=B": "c"}).outcome
    assert outcome.message.startswith("The task could not be started: ValueError: illegal environment variable name")
