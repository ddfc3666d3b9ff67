"""A workspace that runs in a terminal, or under whatever looks after services."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator

from brickyard.errors import WorkspaceProcessError
from brickyard.workspace import launch, process, process_tree
from brickyard.workspace.layout import layout_of
from brickyard.workspace.start_options import StartOptions

__all__ = ["run_in_foreground"]


def run_in_foreground(name: str, options: StartOptions, ready: Callable[[process.Status], None]) -> None:
    """Run a workspace until this process is told to end, which ends everything that the workspace runs.

    Args:
        name: The workspace's name.
        options: Which settings change.
        ready: Called once it answers.

    Raises:
        UsageError: An option cannot work.
        WorkspaceProcessError: It did not start, runs already, or ended by itself.
    """
    layout, changes = layout_of(name), options.changes()
    if layout.holder() is not None:
        raise layout.busy()
    process.recovered(layout).create()
    server = launch.spawn(layout, None, "--while-read")  # should this process be killed, the server ends with it
    answered = False
    try:
        with _told_to_end():
            launch.tell(server, changes, more=True)
            answered = launch.wait_until_ready(layout, server)
            if answered:
                ready(process.started(layout))
                server.wait()
    except _ToldToEnd:
        process_tree.end(server.pid, name)
        return
    finally:
        if server.poll() is None:
            process_tree.end(server.pid, name)
    code = server.wait()
    if code != 0:
        raise WorkspaceProcessError(
            f"the workspace {name!r} {'ended by itself' if answered else 'did not start'} (exit code {code})",
            where=str(layout.root),
            next="the reason is in what it printed above",
        )


class _ToldToEnd(BaseException):
    """This process was asked to end."""


@contextlib.contextmanager
def _told_to_end() -> Iterator[None]:
    """Turn SIGTERM, SIGHUP and Ctrl-C into an exception."""

    def end(number: int, frame: object) -> None:
        for one in signals:
            signal.signal(one, signal.SIG_IGN)  # once is enough: what follows is the end
        raise _ToldToEnd

    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, end) for number in signals}
    try:
        yield
    except _ToldToEnd:
        raise
    else:
        for number, handler in before.items():
            signal.signal(number, handler)
