"""What ends by itself: sessions that nobody uses, and the engine of everybody when it has none."""

from __future__ import annotations

import contextlib
import os
import threading

from brickyard.workspace.compute.channel import Channel
from brickyard.workspace.compute.gateway import Gateway

__all__ = ["report", "watch"]

_LOOK_SECONDS = 30.0
_REPORT_SECONDS = 5.0


def watch(gateway: Gateway, session_seconds: float, engine_seconds: float) -> None:
    """Look after idle sessions on a thread; the process ends when there has been none for long enough."""
    limits = [seconds for seconds in (session_seconds, engine_seconds) if seconds > 0]
    if not limits:
        return
    pause, never = min(_LOOK_SECONDS, min(limits) / 4), threading.Event()

    def look() -> None:
        while not never.wait(pause):
            if session_seconds > 0:
                gateway.end_idle(session_seconds)
            if engine_seconds > 0 and gateway.sessions.empty_for() >= engine_seconds:
                gateway.stop()
                os._exit(0)

    threading.Thread(target=look, name="idle", daemon=True).start()


def report(gateway: Gateway, channel: Channel) -> None:
    """Tell the workspace every few seconds how long ago something was done for a client, if that is news."""
    never = threading.Event()

    def look() -> None:
        while not never.wait(_REPORT_SECONDS):
            ago = gateway.sessions.unused_for()
            if ago <= _REPORT_SECONDS:
                with contextlib.suppress(OSError):  # the workspace has gone, and this process is about to
                    channel.send({"said": {"used": ago}})

    threading.Thread(target=look, name="report", daemon=True).start()
