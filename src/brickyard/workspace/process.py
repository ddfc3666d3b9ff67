"""Starting, stopping and looking at the processes of local workspaces."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from brickyard.errors import BrickyardError, WorkspaceProcessError
from brickyard.workspace import data_directory, launch, process_tree, profiles
from brickyard.workspace.layout import Layout, Settings, layout_of, layouts
from brickyard.workspace.start_options import StartOptions

__all__ = [
    "Status",
    "existing",
    "listing",
    "log_lines",
    "recovered",
    "reset",
    "restart",
    "start",
    "started",
    "status",
    "stop",
    "trust",
]

_NOTHING = StartOptions()


@dataclass(frozen=True)
class Status:
    """A workspace as it is now.

    Attributes:
        name: The workspace's name.
        state: `running`, `stopped`, the command that has it to itself, such as `backup`, or, in a list, `damaged`.
        url: Where it listens; none before its first start.
        pid: The server's process; none where it is stopped.
        root: Its directory.
        data: Where tables, volumes and files are.
        token: The owner's token; none before its first start.
        database: The PostgreSQL database, without its password; none where it is a file of SQLite.
        tls: Whether it speaks TLS.
        address: The address that it listens on.
        hostnames: The names by which clients may call it, beside this machine's own.
    """

    name: str
    state: str
    url: str | None
    pid: int | None
    root: Path
    data: Path
    token: str | None = field(repr=False)
    database: str | None
    tls: bool
    address: str
    hostnames: tuple[str, ...]

    def wire(self) -> dict[str, Any]:
        """The status as JSON has it; without the token."""
        plain = asdict(self) | {"root": str(self.root), "data": str(self.data), "hostnames": list(self.hostnames)}
        return {name: one for name, one in plain.items() if name != "token"}


def start(name: str, options: StartOptions = _NOTHING) -> Status:
    """Start a workspace and wait until it answers; does nothing where it runs already.

    Args:
        name: The workspace's name.
        options: Which settings change.

    Raises:
        UsageError: An option cannot work.
        WorkspaceProcessError: It did not start; the message carries the server's own words.
    """
    layout, changes = layout_of(name), options.changes()
    if _is_running(layout) and launch.wait_until_ready(layout, None):
        return _running(layout, options)
    recovered(layout).create()
    with launch.log_of(layout) as log:
        beginning = log.tell()
        process = launch.spawn(layout, log)
    launch.tell(process, changes)
    if launch.wait_until_ready(layout, process):
        return started(layout)
    failed = launch.not_started(layout, process, beginning)
    if layout.holder() == "server" and launch.wait_until_ready(layout, None):  # another start came first
        return _running(layout, options)
    raise failed


def stop(name: str) -> Status:
    """Stop a workspace and everything it runs; does nothing where it is stopped.

    Raises:
        WorkspaceProcessError: There is no such workspace, another command uses it, or a process would not end.
    """
    _end(existing(name))
    return status(name)


def _end(layout: Layout) -> None:
    if _is_running(layout):
        launch.wait_until_ready(layout, None)  # a server that has just begun has not written itself down
        record = layout.read_process()
        if record is not None and _is_running(layout):
            process_tree.end(record.pid, layout.name)
        elif _is_running(layout):
            raise WorkspaceProcessError(
                f"the workspace {layout.name!r} is starting, and does not say by which process",
                where=str(layout.log),
                next="read the log",
            )


def restart(name: str) -> Status:
    """Stop a workspace, and start it as it was started before.

    Raises:
        WorkspaceProcessError: There is no such workspace, or it does not stop or start.
    """
    stop(name)
    return start(name)


def status(name: str) -> Status:
    """How a workspace is now.

    Raises:
        WorkspaceProcessError: There is no such workspace.
    """
    layout = existing(name)
    holder = layout.holder()
    record = layout.read_process() if holder == "server" else None
    settings = layout.read_settings()
    return Status(
        name=name,
        state={"server": "running", None: "stopped"}.get(holder, holder or "stopped"),
        url=record.public_url if record else _last_url(settings),
        pid=record.pid if record else None,
        root=layout.root,
        data=layout.data(settings),
        token=layout.read_token(),
        database=_shown(settings.database_url),
        tls=settings.tls,
        address=settings.address,
        hostnames=settings.hostnames,
    )


def listing() -> list[Status]:
    """All workspaces under `BRICKYARD_HOME`; of one whose files cannot be read, `status` says why."""
    return [_status_or_damaged(layout) for layout in layouts()]


def _status_or_damaged(layout: Layout) -> Status:
    try:
        return status(layout.name)
    except (BrickyardError, OSError):
        plain = Settings()
        return Status(
            name=layout.name,
            state="damaged",
            url=None,
            pid=None,
            root=layout.root,
            data=layout.data(plain),
            token=None,
            database=None,
            tls=plain.tls,
            address=plain.address,
            hostnames=plain.hostnames,
        )


def reset(name: str) -> None:
    """Stop a workspace and delete everything it holds, in its database and its data directory too.

    Raises:
        WorkspaceProcessError: There is no such workspace, or its database cannot be reached.
    """
    layout = existing(name)
    _end(layout)
    try:
        settings = layout.read_settings()
    except WorkspaceProcessError:  # they are damaged, and what they say is lost
        settings = Settings()
    with layout.held("reset"):
        _erase_database(layout, settings)
        data_directory.clear(layout, settings)
        try:
            shutil.rmtree(layout.root)
        except OSError as error:
            raise WorkspaceProcessError(
                f"the workspace cannot be deleted: {error.strerror}",
                where=str(layout.root / (error.filename or "")),
                next="give access, and do it again",
            ) from error
    profiles.remove(profiles.own_file(), name)


def log_lines(name: str, count: int, *, follow: bool = False) -> Iterator[str]:
    """The last lines of a workspace's log and, on request, what is added to it until the workspace is deleted."""
    layout = existing(name)
    if not layout.log.exists():
        return
    with layout.log.open(errors="replace") as log:
        yield from deque(log, maxlen=count)
        while follow and layout.log.exists():
            line = log.readline()
            if line:
                yield line
            else:
                time.sleep(0.2)


