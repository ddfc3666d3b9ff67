"""Fixtures: a workspace that speaks HTTP and one that speaks TLS, an administrator, and somebody who is none.

A module with a test `test_every_operation` names in `FAMILIES` the API classes whose working operations that test
calls, all of them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Generator
from dataclasses import dataclass

import pytest
from databricks.sdk import WorkspaceClient

from tests.support import LocalWorkspace, WorkspaceHome
from tests.workspace.calls.recording import missing, recorded

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Server:
    """A running workspace, and the file of the authorities that its clients trust."""

    workspace: LocalWorkspace
    authorities: str | None = None


@dataclass(frozen=True)
class Robot:
    """A service principal that may nothing in particular."""

    id: str
    name: str
    client: WorkspaceClient


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Fails a test of every operation that left one out."""
    with recorded() as done:
        answer = yield
    if pyfuncitem.originalname == "test_every_operation":
        left_out = missing(pyfuncitem.module.FAMILIES, done)
        assert not left_out, f"these operations work, and were not called: {sorted(left_out)}"
    return answer


@pytest.fixture(scope="session")
def over_http(workspace: LocalWorkspace) -> Server:
    """The workspace that all tests share."""
    return Server(workspace)


@pytest.fixture(scope="session")
def over_tls(shared_home: WorkspaceHome) -> Server:
    """A workspace with a certificate of its own authority."""
    workspace = shared_home.start("secure", "--tls")
    assert workspace.host.startswith("https://")
    printed = json.loads(shared_home.run("workspace", "env", "secure", "-o", "json").stdout)
    return Server(workspace, printed["REQUESTS_CA_BUNDLE"])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every operation is called over both; all else is no matter of transport."""
    if "server" in metafunc.fixturenames:
        both = metafunc.function.__name__ == "test_every_operation"
        metafunc.parametrize("server", ["over_http", "over_tls"] if both else ["over_http"], indirect=True)


@pytest.fixture
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> LocalWorkspace:
    """One of both; clients trust it as those with the lines of `brickyard workspace env` do."""
    found: Server = request.getfixturevalue(request.param)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    if found.authorities:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", found.authorities)
    return found.workspace


@pytest.fixture
def w(server: LocalWorkspace) -> WorkspaceClient:
    """An administrator."""
    return server.client()


@pytest.fixture
def make_robot(server: LocalWorkspace, w: WorkspaceClient, name: Callable[[], str]) -> Callable[[], Robot]:
    """Makes somebody who is no administrator."""

    def make() -> Robot:
        principal = w.service_principals.create(display_name=name())
        application_id = principal.application_id or ""
        token = w.token_management.create_obo_token(application_id, lifetime_seconds=3600).token_value
        client = WorkspaceClient(host=server.host, token=token, auth_type="pat")
        return Robot(principal.id or "", application_id, client)

    return make


@pytest.fixture
def robot(make_robot: Callable[[], Robot]) -> Robot:
    """Somebody who is no administrator."""
    return make_robot()


@pytest.fixture
def name() -> Callable[[], str]:
    """Answers names that no other test uses."""
    return lambda: f"calls{next(_numbers)}"
