"""The process of one task, from just after it was forked to its end; and those of its Spark gateway and engine."""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import gc
import importlib
import io
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from brickyard.runtime import foreign_paths
from brickyard.runtime.context import TaskContext, enter
from brickyard.runtime.execution import Ending, TaskStopped, execute
from brickyard.runtime.output import OutputFile, OutputPump
from brickyard.runtime.redaction import Redactor
from brickyard.workspace.compute.channel import Channel, Message
from brickyard.workspace.compute.children import OutputPipe
from brickyard.workspace.compute.host import WorkerHost
from brickyard.workspace.compute.processes import adopt_orphans, is_alone
from brickyard.workspace.compute.replacement import become
from brickyard.workspace.compute.results import write_outcome
from brickyard.workspace.compute.tasks import NO_RESULT, OUTPUT_FILE, TaskOutcome

__all__ = ["not_started", "run", "run_engine", "run_sail"]

#: The service's words for whatever the user's code does; what it was is in the run's output.
_WORKLOAD_FAILED = "Workload failed, see run output for details"
#: What goes on until it is stopped, and the modules that do it.
_SERVING = {"sql_warehouse": "brickyard.workspace.sql.runner", "repl": "brickyard.workspace.commands.repl"}
#: Whoever holds more ends before others begin, who may need it.
_LARGE_KIB = 1 << 20
_RESULT_LIMIT = 5 * 1024 * 1024


def run(message: Message, channel: Channel, output: OutputPipe) -> int:
    """Execute the task of a spawn message, and write its outcome; the exit code says whether it succeeded.

    Args:
        message: The task, its token, its environment with the secrets in it, and where things are.
        channel: The conversation with the fork server.
        output: The pipe behind both outputs.
    """
    adopt_orphans()
    _set_environment(message["environ"])
    _redirect(output.writer)
    directory = Path(message["task"]["directory"])
    redactor = Redactor(message["secrets"])
    pump = OutputPump(output.reader, OutputFile(directory / OUTPUT_FILE, redactor), output.journal)
    faulthandler.enable()
    host = WorkerHost(channel, message, redactor)
    context = _context(message, host, redactor)
    enter(context)
    signal.signal(signal.SIGTERM, host.stopped)
    host.begin(lambda kept: _renew(message, channel, output, pump, redactor, kept))
    me = os.getpid()
    executed = _executed(context, host)
    if os.getpid() != me:  # a process that the user's code has forked, and that has come to the end of the program
        _flush()
        os._exit(0 if executed.error is None else 1)
    ending = _end(host, context.kind, host.judged(executed))
    pump.close()
    if pump.failure is not None and ending.error is None:
        ending = Ending(error=f"OSError: the task's output could not be written: {pump.failure}")
    outcome = _outcome(ending, context)
    try:
        write_outcome(directory, outcome)
    except OSError as error:  # the disk is full: the exit code tells the server, as the output may be lost, too
        sys.stderr.write(f"OSError: the task's result could not be written: {error.strerror}\n")
        return NO_RESULT
    code = 0 if outcome.succeeded else 1
    if is_alone() and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < _LARGE_KIB:
        host.end(code)
    return code


def _renew(
    message: Message, channel: Channel, output: OutputPipe, pump: OutputPump, redactor: Redactor, kept: Message
) -> None:
    """Become a fresh interpreter that goes on with the task."""
    _flush()
    pump.close()
    later = message | {"secrets": sorted(redactor.secrets), "kept": kept}
    try:
        become(later, channel, os.dup(1), output.reader, output.journal.file.fileno())
    except OSError as error:  # nobody reads any more what this process prints
        os._exit(not_started(later, error))


def not_started(message: Message, error: Exception) -> int:
    """Say why the process of a task cannot execute it; its exit code."""
    traceback.print_exception(error)
    why = f"The task could not be started: {type(error).__name__}: {error}"
    outcome = TaskOutcome("FAILED", why, error=why, code="INTERNAL_ERROR")
    write_outcome(
        Path(message["task"]["directory"]), TaskOutcome(**Redactor(message["secrets"]).redact_all(outcome.as_dict()))
    )
    return 1


