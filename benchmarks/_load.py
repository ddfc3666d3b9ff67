"""A closed loop of keep-alive connections in one process, and the CPU time of the server that they ask.

A load generator in Python costs more than a fast server, so compare the server's CPU time per request; where `wrk` is
on the PATH, requests per second come from it.
"""

from __future__ import annotations

import json
import re
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Load:
    """What a server did under load.

    Attributes:
        per_second: Answers per second.
        cpu_us: CPU time of the server's processes per answer, in microseconds.
        p50_ms: The median time to an answer.
        p99_ms: The time within which 99 of 100 answers came.
    """

    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float

    def __str__(self) -> str:
        times = f"p50 {self.p50_ms:.2f} ms, p99 {self.p99_ms:.2f} ms"
        return f"{self.per_second:,.0f} requests/s, {self.cpu_us:,.1f} us CPU, {times}"


def request_of(body: bytes, path: str = "/invocations") -> bytes:
    """A request as bytes."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: model\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def measure(port: int, pid: int, request: bytes, *, connections: int, seconds: float) -> Load:
    """Ask one server for some seconds, after half a second that does not count."""
    _ask(port, request, connections, 0.5)
    before, begun = cpu_seconds(pid), time.perf_counter()
    if shutil.which("wrk"):
        per_second, p50, p99 = _wrk(port, request, connections, seconds)
        count = per_second * seconds
    else:
        times = _ask(port, request, connections, seconds)
        if len(times) < 2:
            sys.exit(f"fewer than two answers within {seconds:g} s; give it more (--seconds)")
        count, per_second = len(times), len(times) / (time.perf_counter() - begun)
        p50, p99 = statistics.median(times) * 1000, statistics.quantiles(times, n=100)[98] * 1000
    return Load(per_second, (cpu_seconds(pid) - before) / count * 1e6, p50, p99)


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process and of all it has started."""
    root = psutil.Process(pid)
    times = [process.cpu_times() for process in [root, *root.children(recursive=True)]]
    return sum(each.user + each.system for each in times)


def memory_mib(pid: int) -> tuple[float, float]:
    """RSS and PSS of a process and of all it has started."""
    root = psutil.Process(pid)
    found = [process.memory_full_info() for process in [root, *root.children(recursive=True)]]
    return sum(each.rss for each in found) / 2**20, sum(each.pss for each in found) / 2**20


def _ask(port: int, request: bytes, connections: int, seconds: float) -> list[float]:
    """The times of all answers."""
    poll, clients, begun = select.epoll(), {}, {}
    for _ in range(connections):
        client = socket.create_connection(("127.0.0.1", port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(client.fileno(), select.EPOLLIN)
        clients[client.fileno()] = client
    now, times = time.perf_counter, []
    missing = dict.fromkeys(clients, 0)
    until = now() + seconds
    for number, client in clients.items():
        begun[number] = now()
        client.sendall(request)
    while now() < until:
        for number, _ in poll.poll(1):
            missing[number] = _read(clients[number], missing[number])
            if not missing[number]:
                times.append(now() - begun[number])
                begun[number] = now()
                clients[number].sendall(request)
    for client in clients.values():
        client.close()
    return times


def _read(client: socket.socket, missing: int) -> int:
    """Read what is there of an answer; how many bytes are missing after that."""
    data = client.recv(1 << 20)
    if missing:
        return missing - len(data)
    while b"\r\n\r\n" not in data:
        data += client.recv(1 << 20)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"the server answered {data[:300]!r}")
    size = re.search(rb"(?i)content-length: *(\d+)", head)
    if size is None:
        raise SystemExit(f"the answer has no length: {head!r}")
    return int(size[1]) - len(body)


def _wrk(port: int, request: bytes, connections: int, seconds: float) -> tuple[float, float, float]:
    head, _, body = request.partition(b"\r\n\r\n")
    path = head.split()[1].decode()
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write('wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n')
        script.write(f"wrk.body = {json.dumps(body.decode())}\n")
        script.write(
            'done = function(s, l, r) io.write(string.format("RESULT %d %d %d %d\\n", s.requests, s.duration, '
        )
        script.write("l:percentile(50), l:percentile(99))) end\n")
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name]
        done = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True)
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+)", done.stdout)
    if found is None:
        raise SystemExit(f"wrk printed {done.stdout}")
    count, micros, p50, p99 = map(int, found.groups())
    return count / micros * 1e6, p50 / 1000, p99 / 1000
