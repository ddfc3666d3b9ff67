"""Secrets through the official SDK, and where they must not be."""

from __future__ import annotations

import base64
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    BadRequest,
    InternalError,
    InvalidParameterValue,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import LocalWorkspace, WorkspaceHome


@pytest.fixture(scope="module")
def client(workspace: LocalWorkspace) -> WorkspaceClient:
    return workspace.client()


@pytest.fixture(scope="module")
def scope(client: WorkspaceClient) -> Iterator[str]:
    name = f"scope-{uuid.uuid4().hex[:8]}"
    client.secrets.create_scope(name, initial_manage_principal="users")
    yield name
    client.secrets.delete_scope(name)


def value_of(client: WorkspaceClient, scope: str, key: str) -> bytes:
    return base64.b64decode(client.secrets.get_secret(scope, key).value or "")


def test_text_and_bytes_come_back(client: WorkspaceClient, scope: str) -> None:
    client.secrets.put_secret(scope, "text", string_value="geheim ü\n")
    client.secrets.put_secret(scope, "bytes", bytes_value=base64.b64encode(bytes(range(256))).decode())
    assert value_of(client, scope, "text") == "geheim ü\n".encode()
    assert value_of(client, scope, "bytes") == bytes(range(256))
    assert client.dbutils.secrets.get(scope, "text") == "geheim ü\n"


def test_put_replaces_and_list_shows_no_values(client: WorkspaceClient, scope: str) -> None:
    client.secrets.put_secret(scope, "twice", string_value="one")
    client.secrets.put_secret(scope, "twice", string_value="two")
    assert value_of(client, scope, "twice") == b"two"
    (found,) = [one for one in client.secrets.list_secrets(scope) if one.key == "twice"]
    assert found.as_dict().keys() == {"key", "last_updated_timestamp"}
    client.secrets.delete_secret(scope, "twice")
    with pytest.raises(ResourceDoesNotExist):
        client.secrets.get_secret(scope, "twice")
    with pytest.raises(ResourceDoesNotExist):
        client.secrets.delete_secret(scope, "twice")


def test_scopes_are_case_insensitive_and_unique(client: WorkspaceClient, scope: str) -> None:
    with pytest.raises(ResourceAlreadyExists):
        client.secrets.create_scope(scope.upper())
    client.secrets.put_secret(scope.upper(), "k", string_value="v")
    assert value_of(client, scope, "k") == b"v"
    assert scope in {one.name for one in client.secrets.list_scopes()}


def test_keys_are_case_insensitive(client: WorkspaceClient, scope: str) -> None:
    client.secrets.put_secret(scope, "Case", string_value="one")
    client.secrets.put_secret(scope, "CASE", string_value="two")
    assert value_of(client, scope, "case") == b"two"
    assert [one.key for one in client.secrets.list_secrets(scope) if (one.key or "").lower() == "case"] == ["Case"]
    client.secrets.delete_secret(scope, "cAsE")
    with pytest.raises(ResourceDoesNotExist):
        client.secrets.get_secret(scope, "Case")


def test_a_deleted_scope_takes_its_secrets_along(client: WorkspaceClient) -> None:
    name = f"gone-{uuid.uuid4().hex[:8]}"
    client.secrets.create_scope(name)
    client.secrets.put_secret(name, "k", string_value="v")
    client.secrets.delete_scope(name)
    with pytest.raises(ResourceDoesNotExist):
        client.secrets.list_secrets(name).__next__()
    client.secrets.create_scope(name)
    assert list(client.secrets.list_secrets(name)) == []


