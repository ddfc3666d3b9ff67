"""When the watcher of the workers gives the server up: only where no worker comes to answer requests any more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.scoring.conftest import ModelPath
from tests.support import wait_for

SERVER = """
import os
import sys
from pathlib import Path
from brickyard.errors import ModelError
from brickyard.scoring.model import load_model
from brickyard.scoring.online import Limits, listen, serve_by_workers, workers

workers._PAUSE_SECONDS, workers._LONGEST_PAUSE_SECONDS = 0.01, 0.05
fork = os.fork

def fork_where_there_is_room():
    if Path(sys.argv[2] + ".full").exists():
        raise BlockingIOError("no room")
    return fork()

def load():
    if not Path(sys.argv[2]).exists():
        raise ModelError("the file is away" + " " * 200_000)
    return load_model(sys.argv[1])

def ready(rung):
    print("ready", flush=True)

os.fork = fork_where_there_is_room
try:
    serve_by_workers(
        load, listen("127.0.0.1", 0, sockets=2), limits=Limits(), fork_when_loaded=False, on_ready=ready
    )
except ModelError as error:
    sys.exit(error.message)
"""

LOADING = """
import signal
from brickyard.scoring.online import Limits, listen, serve_by_workers

def load():
    print("loading", flush=True)
    signal.pause()

serve_by_workers(load, listen("127.0.0.1", 0), limits=Limits(), fork_when_loaded=False, on_ready=print)
"""


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    gate = tmp_path / "gate"
    gate.touch()
    return gate


@pytest.fixture
def server(model_path: ModelPath, gate: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", SERVER, str(model_path("booster")), str(gate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_a_server_is_given_up_only_when_no_worker_loads_the_model(server: subprocess.Popen[str], gate: Path) -> None:
    assert server.stderr is not None
    healthy, other = workers(server)
    gate.unlink()
    os.kill(other, signal.SIGKILL)
    for _ in range(8):
        assert server.stderr.readline() == "worker 1 ended; another takes its place\n"
        assert server.stderr.readline().rstrip() == "worker 1: the file is away"
    assert server.poll() is None and psutil.pid_exists(healthy)
    os.kill(healthy, signal.SIGKILL)
    _, said = server.communicate(timeout=30)
    assert server.returncode == 1
    assert said.endswith("the worker processes do not stay alive\n")


def test_a_worker_is_replaced_once_the_system_has_room_for_it(server: subprocess.Popen[str], gate: Path) -> None:
    assert server.stderr is not None
    healthy, other = workers(server)
    (full := gate.with_name("gate.full")).touch()
    os.kill(other, signal.SIGKILL)
    for _ in range(3):
        assert server.stderr.readline() == "worker 1 ended; no other can take its place yet: no room\n"
    assert workers(server) == [healthy]
    full.unlink()
    wait_for(lambda: len(workers(server)) == 2, seconds=20)


def test_ctrl_c_ends_a_server_that_loads_its_model_without_a_traceback() -> None:
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", LOADING], **pipes, start_new_session=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "loading\n"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, "")


def workers(server: subprocess.Popen[str]) -> list[int]:
    return sorted(child.pid for child in psutil.Process(server.pid).children())
