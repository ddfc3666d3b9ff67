"""Authenticated `workspace/get-status` requests a second that one core of the server answers, and its idle memory.

The load comes from eight kept-alive connections; the rate is counted per second of the server's processor time, so that
what else runs on the machine does not count. The idle memory is the resident set of the server's process.
"""

from __future__ import annotations

import http.client
import os
import tempfile
import threading
import time
from urllib.parse import urlsplit

import psutil

_CONNECTIONS = 8
_REQUESTS = 1_000


def _load(netloc: str, token: str, user: str) -> None:
    connection = http.client.HTTPConnection(netloc)
    for _ in range(_REQUESTS):
        connection.request(
            "GET", f"/api/2.0/workspace/get-status?path=/Users/{user}", headers={"Authorization": f"Bearer {token}"}
        )
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"status {answer.status}: {body[:200]!r}")


def main() -> None:
    """Start a workspace, load it, print the figures."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["BRICKYARD_HOME"] = home
        from brickyard.workspace import process

        started = process.start("bench")
        try:
            time.sleep(3)  # until nothing is being loaded any more
            server = psutil.Process(started.pid)
            idle = sum(one.memory_info().rss for one in (server, *server.children(recursive=True))) / 2**20
            netloc, token = urlsplit(started.url or "").netloc, started.token or ""
            user = _user(netloc, token)
            _load(netloc, token, user)
            before, begin = sum(server.cpu_times()[:2]), time.perf_counter()
            threads = [threading.Thread(target=_load, args=(netloc, token, user)) for _ in range(_CONNECTIONS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            wall, busy = time.perf_counter() - begin, sum(server.cpu_times()[:2]) - before
            count = _CONNECTIONS * _REQUESTS
            rate = count / busy
            print(f"get-status: {rate:.0f} a second of one core, bar 1500: {'met' if rate >= 1500 else 'MISSED'}")
            print(f"get-status: {count / wall:.0f} a second by the clock, with the client on the same machine")
            print(f"idle, all processes: {idle:.0f} MB resident, bar 120 MB: {'met' if idle <= 120 else 'MISSED'}")
        finally:
            process.stop("bench")


def _user(netloc: str, token: str) -> str:
    import json

    connection = http.client.HTTPConnection(netloc)
    connection.request("GET", "/api/2.0/preview/scim/v2/Me", headers={"Authorization": f"Bearer {token}"})
    return str(json.loads(connection.getresponse().read())["userName"])


if __name__ == "__main__":
    main()
