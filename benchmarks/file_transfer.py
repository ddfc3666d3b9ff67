"""1 GiB up and down through the Files API, beside a plain copy over loopback of the same file, and through the SDK.

The plain copy is one process that reads a file and sends it over a socket to another that writes what it receives; it
is what any server between a disk and a client has to do at least.
"""

from __future__ import annotations

import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

_SIZE = 2**30
_BLOCK = 2**20
_PATH = "/api/2.0/fs/files/Volumes/main/default/bench/big"
_RUNS = 5
_RECEIVER = """
import socket, sys
with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
    buffer = bytearray(2**20)
    with connection, open(sys.argv[1], "wb", buffering=0) as file:
        while count := connection.recv_into(buffer):
            file.write(memoryview(buffer)[:count])
        connection.sendall(b"done")
"""


def plain_copy(source: Path, target: Path) -> None:
    """Send a file over loopback to a process that writes it."""
    receiver = subprocess.Popen([sys.executable, "-c", _RECEIVER, str(target)], stdout=subprocess.PIPE, text=True)
    assert receiver.stdout is not None
    with (
        socket.create_connection(("127.0.0.1", int(receiver.stdout.readline()))) as connection,
        source.open("rb") as file,
    ):
        while block := file.read(_BLOCK):
            connection.sendall(block)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(4)
    receiver.wait()


def upload(netloc: str, token: str, source: Path) -> None:
    """One PUT."""
    connection = http.client.HTTPConnection(netloc, blocksize=_BLOCK)
    headers = {"Authorization": f"Bearer {token}", "Content-Length": str(_SIZE)}
    with source.open("rb") as file:
        connection.request("PUT", _PATH, body=file, headers=headers)
    answer = connection.getresponse()
    assert answer.status == 204, answer.read()


def download(netloc: str, token: str, target: Path) -> None:
    """One GET, written to a file."""
    connection = http.client.HTTPConnection(netloc)
    connection.request("GET", _PATH, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    with target.open("wb", buffering=0) as file:
        while block := answer.read(_BLOCK):
            file.write(block)
    assert target.stat().st_size == _SIZE


def timed(work: Callable[..., object], *arguments: object) -> float:
    """Seconds of one call, which waits neither for the disk nor for memory."""
    _settle()
    begin = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - begin


def _settle() -> None:
    """Have everything on the disk, and pages in memory that are free and were used before.

    A virtual machine gets its memory when it touches it first, which takes longer than to copy into it.
    """
    os.sync()
    with tempfile.TemporaryFile(buffering=0) as scratch:
        for _ in range(2 * _SIZE // _BLOCK):
            scratch.write(bytes(_BLOCK))


def main() -> None:
    """Take turns, so that what else the machine does falls on all alike."""
    with tempfile.TemporaryDirectory() as directory:
        os.environ["BRICKYARD_HOME"] = directory
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.service.catalog import VolumeType

        from brickyard.workspace import process

        source, target = Path(directory) / "source", Path(directory) / "target"
        source.write_bytes(os.urandom(_BLOCK) * (_SIZE // _BLOCK))
        started = process.start("bench")
        try:
            netloc, token = urlsplit(started.url or "").netloc, started.token or ""
            w = WorkspaceClient(host=started.url, token=token)
            w.volumes.create("main", "default", "bench", VolumeType.MANAGED)
            plain, up, down, sdk_up, sdk_down = [], [], [], [], []
            for _ in range(_RUNS):
                plain.append(timed(plain_copy, source, target))
                target.unlink()
                up.append(timed(upload, netloc, token, source))
                down.append(timed(download, netloc, token, target))
                target.unlink()
                w.files.delete("/Volumes/main/default/bench/big")
                sdk_up.append(timed(w.files.upload_from, "/Volumes/main/default/bench/sdk", str(source)))
                sdk_down.append(timed(w.files.download_to, "/Volumes/main/default/bench/sdk", str(target)))
                target.unlink()
                w.files.delete("/Volumes/main/default/bench/sdk")
            base = statistics.median(plain)
            print(f"plain copy over loopback: {_SIZE / base / 2**20:.0f} MiB/s")
            for name, found in (("upload", up), ("download", down), ("SDK upload", sdk_up), ("SDK download", sdk_down)):
                median = statistics.median(found)
                bar = "" if name.startswith("SDK") else f", bar 0.5: {'met' if base / median >= 0.5 else 'MISSED'}"
                print(f"{name}: {_SIZE / median / 2**20:.0f} MiB/s, {base / median:.2f} of the plain copy{bar}")
        finally:
            process.stop("bench")


if __name__ == "__main__":
    main()
