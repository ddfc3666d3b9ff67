"""Headers of the first call on a connection, as several clients pack them."""

from __future__ import annotations

import pytest
from hpack import Encoder

from brickyard.workspace.first_call import FirstCall, headers_of

ID = "x-databricks-cluster-id"
ACK = b"\x00\x00\x00\x04\x01\x00\x00\x00\x00"


def plain(name: str, value: str, kind: int = 0x40) -> bytes:
    return bytes([kind, len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def frame(kind: int, flags: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + (1).to_bytes(4, "big") + payload


@pytest.mark.parametrize("kind", [0x40, 0x00, 0x10])
def test_headers_that_are_written_out(kind: int) -> None:
    block = b"\x83\x86" + plain(ID, "12", kind) + plain("a", "b" * 200)[:2] + b"a\x7f\x49" + b"b" * 200
    assert headers_of(block) == {":method": "POST", ":scheme": "http", ID: "12", "a": "b" * 200}


def test_headers_that_are_packed() -> None:
    sent = {ID: "1129-030207-c6a0fd09", "authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.{~}|<>"}
    encoder = Encoder()
    encoder.header_table_size = 2048
    assert headers_of(encoder.encode(list(sent.items()), huffman=True)) == sent


def test_what_a_client_says_goes_on_without_its_answer_to_what_the_engine_has_not_said() -> None:
    settings, window = frame(4, 0, b"\x00\x02\x00\x00\x00\x00"), frame(8, 0, b"\x00\x01\x00\x00")
    first, rest = plain(ID, "12")[:5], plain(ID, "12")[5:]
    headers = frame(1, 0x20 | 0x8, b"\x02" + b"\0" * 5 + first + b"\0\0") + frame(9, 0x4, rest)
    said = settings + window + ACK + headers + frame(0, 0, b"data")
    call, got = FirstCall(), b""
    for at in range(len(said)):
        got += call.read(said[at : at + 1])
        if at < len(said) - len(frame(0, 0, b"data")) - 1:
            assert call.headers is None
    assert call.headers == {ID: "12"} and got == said.replace(ACK, b"")
    assert call.read(ACK) == ACK  # the next one is for the engine


def test_an_answer_that_comes_after_the_call() -> None:
    call = FirstCall()
    headers = frame(1, 0x4, plain(ID, "12"))
    assert call.read(headers) == headers and call.waits_for_answer
    assert call.read(ACK + headers) == headers and not call.waits_for_answer


@pytest.mark.parametrize("block", [b"\x40", b"\x40\x05ab", b"\x40\x01a"])
def test_what_are_no_headers(block: bytes) -> None:
    with pytest.raises(ValueError, match="these are no headers"):
        headers_of(block)
