"""The server as a process: answers, keeps answering while it predicts, ends on a signal, refuses clearly."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.scoring import models
from tests.scoring.conftest import LoadedModel, ModelPath
from tests.scoring.online.served import Served
from tests.scoring.online.serving import read_one, request
from tests.support import wait_for


def test_serves_a_directory(start: Callable[..., Served], model_path: ModelPath, loaded: LoadedModel) -> None:
    from mlflow.version import VERSION

    served = start(str(model_path("booster")))
    frame = models.rows(3)
    body = {"dataframe_split": json.loads(frame.astype(object).where(frame.notna(), None).to_json(orient="split"))}
    body["dataframe_split"]["data"] = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    status, answer = served.ask("POST", "/invocations", body)
    assert (status, json.loads(answer)["predictions"]) == (200, loaded("booster").pyfunc.predict(frame).tolist())
    assert served.ask("GET", "/ping") == (200, b"\n")
    assert served.ask("GET", "/health") == (200, b"\n")
    assert served.ask("GET", "/version") == (200, VERSION.encode())


def test_refuses_other_paths_and_methods(start: Callable[..., Served], model_path: ModelPath) -> None:
    served = start(str(model_path("booster")))
    assert served.ask("GET", "/invocations")[0] == 405
    assert served.ask("GET", "/other")[0] == 404
    assert served.ask("POST", "/invocations", b"{}", {})[0] == 415


def test_ping_answers_and_a_signal_waits_while_a_prediction_runs(
    start: Callable[..., Served], gated: Path, tmp_path: Path
) -> None:
    served, gate = start(str(gated)), tmp_path / "gate"
    answers: list[tuple[int, bytes]] = []
    body = {"dataframe_records": [{"gate": str(gate)}]}
    asking = threading.Thread(target=lambda: answers.append(served.ask("POST", "/invocations", body)))
    asking.start()
    wait_for(Path(f"{gate}.begun").exists, seconds=20)
    assert [served.ask("GET", path)[0] for path in ("/ping", "/health")] == [200, 200]
    served.process.send_signal(signal.SIGTERM)
    gate.touch()
    asking.join(30)
    assert answers == [(200, b'{"predictions": [1.0]}')]
    assert served.process.wait(30) == 0


def test_overload_is_answered_503_and_then_served_again(
    start: Callable[..., Served], gated: Path, tmp_path: Path
) -> None:
    served, gate = start(str(gated), "--queue", "2"), tmp_path / "gate"
    body = {"dataframe_records": [{"gate": str(gate)}]}
    with ExitStack() as stack:
        address = ("127.0.0.1", served.port)
        clients = [stack.enter_context(socket.create_connection(address, 30)) for _ in range(12)]
        for client in clients:
            client.sendall(request(json.dumps(body).encode()))
        wait_for(lambda: len(select.select(clients, [], [], 0)[0]) == 6, seconds=20)  # four are predicted, two wait
        assert served.ask("GET", "/health")[0] == 200
        gate.touch()
        replies = [read_one(client) for client in clients]
    assert sorted(status for status, _, _ in replies) == [200] * 6 + [503] * 6
    assert {headers.get("retry-after") for status, headers, _ in replies if status == 503} == {"1"}
    assert served.ask("POST", "/invocations", body) == (200, b'{"predictions": [1.0]}')


def failed(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "brickyard", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_taken_port_is_named(model_path: ModelPath) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = failed(str(model_path("booster")), "--port", port)
    assert done.returncode == 2
    assert f"port {port} is taken" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    done = failed(str(tmp_path / "nothing"), "--port", "0")
    assert done.returncode == 10
    assert str(tmp_path / "nothing") in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def scoring_process(model: Path, listener: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """The process of an endpoint, once it is ready."""
    command = [sys.executable, "-m", "brickyard.scoring.online", str(model), "--socket-fd", str(listener.fileno())]
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": ""}
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, pass_fds=[listener.fileno()], env=environ) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["state"] == "ready"
            yield process
        finally:
            process.kill()


def test_a_scoring_process_ends_with_its_parent(model_path: ModelPath) -> None:
    address = ("127.0.0.1", 0)
    with socket.create_server(address) as listener, scoring_process(model_path("booster"), listener) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_scoring_process_does_not_wait_for_what_nobody_waits_for(gated: Path, tmp_path: Path) -> None:
    body = json.dumps({"dataframe_records": [{"gate": str(tmp_path / "gate")}]}).encode()
    address = ("127.0.0.1", 0)
    with socket.create_server(address) as listener, scoring_process(gated, listener) as process:
        with socket.create_connection(listener.getsockname()) as client:
            client.sendall(request(body))
            wait_for((tmp_path / "gate.begun").exists, seconds=20)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # it is reset
        process.terminate()
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert b"said by the model" in process.stderr.read()
