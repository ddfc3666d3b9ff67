"""The process of an execution context: executes one command at a time until it is ended.

It is a task of the compute service. The server tells it commands and cancellations over the channel of its host;
results go, without secrets, to files.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import signal
import sys
import threading
import traceback
from types import FrameType
from typing import Any

import psutil
from pyspark.errors import PySparkException

from brickyard.runtime import spark
from brickyard.runtime.context import TaskContext
from brickyard.runtime.ending import Ending
from brickyard.runtime.execution import prepare
from brickyard.runtime.notebook.run import NotebookRunner
from brickyard.workspace.commands.results import RESULTS, results_of
from brickyard.workspace.compute.channel import Message
from brickyard.workspace.compute.host import WorkerHost
from brickyard.workspace.compute.results import write_json

__all__ = ["serve"]

#: How long to wait for a command that has been interrupted, until it is interrupted again.
_AGAIN_SECONDS = 1.0
#: How often the engine is asked to end what it was called for, before that call is interrupted as well.
_PATIENCE = 3
#: How a notebook's code ends where the whole process is being ended.
_STOPPED = "DRIVER_ERROR"


class _Repl:
    """Executes commands on the main thread, while the host's thread hears of more and of cancellations."""

    def __init__(self, context: TaskContext, host: WorkerHost) -> None:
        self._context = context
        self._host = host
        self._runner = NotebookRunner(context)
        self._waiting: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._count = context.kept.get("count", 0)
        self._interruptible = False
        self._times = 0
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._current = self._canceled = ""
        (context.directory / RESULTS).mkdir(exist_ok=True)
        signal.signal(signal.SIGINT, self._interrupted)

    def heard(self, message: Message) -> None:
        """Take a command, or cancel the one that is being executed."""
        if "command" in message:
            self._waiting.put(message["command"])
            return
        with self._lock:
            self._canceled = message["cancel"]
            if self._current != self._canceled:
                return  # it has not begun yet; or it has just ended, as the server is being told
        threading.Thread(target=self._interrupt, args=[self._canceled], name="interrupt", daemon=True).start()

    def _interrupt(self, command_id: str) -> None:
        """Interrupt a command until it ends: an interrupt can be lost in what it calls, or between two queries."""
        for child in psutil.Process().children():  # what a shell's cell waits for
            _signal(child)
        for times in itertools.count(1):
            with self._lock:
                if self._current != command_id:
                    return
                self._times = times
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            _interrupt_spark()
            self._ended.wait(_AGAIN_SECONDS)

    def serve(self) -> Ending:
        """Execute commands until the process is ended."""
        with self._runner.streams():
            while True:
                command = self._waiting.get()
                ending = self._execute(command)
                if ending is not None and ending.code == _STOPPED:
                    return ending

    def _execute(self, command: Message) -> Ending | None:
        """Execute one command, and say how it ended."""
        self._count += 1
        self._ended.clear()
        with self._lock:
            self._current = command["id"]
        results, ending = self._guarded(command)
        with self._lock:
            self._current = ""
            self._ended.set()
            canceled = self._canceled == command["id"]
        if canceled:
            _interrupt_spark()  # with what had not yet begun there when the command was interrupted
        write_json(self._context.directory / RESULTS / f"{command['id']}.json", results)
        said = {"done": command["id"], "canceled": canceled}
        if ending is None:
            self._runner.renew(count=self._count, said=said)
        self._host.say(said)
        return ending

    def _guarded(self, command: Message) -> tuple[dict[str, Any], Ending | None]:
        try:
            try:
                self._interruptible = True
                if self._canceled == command["id"]:
                    raise KeyboardInterrupt
                record, ending = self._runner.command(self._count, command["text"], command["language"])
            finally:
                self._interruptible = False
        except KeyboardInterrupt:  # in a cell of another language, or between the last line and here
            self._interruptible = False
            return {}, None
        return self._context.redactor.redact_all(results_of(record, ending)), ending

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: an interrupt that comes too late means nothing."""
        if self._interruptible and (self._times > _PATIENCE or not _in_call(frame)):
            raise KeyboardInterrupt


def _in_call(frame: FrameType | None) -> bool:
    """Whether a call of the engine is under way: its library, if interrupted, may keep a lock for ever."""
    return any(part.f_globals.get("__name__", "").startswith("grpc.") for part, _ in traceback.walk_stack(frame))


def _interrupt_spark() -> None:
    if spark.is_connected():
        # The engine has ended, as the next command is told; or the session is not complete yet.
        with contextlib.suppress(PySparkException, AttributeError):
            spark.session().interruptAll()


def _signal(process: psutil.Process) -> None:
    try:
        process.send_signal(signal.SIGINT)
    except psutil.Error:  # it has ended meanwhile
        return


def serve(context: TaskContext, host: WorkerHost) -> Ending:
    """Execute commands until the process is ended."""
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    sys.argv = [""]
    prepare(context)
    repl = _Repl(context, host)
    host.listen_for(repl.heard)
    host.say(context.kept.get("said", {"ready": True}))
    return repl.serve()
