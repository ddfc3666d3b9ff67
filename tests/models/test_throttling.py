"""A workspace that asks to wait (429 with `Retry-After`) is waited for, also where the SDK's own time limit is over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from databricks.sdk.core import Config

from brickyard.models.copying import verify_files
from brickyard.models.promote import promote
from brickyard.models.registry import Registry
from tests.support import LocalWorkspace

PASSED_ON = ("authorization", "content-type", "accept", "user-agent")
# One call of the SDK, and calls of the MLflow client before and after the files are moved.
BUSY = ("registered-models/create", "model-versions/create", "model-versions/finalize")


class BusyFront:
    """Stands before a workspace and answers the first of some requests with "later"."""

    def __init__(self, workspace: LocalWorkspace) -> None:
        self.refused: list[str] = []
        front, client = self, httpx.Client(base_url=workspace.host, timeout=60)

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                call = self.path.partition("/unity-catalog/")[2]
                if call in BUSY and call not in front.refused:
                    front.refused.append(call)
                    self._send(429, b'{"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "later"}', "application/json")
                    return
                headers = {name: value for name, value in self.headers.items() if name.lower() in PASSED_ON}
                found = client.request(self.command, self.path, content=body, headers=headers)
                self._send(found.status_code, found.content, found.headers.get("content-type", ""))

            def _send(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if status == 429:
                    self.send_header("Retry-After", "1")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer

            def log_message(self, *arguments: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def busy(lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[BusyFront]:
    """A front before production; the limits of a call are shorter than what it asks to wait."""
    monkeypatch.setenv("MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT", "1")
    monkeypatch.setenv("BRICKYARD_SDK_RETRY_SECONDS", "1")
    front = BusyFront(lab.prod)
    yield front
    front.close()


def test_a_promotion_waits_for_a_workspace_that_asks_to(lab, busy):
    lab.train(["hour", "wind"])
    dev, prod = lab.site("dev"), lab.site("prod")
    promote(dev, dev)
    config = Config(host=busy.url, token=lab.prod.token, auth_type="pat", retry_timeout_seconds=1)
    prod.__dict__["registry"] = Registry(config, lab.model)

    promotion = promote(dev, prod)

    assert sorted(busy.refused) == sorted(BUSY)
    assert lab.site("prod").model().aliases["champion"] == promotion.version
    assert [version.ready for version in prod.registry.versions()] == [True], "an attempt was left behind"
    verify_files(lab.site("prod"), promotion.version, promotion.digest)
