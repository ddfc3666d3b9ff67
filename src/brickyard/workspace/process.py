"""Starting, stopping and looking at the processes of local workspaces."""

from __future__ import annotations

import configparser
import contextlib
import fcntl
import http.client
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from brickyard.errors import UsageError, WorkspaceProcessError
from brickyard.workspace.layout import Layout, ProcessRecord, home, layout_of, layouts

__all__ = ["Status", "listing", "log_lines", "profiles_file", "reset", "start", "status", "stop"]

_START_SECONDS = 60
_STOP_SECONDS = 15
_DATABASE_URL = "BRICKYARD_DATABASE_URL"


@dataclass(frozen=True)
class Status:
    """A workspace as it is now.

    Attributes:
        name: The workspace's name.
        state: `running`, or `stopped`.
        url: Where it listens; none before its first start.
        pid: The server's process; none where it is stopped.
        root: Its directory.
        token: The owner's token; none before its first start.
        database: The PostgreSQL database, without its password; none where it is a file of SQLite.
    """

    name: str
    state: str
    url: str | None
    pid: int | None
    root: Path
    token: str | None
    database: str | None


def start(name: str, port: int | None = None, database_url: str | None = None) -> Status:
    """Start a workspace and wait until it answers; does nothing where it runs already.

    Args:
        name: The workspace's name.
        port: The port to listen on; kept for the next start.
        database_url: The PostgreSQL database, without a password; kept for the next start. Without it, the variable
            `BRICKYARD_DATABASE_URL` counts, which may have a password in it.

    Raises:
        UsageError: The address is none, or has a password that a process list would show.
        WorkspaceProcessError: It did not start; the message carries the server's own words.
    """
    layout = layout_of(name)
    address = _database_address(database_url)
    if _is_running(layout) and _wait_until_ready(layout, None):
        return _running(name, database_url)
    layout.create()
    command = [sys.executable, "-m", "brickyard.workspace.server", "--root", str(layout.root)]
    if port is not None:
        command += ["--port", str(port)]
    if address is not None:
        command += ["--database-url", "-"]
    layout.process.unlink(missing_ok=True)
    environ = {name: value for name, value in os.environ.items() if name != _DATABASE_URL}
    with layout.log.open("ab") as log:
        beginning = log.tell()
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, cwd=layout.root, env=environ
        )
    _tell(process, address or "")
    if not _wait_until_ready(layout, process):
        raise _not_started(layout, process, beginning)
    _write_profile(layout)
    return status(name)


def stop(name: str) -> Status:
    """Stop a workspace and everything it runs; does nothing where it is stopped.

    Raises:
        WorkspaceProcessError: There is no such workspace, or a process would not end.
    """
    layout = _existing(name)
    record = layout.read_process()
    if record is not None and _is_running(layout):
        tree = _process_tree(record.pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.pid, signal.SIGTERM)
        _end(tree, layout)
    layout.process.unlink(missing_ok=True)
    return status(name)


def status(name: str) -> Status:
    """How a workspace is now.

    Raises:
        WorkspaceProcessError: There is no such workspace.
    """
    layout = _existing(name)
    running = _is_running(layout)
    record = layout.read_process() if running else None
    settings = layout.read_settings()
    return Status(
        name=name,
        state="running" if running else "stopped",
        url=f"http://127.0.0.1:{settings.port}" if settings.port else None,
        pid=record.pid if record else None,
        root=layout.root,
        token=layout.token.read_text().strip() if layout.token.exists() else None,
        database=_shown(settings.database_url),
    )


def listing() -> list[Status]:
    """All workspaces under `BRICKYARD_HOME`."""
    return [status(layout.name) for layout in layouts()]


def reset(name: str) -> None:
    """Stop a workspace and delete everything it holds, in its database too.

    Raises:
        WorkspaceProcessError: There is no such workspace, or its database cannot be reached.
    """
    layout = _existing(name)
    stop(name)
    _erase_database(layout)
    shutil.rmtree(layout.root)
    _remove_profile(name)


def log_lines(name: str, count: int, *, follow: bool = False) -> Iterator[str]:
    """The last lines of a workspace's log and, on request, what is added to it."""
    layout = _existing(name)
    layout.log.touch()
    with layout.log.open(errors="replace") as log:
        yield from deque(log, maxlen=count)
        while follow:
            line = log.readline()
            if line:
                yield line
            else:
                time.sleep(0.2)


def profiles_file() -> Path:
    """The Databricks configuration file with a profile for each local workspace."""
    return home() / "databrickscfg"


