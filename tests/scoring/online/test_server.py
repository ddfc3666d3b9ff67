"""The server as a process: answers, keeps answering while it predicts, ends on a signal, refuses clearly."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from tests.scoring import models
from tests.scoring.conftest import LoadedModel, ModelPath
from tests.scoring.online.served import Served

SLOW_MODEL = """
import mlflow, os, time

class Slow(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        gate = model_input["gate"][0]
        while not os.path.exists(gate):
            time.sleep(0.01)
        return [1.0] * len(model_input)

mlflow.models.set_model(Slow())
"""


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


def test_ping_answers_and_a_signal_waits_while_a_prediction_runs(start: Callable[..., Served], tmp_path: Path) -> None:
    import mlflow.pyfunc

    (tmp_path / "slow.py").write_text(SLOW_MODEL)
    mlflow.pyfunc.save_model(str(tmp_path / "model"), python_model=str(tmp_path / "slow.py"), pip_requirements=[])
    served, gate = start(str(tmp_path / "model")), tmp_path / "gate"
    answers: list[tuple[int, bytes]] = []
    body = {"dataframe_records": [{"gate": str(gate)}]}
    asking = threading.Thread(target=lambda: answers.append(served.ask("POST", "/invocations", body)))
    asking.start()
    assert served.ask("GET", "/ping")[0] == 200
    served.process.send_signal(signal.SIGTERM)
    gate.touch()
    asking.join(30)
    assert answers == [(200, b'{"predictions": [1.0]}')]
    assert served.process.wait(30) == 0


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


def test_a_scoring_process_ends_with_its_parent(model_path: ModelPath) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        descriptor, model = listener.fileno(), str(model_path("booster"))
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "brickyard.scoring.online",
                model,
                "--socket-fd",
                str(descriptor),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[descriptor],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert process.stdout is not None and process.stdin is not None
        assert json.loads(process.stdout.readline())["state"] == "ready"
        process.stdin.close()
        assert process.wait(10) == 0
        process.stdout.close()
