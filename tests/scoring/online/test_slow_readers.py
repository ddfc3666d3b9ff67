"""Clients that read their answers slowly: what the system still holds for them counts too."""

from __future__ import annotations

import asyncio
import json
import math
import socket
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from brickyard.scoring.online import Limits
from brickyard.scoring.online.connection import Connection
from brickyard.scoring.online.worker import Worker
from tests.scoring.conftest import LoadedModel
from tests.scoring.online.serving import Running, answers, read_all, read_one, request
from tests.scoring.online.test_fuzz import Wire
from tests.scoring.online.test_http import PING, PONG, body_of, small_client
from tests.support import wait_for

IDLE_SECONDS = 0.8
ROWS = 20_000


@pytest.fixture
def running(loaded: LoadedModel) -> Iterator[Running]:
    """A worker whose system holds so much of an answer that little reading lets nothing follow."""
    running = Running(loaded("booster"), Limits(idle_seconds=IDLE_SECONDS))
    running.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 128 << 10)  # the connections inherit it
    yield running
    running.close()


def test_a_client_that_reads_very_slowly_gets_the_whole_answer(running: Running) -> None:
    asked = request(body_of(ROWS))  # before the idle time begins
    with small_client(running) as client:
        client.sendall(PING)
        read_one(client)
        (connection,) = running.worker.connections
        client.sendall(asked)
        got = client.recv(1)
        wait_for(lambda: connection.deadline < math.inf, seconds=10)
        for turn in range(1, 4):  # it has read a little each time when its time is over
            until = connection.deadline
            while len(got) < turn * 20_000:
                got += client.recv(turn * 20_000 - len(got))
            wait_for(is_later(connection, until), seconds=20 * IDLE_SECONDS)
        client.shutdown(socket.SHUT_WR)
        ((status, body),) = answers(got + read_all(client))
    assert (status, len(json.loads(body)["predictions"])) == (200, ROWS)


def is_later(connection: Connection, until: float) -> Callable[[], bool]:
    def probe() -> bool:
        assert not connection.is_gone
        return connection.deadline > until

    return probe


def test_a_request_is_answered_only_once_the_answers_before_it_are_read(loaded: LoadedModel) -> None:
    worker, wire = Worker(loaded("booster"), Limits(idle_seconds=9, head_seconds=1)), Wire()
    connection = Connection(worker)
    connection.connection_made(cast("asyncio.Transport", wire))
    connection.pause_writing()
    for part in (PING, PING[:5]):
        connection.data_received(part)
        assert (wire.sent, connection.deadline) == (b"", 9)
    connection.resume_writing()
    assert answers(wire.sent) == [PONG]