def trust(name: str) -> dict[str, str]:
    """The variables with which clients trust a workspace's certificate; none where it speaks plain HTTP."""
    layout = existing(name)
    if not layout.read_settings().tls:
        return {}
    from brickyard.workspace import tls

    return tls.environment(layout)


def existing(name: str) -> Layout:
    """The layout of a workspace that there is.

    Raises:
        WorkspaceProcessError: There is none of that name.
    """
    layout = recovered(layout_of(name))
    if not layout.root.is_dir():
        raise WorkspaceProcessError(
            f"there is no workspace {name!r}",
            where=str(layout.root.parent),
            next=f"`brickyard workspace start {name}` makes it, `brickyard workspace list` shows what there is",
        )
    return layout


def recovered(layout: Layout) -> Layout:
    """The layout, with what was there before a restore that was killed between its last two steps."""
    if not layout.root.exists() and layout.replaced.exists():
        layout.replaced.rename(layout.root)
    return layout


def _is_running(layout: Layout) -> bool:
    """Whether a server has the workspace.

    Raises:
        WorkspaceProcessError: A command has it.
    """
    holder = layout.holder()
    if holder not in ("server", None):
        raise layout.busy()
    return holder is not None


def _running(layout: Layout, options: StartOptions) -> Status:
    """A workspace that runs already, unless it was to run in another way."""
    differ = options.differ(layout.read_settings())
    if differ:
        raise WorkspaceProcessError(
            f"the workspace {layout.name!r} is running with another {', '.join(differ)}",
            where=str(layout.root),
            next=f"`brickyard workspace stop {layout.name}` first",
        )
    return status(layout.name)


def started(layout: Layout) -> Status:
    """The status of a workspace that has just begun to answer; its profile is written."""
    current = status(layout.name)
    profiles.write(profiles.own_file(), layout.name, current.url or "", current.token or "")
    return current


def _last_url(settings: Settings) -> str | None:
    if settings.url is not None:
        return settings.url
    return f"http://127.0.0.1:{settings.port}" if settings.port else None


def _shown(address: str | None) -> str | None:
    if address is None:
        return None
    from brickyard.workspace.store.database_url import parsed, shown

    return shown(parsed(address))


def _erase_database(layout: Layout, settings: Settings) -> None:
    if not settings.database_url:
        return
    from brickyard.workspace.store import Owner, Store

    try:
        Store(settings.database_url, Owner(layout.name, settings.workspace_id, new=False)).erase()
    except WorkspaceProcessError as error:
        by_hand = f"or delete the directory {layout.root}, which leaves what the database holds"
        raise WorkspaceProcessError(error.message, where=error.where, next=f"{error.next}; {by_hand}") from error
