"""Start Sail and the gateway in this process.

Sail reads its configuration from the environment, and settings meant for other clients (`DATABRICKS_*`, `UC_*`,
cloud keys) would redirect its calls; so they are removed first. Its home should be a process of its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from brickyard.workspace.compute.engine.config import EngineConfig

__all__ = ["serve", "start"]

#: Prefixes of variables that redirect an engine to another workspace or to a cloud.
SCRUBBED = ("DATABRICKS_", "UNITY_", "UC_", "SAIL_", "AWS_", "AZURE_", "GOOGLE_", "SPARK_REMOTE", "SPARK_CONNECT_")
#: An idle notebook must not lose its session; the default of Sail is 15 minutes.
SESSION_SECONDS = 30 * 86_400
_RUNNING: list[Any] = []


def start(config: EngineConfig) -> str:
    """Start the engine in this process, on background threads.

    Returns:
        The connection string for `SparkSession.builder.remote`; it holds the token.
    """
    scrub(config)
    from pysail.spark import SparkConnectServer

    from brickyard.workspace.compute.gateway import Gateway
    from brickyard.workspace.compute.gateway.files import WorkspaceFiles
    from brickyard.workspace.compute.gateway.paths import PathMapper
    from brickyard.workspace.compute.gateway.unity import UnityCatalog

    config.scratch.mkdir(parents=True, exist_ok=True)
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    address = server.listening_address
    catalog = UnityCatalog(config.host, config.token)
    mapper = PathMapper(
        config.data,
        WorkspaceFiles(catalog, config.scratch / "workspace").fetch,
        lambda place, write: catalog.need_place(place, write=write),
    )
    names = (config.default_catalog, config.default_schema)
    gateway = Gateway(f"{address[0]}:{address[1]}", catalog, config.token, mapper, config.scratch, names)
    port = gateway.start()
    _RUNNING.extend([server, gateway])
    return f"sc://127.0.0.1:{port}/;user_id={quote(catalog.user_name(), safe='')};x-brickyard-token={config.token}"


def serve(config: EngineConfig, ready: Callable[[str], None]) -> None:
    """Start the engine, call `ready` with the connection string, and block until the process ends."""
    ready(start(config))
    threading.Event().wait()


def scrub(config: EngineConfig) -> None:
    """Leave only what Sail is to read in the environment of this process."""
    for name in [name for name in os.environ if name.startswith(SCRUBBED)]:
        del os.environ[name]
    os.environ.update(
        {
            "SAIL_SPARK__SESSION_TIMEOUT_SECS": str(SESSION_SECONDS),
            "SAIL_EXECUTION__CHECKPOINT__PATH": (config.scratch / "checkpoints").as_uri(),
            "RUST_LOG": "error",
        }
    )
