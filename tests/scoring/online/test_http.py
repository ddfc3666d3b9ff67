"""HTTP as clients use it and misuse it: pipelining, chunks, limits, slow clients, the end."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from brickyard.scoring.online import Limits
from tests.scoring import models
from tests.scoring.conftest import LoadedModel
from tests.scoring.online.serving import JSON, Running, answers, chunked, parse_head, read_all, read_one, request
from tests.support import wait_for

LIMITS = Limits(body_bytes=100_000, head_bytes=2000, headers=20, head_seconds=0.2, body_seconds=0.2, connections=8)
PING = b"GET /ping HTTP/1.1\r\nHost: m\r\n\r\n"
PONG = (200, b"\n")


def body_of(count: int, seed: int = 0) -> bytes:
    frame = models.rows(count, seed)
    plain = frame.astype(object).where(frame.notna(), None)
    return json.dumps({"dataframe_split": {"columns": list(frame), "data": plain.to_numpy().tolist()}}).encode()


@pytest.fixture(scope="module")
def running(loaded: LoadedModel) -> Iterator[Running]:
    running = Running(loaded("booster"), LIMITS)
    yield running
    running.close()


@pytest.fixture(scope="module")
def expected(loaded: LoadedModel) -> Callable[[int, int], tuple[int, bytes]]:
    def answer(count: int, seed: int = 0) -> tuple[int, bytes]:
        predicted = loaded("booster").pyfunc.predict(models.rows(count, seed)).tolist()
        return 200, json.dumps({"predictions": predicted}).encode()

    return answer


def test_requests_that_are_sent_ahead_are_answered_in_their_order(running: Running, expected: Callable) -> None:
    sent = [request(body_of(2, 1)), PING, chunked([body_of(3, 2)[:10], body_of(3, 2)[10:]]), b"\r\n" + PING]
    sent += [request(body_of(1, 3), path="/serving-endpoints/flights/invocations")]
    got = answers(running.ask(b"".join(sent)))
    assert got == [expected(2, 1), PONG, expected(3, 2), PONG, expected(1, 3)]


def test_a_slash_at_the_end_changes_nothing(running: Running, expected: Callable) -> None:
    sent = [b"GET /ping/?a=b HTTP/1.1\r\n\r\n", request(body_of(2, 1), path="/invocations/"), b"GET / HTTP/1.1\r\n\r\n"]
    pong, predicted, (status, _) = answers(running.ask(b"".join(sent)))
    assert (pong, predicted, status) == (PONG, expected(2, 1), 404)


def test_many_requests_at_once(running: Running, expected: Callable) -> None:
    assert answers(running.ask(request(body_of(1)) * 300)) == [expected(1, 0)] * 300


def test_a_body_may_be_awaited(running: Running, expected: Callable) -> None:
    head, _, body = request(body_of(1), "application/json", "/invocations", "Expect: 100-continue").partition(
        b"\r\n\r\n"
    )
    with running.connect() as client:
        client.sendall(head + b"\r\n\r\n")
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert read_one(client)[::2] == expected(1, 0)


REFUSED = {
    "no HTTP": (b"hello\r\n\r\n", 400),
    "another version": (b"GET /ping HTTP/2.0\r\n\r\n", 505),
    "bare line feed": (b"GET /ping HTTP/1.1\nHost: m\r\n\r\n", 400),
    "folded header": (b"GET /ping HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400),
    "space before the colon": (b"GET /ping HTTP/1.1\r\nContent-Length : 3\r\n\r\nabc", 400),
    "two lengths": (b"POST /ping HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "negative length": (b"POST /ping HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
    "length and chunks": (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "two types": (b"GET /ping HTTP/1.1\r\nContent-Type: a\r\nContent-Type: b\r\n\r\n", 400),
    "other coding": (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    "other expectation": (b"POST / HTTP/1.1\r\nExpect: a miracle\r\n\r\n", 417),
    "no size of a chunk": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    "longer than its size": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 400),
    "no header after the chunks": (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n\nGET /ping HTTP/1.1\r\nA: b\r\n\r\n",
        400,
    ),
    "null in a header": (b"GET /ping HTTP/1.1\r\nA: \0\r\n\r\n", 400),
    "too large": (b"POST /invocations HTTP/1.1\r\nContent-Length: 100001\r\n\r\n", 413),
    "too large in chunks": (b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n186a1\r\n", 413),
    "long head": (b"GET /ping HTTP/1.1\r\nA: " + b"b" * 2000 + b"\r\n\r\n", 431),
    "endless head": (b"GET /" + b"p" * 3000, 431),
    "many headers": (b"GET /ping HTTP/1.1\r\n" + b"A: b\r\n" * 21 + b"\r\n", 431),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_not_plain_http_is_refused_and_ends_the_connection(fault: str, running: Running) -> None:
    data, status = REFUSED[fault]
    with running.connect() as client:
        client.sendall(PING + data + PING)
        got = answers(read_all(client))
    assert got[0] == PONG and [found for found, _ in got[1:]] == [status]
    assert json.loads(got[1][1])["message"]


@pytest.mark.parametrize("begun", [b"GET /pi", b"POST /invocations HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"])
def test_a_request_that_does_not_come_to_its_end_is_answered_408(begun: bytes, running: Running) -> None:
    with running.connect() as client:
        client.sendall(begun)
        assert [status for status, _ in answers(read_all(client))] == [408]


def test_connections_beyond_the_limit_are_answered_503(running: Running) -> None:
    kept = [running.connect() for _ in range(LIMITS.connections)]
    try:
        for client in kept:
            client.sendall(PING)
            assert read_one(client)[0] == 200
        with running.connect() as client:
            head, _, _ = read_all(client).partition(b"\r\n\r\n")
        assert parse_head(head)[0] == 503 and parse_head(head)[1]["retry-after"] == "1"
    finally:
        for client in kept:
            client.close()

    def room() -> bool:
        with running.connect() as client:
            client.sendall(PING)
            return read_one(client)[0] == 200

    wait_for(room, seconds=10)


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        ("GET /ping HTTP/1.0", False),
        ("GET /ping HTTP/1.0\r\nConnection: keep-alive", True),
        ("GET /ping HTTP/1.1", True),
        ("GET /ping HTTP/1.1\r\nConnection: Close", False),
        ("GET http://model/ping?now=1 HTTP/1.1", True),
    ],
)
def test_a_connection_is_kept_as_the_client_says(head: str, kept: bool, running: Running) -> None:
    with running.connect() as client:
        client.sendall(head.encode() + b"\r\n\r\n")
        status, headers, body = read_one(client)
        assert (status, body) == PONG
        assert (headers.get("connection") == "close") is not kept
        client.sendall(PING)
        client.settimeout(10)
        assert bool(read_all_of_next(client)) is kept


def read_all_of_next(client: socket.socket) -> bytes:
    try:
        return client.recv(1000)
    except ConnectionResetError:
        return b""


def test_head_has_no_body_and_other_methods_are_named(running: Running) -> None:
    got = running.ask(b"HEAD /ping HTTP/1.1\r\nHost: m\r\n\r\n")
    head, _, rest = got.partition(b"\r\n\r\n")
    assert parse_head(head)[0] == 405 and not rest
    assert [status for status, _ in answers(running.ask(b"DELETE /invocations HTTP/1.1\r\n\r\n"))] == [405]
    for asked, allowed in ((b"GET /invocations", "POST"), (b"POST /ping", "GET"), (b"PUT /metrics", "GET")):
        status, headers = parse_head(running.ask(asked + b" HTTP/1.1\r\nHost: m\r\n\r\n").partition(b"\r\n\r\n")[0])
        assert (status, headers["allow"]) == (405, allowed)
    assert "allow" not in parse_head(running.ask(PING).partition(b"\r\n\r\n")[0])[1]
    assert [status for status, _ in answers(running.ask(b"GET /pinghttp://model HTTP/1.1\r\n\r\n"))] == [404]


def test_metrics_count_requests_rows_and_the_rung(loaded: LoadedModel) -> None:
    running = Running(loaded("booster"))
    try:
        running.ask(request(body_of(5)) + request(b"{") + b"GET /nowhere HTTP/1.1\r\n\r\n")
        ((status, text),) = answers(running.ask(b"GET /metrics HTTP/1.1\r\n\r\n"))
    finally:
        running.close()
    lines = dict(line.rsplit(" ", 1) for line in text.decode().splitlines() if not line.startswith("#"))
    assert status == 200
    assert [lines[f'brickyard_scoring_requests_total{{status="{code}"}}'] for code in (200, 400, 404)] == ["1"] * 3
    assert lines["brickyard_scoring_rows_total"] == "5"
    assert lines["brickyard_scoring_request_seconds_count"] == "3"
    assert lines["brickyard_scoring_in_flight"] == "1"  # the one that asks
    assert f'rung="{loaded("booster").rung}"' in text.decode()


def test_a_client_that_does_not_read_holds_nobody_up(running: Running, expected: Callable) -> None:
    with running.connect() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.settimeout(0.2)
        with pytest.raises(TimeoutError):
            while True:
                idle.sendall(b"GET /metrics HTTP/1.1\r\n\r\n" * 20)
        assert answers(running.ask(request(body_of(1)))) == [expected(1, 0)]
        assert running.worker.held_bytes < 1_000_000


@pytest.fixture
def impatient(loaded: LoadedModel) -> Iterator[Running]:
    """A worker that waits little, and whose system keeps little of what is not read."""
    running = Running(loaded("booster"), Limits(idle_seconds=1))
    running.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    yield running
    running.close()


def small_client(running: Running) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(30)
    client.connect(("127.0.0.1", running.port))
    return client


METRICS = b"GET /metrics HTTP/1.1\r\n\r\n"


def answered(running: Running) -> int:
    ((_, text),) = answers(running.ask(METRICS))
    (count,) = re.findall(r'requests_total{status="200"} (\d+)', text.decode())
    return int(count)


def test_a_client_that_reads_nothing_is_left_with_few_answers(impatient: Running) -> None:
    pause = threading.Event()
    with small_client(impatient) as client, pytest.raises(ConnectionError):  # once the server has enough
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(2_000):
            client.sendall(METRICS)
            pause.wait(0.002)
    assert answered(impatient) < 100


@pytest.mark.parametrize("kept", ["keep-alive", "close"])
def test_a_slow_reader_gets_all_of_a_large_answer(kept: str, impatient: Running, expected: Callable) -> None:
    rows, pause = 20_000, threading.Event()
    asked = request(body_of(rows), JSON, "/invocations", f"Connection: {kept}")  # before the idle time begins
    with small_client(impatient) as client:
        client.sendall(asked)
        data = b""
        while not data.endswith(b"]}"):
            part = client.recv(8192)
            assert part, f"{len(data)} bytes of an answer"
            data += part
            pause.wait(0.04)
    head, _, body = data.partition(b"\r\n\r\n")
    assert (parse_head(head)[0], json.loads(body)) == (200, json.loads(expected(rows, 0)[1]))


def test_what_was_asked_is_answered_before_the_end(loaded: LoadedModel, expected: Callable) -> None:
    running = Running(loaded("booster"))
    idle, busy = running.connect(), running.connect()
    for client in (idle, busy):
        client.sendall(PING)
        read_one(client)
    whole = request(body_of(1))
    busy.sendall(whole[:-10])
    reading = threading.Thread(target=running.close)
    wait_for(lambda: running.worker.held_bytes > 0, seconds=10)
    reading.start()
    assert idle.recv(10) == b""  # closed at once
    busy.sendall(whole[-10:])
    status, headers, body = read_one(busy)
    assert (status, body) == expected(1, 0) and headers["connection"] == "close"
    assert busy.recv(10) == b""
    reading.join(30)
    with pytest.raises(ConnectionRefusedError):
        running.connect()
    idle.close(), busy.close()


def test_who_has_connected_before_the_end_is_answered(loaded: LoadedModel, expected: Callable) -> None:
    running = Running(loaded("booster"))
    held, pause = threading.Event(), threading.Event()
    running._loop.call_soon_threadsafe(held.wait)  # so that nobody is accepted
    clients = [running.connect() for _ in range(30)]
    for client in clients:
        client.sendall(request(body_of(1)))

    def turn() -> None:
        pause.wait(0.005)  # other processes have the processor
        running._loop.call_soon(turn)

    running._loop.call_soon_threadsafe(turn)
    running.end()
    held.set()
    assert [read_one(client)[::2] for client in clients] == [expected(1, 0)] * 30
    running.close()
