"""`brickyard serve` as a process of its own."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from typing import Any

JSON = {"content-type": "application/json"}


class Served:
    """A `brickyard serve` process."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "brickyard", "serve", *arguments, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.port = int(self.line.split("://")[1].split("/")[0].rsplit(":", 1)[1]) if self.line else 0

    def ask(self, method: str, path: str, body: Any = None, headers: Any = JSON) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, content, headers)
        reply = connection.getresponse()
        return reply.status, reply.read()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