def _executed(context: TaskContext, host: WorkerHost) -> Ending:
    module = _SERVING.get(context.kind)
    if module is None:
        return execute(context)
    try:
        ending: Ending = importlib.import_module(module).serve(context, host)
        return ending
    except (RuntimeError, TaskStopped) as error:  # the engine did not start, or this is its end
        return Ending(error=f"{type(error).__name__}: {error}")


def run_engine(message: Message, channel: Channel, output: int) -> int:
    """Be the Spark gateway of a task until it ends.

    Args:
        message: Where the workspace is, and the paths that the task imports from.
        channel: The conversation with the fork server; tells where the gateway listens, or why it does not.
        output: What it prints goes here.
    """
    _set_environment(message["environ"])
    _redirect(output)
    return _said(channel, lambda: _serve(message, channel))


def _serve(message: Message, channel: Channel) -> None:
    """Imports what it needs here, so that one that fails is said, too."""
    from brickyard.workspace.compute.engine import EngineConfig, serve
    from brickyard.workspace.compute.engines.choice import EngineChoice

    config = EngineConfig(
        host=message["api_url"],
        token=message["token"],
        data=Path(message["data"]),
        scratch=Path(message["scratch"]),
        search_path=tuple(message["search_path"]),
        choice=EngineChoice(**message.get("engine", {})),
        user_environ=message.get("user_environ", {}),
        socket=message.get("socket", ""),
        session_idle_seconds=message.get("session_idle_seconds", 0),
        engine_idle_seconds=message.get("engine_idle_seconds", 0),
        default_catalog=message.get("default_catalog", "main"),
        cluster_id=message.get("cluster_id", ""),
        spark_conf=message.get("spark_conf", {}) if "cluster_id" in message else {},
    )
    serve(config, channel)


def run_sail(message: Message, channel: Channel, output: int) -> int:
    """Be the Sail of one session until it ends.

    Args:
        message: What Python functions import from, and their environment.
        channel: The conversation with the fork server, and through it with the gateway.
        output: What Python functions print goes here.
    """
    _set_environment(message["environ"])
    _redirect(output)
    sys.path[:] = message["search_path"]
    foreign_paths.install_in_child()
    from brickyard.workspace.compute.engines import sail_process

    return _said(channel, lambda: sail_process.serve(channel, Path(message["scratch"])))


def _said(channel: Channel, serve: Callable[[], None]) -> int:
    try:
        serve()
    except Exception as error:  # whatever keeps the engine from starting is said where Spark is first used
        channel.send({"error": f"{type(error).__name__}: {error}"})
    return 1


def _set_environment(environ: dict[str, str]) -> None:
    """Give this process its variables, and what an interpreter that begins would not share with others."""
    for name in os.environ.keys() - environ.keys():
        del os.environ[name]
    os.environ.update({name: value for name, value in environ.items() if os.environ.get(name) != value})
    time.tzset()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