def _existing(name: str) -> Layout:
    layout = layout_of(name)
    if not layout.root.is_dir():
        raise WorkspaceProcessError(
            f"there is no workspace {name!r}",
            where=str(layout.root.parent),
            next=f"`brickyard workspace start {name}` makes it, `brickyard workspace list` shows what there is",
        )
    return layout


def _running(name: str, database_url: str | None) -> Status:
    """A workspace that runs already, unless it was to use another database."""
    current = status(name)
    if database_url is not None and _shown(database_url) != current.database:
        raise WorkspaceProcessError(
            f"the workspace {name!r} is running with another database",
            where=current.database or str(layout_of(name).database),
            next=f"`brickyard workspace stop {name}` first",
        )
    return current


def _shown(address: str | None) -> str | None:
    if address is None:
        return None
    from brickyard.workspace.store.database_url import parsed, shown

    return shown(parsed(address))


def _database_address(given: str | None) -> str | None:
    """The PostgreSQL address that a start is to use; none where it is to use what it used before."""
    address = given or os.environ.get(_DATABASE_URL)
    if not address:
        return None
    from brickyard.workspace.store.database_url import parsed

    if parsed(address).password and given:
        raise UsageError(
            "a password on the command line can be read by everybody on this machine",
            where="--database-url",
            next=f"put the address into the variable {_DATABASE_URL}, or its password into ~/.pgpass",
        )
    return address


def _tell(process: subprocess.Popen[bytes], line: str) -> None:
    """Give the server what must not be in its arguments or its environment."""
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
            stdin.write(f"{line}\n".encode())


def _erase_database(layout: Layout) -> None:
    settings = layout.read_settings()
    if not settings.database_url:
        return
    from brickyard.workspace.store import Owner, Store

    try:
        Store(settings.database_url, Owner(layout.name, settings.workspace_id, new=False)).erase()
    except WorkspaceProcessError as error:
        by_hand = f"or delete the directory {layout.root}, which leaves what the database holds"
        raise WorkspaceProcessError(error.message, where=error.where, next=f"{error.next}; {by_hand}") from error


def _is_running(layout: Layout) -> bool:
    """Whether a server holds the workspace's lock; a stale pid file does not deceive it."""
    if not layout.lock.exists():
        return False
    with layout.lock.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _wait_until_ready(layout: Layout, process: subprocess.Popen[bytes] | None) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        record = layout.read_process()
        if record is not None and _answers(record):
            return True
        if process is not None and process.poll() is not None:
            return False
        time.sleep(0.005)
    return False


def _answers(record: ProcessRecord) -> bool:
    address = urlsplit(record.url)
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _not_started(layout: Layout, process: subprocess.Popen[bytes], beginning: int) -> WorkspaceProcessError:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    with layout.log.open("rb") as log:
        log.seek(beginning)
        words = log.read().decode(errors="replace").strip().splitlines()
    said = [index for index, line in enumerate(words) if line.startswith("error: ")]
    cause = words[said[-1]].removeprefix("error: ") if said else (words[-1] if words else "it said nothing")
    details = [line.strip().partition(": ") for line in words[said[-1] + 1 :]] if said else []
    told = {name: value.strip() for name, _, value in details}
    return WorkspaceProcessError(
        f"the workspace {layout.name!r} did not start: {cause}",
        where=told.get("where", str(layout.log)),
        next=told.get("next", "read the log; `brickyard workspace reset` starts afresh and deletes what it holds"),
    )


def _process_tree(pid: int) -> list[int]:
    import psutil

    try:
        server = psutil.Process(pid)
        return [pid, *(child.pid for child in server.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def _end(pids: list[int], layout: Layout) -> None:
    """Wait for the processes to end; kill what is left when the time is up."""
    import psutil

    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(processes, timeout=_STOP_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _, alive = psutil.wait_procs(alive, timeout=_STOP_SECONDS)
    if alive:
        left = ", ".join(str(process.pid) for process in alive)
        raise WorkspaceProcessError(f"processes of {layout.name!r} would not end: {left}", where=str(layout.root))


def _write_profile(layout: Layout) -> None:
    current = status(layout.name)
    profiles = _read_profiles()
    profiles[layout.name] = {"host": current.url or "", "token": current.token or ""}
    _save_profiles(profiles)


def _remove_profile(name: str) -> None:
    profiles = _read_profiles()
    if profiles.remove_section(name):
        _save_profiles(profiles)


def _read_profiles() -> configparser.ConfigParser:
    profiles = configparser.ConfigParser()
    profiles.read(profiles_file())
    return profiles


def _save_profiles(profiles: configparser.ConfigParser) -> None:
    text = io.StringIO()
    profiles.write(text)
    Layout(home()).write_private(profiles_file(), text.getvalue())
