"""What a session is executing, and how it is stopped: Python functions included."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.engines import Work
from brickyard.workspace.compute.gateway.errors import SparkError

__all__ = ["Call", "Operation", "Operations", "current"]

#: So long Python functions may take to end; then their process is killed.
GRACE_SECONDS = 3.0
#: So long the engine may go on with what is no Python function: meanwhile it answers nobody.
ENGINE_SECONDS = 0.8
#: So long the engine may take to answer an interrupt; it does not while a Python function holds the interpreter.
ANSWER_SECONDS = 0.2
#: So long a client that lost its connection may take to come back for its results.
REATTACH_SECONDS = 1.0
PAUSE_SECONDS = 0.1
#: So often the engine is told what a client has read of its answers, which it keeps until then.
RELEASE_SECONDS = 0.1
#: Of so many operations that the gateway itself has answered a client may say later that it has read the answers.
ANSWERED = 64
_here = threading.local()


@dataclass(eq=False)
class Operation:
    """A plan that is being executed.

    Attributes:
        id: Its id, of the client.
        tags: The client's tags for it.
        canceled: Whether it is to stop.
        calls: The client's calls that wait for it.
        left: The call whose end left it without a client; nothing while one waits for it.
        ids: The ids of the engine's operations that work for it.
        released_at: When the engine was last told what of its answers has been read; at first, when it began.
    """

    id: str
    tags: frozenset[str] = frozenset()
    canceled: bool = False
    calls: list[Call] = field(default_factory=list)
    left: Call | None = None
    ids: list[str] = field(default_factory=list)
    released_at: float = field(default_factory=time.monotonic)

    def cancel(self) -> None:
        """Cut the calls to the engine; whoever waits for one of them learns why."""
        self.canceled = True
        for call in list(self.calls):
            call.cut()

    def check(self) -> None:
        """Raise OPERATION_CANCELED if it is to stop."""
        if self.canceled:
            text = "Operation has been canceled."
            raise SparkError("OPERATION_CANCELED", text, kind="org.apache.spark.SparkSQLException", sql_state="HY008")


@dataclass(eq=False)
class Call:
    """A call of the client that waits for an operation.

    Attributes:
        operation: The operation.
        streams: The engine's calls that work for it.
    """

    operation: Operation
    streams: list[Any] = field(default_factory=list)

    def cut(self) -> None:
        """Cut the calls to the engine."""
        for stream in list(self.streams):
            stream.cancel()


class Stoppable(Protocol):
    """What the operations of a session are executed by."""

    def interrupt(self, requests: Iterable[base_pb2.InterruptRequest], timeout: float) -> bool:
        """Have the engine stop operations, but not Python functions that they execute; whether it has said so."""

    def interrupt_functions(self, timeout: float) -> Work:
        """Stop Python functions; what the engine still does."""

    def kill(self, why: str) -> None:
        """End the engine of the session."""


def current() -> Call | None:
    """The client's call that this thread works for."""
    return getattr(_here, "call", None)


