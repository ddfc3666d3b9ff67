"""The compute service of a workspace: starts tasks, stops them, and says how they ended."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.runtime.foreign_paths import environment as mounted
from brickyard.workspace.api.errors import ApiError
from brickyard.workspace.compute import endings
from brickyard.workspace.compute.client import Exit, ForkServerClient, ForkServerGone
from brickyard.workspace.compute.engines.choice import EngineChoice, UnknownEngine, split
from brickyard.workspace.compute.environ import TASK_MARK, base_environment, task_environment, without_own
from brickyard.workspace.compute.environments import Environments, LibraryError, digest
from brickyard.workspace.compute.initial_catalog import initial_catalog
from brickyard.workspace.compute.installer_words import installer_words
from brickyard.workspace.compute.interactive import InteractiveEngine, search_path
from brickyard.workspace.compute.memory import EngineMemory, MemoryWatch
from brickyard.workspace.compute.results import write_json, write_outcome
from brickyard.workspace.compute.tasks import TASK_FILE, TaskHandle, TaskOutcome, TaskSpec, read_outcome

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["Compute", "build"]

_TRIES = 3
#: What tells where the user's own Spark and Java are; tasks themselves do not inherit it.
_NOT_OF_TREE = ("/Volumes/", "/dbfs/")
_USER_ENVIRON = ("HOME", "PATH", "XDG_CACHE_HOME", "SPARK_HOME", "JAVA_HOME")

_log = logging.getLogger(__name__)


class Compute:
    """Executes tasks, each in a process of its own.

    Args:
        workspace: The workspace that the tasks belong to.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._environments = Environments(workspace.root / "environments", without_own(os.environ))
        self._preparing = ThreadPoolExecutor(4, thread_name_prefix="libraries")
        self._lock = threading.RLock()
        self._server: ForkServerClient | None = None
        self._closed = False
        self._has_tasks = False
        #: What tasks use of the machine's memory.
        self.memory = MemoryWatch(self._end_now)
        #: The Spark engine of clients from outside.
        self.interactive = InteractiveEngine(self._fork_server, self._interactive, workspace.root / "spark", self._rest)

    def recover(self) -> None:
        """End what an earlier life of this workspace has left behind."""
        end_leftovers(self._mark, earlier=True)

    def warm_up(self) -> None:
        """Start the fork server before the first task needs it: a workspace that runs none does without its memory."""
        with contextlib.suppress(ForkServerGone, OSError):  # the first task says so, if it still is
            self._for_tasks()

    def start_task(self, spec: TaskSpec, heard: Callable[[dict[str, Any]], None] | None = None) -> TaskHandle:
        """Start a task; returns at once. Whatever is wrong with it is in its outcome.

        Args:
            spec: The task.
            heard: Called with what its process says while it runs, on the thread that listens.
        """
        spec.directory.mkdir(parents=True, exist_ok=True)
        write_json(spec.directory / TASK_FILE, spec.as_dict())
        handle = TaskHandle(spec, self._kill, heard)
        refusal = self._refusal(spec)
        if refusal is not None:
            self._finish(handle, endings.failed(refusal))
            return handle
        if spec.timeout_seconds > 0:
            self._limit(handle)
        if spec.libraries:
            self._preparing.submit(self._prepare, handle)
        else:
            self._spawn(handle, [])
        return handle

    def start_engine(
        self, own: Mapping[str, Any], heard: Callable[[dict[str, Any]], None], ended: Callable[[Exit], None]
    ) -> tuple[Callable[[], None], Callable[[dict[str, Any]], None]]:
        """Start the engine of a cluster; returns at once, with what ends it and what tells it something.

        Args:
            own: What it is told beside what every engine is.
            heard: Called with what it says: where it listens, or why it does not.
            ended: Called when it has ended.

        Raises:
            ForkServerGone: The workspace is stopping, or no process stays alive that could start it.
        """
        for _ in range(_TRIES):
            with self._lock:  # else it may be ended, as nothing runs, before it is asked
                server = self._fork_server()
                message = self._interactive() | dict(own) | {"do": "engine"}
                engine = EngineMemory(self.memory, ended)
                try:
                    number = server.spawn(message, started=engine.pids.append, ended=engine.ended, heard=heard)
                except ForkServerGone:
                    engine.forget()
                    self._lost(server)
                    continue
            engine.kill = functools.partial(server.kill, number)
            return engine.kill, functools.partial(server.tell, number)
        raise ForkServerGone("the process that starts engines does not stay alive; see the workspace's log")

    def environment(self, own: Mapping[str, str]) -> dict[str, str]:
        """The environment variables of a process that code of users is executed in, with its own on top."""
        return base_environment(os.environ, self._mark) | mounted(self._workspace.files.mounts()) | dict(own)

    def rest(self) -> None:
        """An engine has ended: where nothing else runs, its fork server ends, too."""
        self._rest()

    def _refusal(self, spec: TaskSpec) -> str | None:
        """Why the task cannot be executed, as far as only the workspace knows it."""
        try:
            self._engine(spec)
        except UnknownEngine as error:
            return f"UnknownEngine: {error}"
        if spec.kind != "notebook":
            return None
        try:
            language = self._workspace.files.read_notebook(spec.source).language
        except ApiError:  # what is wrong with the path is said by the worker, which reads the notebook itself
            return None
        if language in ("PYTHON", "SQL"):
            return None
        return f"NotSupported: notebooks in {language} cannot be executed in a local workspace"

    def close(self) -> None:
        """Stop every task and everything that tasks have started."""
        self._closed = True
        self._preparing.shutdown(wait=False, cancel_futures=True)
        self._environments.stop()
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()
            end_leftovers(self._mark)
        self.interactive.close()

    @property
    def _mark(self) -> str:
        return str(self._workspace.root)

    def _fork_server(self) -> ForkServerClient:
        with self._lock:
            if self._closed:
                raise ForkServerGone("the workspace is stopping")
            if self._server is None:
                self._server = ForkServerClient(base_environment(os.environ, self._mark), self._lost)
            return self._server

    def _for_tasks(self) -> ForkServerClient:
        server = self._fork_server()
        if not self._has_tasks:
            self._has_tasks = True
            server.expect_tasks()
        return server

    def _rest(self) -> None:
        """End a fork server that was started for Spark alone, now that nobody uses that."""
        with self._lock:
            server = self._server
            if self._has_tasks or server is None or not server.idle:
                return
            self._server = None
        server.close()

    def _lost(self, server: ForkServerClient) -> None:
        """Forget a fork server that has ended by itself, and end what it leaves."""
        with self._lock:
            if self._server is not server:
                return
            self._server, self._has_tasks = None, False
            server.close()
            end_leftovers(self._mark)

    def _limit(self, handle: TaskHandle) -> None:
        timer = threading.Timer(handle.spec.timeout_seconds, handle.stop, ["TIMEDOUT"])
        timer.daemon = True
        timer.start()
        handle.when_done(lambda outcome: timer.cancel())

    def _prepare(self, handle: TaskHandle) -> None:
        """Install the task's libraries, then start it."""
        try:
            wanted = self._libraries(handle.spec.libraries)
            build = self._environments.build_apart if handle.spec.kind == "dbt" else self._environments.build
            self._spawn(handle, [str(build(wanted))])
        except LibraryError as error:
            self._finish(handle, endings.not_installed(str(error)), f"{error}\n")
        except Exception as error:  # the task must end whatever it is, as nobody else hears of it on this thread
            _log.exception("libraries of %s could not be prepared", handle.spec.directory)
            self._finish(
                handle,
                endings.failed(f"The task could not be started: {type(error).__name__}: {error}", "INTERNAL_ERROR"),
            )

    def environment_key(self, libraries: Sequence[str]) -> str:
        """What tells an environment with these libraries from others.

        Raises:
            LibraryError: A file does not exist.
        """
        return digest(self._libraries(libraries))

    def library_environment(self, libraries: Sequence[str]) -> Path:
        """A directory with libraries in it; the one that was made before for the same ones, if there is one.

        Raises:
            LibraryError: A file does not exist, or a library cannot be installed.
        """
        return self._environments.build(self._libraries(libraries))

    def _libraries(self, items: Sequence[str]) -> list[str]:
        return installer_words(items, self._workspace.files.local_path)

    def _spawn(self, handle: TaskHandle, environments: list[str]) -> None:
        if handle.stopping is not None:
            self._finish(handle, endings.stopped(handle))
            return
        try:
            self._ask(handle, self._message(handle.spec, environments))
        except ForkServerGone as gone:
            self._finish(handle, endings.failed(f"The task was not started: {gone}", "INTERNAL_ERROR"))
            return
        self._kill_if_stopping(handle)

    def _kill_if_stopping(self, handle: TaskHandle) -> None:
        """End what was to be stopped while it was being started."""
        if handle.stopping is not None:
            self._kill(handle)

    def _ask(self, handle: TaskHandle, message: dict[str, Any]) -> None:
        """Have the fork server start the task; a new one where it has just ended.

        Raises:
            ForkServerGone: The workspace is stopping, or the fork server ends again and again.
        """
        for _ in range(_TRIES):
            server = self._for_tasks()
            try:
                number = server.spawn(
                    message,
                    started=handle.started,
                    ended=lambda end: self._ended(handle, end),
                    heard=handle.heard,
                )
            except ForkServerGone:
                self._lost(server)
                continue
            handle.end_process = functools.partial(server.kill, number)
            handle.tell = functools.partial(server.tell, number)
            if handle.spec.kind != "sql_warehouse":
                self.memory.add(handle)
            return
        raise ForkServerGone("the process that executes tasks does not stay alive; see the workspace's log")

    def _engine(self, spec: TaskSpec) -> EngineChoice:
        return EngineChoice.of(spec.revealed(spec.spark_conf), self._workspace.engine)

    def _message(self, spec: TaskSpec, environments: list[str]) -> dict[str, Any]:
        workspace = self._workspace
        site = spec.directory / "site-packages"
        choice = self._engine(spec)
        own = task_environment(spec.revealed(spec.environment), workspace.local_url, spec.token)
        return {
            "task": spec.as_dict(),
            "token": spec.token,
            "secrets": [spec.token, *spec.secrets.values(), *choice.secrets()],
            "environ": self.environment(own),
            "spark_conf": split(spec.revealed(spec.spark_conf), choice),
            "engine": choice.as_dict(),
            "default_catalog": initial_catalog(
                spec.revealed(spec.spark_conf), workspace.identity.settings.default_catalog
            ),
            "user_environ": {name: os.environ[name] for name in _USER_ENVIRON if name in os.environ},
            "api_url": workspace.local_url,
            "workspace_id": workspace.workspace_id,
            "data": str(workspace.data),
            "mounts": {**spec.mounts, **{prefix: str(place) for prefix, place in workspace.files.mounts().items()}},
            "git_folder": self._git_folder(spec),
            "site": str(site),
            "search_path": [str(site), *environments, *spec.search_path],
            "remote": spec.remote,
            "environments": str(workspace.root / "environments"),
        }

    def _git_folder(self, spec: TaskSpec) -> str | None:
        """The Git folder that a notebook or a file of the workspace is in."""
        path = spec.source.removeprefix("/Workspace")
        if spec.kind not in ("notebook", "spark_python") or not path.startswith("/") or path.startswith(_NOT_OF_TREE):
            return None
        return self._workspace.files.tree.repo_of(path)

    def _interactive(self) -> dict[str, Any]:
        """What the engine of clients from outside is told; it has no token of its own."""
        return {
            "environ": self.environment({}),
            "api_url": self._workspace.local_url,
            "token": "",
            "data": str(self._workspace.data),
            "search_path": search_path(),
            "engine": EngineChoice.of({}, self._workspace.engine).as_dict(),
            "default_catalog": self._workspace.identity.settings.default_catalog,
            "user_environ": {name: os.environ[name] for name in _USER_ENVIRON if name in os.environ},
            "session_idle_seconds": float(os.environ.get("BRICKYARD_SPARK_SESSION_IDLE_SECONDS") or 3600),
            "engine_idle_seconds": float(os.environ.get("BRICKYARD_SPARK_ENGINE_IDLE_SECONDS") or 600),
        }

    def _kill(self, handle: TaskHandle) -> None:
        if handle.end_process is not None:
            handle.end_process(False)
        elif handle.spec.libraries:  # they are still being installed, which may take long and is left to end by itself
            self._finish(handle, endings.stopped(handle))

    def _end_now(self, handle: TaskHandle, why: str) -> None:
        """End a task as failed, without a grace in which it could go on."""
        handle.stop("FAILED", why)
        if handle.end_process is not None:
            handle.end_process(True)

    def _ended(self, handle: TaskHandle, end: Exit) -> None:
        outcome = read_outcome(handle.spec.directory)
        if handle.stopping is not None and (outcome is None or not outcome.succeeded):
            outcome = endings.stopped(handle)
        elif outcome is not None and outcome.error == endings.CANCELED:  # as it thinks, by a signal that others sent
            outcome = endings.of_exit(Exit(-signal.SIGTERM))
        if outcome is None and self._closed:  # no result is written, so that the next start knows it was interrupted
            handle.finish(endings.failed("The workspace stopped while the task was running."))
            return
        self._finish(handle, outcome or endings.of_exit(end))

    def _finish(self, handle: TaskHandle, outcome: TaskOutcome, printed: str = "") -> None:
        try:
            if handle.log.is_file() or not handle.log.exists():  # else the program has put something else there
                with handle.log.open("a") as log:
                    log.write(printed)
            if read_outcome(handle.spec.directory) != outcome:
                write_outcome(handle.spec.directory, outcome)
        except OSError:  # a full disk: the run ends nevertheless, and its own record says how
            _log.exception("the outcome of %s could not be written", handle.spec.directory)
        handle.finish(outcome)


def build(workspace: Workspace) -> Compute:
    """The compute service of a workspace."""
    return Compute(workspace)


def end_leftovers(mark: str, *, earlier: bool = False) -> None:
    """Kill the processes of a workspace's tasks that outlived the fork server, as after `kill -9`.

    Args:
        mark: The workspace's mark in their environments.
        earlier: Only those that are older than this process.
    """
    import psutil

    begun = psutil.Process().create_time()
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or (earlier and process.create_time() >= begun):
                continue
            if process.environ().get(TASK_MARK) == mark:
                process.kill()
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
