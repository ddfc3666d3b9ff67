"""What becomes of an operation whose client's connection ends, comes back, or does not."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.engines import Work
from brickyard.workspace.compute.gateway.operations import Operations
from tests.support import wait_for

EVERYTHING = base_pb2.InterruptRequest(interrupt_type=base_pb2.InterruptRequest.INTERRUPT_TYPE_ALL)


class Stopped:
    """An engine that stops at once what it is told to, and knows what that was."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def interrupt(self, requests: Iterable[base_pb2.InterruptRequest], timeout: float) -> bool:
        self.ids += [request.operation_id for request in requests]
        return True

    def interrupt_functions(self, timeout: float) -> Work:
        return Work()

    def kill(self, why: str) -> None:
        raise AssertionError(why)


class Stream:
    """A call to the engine."""

    canceled = False

    def cancel(self) -> None:
        self.canceled = True


@pytest.fixture
def engine() -> Stopped:
    return Stopped()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brickyard.workspace.compute.gateway.operations.REATTACH_SECONDS", 0.01)


@pytest.fixture
def operations(engine: Stopped) -> Operations:
    return Operations(engine, "me@localhost", "s")


@pytest.mark.usefixtures("soon")
def test_an_operation_that_works_on_without_its_client_is_stopped(operations: Operations, engine: Stopped) -> None:
    with operations.attached("a") as call:
        operations.disconnected(call)
        wait_for(lambda: "a" in engine.ids)
    assert operations.interrupt(EVERYTHING) == []


def test_an_operation_whose_client_comes_back_goes_on(operations: Operations, engine: Stopped) -> None:
    with operations.attached("a") as call:
        operations.disconnected(call)
        with operations.attached("a") as again:
            operations._abandon(call)  # as if the time had passed only now
            assert not again.operation.canceled and engine.ids == []
        assert operations.interrupt(EVERYTHING) == ["a"]


def test_a_late_end_of_the_first_stream_leaves_the_one_that_was_asked_for_again(operations: Operations) -> None:
    with operations.attached("a") as call:
        with operations.attached("a") as again:
            call.streams.append(first := Stream())
            again.streams.append(second := Stream())
            operations.disconnected(call)
            assert first.canceled and not second.canceled and again.operation.left is None
        assert operations.interrupt(EVERYTHING) == ["a"]


@pytest.mark.usefixtures("soon")
def test_what_ends_late_does_not_forget_its_successor(operations: Operations, engine: Stopped) -> None:
    with operations.attached("a") as call:
        operations.disconnected(call)
        wait_for(lambda: "a" in engine.ids and operations.interrupt(EVERYTHING) == [])
        again = operations.attached("a")
        again.__enter__()
    assert operations.interrupt(EVERYTHING) == ["a"]
    again.__exit__(None, None, None)
