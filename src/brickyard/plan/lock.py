"""One deployment at a time: a lock file that only one can create."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from brickyard.errors import ConnectionFailed, DeploymentError
from brickyard.plan.connect import calling
from brickyard.plan.remote_files import RemoteFiles

__all__ = ["Holder", "locked"]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock.

    Args:
        id: Unlike any other holder's.
        user: The user who is signed in to the workspace.
        host: The machine's name.
        machine: Tells machines, and containers on one machine, apart; changes when the machine restarts.
        pid: The process.
        started: When the process started, in clock ticks since the machine did; tells a reused pid apart.
        time: When the lock was taken, in ISO 8601.
        command: What it does.
    """

    id: str
    user: str
    host: str
    machine: str
    pid: int
    started: str
    time: str
    command: str

    @classmethod
    def here(cls, user: str, command: str) -> Holder:
        """This process."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        host, pid = socket.gethostname(), os.getpid()
        return cls(str(uuid.uuid4()), user or getpass.getuser(), host, _machine(), pid, _started(pid), now, command)

    def is_dead(self) -> bool:
        """Whether it is certain that the process ended: it ran on this machine and is not there any more."""
        if self.host != socket.gethostname() or self.machine != _machine():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return _started(self.pid) != self.started

    def __str__(self) -> str:
        return f"{self.user} ({self.command}, process {self.pid} on {self.host}, since {self.time})"


@contextlib.contextmanager
def locked(
    files: RemoteFiles,
    state_path: str,
    holder: Holder,
    *,
    force: bool = False,
    notice: Callable[[str], None],
) -> Iterator[None]:
    """Hold the deployment's lock.

    Args:
        files: The workspace's files.
        state_path: Where the lock file is.
        holder: Who we are.
        force: Take the lock from whoever holds it.
        notice: Is told when another's lock is taken over.

    Raises:
        DeploymentError: Another holds the lock.
    """
    path = f"{state_path}/deploy.lock"
    with calling("take the deployment's lock", path):
        if not _create(files, path, holder):
            _take_over(files, path, holder, force, notice)
    try:
        yield
    except ConnectionFailed:
        # The lock cannot be reached either; whoever deploys next sees that this process has ended.
        raise
    except BaseException:
        _release(files, path, holder)
        raise
    _release(files, path, holder)


def _release(files: RemoteFiles, path: str, holder: Holder) -> None:
    with calling("release the deployment's lock", path):
        found = _read(files, path)
        if found is not None and found.id == holder.id:
            files.delete(path)


def _create(files: RemoteFiles, path: str, holder: Holder) -> bool:
    from databricks.sdk.errors.platform import ResourceConflict

    try:
        files.write(path, json.dumps(asdict(holder)).encode(), overwrite=False)
    except ResourceConflict:
        # The SDK repeats a call whose answer was lost: then the lock is already ours.
        found = _read(files, path)
        return found is not None and found.id == holder.id
    return True


def _take_over(files: RemoteFiles, path: str, holder: Holder, force: bool, notice: Callable[[str], None]) -> None:
    found = _read(files, path)
    if found is not None and not force and not found.is_dead():
        raise _held(path, found)
    # Of several that find the same dead holder one deletes its lock: a second would delete the lock of the first.
    claim = f"{path}.claim"
    other = None if _create(files, claim, holder) else _read(files, claim)
    if other is not None and not force and not other.is_dead():
        raise _held(path, other)
    try:
        again = _read(files, path)
        if found is not None and again is not None and again.id == found.id:
            why = "it was taken by force" if force else "its process has ended"
            notice(f"the lock of {found} is taken over: {why}")
            files.delete(path)
        if not _create(files, path, holder):
            raise _held(path, _read(files, path))
    finally:
        files.delete(claim)


def _held(path: str, found: Holder | None) -> DeploymentError:
    who = str(found) if found else "another deployment"
    return DeploymentError(
        f"the deployment is locked by {who}",
        where=path,
        next="wait until it is done, or take the lock with --force-lock if you know that it has ended",
    )


def _read(files: RemoteFiles, path: str) -> Holder | None:
    content = files.read(path)
    if content is None:
        return None
    try:
        return Holder(**json.loads(content))
    except (ValueError, TypeError):
        return Holder("", "somebody", "an unknown machine", "", 0, "", "an unknown time", "an unknown tool")


def _machine() -> str:
    """Names the running machine and its process namespace; empty where the system does not say."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    return ""


def _started(pid: int) -> str:
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return ""
