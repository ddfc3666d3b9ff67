"""Libraries of tasks, wheels as tasks, and the environment that programs find."""

from __future__ import annotations

import socket
import textwrap
import zipfile
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psutil
import pytest

from brickyard.workspace.compute.environments import Environments, LibraryError
from tests.workspace.compute.compute_support import HOME, Lab

CODE = """
import sys

def main():
    print("arguments", sys.argv[1:])

def other():
    from brickyard_greeting_data import WORD
    print("other", WORD)
    sys.exit(int(sys.argv[1]))
"""


def wheel(directory: Path, version: str = "1.0", requires: str = "", word: str = "hello") -> Path:
    """A small wheel with an entry point."""
    path = directory / f"brickyard_greeting-{version}-py3-none-any.whl"
    info = f"brickyard_greeting-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("brickyard_greeting/__init__.py", CODE)
        archive.writestr("brickyard_greeting_data.py", f"WORD = {word!r}\n")
        name = f"Metadata-Version: 2.1\nName: brickyard-greeting\nVersion: {version}\n"
        archive.writestr(f"{info}/METADATA", name + needs)
        kind = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", kind)
        archive.writestr(f"{info}/entry_points.txt", "[console_scripts]\ngreet = brickyard_greeting:main\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def test_wheel_task_calls_the_entry_point(lab: Lab, tmp_path: Path) -> None:
    library = lab.put_wheel(wheel(tmp_path, requires="pandas>=2"))
    done = lab.run("python_wheel", "brickyard_greeting:greet", ["a", "--b=1"], libraries=(library,)).ok()
    assert "arguments ['a', '--b=1']" in done.output
    named = lab.run("python_wheel", "brickyard-greeting:greet", {"k": "v"}, libraries=(library,)).ok()
    assert "arguments ['--k=v']" in named.output
    function = lab.run("python_wheel", "brickyard_greeting:other", ["0"], libraries=(library,)).ok()
    assert "other hello" in function.output
    assert (
        lab.run("python_wheel", "brickyard_greeting:other", ["4"], libraries=(library,)).outcome.error
        == "SystemExit: 4"
    )


def test_wheel_that_changed_under_the_same_name_is_installed_anew(lab: Lab, tmp_path: Path) -> None:
    for word in ("first", "second"):
        library = lab.put_wheel(wheel(tmp_path, version="2.0", word=word))
        done = lab.run("python_wheel", "brickyard_greeting:other", ["0"], libraries=(library,)).ok()
        assert f"other {word}" in done.output


def test_missing_entry_point_and_missing_package_are_named(lab: Lab, tmp_path: Path) -> None:
    library = lab.put_wheel(wheel(tmp_path))
    outcome = lab.run("python_wheel", "brickyard_greeting:nothing", libraries=(library,)).outcome
    assert (
        outcome.error == "AttributeError: the package 'brickyard_greeting' has no entry point and no function 'nothing'"
    )
    outcome = lab.run("python_wheel", "not_installed_here:main").outcome
    assert str(outcome.error).startswith("Python wheel with name not_installed_here could not be found")


def test_files_of_requirements_are_read_in_the_workspace(lab: Lab, tmp_path: Path) -> None:
    library = lab.put_wheel(wheel(tmp_path, version="5.0", word="required"))
    lab.put("more.txt", f"pandas>=2  # is there\n{library}\n")
    listed = lab.put("requirements.txt", "# what we need\n-r more.txt\n")
    for libraries in (("-r", f"/Workspace{listed}"), (f"-r /Workspace{listed}",)):
        done = lab.run("python_wheel", "brickyard_greeting:other", ["0"], libraries=libraries).ok()
        assert "other required" in done.output
    dangling = lab.put("dangling.txt", "--requirement=../nowhere/more.txt\n")
    outcome = lab.run("python_wheel", "x:y", libraries=("-r", f"/Workspace{dangling}")).outcome
    assert outcome.code == "LIBRARY_INSTALLATION_ERROR" and "nowhere/more.txt does not exist" in outcome.message
    itself = lab.put("itself.txt", "-r itself.txt\n")
    outcome = lab.run("python_wheel", "x:y", libraries=("-r", f"/Workspace{itself}")).outcome
    assert outcome.code == "LIBRARY_INSTALLATION_ERROR" and "itself.txt names itself" in outcome.message
    outcome = lab.run("python_wheel", "x:y", libraries=(f"-r {HOME}/none.txt",)).outcome
    assert outcome.message.endswith(f"Error messages:\nthe library {HOME}/none.txt does not exist")


def test_wheels_are_found_in_a_directory_of_the_workspace(lab: Lab, tmp_path: Path) -> None:
    lab.put_wheel(wheel(tmp_path, version="6.0", word="found"))
    directory = f"/Workspace{HOME}/wheels"
    for option in (f"--find-links {directory}", f"--find-links={directory}"):
        libraries = (option, "--no-index", "brickyard-greeting==6.0")
        done = lab.run("python_wheel", "brickyard_greeting:other", ["0"], libraries=libraries).ok()
        assert "other found" in done.output
    outcome = lab.run("python_wheel", "x:y", libraries=("--find-links /elsewhere", "x")).outcome
    assert outcome.code == "LIBRARY_INSTALLATION_ERROR" and "/elsewhere cannot be there" in outcome.message


BACKEND = """
import os, pathlib

def build_wheel(directory, *_):
    pathlib.Path({told!r}).write_text(" ".join(os.environ.values()))
    raise SystemExit("built enough")
"""


def test_builds_of_packages_do_not_see_the_workspace_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "c4n4ry")
    monkeypatch.setenv("PLAIN", "seen")
    own, told = Lab(tmp_path / "lab"), tmp_path / "told"
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "nosy"\nversion = "1"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (tmp_path / "backend.py").write_text(BACKEND.format(told=str(told)))
    try:
        outcome = own.run("python_wheel", "x:y", libraries=(f"nosy @ file://{tmp_path}",)).outcome
    finally:
        own.close()
    assert outcome.code == "LIBRARY_INSTALLATION_ERROR"
    assert "seen" in told.read_text() and "c4n4ry" not in told.read_text()