def test_limits_and_names(client: WorkspaceClient, scope: str) -> None:
    client.secrets.put_secret(scope, "large", string_value="x" * 128 * 1024)
    with pytest.raises(InvalidParameterValue, match="131072"):
        client.secrets.put_secret(scope, "large", string_value="x" * (128 * 1024 + 1))
    for bad in ("a b", "a/b", "ü", "x" * 129):
        with pytest.raises(InvalidParameterValue):
            client.secrets.put_secret(scope, bad, string_value="v")
        with pytest.raises(InvalidParameterValue):
            client.secrets.create_scope(bad)
    for wrong in ({}, {"string_value": "a", "bytes_value": "YQ=="}):
        with pytest.raises(BadRequest) as refused:
            client.secrets.put_secret(scope, "wrong", **wrong)
        assert refused.value.error_code == "MALFORMED_REQUEST"
    with pytest.raises(InvalidParameterValue):
        client.secrets.put_secret(scope, "odd", bytes_value="%%%")
    for odd in ({"string_value": ["v"]}, {"string_value": 1}, {"bytes_value": 1}, {"bytes_value": {}}):
        with pytest.raises(InvalidParameterValue):
            client.api_client.do("POST", "/api/2.0/secrets/put", body={"scope": scope, "key": "odd"} | odd)
    with pytest.raises(ResourceDoesNotExist):
        client.secrets.get_secret(scope, "odd")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.binary(max_size=2000), key=st.text("abcXYZ019._-@", min_size=1, max_size=30))
def test_any_bytes_round_trip(client: WorkspaceClient, scope: str, value: bytes, key: str) -> None:
    client.secrets.put_secret(scope, key, bytes_value=base64.b64encode(value).decode())
    assert value_of(client, scope, key) == value


def occurrences(directory: Path, needles: list[bytes]) -> list[str]:
    found = []
    for path in directory.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found += [str(path) for needle in needles if needle in content]
    return found


def test_a_canary_is_in_no_file(workspaces: WorkspaceHome) -> None:
    canary = f"canary-{uuid.uuid4().hex}"
    encoded = base64.b64encode(canary.encode()).decode()
    workspace = workspaces.start("dev")
    client = workspace.client()
    client.secrets.create_scope("s")
    client.secrets.put_secret("s", "k", string_value=canary)
    client.secrets.put_secret("s", "b", bytes_value=encoded)
    assert value_of(client, "s", "k") == canary.encode()
    with pytest.raises(InvalidParameterValue) as refused:
        client.secrets.put_secret("s", "k", bytes_value=f"%{canary}")
    assert canary not in str(refused.value)
    needles = [canary.encode(), encoded.rstrip("=").encode()[:40], canary.encode().hex().encode()]
    assert occurrences(workspaces.home, needles) == []
    workspaces.run("workspace", "stop", "dev")
    assert occurrences(workspaces.home, needles) == []
    assert stat.S_IMODE((workspace.root / "key").stat().st_mode) == 0o600


def test_a_key_that_others_can_read_is_made_private(workspaces: WorkspaceHome) -> None:
    workspace = workspaces.start("dev")
    workspace.client().secrets.create_scope("s")
    workspace.client().secrets.put_secret("s", "k", string_value="v")
    workspaces.run("workspace", "stop", "dev")
    (workspace.root / "key").chmod(0o644)
    assert value_of(workspaces.start("dev").client(), "s", "k") == b"v"
    assert stat.S_IMODE((workspace.root / "key").stat().st_mode) == 0o600
    assert "could be read by others (mode 644)" in (workspace.root / "server.log").read_text()


def test_a_lost_key_is_named_and_no_new_one_is_made(workspaces: WorkspaceHome) -> None:
    workspace = workspaces.start("dev")
    workspace.client().secrets.create_scope("s")
    workspace.client().secrets.put_secret("s", "k", string_value="v")
    workspaces.run("workspace", "stop", "dev")
    (workspace.root / "key").rename(workspace.root / "kept")
    client = workspaces.start("dev").client()
    with pytest.raises(InternalError, match="is missing"):
        client.secrets.get_secret("s", "k")
    with pytest.raises(InternalError, match="is missing"):
        client.secrets.put_secret("s", "other", string_value="v")
    (workspace.root / "kept").rename(workspace.root / "key")
    assert value_of(client, "s", "k") == b"v"
