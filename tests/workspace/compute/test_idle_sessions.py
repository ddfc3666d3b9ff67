"""Sessions that nobody uses are ended, whatever their engine says to it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from brickyard.workspace.compute.engines.remote import RemoteEngine
from brickyard.workspace.compute.gateway import Gateway
from brickyard.workspace.compute.gateway.admission import Caller, OneTask
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.paths import PathMapper
from brickyard.workspace.compute.gateway.places import Places
from brickyard.workspace.compute.gateway.sail import SERVICE, SessionKey
from brickyard.workspace.compute.gateway.unity import UnityCatalog

KEYS = [SessionKey("me@localhost", name) for name in ("a", "b")]


class Remote:
    """An engine that fails at the end of a session; meanwhile somebody comes back to the other sessions."""

    def __init__(self, directory: Path) -> None:
        self.said: list[str] = []
        self._server = grpc.server(ThreadPoolExecutor(2))
        handlers = {"ReleaseSession": grpc.unary_unary_rpc_method_handler(self._release)}
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE.strip("/"), handlers)])
        engine = RemoteEngine(f"sc://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}")
        places = Places(PathMapper(directory), directory / "links")
        self.caller = Caller("me@localhost", UnityCatalog("http://127.0.0.1:9", ""), places)
        self.gateway = Gateway(engine, OneTask("", self.caller), directory, ("main", "default"))
        self._server.start()

    def use(self, key: SessionKey) -> None:
        """Make a session, and connect it with its engine."""
        with self.gateway.sessions.used(key, self.caller, ""), pytest.raises(grpc.RpcError):
            self.gateway.session(key).sail.unary("Config")(b"")  # which knows no such call

    def close(self) -> None:
        self._server.stop(None).wait()

    def _release(self, _: bytes, context: grpc.ServicerContext) -> Any:
        for key in KEYS:
            try:
                with self.gateway.sessions.used(key, self.caller, ""):
                    self.said.append("used")
            except SparkError as error:
                self.said.append(error.condition)
        context.abort(grpc.StatusCode.UNAVAILABLE, "going away")


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Remote]:
    made = Remote(tmp_path)
    yield made
    made.close()


def test_idle_sessions_end_at_once_and_one_that_fails_does_not_keep_the_others(remote: Remote) -> None:
    for key in KEYS:
        remote.use(key)
    sessions = [remote.gateway.session(key) for key in KEYS]
    remote.gateway.end_idle(0)
    assert set(remote.said) == {"INVALID_HANDLE.SESSION_CLOSED"}  # none is given out that is about to end
    assert len(remote.gateway.sessions) == 0 and all(session.sail._closed for session in sessions)


def test_a_session_in_use_is_not_idle(remote: Remote) -> None:
    remote.use(KEYS[0])
    with remote.gateway.sessions.used(KEYS[1], remote.caller, ""):
        remote.gateway.end_idle(0)
        assert [remote.gateway.sessions.get(key) is None for key in KEYS] == [True, False]
