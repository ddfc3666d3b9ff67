"""Worker processes: killed under load, overloaded, ended; no answer is wrong, and none is lost but those in flight."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from brickyard.errors import UsageError
from brickyard.scoring.model import load_model
from brickyard.scoring.online import Limits, listen
from tests.scoring import models
from tests.scoring.conftest import LoadedModel, ModelPath
from tests.scoring.online.served import Served
from tests.scoring.online.serving import Running, read_one, request
from tests.support import wait_for


def ask(served: Served | Running, body: bytes) -> tuple[int, bytes] | None:
    """An answer; none where the connection ended."""
    try:
        with socket.create_connection(("127.0.0.1", served.port), 30) as client:
            client.sendall(request(body))
            status, _, answer = read_one(client)
            return status, answer
    except (ConnectionError, AssertionError):
        return None


class Asking:
    """Asks again and again on a thread, and keeps what was answered."""

    def __init__(self, served: Served, body: bytes) -> None:
        self.answers: list[tuple[int, bytes] | None] = []
        self._served, self._body = served, body
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ends.is_set():
            self.answers.append(ask(self._served, self._body))

    def wait_for_more(self) -> None:
        seen = len(self.answers)
        wait_for(lambda: len(self.answers) > seen, seconds=20)

    def end(self) -> list[tuple[int, bytes] | None]:
        self._ends.set()
        self._thread.join(60)
        return self.answers


def workers_of(served: Served) -> list[int]:
    return sorted(child.pid for child in psutil.Process(served.process.pid).children())


def test_a_killed_worker_is_replaced_loses_only_what_was_in_flight_and_ends_with_its_parent(
    start: Callable[..., Served], model_path: ModelPath, loaded: LoadedModel
) -> None:
    frame = models.rows(2).dropna()
    body = json.dumps({"dataframe_split": {"columns": list(frame), "data": frame.to_numpy(object).tolist()}}).encode()
    expected = json.dumps({"predictions": loaded("booster").pyfunc.predict(frame).tolist()}).encode()
    served = start(str(model_path("booster")), "--workers", "2")
    asking = [Asking(served, body) for _ in range(3)]
    for _ in range(8):  # within a few seconds
        kill_one(served)
        for each in asking:
            each.wait_for_more()
    got = [answer for each in asking for answer in each.end()]
    assert {answer for answer in got if answer is not None} == {(200, expected)}
    assert got.count(None) <= 8 * len(asking)
    assert all(each.answers[-1] is not None for each in asking)
    workers = workers_of(served)
    served.process.kill()
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in workers), seconds=20)


def kill_one(served: Served) -> None:
    before = workers_of(served)
    assert len(before) == 2
    os.kill(before[-1], signal.SIGKILL)  # the newest, so that it is one place that suffers
    wait_for(lambda: len(now := workers_of(served)) == 2 and before[-1] not in now, seconds=20)


def ask_on_threads(running: Running, body: bytes, count: int) -> tuple[list[Any], list[threading.Thread]]:
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(ask(running, body))) for _ in range(count)]
    for thread in threads:
        thread.start()
    return found, threads


def test_overload_is_shed_and_then_served_again(gated: Path, tmp_path: Path) -> None:
    running, gate = Running(load_model(gated), Limits(queue=2)), tmp_path / "gate"
    body = json.dumps({"dataframe_records": [{"gate": str(gate)}]}).encode()
    try:
        found, threads = ask_on_threads(running, body, 12)
        wait_for(lambda: len(found) == 6, seconds=20)  # four are predicted, two wait
        assert {answer[0] for answer in found} == {503}
        assert b"200 OK" in running.ask(b"GET /ping HTTP/1.1\r\n\r\n")
        gate.touch()
        for thread in threads:
            thread.join(30)
        assert sorted(answer[0] for answer in found) == [200] * 6 + [503] * 6
        assert ask(running, body) == (200, b'{"predictions": [1.0]}')
    finally:
        gate.touch()
        running.close()


def test_a_prediction_that_takes_too_long_is_answered_504(gated: Path, tmp_path: Path) -> None:
    running = Running(load_model(gated), Limits(request_seconds=0.1))
    body = json.dumps({"dataframe_records": [{"gate": str(tmp_path / "gate")}]}).encode()
    try:
        assert ask(running, body) == (504, b"Request processing time exceeded limit")
    finally:
        (tmp_path / "gate").touch()
        running.close()


def test_a_port_is_shared_among_workers_and_with_nobody_else() -> None:
    listeners = listen("127.0.0.1", 0, sockets=3)
    try:
        port = listeners[0].getsockname()[1]
        assert {listener.getsockname()[1] for listener in listeners} == {port}
        for sockets in (1, 2):
            with pytest.raises(UsageError, match=f"port {port} is taken"):
                listen("127.0.0.1", port, sockets=sockets)
    finally:
        for listener in listeners:
            listener.close()


def test_a_model_that_cannot_be_loaded_is_named(start: Callable[..., Served], gated: Path, tmp_path: Path) -> None:
    (gated / "MLmodel").rename(tmp_path / "MLmodel")
    served = start(str(gated), "--workers", "2")
    (tmp_path / "MLmodel").rename(gated / "MLmodel")
    _, err = served.process.communicate(timeout=60)
    assert served.process.returncode == 10
    assert str(gated) in err and "Traceback" not in err
