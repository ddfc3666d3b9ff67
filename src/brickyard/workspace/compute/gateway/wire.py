"""Single fields of Spark Connect's messages, replaced without decoding the message.

In the wire format of Protocol Buffers a later field of the same number takes the place of an earlier one, and a later
message is merged into an earlier one; so what is appended to a message holds.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.gateway.errors import SparkError

__all__ = ["claimed", "heading", "stamped"]

_SESSION, _USER_CONTEXT = 1, 2  # of every request
_LONGEST = 4096  # of what is looked at
_FIXED = {1: 8, 5: 4}
_OBSERVED = "client_observed_server_side_session_id"
_REQUESTS: dict[str, Any] = {
    "ExecutePlan": base_pb2.ExecutePlanRequest,
    "ReattachExecute": base_pb2.ReattachExecuteRequest,
    "AnalyzePlan": base_pb2.AnalyzePlanRequest,
    "Config": base_pb2.ConfigRequest,
    "AddArtifacts": base_pb2.AddArtifactsRequest,
    "ArtifactStatus": base_pb2.ArtifactStatusesRequest,
    "Interrupt": base_pb2.InterruptRequest,
    "FetchErrorDetails": base_pb2.FetchErrorDetailsRequest,
    "CloneSession": base_pb2.CloneSessionRequest,
    "GetStatus": base_pb2.GetStatusRequest,
}
_ANSWERS: dict[str, Any] = {
    "ExecutePlan": base_pb2.ExecutePlanResponse,
    "ReattachExecute": base_pb2.ExecutePlanResponse,
    "AnalyzePlan": base_pb2.AnalyzePlanResponse,
    "Config": base_pb2.ConfigResponse,
    "AddArtifacts": base_pb2.AddArtifactsResponse,
    "ArtifactStatus": base_pb2.ArtifactStatusesResponse,
    "Interrupt": base_pb2.InterruptResponse,
    "ReleaseExecute": base_pb2.ReleaseExecuteResponse,
    "ReleaseSession": base_pb2.ReleaseSessionResponse,
    "FetchErrorDetails": base_pb2.FetchErrorDetailsResponse,
    "CloneSession": base_pb2.CloneSessionResponse,
    "GetStatus": base_pb2.GetStatusResponse,
}
_OBSERVED_ID = {method: kind.DESCRIPTOR.fields_by_name[_OBSERVED].number for method, kind in _REQUESTS.items()}
_SERVER_ID = {
    method: kind.DESCRIPTOR.fields_by_name["server_side_session_id"].number for method, kind in _ANSWERS.items()
}


def claimed(raw: bytes, user: str) -> bytes:
    """A request in the name of that user, whoever it says it is from."""
    return raw + _context(user)


def stamped(method: str, raw: bytes, server_id: str) -> bytes:
    """An answer that names the server's session."""
    return raw + _field(_SERVER_ID[method], server_id.encode())


def heading(method: str, raw: bytes) -> tuple[str, str]:
    """A request's session, and the id of the server's session that its client knows; its plan is not decoded."""
    fields = dict(_texts(raw))
    session, observed = fields.get(_SESSION, b""), fields.get(_OBSERVED_ID.get(method, 0), b"")
    return session.decode(errors="replace"), observed.decode(errors="replace")


def _texts(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a message that have a length, with their content.

    Raises:
        SparkError: It is no message.
    """
    at, end = 0, len(raw)
    try:
        while at < end:
            tag, at = _read(raw, at)
            kind, start = tag & 7, at
            if kind == 0:
                _, at = _read(raw, at)
            elif kind == 2:
                length, start = _read(raw, at)
                at = start + length
                if length <= _LONGEST:
                    yield tag >> 3, raw[start:at]
            elif kind in _FIXED:
                at += _FIXED[kind]
            else:
                raise IndexError
    except IndexError:
        raise SparkError("CONNECT_INVALID_PLAN.CANNOT_PARSE", "The request is no message of Spark Connect.") from None


def _read(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


@functools.lru_cache
def _context(user: str) -> bytes:
    return _field(_USER_CONTEXT, base_pb2.UserContext(user_id=user, user_name=user).SerializeToString())


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
