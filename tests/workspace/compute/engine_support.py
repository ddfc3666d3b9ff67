"""An engine with a client, and a small Unity Catalog for it: the public REST API over a dict."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

BASE = "/api/2.1/unity-catalog/"


class UnityCatalogServer:
    """Serves catalogs, schemas, tables and volumes on a free port; keeps entries in memory, data on disk."""

    def __init__(self, data: Path, token: str) -> None:
        self.data = data
        self.token = token
        self.entries: dict[str, dict[str, dict[str, Any]]] = {
            kind: {} for kind in ("catalogs", "schemas", "tables", "volumes")
        }
        self.lock = threading.Lock()
        self.requests: list[str] = []
        catalog = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}")
                url = urlsplit(self.path)
                if self.headers.get("authorization") != f"Bearer {catalog.token}":
                    status, wire = 401, {"error_code": "UNAUTHENTICATED", "message": "no"}
                else:
                    catalog.requests.append(f"{self.command} {unquote(self.path)}")
                    with catalog.lock:
                        status, wire = catalog.handle(self.command, url.path, parse_qs(url.query), body)
                data = json.dumps(wire).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = do_PATCH = answer

            def log_message(self, *args: object) -> None:
                """Quiet: a test's output is not a log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        for body in ({"name": "main"}, {"name": "dev"}):
            self.create("catalogs", body)
            self.create("schemas", {"name": "default", "catalog_name": body["name"]})

    def handle(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any]:
        kind, _, name = path.removeprefix(BASE).partition("/")
        name = unquote(name)
        if kind not in self.entries:
            return 404, {"error_code": "ENDPOINT_NOT_FOUND", "message": path}
        if method == "POST":
            return self.create(kind, body)
        if method == "GET" and not name:
            return 200, {kind: [e for e in self.entries[kind].values() if self.wanted(e, query)]}
        if name not in self.entries[kind]:
            return 404, {"error_code": "NOT_FOUND", "message": f"{name} does not exist"}
        if method == "DELETE":
            return self.delete(kind, name, query.get("force") == ["true"])
        self.entries[kind][name].update(body)
        return 200, self.entries[kind][name]

    @staticmethod
    def wanted(entry: dict[str, Any], query: dict[str, list[str]]) -> bool:
        return all(entry.get(key) == query[key][0] for key in ("catalog_name", "schema_name") if key in query)

    def create(self, kind: str, body: dict[str, Any]) -> tuple[int, Any]:
        parts = [body[key] for key in ("catalog_name", "schema_name", "name") if key in body]
        full = ".".join(parts)
        if full in self.entries[kind]:
            return 409, {"error_code": "ALREADY_EXISTS", "message": f"{full} already exists"}
        self.entries[kind][full] = {**body, "full_name": full, "created_at": 1}
        if kind == "volumes":
            (self.data / "volumes").joinpath(*parts).mkdir(parents=True, exist_ok=True)
        return 200, self.entries[kind][full]

    def delete(self, kind: str, name: str, force: bool) -> tuple[int, Any]:
        inside = [(k, n) for k in ("schemas", "tables", "volumes") for n in self.entries[k] if n.startswith(name + ".")]
        if inside and not force:
            return 409, {"error_code": "RESOURCE_CONFLICT", "message": f"{name} is not empty"}
        for inner_kind, inner in [*inside, (kind, name)]:
            entry = self.entries[inner_kind].pop(inner)
            if entry.get("table_type") == "MANAGED":
                shutil.rmtree(unquote(urlsplit(entry["storage_location"]).path), ignore_errors=True)
        return 200, {}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Engine:
    """An engine in its own process, as a task has it, and the catalog it asks."""

    def __init__(self, root: Path, token: str = "task-token") -> None:
        self.data = root / "data"
        self.token = token
        self.catalog = UnityCatalogServer(self.data, token)
        arguments = [self.catalog.url, token, str(self.data), str(root / "scratch")]
        self.process = subprocess.Popen(
            [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, env={**os.environ, **HOSTILE}
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, "the engine did not start"

    def client(self) -> Any:
        """A new session of an unmodified Spark Connect client."""
        from pyspark.sql import SparkSession

        return SparkSession.builder.remote(self.url).create()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.catalog.close()


#: Settings of another workspace; an engine that listened to them would call it.
HOSTILE = {"DATABRICKS_HOST": "http://127.0.0.1:9", "DATABRICKS_TOKEN": "wrong", "UC_TOKEN": "wrong"}


def main() -> None:
    from brickyard.workspace.compute.engine import EngineConfig, serve

    host, token, data, scratch = sys.argv[1:]
    serve(EngineConfig(host, token, Path(data), Path(scratch)), lambda url: print(url, flush=True))


if __name__ == "__main__":
    main()
