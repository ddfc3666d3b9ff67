"""The process of one Sail: serves one session, and stops its Python functions when it is told to.

Sail reads its configuration from the environment, and settings meant for other clients (`DATABRICKS_*`, `UC_*`,
cloud keys) would redirect its calls; so they are removed first.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.channel import Channel, Message

__all__ = ["FunctionCanceled", "checkpoints", "interrupt_functions", "scrub", "serve"]

#: Prefixes of variables that redirect an engine to another workspace or to a cloud.
SCRUBBED = ("DATABRICKS_", "UNITY_", "UC_", "SAIL_", "AWS_", "AZURE_", "GOOGLE_", "SPARK_REMOTE", "SPARK_CONNECT_")
#: What was computed before is not to count.
_LOOK_SECONDS = 1.0
#: An idle notebook must not lose its session; the default of Sail is 15 minutes.
SESSION_SECONDS = 30 * 86_400
#: Of each of its threads: plans of long expressions are deep. Only what is used takes memory.
STACK_BYTES = 64 * 2**20


class FunctionCanceled(BaseException):
    """Raised inside a Python function whose query was canceled; `except Exception` does not catch it."""


def serve(channel: Channel, scratch: Path) -> None:
    """Start Sail, say where it listens, and do as told until the conversation ends."""
    scrub(scratch)
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    host, port = server.listening_address
    channel.send({"address": f"{host}:{port}"})
    work = Work()
    with contextlib.suppress(EOFError):
        while True:
            for message in channel.receive():
                channel.send(_told(message, work))


def scrub(scratch: Path) -> None:
    """Leave only what Sail is to read in the environment of this process."""
    for name in [name for name in os.environ if name.startswith(SCRUBBED)]:
        del os.environ[name]
    os.environ.update(
        {
            "SAIL_SPARK__SESSION_TIMEOUT_SECS": str(SESSION_SECONDS),
            "SAIL_EXECUTION__CHECKPOINT__PATH": checkpoints(scratch).as_uri(),
            "RUST_LOG": "error",
            "SAIL_RUNTIME__STACK_SIZE": str(STACK_BYTES),
        }
    )


def checkpoints(scratch: Path) -> Path:
    """Where a process of Sail keeps rows, in its own directory."""
    return scratch / "checkpoints"


class Work:
    """Whether this process computes something: Sail goes on with a query whose caller has gone."""

    def __init__(self) -> None:
        self._at = (0.0, 0.0)

    def goes_on(self) -> bool:
        """Whether it has computed since this was asked last, for over a tenth of the time: others may be busy."""
        (before, used), self._at = self._at, (time.monotonic(), time.process_time())
        passed = self._at[0] - before
        return passed > _LOOK_SECONDS or self._at[1] - used > passed / 10


def _told(message: Message, work: Work) -> Message:
    if message["do"] == "import" and message["entry"] not in sys.path:
        sys.path.insert(0, message["entry"])
    if message["do"] == "work in":
        _work_in(message["directory"])
    if message["do"] == "interrupt":
        return {"functions": interrupt_functions(), "computes": work.goes_on()}
    return {}


def _work_in(directory: str) -> None:
    """As in Spark's workers, which have `SparkFiles` too; the client's pyspark does not."""
    os.chdir(directory)

    class SparkFiles:
        """Where the files are that the client has sent."""

        @staticmethod
        def get(filename: str) -> str:
            return str(Path(directory) / filename)

        @staticmethod
        def getRootDirectory() -> str:
            return directory

    for name in ("pyspark.files", "pyspark.core.files"):
        module = types.ModuleType(name)
        vars(module)["SparkFiles"] = SparkFiles
        sys.modules[name] = module
    vars(importlib.import_module("pyspark"))["SparkFiles"] = SparkFiles


def interrupt_functions() -> int:
    """Raise `FunctionCanceled` in each thread of Sail that executes Python; how many there are.

    Sail's threads are not known to `threading`, unlike those that a user's library has started. One of them is met
    inside Python only while it executes a function: its state ends with the call.
    """
    own = {thread.ident for thread in threading.enumerate() if not _foreign(thread)}
    busy = [ident for ident in sys._current_frames() if ident not in own]
    for ident in busy:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(FunctionCanceled))
    return len(busy)


def _foreign(thread: Any) -> bool:
    """Whether a thread was started outside Python; such a one is known only once its code asks for it."""
    return type(thread).__name__ == "_DummyThread"
