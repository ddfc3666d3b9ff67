"""The id of a session on its server, which a client takes for a new server's when it changes.

An engine may be replaced while its session lives, so clients of Apache Spark are told the session's own id, and Spark
is not told what they know.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql.connect.proto import base_pb2

__all__ = ["stamped", "unobserved"]

_METHODS = base_pb2.DESCRIPTOR.services_by_name["SparkConnectService"].methods_by_name
_OBSERVED, _SERVER_ID = "client_observed_server_side_session_id", "server_side_session_id"


def unobserved(method: str, raw: bytes) -> tuple[bytes, str]:
    """A request without what the client knows of its server; and the session's id."""
    request = _message(_METHODS[method].input_type)
    request.ParseFromString(raw)
    if _OBSERVED in request.DESCRIPTOR.fields_by_name and request.HasField(_OBSERVED):
        request.ClearField(_OBSERVED)
        raw = request.SerializeToString()
    return raw, str(request.session_id)


def stamped(method: str, raw: bytes, session_id: str) -> bytes:
    """An answer with the session's id as the server's; of a field that is there twice the last one holds."""
    number = _METHODS[method].output_type.fields_by_name.get(_SERVER_ID)
    if number is None:
        return raw
    answer = _message(_METHODS[method].output_type)
    setattr(answer, _SERVER_ID, session_id)
    return bytes(raw + answer.SerializeToString())


def _message(kind: Any) -> Any:
    return getattr(base_pb2, kind.name)()
