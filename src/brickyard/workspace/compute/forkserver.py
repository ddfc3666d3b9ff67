"""The fork server: one preloaded process from which every task is forked, so that none waits for imports.

`python -m brickyard.workspace.compute.forkserver FD FD` talks over two inherited sockets. The first generation
loads what Spark needs, serves on the first, and loads what every task needs while nobody asks for anything. Before
tasks are expected, it is asked to fork a second one, which loads the rest (mlflow, the whole SDK) and serves on the
other. Spark alone does without it. No generation has threads or open channels, so that forking is safe.

Every worker adopts the orphans among its descendants, and the fork server adopts those of a worker that ended: its
children are the ones it forked and leftovers, which it kills. When the server's end of the socket closes, all of
it ends.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from brickyard.workspace.compute import interpreters, preload, worker
from brickyard.workspace.compute.channel import Channel, Message
from brickyard.workspace.compute.children import Child, OutputPipe
from brickyard.workspace.compute.processes import adopt_orphans, die_with_parent, end_orphans, kill_group, signal_group
from brickyard.workspace.ending import end_with

__all__ = ["ForkServer", "finish", "main"]

_GRACE_SECONDS = 2.0
Become = Callable[[], int]


class ForkServer:
    """Serves one socket until it closes, or until this process has become a child of itself.

    Args:
        server: The conversation with the workspace's server.
        next_server: That of the next generation.
        unloaded: The modules that tasks need and that are not loaded yet.
    """

    def __init__(self, server: Channel, next_server: Channel | None = None, unloaded: Sequence[str] = ()) -> None:
        self._unloaded = list(unloaded)
        self._server = server
        self._next_server = next_server
        self._children: dict[int, Child] = {}
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._waker = socket.socketpair()
        self._become: Become | None = None
        self._ended = False

    def serve(self, generation: int) -> Become | None:
        """Answer requests; returns what a forked child has to do, and nothing where the server has gone."""
        self._listen()
        with contextlib.suppress(BrokenPipeError):  # it has gone already, which is noticed below
            self._server.send({"event": "ready", "generation": generation})
        while self._become is None and not self._ended:
            events = self._selector.select(0 if self._unloaded else self._pause())
            for key, _ in events:
                if self._become is None and not self._ended:
                    key.data()
            if not events:
                self._load(1)
            if self._become is None:
                self._kill_overdue()
        if self._become is None:
            self._end_everything()
        return self._become

    def _listen(self) -> None:
        for end in (self._wakeup, self._waker):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, _noticed)
        signal.signal(signal.SIGTERM, _noticed)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._wakeup, selectors.EVENT_READ, self._signalled)
        self._selector.register(self._server, selectors.EVENT_READ, self._asked)

    def _pause(self) -> float | None:
        times = [child.kill_at for child in self._children.values() if child.kill_at is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _load(self, count: int | None = None) -> None:
        """Load so many of the modules that tasks need, or all."""
        if self._unloaded:
            preload.load(self._unloaded[:count])
            del self._unloaded[:count]

    def _signalled(self) -> None:
        numbers = self._wakeup.recv(4096)
        self._ended = self._ended or signal.SIGTERM in numbers
        self._reap()

    def _asked(self) -> None:
        try:
            messages = self._server.receive()
        except EOFError:
            self._ended = True
            return
        for message in messages:
            if self._become is not None:
                return
            if message["do"] == "spawn":
                self._start_worker(message, None)
            elif message["do"] == "engine":
                self._start_engine(message, None)
            elif message["do"] == "generation":
                self._start_generation()
            elif message["do"] == "tell":
                self._tell(message, None)
            elif message["do"] == "kill":
                self._kill(message["id"], None, now=message["now"])

    def _start_generation(self) -> None:
        """Fork the second generation; what is asked for meanwhile is done by this one."""
        channel, self._next_server = self._next_server, None
        if channel is None:
            return
        try:
            parent, pid = os.getpid(), _fork()
        except OSError as error:  # there is no memory for it: this one goes on
            self._next_server = channel
            sys.stderr.write(f"the second generation of the fork server could not be started: {error}\n")
            return
        if pid == 0:
            self._leave(parent, own_group=False)
            self._become = lambda: _second_generation(channel, parent)
            return
        channel.close()
        self._children[pid] = Child(pid, "generation", 0, channel)

    def _told(self, child: Child) -> None:
        """Read what a child says: it asks for something, or answers."""
        if self._children.get(child.pid) is not child:
            return  # its end was noticed earlier in this turn of the loop, and its channel is closed
        try:
            messages = child.channel.receive()
        except EOFError:
            self._selector.unregister(child.channel)
            return
        for message in messages:
            if self._become is not None:
                return
            self._answer(child, message)

    def _answer(self, child: Child, message: Message) -> None:
        if "do" not in message:
            child.answered = "error" not in message  # what has not started does not end either
            self._report(child, {"event": "answered"} | message)
        elif message["do"] in ("engine", "sail"):
            self._start_engine(message, child)
        elif message["do"] == "tell":
            self._tell(message, child)
        elif message["do"] == "spawn":
            self._start_worker(message, child)
        elif message["do"] == "kill":
            self._kill(message["id"], child)
        elif message["do"] == "hide" and child.output is not None:
            child.output.secrets.add(message["secret"])
        elif message["do"] == "end":
            self._tell_end(child, message["code"])

    def _tell_end(self, child: Child, code: int) -> None:
        """Tell the end of a worker that only has its memory to give back, which takes a while, unless it has others."""
        if not child.told and not any(other.owner is child for other in self._children.values()):
            child.told = True
            self._report(child, {"event": "exited", "kind": child.kind, "code": code, "answered": child.answered})

    def _start_worker(self, message: Message, owner: Child | None) -> None:
        self._load()
        try:
            output, ours, theirs = _opened(Path(message["task"]["directory"]), message["secrets"])
            parent, pid = os.getpid(), _fork(output.forget, ours.close, theirs.close)
        except OSError as error:  # of one task, not of those that run
            self._refuse(message, owner, error)
            return
        if pid == 0:
            self._leave(parent, ours)
            self._become = lambda: interpreters.run(message, theirs, output)
            return
        theirs.close()
        child = Child(pid, "worker", message["id"], ours, owner, output)
        self._add(child)
        self._report(child, {"event": "started", "pid": pid})

    def _tell(self, message: Message, owner: Child | None) -> None:
        """Pass on what a gateway says to one of its engines, or the server to a worker."""
        for child in self._children.values():
            if child.request == message["id"] and child.owner is owner:
                _send(child.channel, message["say"])

    def _start_engine(self, message: Message, owner: Child | None) -> None:
        """Start a gateway for a worker or for the server, or a Sail for a gateway."""
        try:
            ours, theirs = Channel.pair()
            parent, pid = os.getpid(), _fork(ours.close, theirs.close)
        except OSError as error:
            self._refuse(message, owner, error)
            return
        if pid == 0:
            writer = os.dup(2 if owner is None else owner.writer())
            self._leave(parent, ours)
            run = interpreters.run_sail if message["do"] == "sail" else worker.run_engine
            self._become = lambda: run(message, theirs, writer)
            return
        theirs.close()
        self._add(Child(pid, message["do"], message["id"], ours, owner))

    def _leave(self, parent: int, *channels: Channel, own_group: bool = True) -> None:
        """Stop being the fork server, right after a fork."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if own_group:
            os.setsid()
        die_with_parent(parent)
        self._selector.close()
        for child in self._children.values():
            child.forget()
        for channel in (self._server, *([self._next_server] if self._next_server else []), *channels):
            channel.close()
        self._wakeup.close()
        self._waker.close()

    def _add(self, child: Child) -> None:
        self._children[child.pid] = child
        if child.owner is not None or child.kind == "engine":  # the server counts it as a part of what it asked for
            _send(self._server, {"event": "started", "pid": child.pid, "id": child.root.request})
        self._selector.register(child.channel, selectors.EVENT_READ, lambda: self._told(child))

    def _refuse(self, message: Message, owner: Child | None, error: OSError) -> None:
        """Say that a process could not be started, as where there is no memory for it."""
        answer = {"event": "exited", "code": None, "error": f"no process could be started: {error}"}
        _send(self._server if owner is None else owner.channel, answer | {"id": message["id"]})

    def _report(self, child: Child, message: Message) -> None:
        to = self._server if child.owner is None else child.owner.channel
        _send(to, message | {"id": child.request})

    def _kill(self, request: int, owner: Child | None, *, now: bool = False) -> None:
        """Ask a worker to end, and kill it when the grace is over; engines have nothing to tidy up."""
        for child in self._children.values():
            if child.request != request or child.owner is not owner:
                continue
            if child.kind == "worker" and not now:
                signal_group(child.pid, signal.SIGTERM)
                child.kill_at = child.kill_at or time.monotonic() + _GRACE_SECONDS
            elif child.kind != "generation":
                kill_group(child.pid)

    def _kill_overdue(self) -> None:
        for child in list(self._children.values()):
            if child.kill_at is not None and child.kill_at <= time.monotonic():
                child.kill_at = None
                kill_group(child.pid)

    def _reap(self) -> None:
        for pid in list(self._children):
            if pid in self._children:  # the end of a worker ends its children, too
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    self._ended_child(self._children.pop(pid), status)
        end_orphans(self._children)

    def _ended_child(self, child: Child, status: int) -> None:
        if child.kind == "generation":
            return
        for owned in [other for other in self._children.values() if other.owner is child]:
            kill_group(owned.pid)
            _, code = os.waitpid(owned.pid, 0)
            self._ended_child(self._children.pop(owned.pid), code)
        end_orphans(self._children)
        if child.output is not None:
            try:
                child.output.finish()
            except OSError as error:  # what the task printed last is lost, and the others go on
                sys.stderr.write(f"the end of a task's output could not be written: {error}\n")
        with contextlib.suppress(KeyError):
            self._selector.unregister(child.channel)
        self._tell_end(child, os.waitstatus_to_exitcode(status))
        child.channel.close()

    def _end_everything(self) -> None:
        """Leave nothing behind when the server has gone."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for child in self._children.values():
            if child.kind == "generation":
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGTERM)
            else:
                kill_group(child.pid)
        for pid in self._children:
            os.waitpid(pid, 0)
        end_orphans(())


def _noticed(number: int, frame: object) -> None:
    """A signal only wakes the loop up."""


def _opened(directory: Path, secrets: list[str]) -> tuple[OutputPipe, Channel, Channel]:
    """What a worker needs of its parent; nothing stays open where it cannot all be had."""
    output = OutputPipe(directory, secrets)
    try:
        return output, *Channel.pair()
    except OSError:
        output.forget()
        raise


def _fork(*undo: Callable[[], None]) -> int:
    """Fork; what was prepared for the child is undone where that fails."""
    try:
        return os.fork()
    except OSError:
        for one in undo:
            one()
        raise


def _send(channel: Channel, message: Message) -> None:
    """Send to someone who may have ended meanwhile; their end is noticed elsewhere."""
    with contextlib.suppress(OSError):
        channel.send(message)


def main(arguments: list[str]) -> int:
    """Serve until the server goes."""
    first, second = (Channel(socket.socket(fileno=int(number))) for number in arguments)
    adopt_orphans()
    preload.load(preload.SPARK)
    return finish(ForkServer(first, second, preload.TASKS).serve(1))


def _second_generation(channel: Channel, parent: int) -> int:
    die_with_parent(parent)
    adopt_orphans()
    preload.later()
    return finish(ForkServer(channel).serve(2))


def finish(become: Become | None) -> int:
    """End this process: as the fork server, or as the child that it has become, which does not return."""
    if become is not None:
        end_with(become)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