def _redirect(output: int) -> None:
    """Send everything that this process and its children print to the pipe."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(nothing)
    os.close(output)
    for name, number in (("stdout", 1), ("stderr", 2)):
        raw: Any = io.FileIO(number, "w", closefd=False)
        raw.name = f"<{name}>"
        stream: Any = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)
        stream.mode = "w"
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _context(message: Message, host: WorkerHost, redactor: Redactor) -> TaskContext:
    task: dict[str, Any] = message["task"]
    return TaskContext(
        api_url=message["api_url"],
        token=message["token"],
        workspace_id=message["workspace_id"],
        user_name=task["user_name"],
        job_id=task["job_id"],
        job_run_id=task["job_run_id"],
        run_id=task["run_id"],
        task_key=task["task_key"],
        kind=task["kind"],
        source=task["source"],
        arguments=task["parameters"],
        mounts={prefix: Path(place) for prefix, place in message["mounts"].items()},
        directory=Path(task["directory"]),
        search_path=message["search_path"],
        host=host,
        redactor=redactor,
        upstream=task["task_values"],
        spark_conf=message["spark_conf"],
        git_folder=message["git_folder"],
        notes_uses=task["notes_uses"],
        cluster=task["cluster_id"],
        root_run_id=task.get("root_run_id", task["run_id"]),
        kept=message.get("kept", {}),
        task_values=message.get("kept", {}).get("task_values", {}),
    )


def _end(host: WorkerHost, kind: str, ending: Ending) -> Ending:
    """Do what an interpreter does at its end: wait for a program's threads, call exit functions, flush."""
    if kind == "sql_warehouse":  # nothing of it is the user's
        return ending
    try:
        if kind != "notebook":
            vars(threading)["_shutdown"]()  # what the interpreter calls; a notebook's end does not wait for threads
        else:
            _end_pools()
        atexit._run_exitfuncs()
        if kind in ("spark_python", "python_wheel"):
            _forget_names()
    except TaskStopped:
        ending = Ending(error=host.reason, code="DRIVER_ERROR")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _flush()
    _flush_files()
    return ending


def _forget_names() -> None:
    """Take a program's own names away, so that its objects do what they do at their end.

    While its threads go on, which would miss the names, nothing is done: the interpreter lets none go on then.
    """
    names = vars(sys.modules["__main__"])
    if any(_may_use(names, *one) for one in sys._current_frames().items() if one[0] != threading.get_ident()):
        return
    for name in sorted(names.keys() - {"__builtins__"}, key=lambda name: not name.startswith("_")):
        names[name] = None
    gc.collect()


def _may_use(names: dict[str, Any], ident: int, frame: FrameType) -> bool:
    """Whether a thread executes a program's own code, or has been begun to do so."""
    if any(one.f_globals is names for one, _ in traceback.walk_stack(frame)):
        return True
    threads = [one for one in threading.enumerate() if one.ident == ident]
    begun = [getattr(one, name, None) for one in threads for name in ("_target", "function", "run")]  # or of a timer
    return any(getattr(one, "__globals__", None) is names for one in begun)


def _flush() -> None:
    for stream in filter(None, (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)):
        with contextlib.suppress(AttributeError, ValueError, OSError):  # the task has closed or replaced it
            stream.flush()


def _flush_files() -> None:
    """Write what is left in files that a program has not closed, as the interpreter does at its end."""
    for kind in (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom):
        for file in [one for one in gc.get_objects() if type(one) is kind]:
            with contextlib.suppress(ValueError, OSError):  # it is closed, or cannot be written
                file.flush()


def _end_pools() -> None:
    """End the processes of pools that a notebook has left open, as joblib does, which nobody else would end."""
    if "multiprocessing.process" not in sys.modules:
        return
    for child in multiprocessing.active_children():
        child.terminate()
    for call in reversed(vars(threading)["_threading_atexits"]):
        if call.func.__module__ != "concurrent.futures.thread":
            call()


def _outcome(ending: Ending, context: TaskContext) -> TaskOutcome:
    result = ending.result
    truncated = result is not None and len(result.encode()) > _RESULT_LIMIT
    if result is not None and truncated:
        result = result.encode()[:_RESULT_LIMIT].decode(errors="ignore")
    is_users = ending.error is not None and ending.code is None and context.kind != "sql_warehouse"
    plain = TaskOutcome(
        state="SUCCESS" if ending.error is None else "FAILED",
        message=_WORKLOAD_FAILED if is_users else ending.error or "",
        result=result,
        truncated=truncated,
        error=ending.error,
        error_trace=ending.trace,
        task_values=context.task_values,
        code=ending.code,
    )
    return TaskOutcome(**context.redactor.redact_all(plain.as_dict()))
