"""What a worker offers to the code that it runs: an engine, other notebooks, libraries."""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import shlex
import signal
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from brickyard.runtime import paths
from brickyard.runtime.context import NotebookResult
from brickyard.runtime.execution import Ending, TaskStopped
from brickyard.runtime.redaction import Redactor
from brickyard.workspace.compute.channel import Channel, Message
from brickyard.workspace.compute.endings import CANCELED
from brickyard.workspace.compute.engines.forks import how_it_ended
from brickyard.workspace.compute.environments import Environments
from brickyard.workspace.compute.notebook_run import NotebookRun
from brickyard.workspace.compute.own_libraries import uninstall
from brickyard.workspace.compute.requirements import differing, requirement_lines
from brickyard.workspace.compute.results import write_json
from brickyard.workspace.compute.tasks import TASK_FILE, read_outcome

__all__ = ["WorkerHost"]

#: In what queries raise whose engine has died: the gateway's own words, and gRPC's where the gateway is gone itself.
_ENGINE_LOST = ("[SPARK_ENGINE_ENDED]", "StatusCode.UNAVAILABLE", "UNAVAILABLE")
_TOLD_SECONDS = 2.0
#: What a task's message says that its engine is told, too.
_FOR_ENGINES = ("environ", "api_url", "token", "data", "engine", "user_environ", "default_catalog")


