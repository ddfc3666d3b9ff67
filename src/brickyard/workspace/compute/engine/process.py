"""Start the gateway in this process; the engine has processes of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from urllib.parse import quote

from brickyard.workspace.compute.channel import Channel
from brickyard.workspace.compute.engine.config import EngineConfig
from brickyard.workspace.compute.engines import Engine
from brickyard.workspace.compute.engines.forks import Forks
from brickyard.workspace.compute.engines.jvm import JvmEngine
from brickyard.workspace.compute.engines.remote import RemoteEngine
from brickyard.workspace.compute.engines.sail import SailEngine
from brickyard.workspace.compute.engines.sail_process import scrub

__all__ = ["serve"]


def serve(config: EngineConfig, channel: Channel) -> None:
    """Start the gateway, tell the connection string (it holds the token), and block until the process ends."""
    config.scratch.mkdir(parents=True, exist_ok=True)
    environ = dict(os.environ)
    scrub(config.scratch)
    engine = _engine(config, channel, environ)
    channel.send({"remote": _start(config, engine)})
    threading.Event().wait()


def _engine(config: EngineConfig, channel: Channel, environ: Mapping[str, str]) -> Engine:
    """The engine of the cluster's choice; `environ` is for Python functions."""
    choice = config.choice
    if choice.name == "remote":
        return RemoteEngine(choice.url)
    if choice.name == "jvm":
        return JvmEngine(choice.jars, choice.packages, config.search_path, environ, config.scratch, config.user_environ)
    return SailEngine(Forks(channel), config.search_path, environ, config.scratch)


def _start(config: EngineConfig, engine: Engine) -> str:
    from brickyard.workspace.compute.gateway import Gateway
    from brickyard.workspace.compute.gateway.files import WorkspaceFiles
    from brickyard.workspace.compute.gateway.paths import PathMapper
    from brickyard.workspace.compute.gateway.unity import UnityCatalog

    catalog = UnityCatalog(config.host, config.token)
    mapper = PathMapper(
        config.data,
        WorkspaceFiles(catalog, config.scratch / "workspace").fetch,
        lambda place, write: catalog.need_place(place, write=write),
    )
    names = (config.default_catalog, config.default_schema)
    gateway = Gateway(engine, catalog, config.token, mapper, config.scratch, names)
    port = gateway.start()
    return f"sc://127.0.0.1:{port}/;user_id={quote(catalog.user_name(), safe='')};x-brickyard-token={config.token}"