class Operations:
    """The operations of one session.

    Args:
        engine: Executes them.
        user_id: Whose session it is.
        session_id: The session.
    """

    def __init__(self, engine: Stoppable, user_id: str, session_id: str) -> None:
        self._engine = engine
        self._whose = (base_pb2.UserContext(user_id=user_id), session_id)
        self._running: dict[str, Operation] = {}
        self._change = threading.Condition()
        self._stopping = False
        self._left = False
        self._answered: deque[str] = deque(maxlen=ANSWERED)

    @contextlib.contextmanager
    def attached(self, key: str, tags: frozenset[str] = frozenset()) -> Iterator[Call]:
        """A call of the client that waits for an operation; it begins when what was canceled before has stopped."""
        with self._change:
            self._change.wait_for(lambda: not self._stopping)
            operation = self._running.setdefault(key, Operation(key, tags))
            call = Call(operation)
            operation.calls.append(call)
            operation.left = None
        _here.call = call
        try:
            yield call
        finally:
            _here.call = None
            self._finish(call)

    def disconnected(self, call: Call) -> None:
        """A call of the client has ended: unless the operation has, too, the client may come back for it, or not."""
        operation = call.operation
        with self._change:
            if self._running.get(operation.id) is not operation:
                return
            if not set(operation.calls) - {call}:  # otherwise it has come back already
                operation.left = call
                timer = threading.Timer(REATTACH_SECONDS, self._abandon, [call])
                timer.daemon = True
                timer.start()
        call.cut()

    def interrupt(self, request: base_pb2.InterruptRequest) -> list[str]:
        """Stop what an Interrupt names; the ids of the operations. Returns at once."""
        with self._change:
            chosen = [operation for operation in self._running.values() if _is_meant(operation, request)]
        self._cancel(chosen)
        return [operation.id for operation in chosen]

    def spares(self, key: str) -> bool:
        """Whether the engine need not yet be told that a client has read some answers of an operation."""
        operation = self._running.get(key)
        if operation is None:
            return True
        now = time.monotonic()
        if now - operation.released_at < RELEASE_SECONDS:
            return True
        operation.released_at = now
        return False

    def answered(self, key: str) -> None:
        """The gateway has answered an operation: the engine has not heard of it, and keeps nothing for it."""
        self._answered.append(key)

    def was_answered(self, key: str) -> bool:
        """Whether that was so."""
        return key in self._answered

    def _abandon(self, call: Call) -> None:
        """Stop an operation for which its client has not come back, whatever works for it."""
        operation = call.operation
        if operation.left is call and self._running.get(operation.id) is operation:
            self._cancel([operation])
            self._remove(operation)

    def _finish(self, call: Call) -> None:
        """Forget an operation that has ended; one whose client has gone may be asked for again."""
        operation = call.operation
        with self._change:
            operation.calls.remove(call)
            ended = not operation.calls and (operation.left is None or operation.canceled)
        if ended:
            self._remove(operation)

    def _remove(self, operation: Operation) -> None:
        with self._change:
            if self._running.get(operation.id) is operation:
                del self._running[operation.id]
            again = self._left
        if again:
            self._stop_functions()

    def _cancel(self, chosen: list[Operation]) -> None:
        for operation in chosen:
            operation.cancel()
        if chosen:
            self._left = True
            threading.Thread(target=self._tell, args=[chosen], name="interrupt", daemon=True).start()

    def _tell(self, chosen: list[Operation]) -> None:
        """Have the engine stop these operations; it does not answer while a function holds the interpreter."""
        ids = [one for operation in chosen for one in (operation.id, *operation.ids)]
        kind = base_pb2.InterruptRequest.INTERRUPT_TYPE_OPERATION_ID
        requests = [self._request(interrupt_type=kind, operation_id=one) for one in ids]
        self._engine.interrupt(requests, ANSWER_SECONDS)
        self._stop_functions()

    def _request(self, **what: Any) -> base_pb2.InterruptRequest:
        user, session_id = self._whose
        return base_pb2.InterruptRequest(user_context=user, session_id=session_id, **what)

    def _stop_functions(self) -> None:
        """Stop the functions of canceled operations, as soon as no other operation of the session is executed."""
        with self._change:
            if self._stopping or any(not operation.canceled for operation in self._running.values()):
                return
            self._stopping, self._left = True, False
        threading.Thread(target=self._stop, name="interrupt", daemon=True).start()

    def _stop(self) -> None:
        try:
            if not (_within(GRACE_SECONDS, self._no_functions) and _within(ENGINE_SECONDS, self._nothing)):
                self._engine.kill("was restarted, because a canceled operation did not end")
        finally:
            with self._change:
                self._stopping = False
                self._change.notify_all()

    def _no_functions(self, left: float) -> bool:
        return self._engine.interrupt_functions(left).functions == 0

    def _nothing(self, left: float) -> bool:
        everything = self._request(interrupt_type=base_pb2.InterruptRequest.INTERRUPT_TYPE_ALL)
        return self._engine.interrupt([everything], left) and not self._engine.interrupt_functions(left).computes


def _within(seconds: float, done: Callable[[float], bool]) -> bool:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            if done(left):
                return True
        except TimeoutError:
            return False
        threading.Event().wait(PAUSE_SECONDS)
    return False


def _is_meant(operation: Operation, request: base_pb2.InterruptRequest) -> bool:
    kinds = base_pb2.InterruptRequest.InterruptType
    if request.interrupt_type == kinds.INTERRUPT_TYPE_ALL:
        return True
    if request.interrupt_type == kinds.INTERRUPT_TYPE_TAG:
        return request.operation_tag in operation.tags
    return request.operation_id == operation.id