class WorkerHost:
    """The worker's side of the conversation with the fork server; usable from several threads.

    Attributes:
        reason: Why the task is being stopped, once it is.
    """

    def __init__(self, channel: Channel, message: Message, redactor: Redactor) -> None:
        self.reason = CANCELED
        self._process = os.getpid()
        self._channel = channel
        self._message = message
        self._redactor = redactor
        self._kept: Message = message.get("kept", {})
        self._numbers = itertools.count(self._kept.get("number", 1))
        self._answers: dict[int, queue.SimpleQueue[Message]] = {}
        self._listener: threading.Thread | None = None
        self._heard: Callable[[Message], None] | None = None
        self._lock = threading.Lock()
        self._engine_gone = threading.Event()
        self._renew: Callable[[Message], None] | None = None
        self._begun = self._versions()

    def begin(self, renew: Callable[[Message], None]) -> None:
        """Begin with the task.

        Args:
            renew: Becomes a fresh interpreter that is given what is kept.
        """
        self._renew = renew
        if self._kept.get("spark"):
            self._listen()  # for the end of the engine that the earlier interpreter has started

    def judged(self, ending: Ending) -> Ending:
        """How the task ended where its code has met the end of its Spark engine before this process was told of it."""
        lost = any(words in (ending.error or "") for words in _ENGINE_LOST)
        if lost and (_ENGINE_LOST[0] in str(ending.error) or self._engine_gone.wait(_TOLD_SECONDS)):
            reason = self.reason if self._engine_gone.is_set() else ending.error
            return replace(ending, error=reason, code="DRIVER_ERROR")
        return ending

    def stopped(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: end what the main thread does, so that its `finally` blocks are executed."""
        if os.getpid() != self._process:  # a process that the task has forked, as a pool's; it ends as others do
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        raise TaskStopped(self.reason)

    def start_engine(self, search_path: Sequence[str]) -> str:
        """Start the task's Spark engine, unless it runs on a cluster that has one, and say where it listens.

        Raises:
            RuntimeError: It did not start.
        """
        if self._message["remote"]:
            return str(self._message["remote"])
        same = {key: self._message[key] for key in _FOR_ENGINES}
        scratch = str(Path(self._message["task"]["directory"]) / "engine")
        answer = self._ask({"do": "engine", "search_path": list(search_path), "scratch": scratch} | same)
        if "remote" not in answer:
            raise RuntimeError(f"the Spark engine did not start: {answer.get('error') or how_it_ended(answer['code'])}")
        return str(answer["remote"])

    def run_notebook(self, path: str, arguments: Mapping[str, str], timeout_seconds: float) -> NotebookResult:
        """Run another notebook in a process of its own and wait for its end; 0 seconds is no limit."""
        task = self._message["task"]
        number = next(self._numbers)
        given = {"kind": "notebook", "source": path, "parameters": dict(arguments)}
        run = NotebookRun(self._message, given, self._redactor) if task["records_notebooks"] else None
        if run is None:
            directory = Path(task["directory"]) / "notebooks" / str(number)
            directory.mkdir(parents=True)
        else:
            directory = run.directory(number)
        child = task | given | {"directory": str(directory)} | ({} if run is None else run.ids)
        result = self._run_child(child, number, timeout_seconds)
        if run is not None:
            run.end(result)
        return result

    def _run_child(self, child: Message, number: int, timeout_seconds: float) -> NotebookResult:
        directory, path = Path(child["directory"]), child["source"]
        write_json(directory / TASK_FILE, self._redactor.redact_all(child))
        hidden = {"secrets": sorted(self._redactor.secrets), "kept": {}}
        message = self._message | hidden | {"do": "spawn", "task": child, "environ": dict(os.environ)}
        answer = self._ask(message, number, timeout_seconds)
        if answer.get("timed_out"):
            return NotebookResult(f"the notebook {path} did not end within {timeout_seconds:g} seconds", None, True)
        outcome = read_outcome(directory)
        if outcome is None:
            return NotebookResult(answer.get("error") or f"the notebook's process {how_it_ended(answer['code'])}")
        return NotebookResult(outcome.error, outcome.result)

    def install(self, requirements: Sequence[str]) -> str:
        """Install libraries for the rest of this task.

        Raises:
            LibraryError: The installer refused; with its own words.
        """
        environments = Environments(Path(self._message["environments"]))
        return environments.install(_without_files(requirements), Path(self._message["site"]))

    def uninstall(self, names: Sequence[str]) -> str:
        """Remove libraries that this task has installed.

        Raises:
            NotSupported: One is of the runtime or of the task's libraries, which other tasks have, too.
        """
        return uninstall(names, Path(self._message["site"]))

    def outdated(self) -> bool:
        """Whether what is installed now replaces something that this interpreter, or its parent, has imported."""
        return self._renew is not None and self._versions() != self._begun

    def renew(self, kept: Mapping[str, Any]) -> None:
        """Go on in a fresh interpreter of this process, whose task has `kept`."""
        if self._renew is not None:
            self._renew(dict(kept) | {"number": next(self._numbers)})

    def _versions(self) -> dict[str, str]:
        """The versions of what is imported before any task, as this task would import them now."""
        return differing(self._message.get("search_path", ()), self._message.get("preloaded"))

    def hide(self, secret: str) -> None:
        """Take this value out of everything the task prints from now on."""
        if secret not in self._redactor.secrets:
            self._redactor.add(secret)
            self._channel.send({"do": "hide", "secret": secret})

    def end(self, code: int) -> None:
        """Close every file and socket, and tell that this process ends; nothing but its end may follow."""
        kept = {0, 1, 2, self._channel.fileno()}
        for number in {int(entry.name) for entry in Path("/proc/self/fd").iterdir()} - kept:
            with contextlib.suppress(OSError):  # the directory itself was open
                os.close(number)
        with contextlib.suppress(OSError):  # the end itself will be noticed
            self._channel.send({"do": "end", "code": code})

    def say(self, message: Message) -> None:
        """Tell the server something, whenever it is."""
        self._channel.send({"said": message})

    def listen_for(self, heard: Callable[[Message], None]) -> None:
        """Have what the server tells this process given to `heard`, on the thread that listens."""
        self._heard = heard
        self._listen()

    def _ask(self, message: Message, number: int | None = None, timeout: float = 0) -> Message:
        """Ask the fork server for something and wait for the answer; beyond the timeout what was asked for ends."""
        number = next(self._numbers) if number is None else number
        answers = self._answers[number] = queue.SimpleQueue()
        self._listen()
        self._channel.send(message | {"id": number})
        try:
            return answers.get(timeout=timeout or None)
        except queue.Empty:
            self._channel.send({"do": "kill", "id": number})
            return answers.get() | {"timed_out": True}

    def _listen(self) -> None:
        with self._lock:
            if self._listener is None:
                self._listener = threading.Thread(target=self._receive, name="host", daemon=True)
                self._listener.start()

    def _receive(self) -> None:
        for message in self._channel.messages():
            self._dispatch(message)

    def _dispatch(self, message: Message) -> None:
        if message.get("event") == "started":
            return
        if "told" in message:
            if self._heard is not None:
                self._heard(message["told"])
            return
        if message.get("kind") == "engine" and message.get("answered"):
            self.reason = f"The spark driver has stopped unexpectedly: it {how_it_ended(message['code'])}."
            self._engine_gone.set()
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
            return
        self._answers[message["id"]].put(message)


def _without_files(requirements: Iterable[str]) -> list[str]:
    """Requirements with the lines of files of them in their place; the lines may name libraries of the workspace."""
    found: list[str] = []
    following = iter([word for item in requirements for word in (shlex.split(item) if item[:1] == "-" else [item])])
    for word in following:
        if word in ("-r", "--requirement"):
            found += _without_files(requirement_lines(Path(next(following, ""))))
        else:
            found.append(paths.library(word))
    return found
