"""The process of one workspace: `python -m brickyard.workspace.server --root DIRECTORY`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import json
import logging
import os
import secrets
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from brickyard import sdk
from brickyard.errors import BrickyardError
from brickyard.workspace import data_directory, listening, tunnel
from brickyard.workspace.api.errors import Unauthenticated
from brickyard.workspace.app import App
from brickyard.workspace.layout import Layout, ProcessRecord, Settings
from brickyard.workspace.store import Owner, Store
from brickyard.workspace.workspace import Workspace

__all__ = ["main"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Place:
    """Where the server listens, and with which certificate."""

    listener: socket.socket
    addresses: listening.Addresses
    context: ssl.SSLContext | None


def main(arguments: list[str] | None = None) -> int:
    """Run the workspace until it is told to stop; the exit code says whether it could start."""
    parser = argparse.ArgumentParser(prog="brickyard.workspace.server", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the workspace's directory")
    parser.add_argument(
        "--settings",
        choices=["-"],
        help="read settings from standard input, a line of JSON; kept for the next start",
    )
    parser.add_argument("--while-read", action="store_true", help="end when standard input does")
    options = parser.parse_args(arguments)
    changes = json.loads(sys.stdin.readline() or "{}") if options.settings else {}
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if options.while_read:
        threading.Thread(target=_end_with_input, name="input", daemon=True).start()
    try:
        _serve(Layout(options.root.resolve()), changes)
    except BrickyardError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except OSError as error:
        where = error.filename or options.root
        sys.stderr.write(f"error: {error.strerror}\n  where: {where}\n  next:  make room or give access\n")
        return BrickyardError.exit_code
    return 0


def _end_with_input() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        continue
    os.kill(os.getpid(), signal.SIGTERM)


def _serve(layout: Layout, changes: Mapping[str, Any]) -> None:
    sdk.install()
    _reuse_memory()
    layout.create()
    with layout.held("server"):
        layout.process.unlink(missing_ok=True)  # of a server that was killed
        before = layout.read_settings()
        wanted = _wanted(before, changes)
        data_directory.check(layout, before, wanted)
        with _open(layout, wanted) as place:
            _run_at(layout, before, replace(wanted, port=place.listener.getsockname()[1]), place)


def _wanted(before: Settings, changes: Mapping[str, Any]) -> Settings:
    """The settings of this start; the id stays the same from start to start."""
    given: dict[str, Any] = {**changes, "hostnames": tuple(changes.get("hostnames", before.hostnames))}
    wanted = replace(before, **given)
    if changes.get("address", before.address) != before.address and "insecure" not in changes:
        wanted = replace(wanted, insecure=False)  # it was asked for at another address
    workspace_id = before.workspace_id or secrets.randbelow(9 * 10**15) + 10**15
    return listening.check(replace(wanted, workspace_id=workspace_id))


@contextlib.contextmanager
def _open(layout: Layout, settings: Settings) -> Iterator[_Place]:
    """Listen, with a certificate where the workspace speaks TLS."""
    with listening.listen(layout, settings) as listener:
        port = listener.getsockname()[1]
        if not settings.tls:
            yield _Place(listener, listening.addresses(settings, port, None), None)
            return
        from brickyard.workspace import tls

        identity = tls.identity_of(layout, settings)
        addresses, context = listening.addresses(settings, port, identity), tls.server_context(identity)
        if settings.tls_certificate:
            tls.check_accepted(layout, identity, context, urlsplit(addresses.url).hostname or "")
        tls.keep_fresh(layout, settings, context)
        os.environ.update(tls.environment(layout))  # tasks inherit it
        yield _Place(listener, addresses, context)


def _run_at(layout: Layout, before: Settings, settings: Settings, place: _Place) -> None:
    if settings.workspace_id != before.workspace_id:  # a database that takes it must find it again
        layout.write_settings(replace(before, workspace_id=settings.workspace_id))
    owner = Owner(layout.name, settings.workspace_id, new=not layout.token.exists())
    store = Store(settings.database_url or layout.database, owner)
    data_directory.claim(layout, settings)
    layout.write_settings(replace(settings, url=place.addresses.public_url))
    workspace = Workspace(
        name=layout.name,
        root=layout.root,
        data=layout.data(settings),
        url=place.addresses.public_url,
        local_url=place.addresses.url,
        hosts=place.addresses.hosts,
        workspace_id=settings.workspace_id,
        store=store,
        engine=settings.engine,
    )
    try:
        _owner_token(layout, workspace)
        with asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(_run(layout, workspace, place))
    finally:
        layout.process.unlink(missing_ok=True)
        workspace.close()


def _reuse_memory() -> None:
    """Have glibc give the buffers of requests out again, instead of asking the system for new pages each time.

    A quarter faster with large uploads; other C libraries have nothing to be told. Source: mallopt(3).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        trim_threshold, mmap_threshold = -1, -3
        mallopt(trim_threshold, 64 * 2**20)
        mallopt(mmap_threshold, 32 * 2**20)


def _loop() -> asyncio.AbstractEventLoop:
    """The fastest loop there is; on Windows, Python's own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def _run(layout: Layout, workspace: Workspace, place: _Place) -> None:
    config = uvicorn.Config(
        App(workspace),
        http=tunnel.protocol(workspace),
        access_log=False,
        lifespan="off",
        ws="none",
        log_config=None,
        proxy_headers=False,  # who calls is who is connected; a header could say anything in the audit record
        timeout_graceful_shutdown=5,
        timeout_keep_alive=75,
    )
    config.load()
    config.ssl = place.context
    server = uvicorn.Server(config)
    layout.write_process(ProcessRecord(os.getpid(), workspace.local_url, workspace.url))
    threading.Thread(target=workspace.recover, name="recover", daemon=True).start()
    await server.serve(sockets=[place.listener])


def _owner_token(layout: Layout, workspace: Workspace) -> None:
    """Make the owner's token where there is none that is accepted; its file is readable by the owner only."""
    if layout.token.exists():
        layout.token.open("rb").close()  # one that may only not be read is not replaced
    if _is_accepted(layout.read_token(), workspace):
        return
    value, _ = workspace.identity.create_token(workspace.identity.owner, "created with the workspace")
    layout.write_private(layout.token, value + "\n")
    _log.info("wrote the owner's token")


def _is_accepted(token: str | None, workspace: Workspace) -> bool:
    try:
        return token is not None and workspace.identity.tokens.check(token) > 0
    except Unauthenticated:
        return False


if __name__ == "__main__":
    sys.exit(main())
