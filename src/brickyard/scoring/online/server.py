"""Serving a model on a socket until a signal ends it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from brickyard.errors import UsageError
from brickyard.scoring.online.limits import Limits
from brickyard.scoring.online.worker import Worker, settle_process

if TYPE_CHECKING:
    from brickyard.scoring.model import ScoringModel

__all__ = ["listen", "serve"]


def listen(host: str, port: int, *, sockets: int = 1) -> list[socket.socket]:
    """Take a port, by one socket for each worker, among which the system shares connections out.

    Raises:
        UsageError: If another program has the port, or the host is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listeners: list[socket.socket] = []
    try:
        for number in range(sockets):
            listener = socket.socket(family, socket.SOCK_STREAM)
            listeners.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if number:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind((host, port))
            port = listener.getsockname()[1]
            if sockets > 1 and not number:  # only now, so that a port of another program is found to be taken
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        for listener in listeners:
            listener.listen(1024)
    except OSError as error:
        for listener in listeners:
            listener.close()
        taken = error.errno == errno.EADDRINUSE
        raise UsageError(
            f"port {port} is taken by another program" if taken else f"cannot listen: {error.strerror or error}",
            where=f"{host}:{port}",
            next="choose another port with --port, or end the program that has it" if taken else None,
        ) from error
    return listeners


def serve(
    model: ScoringModel,
    listener: socket.socket,
    *,
    limits: Limits | None = None,
    on_ready: Callable[[], None] | None = None,
) -> None:
    """Serve a model on a listening socket until SIGTERM or SIGINT; requests in flight are answered first.

    Args:
        model: The model.
        listener: A socket that listens.
        limits: What it takes on.
        on_ready: Called once requests are answered.
    """
    settle_process()
    Worker(model, limits).run(listener, on_ready)