def test_missing_library_fails_the_run_with_a_reason(lab: Lab) -> None:
    outcome = lab.run("python_wheel", "x:y", libraries=(f"{HOME}/none-1.0-py3-none-any.whl",)).outcome
    assert outcome.state == "FAILED"
    assert outcome.message.startswith("Library installation failed") and "none-1.0" in outcome.message


def test_cancel_does_not_wait_for_an_installer(lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and says nothing
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        path = lab.put("never.py", "print('ran')")
        handle = lab.start("spark_python", path, libraries=("--index-url", index, "brickyard-none-such"))
        connection, _ = silent.accept()  # the installer is at work
        with connection:
            handle.cancel()
            outcome = handle.wait(5)
    assert outcome is not None and outcome.state == "CANCELED"
    assert handle.pid is None and handle.log.read_text() == ""


def test_environment_is_built_once_and_seen_by_functions_of_spark(lab: Lab, tmp_path: Path) -> None:
    library = lab.put_wheel(wheel(tmp_path, version="3.0"))
    code = """
        from pyspark.sql.functions import udf
        @udf("string")
        def word(i):
            import brickyard_greeting_data
            return brickyard_greeting_data.WORD
        print(spark.range(1).select(word("id")).collect())
    """
    path = lab.notebook("uses_wheel", textwrap.dedent(code).strip())
    for _ in range(2):
        assert "='hello')" in lab.run("notebook", path, libraries=(library,)).ok().output


def test_satisfied_requirements_install_nothing(tmp_path: Path) -> None:
    environments = Environments(tmp_path / "environments")
    own = wheel(tmp_path, requires="numpy; python_version > '3'")
    directory = environments.build(["pandas>=2", "mlflow", str(own)])
    names = {path.name for path in directory.iterdir() if not path.name.endswith((".lock", "dist-info"))}
    assert names == {"bin", "brickyard_greeting", "brickyard_greeting_data.py"}
    again = tmp_path / "brickyard_greeting-1.0-py3-none-any.whl"
    assert environments.build(["pandas>=2", "mlflow", str(again)]) == directory


class Index(ThreadingHTTPServer):
    """A package index that asks for a password, and looks at the command lines of all processes at each call."""

    def __init__(self, directory: Path, user: str) -> None:
        self.directory = directory
        self.authorization = f"Basic {b64encode(user.encode()).decode()}"
        self.asked: list[str] = []
        self.command_lines: set[str] = set()
        super().__init__(("127.0.0.1", 0), _IndexAnswer)


class _IndexAnswer(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        self.server.command_lines |= {" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])}
        if self.headers.get("Authorization") != self.server.authorization:
            self._answer(401, b"", ("WWW-Authenticate", "Basic"))
            return
        self.server.asked.append(self.path)
        wheels = {path.name: path.read_bytes() for path in self.server.directory.glob("*.whl")}
        name = self.path.rpartition("/")[2]
        if name in wheels:
            self._answer(200, wheels[name])
        elif "greeting" in self.path:
            links = "".join(f'<a href="/files/{one}">{one}</a>' for one in wheels)
            self._answer(200, links.encode(), ("Content-Type", "text/html"))
        else:
            self._answer(404, b"")

    do_HEAD = do_GET

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def test_a_password_of_an_index_is_shown_nowhere(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    wheel(tmp_path, version="6.0")
    environments = Environments(tmp_path / "environments")
    with Index(tmp_path, "me:c4n4ry") as index:
        Thread(target=index.serve_forever, daemon=True).start()
        place = f"http://me:c4n4ry@127.0.0.1:{index.server_port}"
        listed = tmp_path / "requirements.txt"
        listed.write_text("-r index.txt\nbrickyard-greeting\n")
        (tmp_path / "index.txt").write_text(f"--extra-index-url {place}/simple\n")
        for number, wanted in enumerate(
            (
                ["--index-url", f"{place}/simple", "brickyard-greeting"],
                [f"--default-index={place}/simple", "brickyard-greeting==6.0"],
                [f"brickyard-greeting @ {place}/files/brickyard_greeting-6.0-py3-none-any.whl"],
                ["-r", str(listed)],
            )
        ):
            said = environments.install(wanted, tmp_path / f"target-{number}")
            assert (tmp_path / f"target-{number}" / "brickyard_greeting").is_dir()
            assert "c4n4ry" not in said
        first, second = f"-i {place}/simple brickyard-greeting", f"-i {place}/none no-such-package"
        done = lab.cells(f"%pip install {first}", f"%pip install {second}")
        assert "no-such-package" in (done.outcome.error or "") and "[REDACTED]@" in (done.outcome.error_trace or "")
        assert "c4n4ry" not in "".join(file.read_text() for file in done.directory.iterdir() if file.is_file())
        for wrong in (f"brickyard-greeting ==== 1 {place}", f"x @ git+{place}/none.git@main"):
            with pytest.raises(LibraryError) as refused:
                environments.build([wrong])
            assert "c4n4ry" not in str(refused.value)
        index.shutdown()
    assert "/none.git/info/refs?service=git-upload-pack" in index.asked, "git has the password all the same"
    assert any("git" in line and "none.git" in line for line in index.command_lines)
    assert [line for line in index.command_lines if "c4n4ry" in line] == []


def test_what_is_not_a_wheel_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken-1.0-py3-none-any.whl"
    broken.write_text("no archive")
    with pytest.raises(LibraryError):
        Environments(tmp_path / "environments").build([str(broken)])
    assert not [path for path in (tmp_path / "environments").iterdir() if path.is_dir()]


def test_pip_magic_installs_for_the_rest_of_the_notebook(lab: Lab, tmp_path: Path) -> None:
    library = lab.put_wheel(wheel(tmp_path, version="4.0", word="from pip"))
    lab.put("requirements.txt", f"# ours\n{library}\n")
    done = lab.cells(
        "kept = 1",
        "%pip install -r requirements.txt",
        "dbutils.library.restartPython()",
        "import brickyard_greeting_data\nprint(brickyard_greeting_data.WORD, 'kept' in globals(), dbutils is not None)",
    ).ok()
    assert "from pip False True" in done.output
    assert "ModuleNotFoundError" in (lab.cells("import brickyard_greeting_data").outcome.error or "")


def test_program_finds_its_arguments_and_its_environment(lab: Lab) -> None:
    source = """
import os, sys
print(sys.argv, __name__, os.environ["DATABRICKS_RUNTIME_VERSION"], os.environ["OMP_NUM_THREADS"])
print(os.environ["MLFLOW_TRACKING_URI"], os.environ["MINE"], [k for k in os.environ if k.startswith("BRICKYARD_")])
"""
    done = lab.run("spark_python", lab.put("env.py", source), ["--x", "1"], environment={"MINE": "yes"}).ok()
    assert "/Workspace/Users/me@localhost/env.py', '--x', '1'] __main__" in done.output
    assert "databricks yes ['BRICKYARD_TASK_OF', 'BRICKYARD_MOUNTS']" in done.output


def test_program_that_fails_shows_its_own_lines_only(lab: Lab) -> None:
    done = lab.run("spark_python", lab.put("fails.py", "def f():\n    raise ValueError('wrong')\n\nf()\n"))
    assert done.outcome.error == "ValueError: wrong"
    trace = done.outcome.error_trace or ""
    assert "fails.py\", line 2, in f\n    raise ValueError('wrong')" in trace
    assert "brickyard" not in trace
    assert trace in done.output


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import sys\nprint('said')\nsys.stdout.close()", None),
        ("import io, sys\nprint('said')\nsys.stdout = sys.stderr = None", None),
        ("print('said')\nraise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import asyncio\nprint('said')\nraise asyncio.CancelledError('late')", "CancelledError: late"),
    ],
)
def test_program_that_ends_in_an_unusual_way_has_its_own_outcome(lab: Lab, source: str, error: str | None) -> None:
    done = lab.run("spark_python", lab.put("unusual.py", source))
    assert (done.outcome.error, done.outcome.code) == (error, None) and done.output.startswith("said\n")
    assert (error or "") in (done.outcome.error_trace or "")


def test_missing_program_is_named(lab: Lab) -> None:
    outcome = lab.run("spark_python", "/Workspace/Users/me@localhost/nowhere.py").outcome
    assert (
        outcome.state == "FAILED"
        and "Cannot read the python file /Workspace/Users/me@localhost/nowhere.py." in outcome.message
    )
