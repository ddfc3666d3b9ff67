"""Start the gateway in this process; the engine has processes of its own."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from brickyard.workspace.compute.channel import Channel
from brickyard.workspace.compute.engine.config import EngineConfig
from brickyard.workspace.compute.engines import Engine
from brickyard.workspace.compute.engines.forks import Forks
from brickyard.workspace.compute.engines.jvm import JvmEngine
from brickyard.workspace.compute.engines.remote import RemoteEngine
from brickyard.workspace.compute.engines.sail import SailEngine
from brickyard.workspace.compute.engines.sail_process import scrub

if TYPE_CHECKING:
    from brickyard.workspace.compute.gateway import Gateway
    from brickyard.workspace.compute.gateway.admission import Caller

__all__ = ["serve"]

#: How deep calls may go that read SQL: as deep as its longest expression. The stack of a thread must hold them.
_DEPTH, _STACK_BYTES = 10_000, 64 * 2**20


def serve(config: EngineConfig, channel: Channel) -> None:
    """Start the gateway, tell the connection string (it holds the token), and block until the process ends."""
    sys.setrecursionlimit(_DEPTH)
    threading.stack_size(_STACK_BYTES)
    config.scratch.mkdir(parents=True, exist_ok=True)
    environ = dict(os.environ)
    scrub(config.scratch)
    forks = Forks(channel)
    engine = _engine(config, forks, environ)
    channel.send(
        _start_of_cluster(config, engine, channel, forks) if config.cluster_id else {"remote": _start(config, engine)}
    )
    threading.Event().wait()


def _engine(config: EngineConfig, forks: Forks, environ: Mapping[str, str]) -> Engine:
    """The engine of the cluster's choice; `environ` is for Python functions."""
    choice = config.choice
    if choice.name == "remote":
        return RemoteEngine(choice.url)
    if choice.name == "jvm":
        return JvmEngine(choice.jars, choice.packages, config.search_path, environ, config.scratch, config.user_environ)
    return SailEngine(forks, config.search_path, environ, config.scratch)


def _start(config: EngineConfig, engine: Engine) -> str:
    from brickyard.workspace.compute.engine.idle import watch
    from brickyard.workspace.compute.gateway import Gateway
    from brickyard.workspace.compute.gateway.admission import Everybody, OneTask

    names = (config.default_catalog, config.default_schema)
    if not config.token:
        gateway = Gateway(engine, Everybody(lambda token: _caller(config, token)), config.scratch, names)
        gateway.start(f"unix:{config.socket}")
        watch(gateway, config.session_idle_seconds, config.engine_idle_seconds)
        return config.socket
    caller = _caller(config, config.token)
    port = Gateway(engine, OneTask(config.token, caller), config.scratch, names).start()
    return f"sc://127.0.0.1:{port}/;user_id={quote(caller.name, safe='')};x-brickyard-token={config.token}"


def _start_of_cluster(config: EngineConfig, engine: Engine, channel: Channel, forks: Forks) -> dict[str, Any]:
    """Listen for tasks at a port of this machine, and for clients from outside at a socket."""
    from brickyard.workspace.compute.engine.idle import report, watch
    from brickyard.workspace.compute.gateway import Gateway
    from brickyard.workspace.compute.gateway.admission import Everybody, may_attach

    names = (config.default_catalog, config.default_schema)
    everybody = Everybody(
        lambda token: _caller(config, token),
        allowed=lambda one: may_attach(one, config.cluster_id),
        cluster_id=config.cluster_id,
    )
    gateway = Gateway(engine, everybody, config.scratch, names, config.spark_conf)
    port = gateway.start("127.0.0.1:0", f"unix:{config.socket}")
    forks.told = lambda message: _add_import(gateway, message["import"])
    watch(gateway, config.session_idle_seconds, 0)
    report(gateway, channel)
    return {"port": port, "pid": os.getpid()}


def _add_import(gateway: Gateway, entry: str) -> None:
    """On a thread of its own: the one that hears of it also hears what engines answer."""
    threading.Thread(target=gateway.add_import, args=[entry], daemon=True).start()


def _caller(config: EngineConfig, token: str) -> Caller:
    """Who has that token.

    Raises:
        NotAdmitted: Nobody.
    """
    from brickyard.workspace.compute.gateway.admission import Caller, named
    from brickyard.workspace.compute.gateway.files import WorkspaceFiles
    from brickyard.workspace.compute.gateway.paths import PathMapper
    from brickyard.workspace.compute.gateway.places import Places
    from brickyard.workspace.compute.gateway.unity import UnityCatalog

    catalog = UnityCatalog(config.host, token)
    name = named(catalog)
    copies = config.scratch / "workspace" / hashlib.sha256(name.encode()).hexdigest()[:32]
    mapper = PathMapper(
        config.data,
        WorkspaceFiles(catalog, copies).fetch,
        lambda place, write, deep: catalog.need_place(place, write=write, deep=deep),
    )
    return Caller(name, catalog, Places(mapper, config.scratch / "links"))
