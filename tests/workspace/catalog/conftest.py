"""Fixtures: the owner of a workspace, service principals that are granted little, and one object of every kind."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import PermissionsChange, Privilege, VolumeType

from tests.support import LocalWorkspace

_numbers = itertools.count()


@dataclass(frozen=True)
class Robot:
    """A service principal that is no administrator."""

    name: str
    client: WorkspaceClient
    token: str


@dataclass(frozen=True)
class Place:
    """A catalog with one object of every kind in it, all of them the owner's; nobody else was granted anything."""

    client: WorkspaceClient
    catalog: str

    @property
    def schema(self) -> str:
        return f"{self.catalog}.s"

    def named(self, kind: str) -> str:
        """The full name of the object of a kind, as `w.grants` calls the kind."""
        return {"catalog": self.catalog, "schema": self.schema}.get(kind, f"{self.schema}.{kind[0]}")

    def grant(self, kind: str, who: str | Robot, *privileges: str) -> None:
        """Grant privileges on the object of a kind."""
        self._change(kind, who, add=list(privileges))

    def revoke(self, kind: str, who: str | Robot, *privileges: str) -> None:
        """Take privileges back."""
        self._change(kind, who, remove=list(privileges))

    def _change(
        self, kind: str, who: str | Robot, *, add: list[str] | None = None, remove: list[str] | None = None
    ) -> None:
        change = PermissionsChange(
            principal=who if isinstance(who, str) else who.name,
            add=[Privilege(one) for one in add or []],
            remove=[Privilege(one) for one in remove or []],
        )
        self.client.grants.update(kind, self.named(kind), changes=[change])


def make_table(client: WorkspaceClient, full_name: str, *, nullable: bool = True) -> None:
    """Make a managed table of one column."""
    catalog, schema, name = full_name.split(".")
    body = {
        "name": name,
        "catalog_name": catalog,
        "schema_name": schema,
        "table_type": "MANAGED",
        "data_source_format": "DELTA",
        "columns": [{"name": "a", "type_text": "bigint", "nullable": nullable}],
    }
    client.api_client.do("POST", "/api/2.1/unity-catalog/tables", body=body)


@pytest.fixture(scope="session")
def w(workspace: LocalWorkspace) -> WorkspaceClient:
    """The owner of the workspace."""
    return workspace.client()


@pytest.fixture
def make_robot(workspace: LocalWorkspace, w: WorkspaceClient) -> Callable[[], Robot]:
    """Makes a service principal with a token."""

    def make() -> Robot:
        made = w.service_principals.create(display_name=f"robot {next(_numbers)}")
        name = made.application_id or ""
        token = w.token_management.create_obo_token(name, lifetime_seconds=3600).token_value or ""
        return Robot(name, WorkspaceClient(host=workspace.host, token=token, auth_type="pat"), token)

    return make


@pytest.fixture
def robot(make_robot: Callable[[], Robot]) -> Robot:
    """A service principal with a token."""
    return make_robot()


@pytest.fixture
def place(w: WorkspaceClient) -> Place:
    """A catalog with one object of every kind."""
    catalog = f"c{uuid.uuid4().hex[:8]}"
    w.catalogs.create(catalog)
    w.schemas.create("s", catalog)
    make_table(w, f"{catalog}.s.t")
    w.volumes.create(catalog, "s", "v", VolumeType.MANAGED)
    w.registered_models.create(catalog_name=catalog, schema_name="s", name="f")
    return Place(w, catalog)
