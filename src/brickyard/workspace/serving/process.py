"""One scoring process, kept alive: started, watched, started again when it dies, never left behind.

The listening socket belongs to the server, so requests that arrive while a process starts again wait in its queue.
The process ends with its standard input, which the system closes however the server ends.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from brickyard.runtime.redaction import Redactor
from brickyard.workspace.serving.channel import Channel, Reply, unix_address
from brickyard.workspace.serving.environment import Environment
from brickyard.workspace.serving.log import ModelLog
from brickyard.workspace.serving.rest import Rest
from brickyard.workspace.serving.template import ForkedProcess, Template

__all__ = ["ScoringFailed", "ScoringProcess"]

_log = logging.getLogger(__name__)
# Starts in a row that may fail, once it has served, before the process is given up.
_STARTS = 5
_PAUSE_SECONDS = 0.5
# A process that served this long has started well.
_SETTLED_SECONDS = 30.0
_TAIL_LINES = 5
# What of the server's environment a model may see: no token, no host, no setting of the server.
_PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")

# The model's directory stays as it was registered: no compiled files are written beside its code.
_OWN = {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PYTHONDONTWRITEBYTECODE": "1",
}

# Libraries read these when they are imported, which the template has done already.
_IMPORT_TIME = re.compile("OMP_|OPENBLAS_|MKL_|KMP_|GOTO|NUMEXPR|BLIS_|PYTHON|LD_|MALLOC_|GLIBC_|MLFLOW_|SKLEARN_")
_TEMPLATE = Template()
_Process: TypeAlias = "subprocess.Popen[str] | ForkedProcess"


class ScoringFailed(Exception):
    """The model could not be loaded, or its process does not stay alive."""


class ScoringProcess:
    """A model behind a socket.

    Args:
        model: The directory of the model.
        socket_path: Where to listen; in a directory that only the owner can enter.
        log: Where the process's output goes, without secrets.
        environment: Further environment variables.
    """

    def __init__(self, model: Path, socket_path: Path, log: Path, environment: Environment) -> None:
        self.channel = Channel(socket_path)
        self.environment = environment
        self._model = model
        self._socket_path = socket_path
        self._log_path = log
        self._redactor = Redactor(environment.secrets)
        self._listener = _listen(socket_path)
        self._rest = Rest()
        self._stopping = threading.Event()
        self._settled = threading.Event()
        self._process: _Process | None = None
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._supervise, name=f"serving-{socket_path.stem}", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> str | None:
        """Why it is not served any more; none while it is, or starts."""
        return self._failure

    @property
    def pid(self) -> int | None:
        """The running process."""
        return self._process.pid if self._process else None

    @property
    def asleep(self) -> bool:
        """Whether it has ended until somebody asks."""
        return self._rest.asleep

    def sleep(self, idle_seconds: float) -> bool:
        """End the process until somebody asks, where nobody has for so long; whether it does."""
        process = self._process
        if process is None or not self._settled.is_set() or not self._rest.begin(idle_seconds):
            return False
        process.terminate()
        return True

    async def ask(self, body: bytes, content_type: str, accept: str = "") -> Reply:
        """Let the model answer; the text of an error is answered without secrets.

        Raises:
            ChannelClosed: The process was taken out of use before the request was sent.
            ForwardFailed: There was no answer.
        """
        with self._rest.used():  # which starts it, where it has ended; the request waits at the socket
            reply = await self.channel.post(body, content_type, accept)
        if reply.status < 400 or not self.environment.secrets:
            return reply
        return replace(reply, body=self._redactor.redact(reply.body.decode(errors="replace")).encode())

    def wait_ready(self, timeout: float) -> None:
        """Wait until the model answers.

        Raises:
            ScoringFailed: It cannot be loaded, or takes longer.
        """
        if not self._settled.wait(timeout):
            raise ScoringFailed(f"the model was not loaded within {timeout:g} s; see {self._log_path}")
        if self._failure:
            raise ScoringFailed(self._failure)

    def stop(self, grace: float = 30.0) -> None:
        """Answer what is in flight, then end the process; kill it where that takes longer than `grace` seconds."""
        drained = self.channel.close(grace)
        self._stopping.set()
        self._rest.end()
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM if drained else signal.SIGKILL)
        self._thread.join(grace)
        if self._thread.is_alive() and process is not None:
            process.kill()
            self._thread.join()
        self._listener.close()
        self._socket_path.unlink(missing_ok=True)

    def _supervise(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            begun = time.monotonic()
            reason = self._redactor.redact(self._run_once())
            if self._rest.over():
                failures = 0
                continue
            if self._stopping.is_set():
                break
            failures = 1 if time.monotonic() - begun > _SETTLED_SECONDS else failures + 1
            _log.warning("the scoring process of %s ended: %s", self._model, reason)
            if not self._settled.is_set() or failures >= _STARTS:
                self._give_up(reason)
                break
            self._stopping.wait(_PAUSE_SECONDS * (failures - 1))
        self._settled.set()

    def _give_up(self, reason: str) -> None:
        self._failure = reason
        self._listener.close()  # refuses the requests that wait in its queue

    def _run_once(self) -> str:
        """Start the process, wait until it ends, and say why it did."""
        try:
            with self._start() as process, self._logged(process):
                self._process = process
                if self._stopping.is_set():
                    process.terminate()
                report = _report(process)
                if report.get("state") == "ready":
                    _log.info("serving %s by process %d (%s)", self._model, process.pid, report.get("rung"))
                    self._settled.set()
                code = _ended(process)
        except (OSError, ValueError) as error:  # no process, no descriptors, no memory; or it said no JSON
            return f"the scoring process could not be run: {error}"
        if report.get("state") == "failed":
            return str(report["message"])
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"the scoring process ended with {how}: {_tail(self._log_path)}"

    def _start(self) -> _Process:
        descriptor, directory = self._listener.fileno(), self._log_path.parent
        if sys.platform.startswith("linux") and not any(map(_IMPORT_TIME.match, self.environment.variables)):
            try:
                return _TEMPLATE.start(self._model, descriptor, directory, self._environ(), _passed() | _OWN)
            except OSError as error:
                _log.info("a scoring process starts by itself: %s", error)
        command = [sys.executable, "-m", "brickyard.scoring.online", str(self._model), "--socket-fd", str(descriptor)]
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environ(),
            pass_fds=[descriptor],
            cwd=directory,
            start_new_session=True,
        )

    @contextlib.contextmanager
    def _logged(self, process: _Process) -> Iterator[None]:
        """Write to the log what the process prints; the process is ended where that fails."""
        assert process.stderr is not None
        try:
            log = ModelLog(process.stderr.fileno(), self._log_path, self._redactor)
            try:
                yield
            finally:
                log.close()
        except BaseException:
            process.kill()
            raise

    def _environ(self) -> dict[str, str]:
        return _passed() | _OWN | dict(self.environment.variables)


def _passed() -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED if name in os.environ}


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with unix_address(path) as address:
        listener.bind(address)
    listener.listen(1024)
    return listener


def _report(process: _Process) -> dict[str, object]:
    """The one line in which the process says how loading went; empty where it ended before."""
    line = process.stdout.readline() if process.stdout else ""
    report: dict[str, object] = json.loads(line) if line.strip() else {}
    return report


def _ended(process: _Process) -> int:
    """Wait until a process ends, then end what it has started; until it is reaped, its group keeps its number."""
    if isinstance(process, ForkedProcess):
        return process.wait()
    with contextlib.suppress(ChildProcessError):  # `stop` was first to ask how it ended
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    return " | ".join(line.strip() for line in lines) or "it printed nothing"
