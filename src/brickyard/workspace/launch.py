"""Launching the process of a server, and waiting until it answers."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from typing import IO, Any

from brickyard.errors import BrickyardError, UsageError, WorkspaceProcessError
from brickyard.workspace import local_api
from brickyard.workspace.layout import Layout
from brickyard.workspace.start_options import DATABASE_URL

__all__ = ["log_of", "not_started", "spawn", "tell", "wait_until_ready"]

_START_SECONDS = 60


def spawn(layout: Layout, log: IO[bytes] | None, *arguments: str) -> subprocess.Popen[bytes]:
    """Begin a server, which waits for its settings; see `tell`.

    Args:
        layout: The workspace's files.
        log: What it prints into; this process's own output where it is nothing.
        arguments: Further arguments, which everybody on this machine can read.
    """
    command = [sys.executable, "-m", "brickyard.workspace.server", "--root", str(layout.root), "--settings", "-"]
    environ = {name: value for name, value in os.environ.items() if name != DATABASE_URL}
    return subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        start_new_session=True,  # Ctrl-C in this terminal is not for the processes of tasks
        cwd=layout.root,
        env=environ,
    )


def log_of(layout: Layout) -> IO[bytes]:
    """The log, to be added to.

    Raises:
        WorkspaceProcessError: The disk is full, or the file not writable.
    """
    try:
        return os.fdopen(os.open(layout.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
    except OSError as error:
        raise WorkspaceProcessError(
            f"the log cannot be written: {error.strerror}", where=str(layout.log), next="make room or give access"
        ) from error


def tell(process: subprocess.Popen[bytes], changes: dict[str, Any], *, more: bool = False) -> None:
    """Give the server the settings that change; its input stays open where there is to be more."""
    if process.stdin is None:
        raise TypeError("the server was started without an input")
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(f"{json.dumps(changes)}\n".encode())
        process.stdin.flush()
        if not more:
            process.stdin.close()


def wait_until_ready(layout: Layout, process: subprocess.Popen[bytes] | None) -> bool:
    """Wait until a server answers; false where it ended, or took too long.

    Args:
        layout: The workspace's files.
        process: The server; without it, whichever has the workspace.
    """
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        record = layout.read_process()
        is_its = record is not None and (process is None or record.pid == process.pid)  # not one of before
        if record is not None and is_its and local_api.answers(layout, record):
            return True
        if process.poll() is not None if process is not None else layout.holder() is None:
            return False
        time.sleep(0.005)
    return False


def not_started(layout: Layout, process: subprocess.Popen[bytes], beginning: int) -> BrickyardError:
    """Why a server did not start, in its own words.

    Args:
        layout: The workspace's files.
        process: The server; it is killed should it still live.
        beginning: Where its words begin in the log.
    """
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    code = process.wait()
    with layout.log.open("rb") as log:
        log.seek(beginning)
        words = log.read().decode(errors="replace").strip().splitlines()
    if not words:
        _check_room(layout)
    said = [index for index, line in enumerate(words) if line.startswith("error: ")]
    cause = words[said[-1]].removeprefix("error: ") if said else (words[-1] if words else "it said nothing")
    details = [line.strip().partition(": ") for line in words[said[-1] + 1 :]] if said else []
    told = {name: value.strip() for name, _, value in details}
    kind = UsageError if code == UsageError.exit_code and said else WorkspaceProcessError
    return kind(
        f"the workspace {layout.name!r} did not start: {cause}",
        where=told.get("where", str(layout.log)),
        next=told.get("next", f"`brickyard workspace logs {layout.name}` shows what it said before"),
    )


def _check_room(layout: Layout) -> None:
    """Where a server could not even say what is wrong, the disk may be full.

    Raises:
        WorkspaceProcessError: Nothing can be written.
    """
    probe = layout.root / ".room"
    layout.write_private(probe, " " * 4096)
    probe.unlink()
