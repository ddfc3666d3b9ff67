"""The process of one workspace: `python -m brickyard.workspace.server --root DIRECTORY`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import logging
import os
import secrets
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import uvicorn

from brickyard import sdk
from brickyard.errors import BrickyardError, WorkspaceProcessError
from brickyard.workspace.app import App
from brickyard.workspace.layout import Layout, Settings
from brickyard.workspace.store import Owner, Store
from brickyard.workspace.workspace import Workspace

__all__ = ["main"]

_log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Run the workspace until it is told to stop; the exit code says whether it could start."""
    parser = argparse.ArgumentParser(prog="brickyard.workspace.server", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the workspace's directory")
    parser.add_argument("--port", type=int, help="the port to listen on; kept for the next start")
    parser.add_argument(
        "--database-url", choices=["-"], help="read the database's address from standard input; kept for the next start"
    )
    options = parser.parse_args(arguments)
    database_url = sys.stdin.readline().strip() if options.database_url else None
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        _serve(Layout(options.root.resolve()), options.port, database_url)
    except BrickyardError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


def _serve(layout: Layout, port: int | None, database_url: str | None) -> None:
    sdk.install()
    layout.create()
    with _only_one(layout), _listen(layout, port) as listener:
        settings = _settings(layout, listener.getsockname()[1])
        store = _store(layout, settings, database_url)
        workspace = Workspace(
            name=layout.name,
            root=layout.root,
            url=f"http://127.0.0.1:{settings.port}",
            workspace_id=settings.workspace_id,
            store=store,
        )
        _owner_token(layout, workspace)
        try:
            asyncio.run(_run(layout, workspace, listener))
        finally:
            layout.process.unlink(missing_ok=True)
            workspace.close()


async def _run(layout: Layout, workspace: Workspace, listener: socket.socket) -> None:
    config = uvicorn.Config(
        App(workspace),
        access_log=False,
        lifespan="off",
        ws="none",
        log_config=None,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=75,
    )
    server = uvicorn.Server(config)
    layout.write_process(os.getpid(), workspace.url)
    threading.Thread(target=workspace.recover, name="recover", daemon=True).start()
    await server.serve(sockets=[listener])


@contextlib.contextmanager
def _only_one(layout: Layout) -> Iterator[None]:
    """Hold the workspace's lock; the system releases it however the process ends."""
    with layout.lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WorkspaceProcessError(
                f"the workspace {layout.name!r} is already running",
                where=str(layout.root),
                next=f"`brickyard workspace status {layout.name}` shows it",
            ) from error
        yield


@contextlib.contextmanager
def _listen(layout: Layout, port: int | None) -> Iterator[socket.socket]:
    wanted = port if port is not None else layout.read_settings().port
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited; else answers wait 40 ms for an ACK
    with listener:
        try:
            listener.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise WorkspaceProcessError(
                f"port {wanted} cannot be used: {error.strerror}",
                where=f"workspace {layout.name!r}",
                next=f"stop what listens there, or choose another: `brickyard workspace start {layout.name} --port N`",
            ) from error
        listener.listen(1024)
        yield listener


def _settings(layout: Layout, port: int) -> Settings:
    """The settings of this start; the port and the id stay the same from start to start."""
    settings = layout.read_settings()
    workspace_id = settings.workspace_id or secrets.randbelow(9 * 10**15) + 10**15
    settings = replace(settings, port=port, workspace_id=workspace_id)
    layout.write_settings(settings)
    return settings


def _store(layout: Layout, settings: Settings, database_url: str | None) -> Store:
    """The database: another address is kept once it has opened, and only a new workspace may begin an empty one."""
    owner = Owner(layout.name, settings.workspace_id, new=not layout.token.exists())
    url = database_url or settings.database_url
    store = Store(url or layout.database, owner)
    if url != settings.database_url:
        layout.write_settings(replace(settings, database_url=url))
    return store


def _owner_token(layout: Layout, workspace: Workspace) -> None:
    """Make the owner's token where there is none that is accepted; its file is readable by the owner only."""
    if layout.token.exists():
        return
    value, _ = workspace.identity.create_token(workspace.identity.owner, "created with the workspace")
    layout.write_private(layout.token, value + "\n")
    _log.info("wrote the owner's token")


if __name__ == "__main__":
    sys.exit(main())
