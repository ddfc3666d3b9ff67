"""Apache Spark on the JVM: one Spark Connect server that the sessions of a gateway share."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from brickyard.runtime.foreign_paths import children_path
from brickyard.workspace.compute.engines import jvm_home
from brickyard.workspace.compute.engines.base import Address, Capabilities
from brickyard.workspace.compute.engines.forks import how_it_ended
from brickyard.workspace.compute.engines.spark_server import SparkServer

__all__ = ["JvmEngine"]

_START_SECONDS = 180
_SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
_PROPERTIES = {
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.connect.execute.manager.detachedTimeout": "5s",
    "spark.ui.enabled": "false",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.sources.default": "delta",
    "spark.sql.legacy.createHiveTableByDefault": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.databricks.delta.snapshotPartitions": "1",
}


class JvmServer(SparkServer):
    """A running Spark Connect server, which ends with the gateway."""

    def __init__(self, process: subprocess.Popen[bytes], address: Address) -> None:
        super().__init__(address)
        self._process = process

    def ended(self, timeout: float = 0) -> str | None:
        """How the server ended; none while it runs."""
        try:
            return how_it_ended(self._process.wait(timeout))
        except subprocess.TimeoutExpired:
            return None


class JvmEngine:
    """Starts Spark at the first session, and again where it has ended.

    Args:
        jars: A directory with Delta's jars.
        packages: Maven coordinates of Delta instead.
        search_path: What Python functions import from.
        environ: Their environment variables.
        scratch: A private directory.
        user_environ: Where the user's `SPARK_HOME`, `JAVA_HOME` and cache are named.
    """

    capabilities = Capabilities("jvm", is_spark=True)

    def __init__(
        self,
        jars: str,
        packages: str,
        search_path: Sequence[str],
        environ: Mapping[str, str],
        scratch: Path,
        user_environ: Mapping[str, str],
    ) -> None:
        self._delta = (jars, packages)
        self._search_path = search_path
        self._environ = environ
        self._scratch = scratch / "jvm"
        self._user_environ = user_environ
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._server: JvmServer | None = None

    def start(self) -> JvmServer:
        """The server that the sessions share.

        Raises:
            RuntimeError: It does not start, or something is missing.
        """
        with self._lock:
            if self._server is None or self._server.ended() is not None:
                self._server = self._started()
            return self._server

    def close(self) -> None:
        """End the server."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _started(self) -> JvmServer:
        delta = jvm_home.delta_options(*self._delta)
        home = jvm_home.need(self._user_environ)
        self._scratch.mkdir(parents=True, exist_ok=True)
        port, token = _free_port(), secrets.token_urlsafe(24)
        environ = self._environment(home, token)
        log = self._scratch / "server.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command(home, port, delta),
                env=environ,
                cwd=self._scratch,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        _wait(self._process, port, log)
        address = Address(f"127.0.0.1:{port}", metadata=(("authorization", f"Bearer {token}"),))
        return JvmServer(self._process, address)

    def _command(self, home: jvm_home.JvmHome, port: int, delta: list[str]) -> list[str]:
        own = {
            "spark.connect.grpc.binding.port": str(port),
            "spark.sql.warehouse.dir": str(self._scratch / "warehouse"),
            "spark.local.dir": str(self._scratch / "local"),
        }
        options = [word for key, value in (_PROPERTIES | own).items() for word in ("--conf", f"{key}={value}")]
        submit = [str(home.spark / "bin" / "spark-submit"), "--class", _SERVER, "--name", "brickyard"]
        return [*submit, "--master", "local[*]", *delta, *options, "spark-internal"]

    def _environment(self, home: jvm_home.JvmHome, token: str) -> dict[str, str]:
        return dict(self._environ) | {
            "SPARK_HOME": str(home.spark),
            "JAVA_HOME": str(home.java),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_NO_DAEMONIZE": "1",
            "SPARK_CONNECT_AUTHENTICATE_TOKEN": token,
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONPATH": children_path(self._search_path),
        }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the server listens.

    Raises:
        RuntimeError: It has ended, or does not listen in time; with what it said last.
    """
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            threading.Event().wait(0.1)
        else:
            return
    how = how_it_ended(process.returncode) if process.poll() is not None else f"did not start in {_START_SECONDS} s"
    process.kill()
    said = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
    raise RuntimeError(f"The Spark engine 'jvm' {how}. It said last:\n{said}")
