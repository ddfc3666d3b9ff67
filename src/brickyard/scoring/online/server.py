"""Serving a model on a socket until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import uvicorn

from brickyard.errors import UsageError
from brickyard.scoring.online.app import ScoringApp

if TYPE_CHECKING:
    from brickyard.scoring.model import ScoringModel

__all__ = ["listen", "serve"]

# How long requests in flight may take after a signal to stop, in seconds.
_GRACE_SECONDS = 30


def listen(host: str, port: int) -> socket.socket:
    """Take a port.

    Raises:
        UsageError: If another program has the port, or the host is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        raise UsageError(
            f"port {port} is taken by another program" if taken else f"cannot listen: {error.strerror or error}",
            where=f"{host}:{port}",
            next="choose another port with --port, or end the program that has it" if taken else None,
        ) from error
    return listener


def serve(model: ScoringModel, listener: socket.socket, *, on_ready: Callable[[], None] | None = None) -> None:
    """Serve a model on a listening socket until SIGTERM or SIGINT; requests in flight are answered first.

    Args:
        model: The model.
        listener: A socket that listens.
        on_ready: Called once requests are answered.
    """
    # What was loaded stays: the collector need not look at it again during requests.
    gc.collect()
    gc.freeze()
    os.environ["_MLFLOW_IS_IN_SERVING_ENVIRONMENT"] = "true"
    config = uvicorn.Config(
        ScoringApp(model),
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    _Server(config, on_ready).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Uvicorn, ending with success on a signal and telling when it is ready."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets=sockets)
        if self.started and self._on_ready:
            self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal without raising it again afterwards, so that a stop that was asked for exits with 0."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield
