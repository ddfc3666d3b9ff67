"""The few calls that the runtime itself makes to the workspace, over the standard library to start fast."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from dataclasses import dataclass
from typing import Any

__all__ = ["ApiFailure", "WorkspaceApi"]


class ApiFailure(Exception):
    """The workspace refused a call.

    Args:
        status: The HTTP status.
        code: The vendor's error code, for example `RESOURCE_DOES_NOT_EXIST`.
        message: What the workspace said.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True)
class WorkspaceApi:
    """Calls one workspace with one token."""

    url: str
    token: str

    def get(self, path: str, /, **query: str) -> dict[str, Any]:
        """The JSON answer of a GET.

        Raises:
            ApiFailure: The workspace refused.
        """
        answer: dict[str, Any] = json.loads(self._send("GET", f"{path}?{urllib.parse.urlencode(query)}") or b"{}")
        return answer

    def post(self, path: str, /, **fields: Any) -> dict[str, Any]:
        """The JSON answer of a POST of these fields.

        Raises:
            ApiFailure: The workspace refused.
        """
        answer: dict[str, Any] = json.loads(self._send("POST", path, json.dumps(fields).encode()) or b"{}")
        return answer

    def delete(self, path: str, /, **query: str) -> None:
        """A DELETE.

        Raises:
            ApiFailure: The workspace refused.
        """
        self._send("DELETE", f"{path}?{urllib.parse.urlencode(query)}")

    def _send(self, method: str, target: str, body: bytes | None = None) -> bytes:
        address = urllib.parse.urlsplit(self.url)
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = kind(address.hostname or "127.0.0.1", address.port, timeout=300)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request(method, target, body, headers=headers)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            raise _failure(response.status, answer)
        return answer


def _failure(status: int, body: bytes) -> ApiFailure:
    try:
        fields = json.loads(body)
        return ApiFailure(status, str(fields["error_code"]), str(fields["message"]))
    except (ValueError, KeyError, TypeError):
        return ApiFailure(status, f"HTTP_{status}", body.decode(errors="replace")[:500])
