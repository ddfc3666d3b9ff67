"""From the start of the server's process to the first 200 on `Me`, with an empty and with an existing workspace."""

from __future__ import annotations

import http.client
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from _timing import report

from brickyard.workspace.layout import Layout


def ready(root: Path) -> float:
    """Seconds until `Me` answers 200."""
    layout = Layout(root)
    layout.process.unlink(missing_ok=True)
    begin = time.perf_counter()
    command = [sys.executable, "-m", "brickyard.workspace.server", "--root", str(root)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not _me(layout):
            time.sleep(0.002)
        return time.perf_counter() - begin
    finally:
        process.terminate()
        process.wait()


def _me(layout: Layout) -> bool:
    record = layout.read_process()
    if record is None:
        return False
    connection = http.client.HTTPConnection(urlsplit(record.url).netloc, timeout=5)
    try:
        token = layout.token.read_text().strip()
        connection.request("GET", "/api/2.0/preview/scim/v2/Me", headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        report("workspace ready, first start", [ready(Path(directory) / f"new{i}") for i in range(5)], 0.7)
        report("workspace ready, started before", [ready(Path(directory) / "new0") for _ in range(5)], 0.7)
