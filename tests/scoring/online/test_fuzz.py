"""Any bytes, cut anywhere: no crash, no hang, no answer that differs from the one to the same bytes sent at once."""

from __future__ import annotations

import contextlib
import io
from itertools import pairwise
from typing import Any

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickyard.scoring.online.answer import Answer
from brickyard.scoring.online.connection import Connection
from brickyard.scoring.online.head import Head, Heads, Refused
from brickyard.scoring.online.limits import Limits
from brickyard.scoring.online.worker import Worker
from tests.scoring.conftest import LoadedModel
from tests.scoring.online.serving import answers, chunked, request

LIMITS = Limits(body_bytes=5000, head_bytes=1000, headers=20)


class Echo:
    """Answers what it was asked, so that a request that was read wrongly is seen."""

    def ask(self, head: Head, body: bytes, connection: Connection) -> Answer:
        return Answer(200, "text/plain", f"{head.method} {head.path} {head.content_type} ".encode("latin-1") + body)


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.sent = b""
        self.is_over = False

    def write(self, data: bytes) -> None:
        assert not self.is_over, "written after the end"
        self.sent += data

    def write_eof(self) -> None:
        self.is_over = True

    def can_write_eof(self) -> bool:
        return True

    close = abort = write_eof

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str) -> io.BytesIO:
        return io.BytesIO()  # the system knows nothing of it


@pytest.fixture(scope="module")
def worker(loaded: LoadedModel) -> Worker:
    worker = Worker(loaded("booster"), LIMITS)
    worker.service = Echo()
    return worker


def talk(worker: Worker, parts: list[bytes]) -> Wire:
    wire, connection = Wire(), Connection(worker)
    connection.connection_made(wire)
    for part in parts:
        if part and not wire.is_over:
            connection.data_received(part)
    connection.connection_lost(None)
    assert worker.held_bytes == 0 and not worker.connections
    return wire


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


token = st.sampled_from(["GET", "POST", "DELETE", "/invocations", "/ping?x=1", "http://m/health", "*"])
bodies = st.binary(max_size=60)
good = st.one_of(
    st.builds(request, bodies, st.sampled_from(["application/json", "text/csv"])),
    st.builds(chunked, st.lists(bodies, max_size=4)),
    st.builds(lambda path: f"GET {path} HTTP/1.1\r\nA: b\r\n\r\n".encode(), st.sampled_from(["/ping", "/x?y=z"])),
)
odd = st.one_of(
    st.binary(max_size=80),
    st.builds(lambda parts: b" ".join(part.encode() for part in parts) + b" HTTP/1.1\r\n\r\n", st.lists(token)),
    st.sampled_from(
        [b"\r\n", b"\n", b"0\r\n\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 1\r\n\r\n", b":"]
    ),
)


@settings(max_examples=150, deadline=None)
@given(sent=st.lists(good, min_size=1, max_size=5), places=st.lists(st.integers(0, 2000), max_size=12))
def test_good_requests_are_answered_alike_wherever_they_are_cut(
    worker: Worker, sent: list[bytes], places: list[int]
) -> None:
    each = [answers(talk(worker, [one]).sent)[0] for one in sent]
    assert answers(talk(worker, cut(b"".join(sent), places)).sent) == each


@settings(max_examples=250, deadline=None)
@given(sent=st.lists(good | odd, max_size=6), places=st.lists(st.integers(0, 2000), max_size=12))
def test_any_bytes_get_the_same_answers_wherever_they_are_cut(
    worker: Worker, sent: list[bytes], places: list[int]
) -> None:
    data = b"".join(sent)
    whole, parts = talk(worker, [data]), talk(worker, cut(data, places))
    assert answers(whole.sent) == answers(parts.sent)
    assert all(status in {200, 400, 413, 417, 431, 501, 505} for status, _ in answers(whole.sent))


def test_one_request_cut_at_every_place(worker: Worker) -> None:
    data = request(b"abc") + chunked([b"de", b"f"]) + b"\r\nGET /ping HTTP/1.1\r\n\r\n"
    whole = answers(talk(worker, [data]).sent)
    assert len(whole) == 3
    for place in range(len(data)):
        assert answers(talk(worker, [data[:place], data[place:]]).sent) == whole
    assert answers(talk(worker, [data[place : place + 1] for place in range(len(data))]).sent) == whole


class Peer:
    """What another parser reads of the same bytes."""

    def __init__(self) -> None:
        self.requests: list[list[Any]] = []

    def on_url(self, url: bytes) -> None:
        self.requests.append([url, b""])

    def on_body(self, body: bytes) -> None:
        self.requests[-1][1] += body


@settings(max_examples=200, deadline=None)
@given(sent=st.lists(good | odd, max_size=5))
def test_no_request_is_read_that_another_parser_reads_otherwise(worker: Worker, sent: list[bytes]) -> None:
    """What two parsers of one connection take for different requests is how requests are smuggled."""
    data = b"".join(sent)
    ours = [body for status, body in answers(talk(worker, [data]).sent) if status == 200]
    peer = Peer()
    with contextlib.suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
        httptools.HttpRequestParser(peer).feed_data(data)
    for mine, (url, body) in zip(ours, peer.requests, strict=False):
        assert mine.endswith(body) and mine.split(b" ")[1] in (
            b"/ping",
            b"/x",
            b"/health",
            b"/",
            url.partition(b"?")[0],
        )


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200) | st.text(alphabet="GET /:\r\n\tHTP1.ab,", max_size=80).map(str.encode))
def test_a_head_is_read_or_refused(data: bytes) -> None:
    try:
        head = Heads(LIMITS).parse(data)
    except Refused as refused:
        assert 400 <= refused.status < 600
    else:
        assert head.method and head.path
