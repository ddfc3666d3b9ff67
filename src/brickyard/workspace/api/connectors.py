"""What SQL connectors ask for besides statements: Thrift, which is refused in its own language, and feature flags.

Source of the structures: `TCLIService` of Apache Hive, as `databricks-sql-connector` sends it, in Thrift's binary
protocol. The SQLSTATE `KP001` tells a connector that the warehouse takes statements by REST only: newer ones then
connect by their kernel, by themselves; but always to the port 443.
"""

from __future__ import annotations

import struct
from urllib.parse import urlsplit

from starlette.responses import Response

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.workspace import Workspace

__all__ = ["family"]

family = Family()
_MEDIA = "application/x-thrift"
_CALL, _REPLY = 0x80010001, 0x80010002
_STRUCT, _NUMBER, _TEXT, _STOP = b"\x0c", b"\x08", b"\x0b", b"\x00"
_ERROR, _PROTOCOL = 3, 42248  # ERROR_STATUS; SPARK_CLI_SERVICE_PROTOCOL_V8
_BY_REST_ONLY, _NOT_SUPPORTED, _PORT = "KP001", "0A000", 443
_LONGEST_NAME, _HEAD_BYTES = 64, 128


async def _thrift(workspace: Workspace, call: Call) -> Response:
    """Refuse a call of a connector that speaks Thrift, so that the connector shows why."""
    message = _instead(workspace, call.request.url.path)
    if _MEDIA not in call.request.headers.get("content-type", ""):
        raise NotImplementedByWorkspace(f"Thrift.of-sql-connectors: {message}")
    name, sequence = _head(await _beginning(call))
    state = _BY_REST_ONLY if urlsplit(workspace.url).port in (None, _PORT) else _NOT_SUPPORTED
    return Response(_reply(name, sequence, state, message), media_type=_MEDIA)


for _path in (
    "/sql/1.0/warehouses/{warehouse_id}",
    "/sql/1.0/endpoints/{warehouse_id}",
    "/sql/protocolv1/o/{workspace_id}/{cluster_id}",
):
    family.call("POST", _path, access=anyone, stream=True, changes=False)(_thrift)


@family.call("GET", "/api/2.0/connector-service/feature-flags/{client}/{version}", access=anyone)
def get_feature_flags(workspace: Workspace, call: Call) -> dict[str, object]:
    """What connectors may do that they do not do by default: nothing."""
    return {"flags": [], "ttl_seconds": 3600}


@family.call("POST", "/telemetry-ext", access=anyone, changes=False)
def take_telemetry(workspace: Workspace, call: Call) -> dict[str, object]:
    """What connectors report of themselves is not kept."""
    logs = call.body.get("protoLogs")
    return {"errors": [], "numProtoSuccess": len(logs) if isinstance(logs, list) else 0}


async def _beginning(call: Call) -> bytes:
    found = b""
    async for part in call.request.stream():
        if len(found) < _HEAD_BYTES:
            found += part[:_HEAD_BYTES]
    return found


def _instead(workspace: Workspace, path: str) -> str:
    host = workspace.url.rstrip("/")
    address = urlsplit(host)
    by_sea = f"{address.scheme}://{address.hostname}"
    return (
        "The local workspace does not implement Thrift: its SQL warehouses take statements by REST. With"
        " databricks-sql-connector, connect by its kernel (pip install 'databricks-sql-connector[kernel]'):"
        f' sql.connect(server_hostname="{host}", http_path="{path}", access_token=..., use_kernel=True), or without it:'
        f' sql.connect(server_hostname="{by_sea}", _port={address.port}, http_path="{path}", access_token=...,'
        " use_sea=True)."
    )


def _head(body: bytes) -> tuple[bytes, int]:
    """The name and the number of a call.

    Raises:
        InvalidParameterValue: It is no call in Thrift's binary protocol.
    """
    try:
        kind, length = struct.unpack_from(">Ii", body)
        if kind != _CALL or not 0 < length <= _LONGEST_NAME:
            raise InvalidParameterValue("the body is no call in Thrift's binary protocol")
        (sequence,) = struct.unpack_from(">i", body, 8 + length)
    except struct.error as error:
        raise InvalidParameterValue("the body is no whole call in Thrift's binary protocol") from error
    return body[8 : 8 + length], sequence


def _reply(name: bytes, sequence: int, state: str, message: str) -> bytes:
    """An answer that has failed: every answer of the service has its status as the first field."""
    status = _number(1, _ERROR) + _text(3, state) + _text(5, message) + _STOP
    answer = _field(_STRUCT, 1) + status + (_number(2, _PROTOCOL) if name == b"OpenSession" else b"") + _STOP
    head = struct.pack(">Ii", _REPLY, len(name)) + name + struct.pack(">i", sequence)
    return head + _field(_STRUCT, 0) + answer + _STOP


def _field(kind: bytes, number: int) -> bytes:
    return kind + struct.pack(">h", number)


def _number(number: int, value: int) -> bytes:
    return _field(_NUMBER, number) + struct.pack(">i", value)


def _text(number: int, value: str) -> bytes:
    data = value.encode()
    return _field(_TEXT, number) + struct.pack(">i", len(data)) + data
