"""Fixtures: an administrator's client, and robots (service principals) with clients of their own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.iam import ServicePrincipal

from brickyard.workspace.identity import Identity
from brickyard.workspace.store import Store
from tests.support import LocalWorkspace

_numbers = itertools.count()


@dataclass(frozen=True)
class Robot:
    """A service principal that is no administrator."""

    principal: ServicePrincipal
    client: WorkspaceClient
    token: str

    @property
    def id(self) -> str:
        """Its number."""
        return self.principal.id or ""

    @property
    def application_id(self) -> str:
        """Its name."""
        return self.principal.application_id or ""


@pytest.fixture(scope="session")
def w(workspace: LocalWorkspace) -> WorkspaceClient:
    """The administrator."""
    return workspace.client()


@pytest.fixture
def make_robot(workspace: LocalWorkspace, w: WorkspaceClient) -> Callable[[], Robot]:
    """Makes a service principal with a token."""

    def make() -> Robot:
        principal = w.service_principals.create(display_name=f"robot {next(_numbers)}")
        made = w.token_management.create_obo_token(principal.application_id or "", lifetime_seconds=3600)
        token = made.token_value or ""
        return Robot(principal, WorkspaceClient(host=workspace.host, token=token, auth_type="pat"), token)

    return make


@pytest.fixture
def robot(make_robot: Callable[[], Robot]) -> Robot:
    """A service principal with a token."""
    return make_robot()


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"n{next(_numbers)}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A database of the test's own."""
    store = Store(tmp_path / "workspace.db")
    yield store
    store.close()


@pytest.fixture
def identity(store: Store) -> Iterator[Identity]:
    """The identity service of a workspace that nobody else uses."""
    identity = Identity(store)
    yield identity
    identity.close()
