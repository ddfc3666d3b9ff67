"""Programs end, and find what they need, as they do where Python itself executes them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.workspace.compute.compute_support import HOME, Lab


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_processes_of_a_pool_begin_with_the_program(lab: Lab, method: str) -> None:
    source = f"""
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

def square(number):
    return number * number

if __name__ == "__main__":
    with ProcessPoolExecutor(1, multiprocessing.get_context({method!r})) as pool:
        print(list(pool.map(square, range(3))))
"""
    assert lab.run("spark_python", lab.put(f"pool_{method}.py", source)).ok().output == "[0, 1, 4]\n"


def test_objects_of_a_program_do_what_they_do_at_their_end(lab: Lab) -> None:
    source = """
import tempfile

class Client:
    def __del__(self):
        print("closed", self.name)

def generator():
    try:
        yield
    finally:
        print("generator closed")

_first, client, cycle = Client(), Client(), Client()
_first.name, client.name, cycle.name = "first", "client", "cycle"
cycle.itself = cycle
begun = generator()
next(begun)
file = tempfile.NamedTemporaryFile()
print(file.name)
"""
    name, first, *others = lab.run("spark_python", lab.put("objects.py", source)).ok().output.splitlines()
    assert first == "closed first" and sorted(others) == ["closed client", "closed cycle", "generator closed"]
    assert not Path(name).exists()


def test_threads_of_libraries_do_not_keep_objects_from_their_end(lab: Lab) -> None:
    place = lab.workspace.root / "left-open.zip"
    source = f"""
import threading, zipfile
threading.Thread(target=threading.Event().wait, daemon=True).start()
archive = zipfile.ZipFile({str(place)!r}, "w")
archive.writestr("a", "content")
"""
    lab.run("spark_python", lab.put("left_open.py", source)).ok()
    assert zipfile.ZipFile(place).namelist() == ["a"]


@pytest.mark.parametrize("pause", ["pass", "time.sleep(0.0001)"])
def test_threads_that_a_program_leaves_do_not_miss_its_names(lab: Lab, pause: str) -> None:
    source = f"""
import threading, time

def beat():
    pass

def loop():
    while True:
        try:
            beat()
            {pause}
        except Exception as error:
            print("failed:", error)

threading.Thread(target=loop, daemon=True).start()
"""
    assert lab.run("spark_python", lab.put("heartbeat.py", source)).ok().output == ""


def test_source_may_be_in_any_encoding(lab: Lab) -> None:
    place = lab.workspace.files.local_path(f"{HOME}/encoded.py")
    place.parent.mkdir(parents=True, exist_ok=True)
    for source in (b"\xef\xbb\xbfprint('caf\xc3\xa9')\r\n", b"# coding: latin-1\nprint('caf\xe9')\n"):
        place.write_bytes(source)
        assert lab.run("spark_python", f"{HOME}/encoded.py").ok().output == "café\n"
    place.write_bytes(b"print('caf\xe9')\n")
    outcome = lab.run("spark_python", f"{HOME}/encoded.py").outcome
    assert (outcome.error or "").startswith("SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xe9")


def test_streams_and_builtins_are_those_of_a_program(lab: Lab) -> None:
    source = "import sys\nprint(sys.stdout.name, sys.stderr.name, sys.stdout.mode, __builtins__)\n"
    output = lab.run("spark_python", lab.put("streams.py", source)).ok().output
    assert output == "<stdout> <stderr> w <module 'builtins' (built-in)>\n"


@pytest.mark.parametrize(
    "left", ["os.fork() == 0 and time.sleep(600)", "import subprocess; subprocess.Popen(['yes'], stderr=2)"]
)
def test_what_a_program_leaves_running_does_not_keep_it(lab: Lab, left: str) -> None:
    done = lab.run("spark_python", lab.put("leaves.py", f"import os, time\n{left}\nprint('end')\n")).ok()
    assert "end\n" in done.output


def test_a_signal_by_which_a_program_ends_itself_is_no_cancellation(lab: Lab) -> None:
    source = "import os, signal\nprint('said')\nos.killpg(0, signal.SIGTERM)\n"
    done = lab.run("spark_python", lab.put("ends_itself.py", source))
    assert "exit code 143 (SIGTERM: Terminated)" in done.outcome.message and done.output == "said\n"


def test_a_program_that_replaces_its_files_by_pipes_holds_up_nobody(lab: Lab) -> None:
    source = f"""
import os
import zipfile
from pathlib import Path
logs = Path({str(lab.workspace.root)!r}, "runs").glob("*/output.log")
place = max(logs, key=lambda one: one.stat().st_mtime_ns)
place.unlink()
os.mkfifo(place)
os.mkfifo(place.parent / "result.json")
print("what is not written yet")
os._exit(3)
"""
    handle = lab.start("spark_python", lab.put("pipes.py", source))
    outcome = handle.wait(30)
    assert outcome is not None, "the service waits for a pipe"
    assert outcome.message == "The task's result cannot be read: OSError: result.json is no file: remove it"
