"""Scopes that show an Azure Key Vault, read by Azure's own client through HTTPS."""

from __future__ import annotations

import base64
import os
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    BadRequest,
    DatabricksError,
    InvalidParameterValue,
    PermissionDenied,
    ResourceDoesNotExist,
)
from databricks.sdk.errors import NotImplemented as NotImplementedByServer
from databricks.sdk.service.workspace import AclPermission, AzureKeyVaultSecretScopeMetadata, ScopeBackendType

from brickyard.workspace.api.errors import InvalidState
from brickyard.workspace.secrets.key_vault_address import KeyVaultAddress
from brickyard.workspace.secrets.key_vaults import CACHE_SECONDS, KeyVaults
from tests.support import LocalWorkspace, WorkspaceHome
from tests.workspace.secrets.azure import Azure
from tests.workspace.secrets.people import person

RESOURCE = "/subscriptions/1/resourceGroups/g/providers/Microsoft.KeyVault/vaults/"
VALUE = f"vault-value-{secrets.token_hex(12)}"


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    made = Azure(tmp_path_factory.mktemp("azure"))
    names = ("forbidden", "throttled", "broken", "silent")
    made.vaults |= {"good": {"password": VALUE, "b": "2", "c": "3", "d": "4", "e": "ü"}} | {name: {} for name in names}
    made.trouble |= {
        "forbidden": (403, "Forbidden"),
        "throttled": (429, "Throttled"),
        "broken": (500, "InternalError"),
        "silent": (0, ""),
    }
    yield made
    made.close()


@pytest.fixture(scope="module")
def vaulted(azure: Azure, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    """A workspace that was started where Azure's credential is in the environment."""
    home = WorkspaceHome(tmp_path_factory.mktemp("home"))
    home.run("workspace", "start", "dev", extra=azure.environ)
    yield home.start("dev")
    home.close()


@pytest.fixture(scope="module")
def client(vaulted: LocalWorkspace) -> WorkspaceClient:
    made = vaulted.client()
    for name in ("good", "forbidden", "throttled", "broken", "silent", "nowhere"):
        create(made, name)
    return made


def metadata(vault: str, dns_name: str | None = None) -> AzureKeyVaultSecretScopeMetadata:
    return AzureKeyVaultSecretScopeMetadata(f"{RESOURCE}{vault}", dns_name or f"https://{vault}.vault.azure.net/")


def create(client: WorkspaceClient, vault: str, dns_name: str | None = None) -> None:
    backend = ScopeBackendType.AZURE_KEYVAULT
    client.secrets.create_scope(vault, backend_azure_keyvault=metadata(vault, dns_name), scope_backend_type=backend)


def value_of(client: WorkspaceClient, scope: str, key: str) -> str:
    return base64.b64decode(client.secrets.get_secret(scope, key).value or "").decode()


def test_values_and_names_come_from_the_vault(client: WorkspaceClient) -> None:
    assert value_of(client, "good", "password") == VALUE
    assert client.dbutils.secrets.get("good", "e") == "ü"
    found = list(client.secrets.list_secrets("good"))
    assert [one.key for one in found] == ["b", "c", "d", "e", "password"]  # three pages of the vault
    assert {one.last_updated_timestamp for one in found} == {1700000001000}


def test_the_scope_shows_its_vault(client: WorkspaceClient) -> None:
    (scope,) = [one for one in client.secrets.list_scopes() if one.name == "good"]
    assert (scope.backend_type, scope.keyvault_metadata) == (ScopeBackendType.AZURE_KEYVAULT, metadata("good"))


@pytest.mark.parametrize("key", ["none", "a_b", "../keys/x", "a/b", "x" * 128])
def test_a_secret_that_the_vault_has_not(client: WorkspaceClient, key: str) -> None:
    with pytest.raises(ResourceDoesNotExist, match="Secret does not exist with scope: good and key: "):
        client.secrets.get_secret("good", key)


def test_the_vault_cannot_be_written_through_the_scope(client: WorkspaceClient, azure: Azure) -> None:
    with pytest.raises(BadRequest, match="Cannot write secrets to Azure KeyVault-backed scope good"):
        client.secrets.put_secret("good", "password", string_value="other")
    with pytest.raises(BadRequest, match="Cannot write secrets to Azure KeyVault-backed scope good"):
        client.secrets.delete_secret("good", "password")
    assert azure.vaults["good"]["password"] == VALUE


def test_access_lists_count_for_vaults_too(client: WorkspaceClient) -> None:
    reader = person(client)
    assert value_of(client, "good", "b") == "2"  # in memory now, but not for everybody
    with pytest.raises(PermissionDenied, match="does not have READ permission on scope good"):
        reader.client.secrets.get_secret("good", "b")
    client.secrets.put_acl("good", reader.name, AclPermission.READ)
    assert value_of(reader.client, "good", "b") == "2"


def test_a_value_is_asked_for_once(client: WorkspaceClient, azure: Azure) -> None:
    before = len(azure.reads)
    assert {value_of(client, "good", "c") for _ in range(5)} == {"3"}
    assert azure.reads[before:] == [("good", "/secrets/c/")] or azure.reads[before:] == [("good", "/secrets/c")]


@pytest.mark.parametrize(
    ("vault", "kind", "code", "words"),
    [
        ("forbidden", PermissionDenied, "PERMISSION_DENIED", "Invalid permissions on the specified KeyVault"),
        (
            "broken",
            BadRequest,
            "INVALID_STATE",
            "Databricks could not access keyvault: https://broken.vault.azure.net/",
        ),
        (
            "silent",
            BadRequest,
            "INVALID_STATE",
            "Databricks could not access keyvault: https://silent.vault.azure.net/",
        ),
        ("nowhere", BadRequest, "INVALID_STATE", "Databricks could not access keyvault: https://nowhere"),
    ],
)
def test_a_vault_in_trouble_is_named_in_time(
    client: WorkspaceClient, vault: str, kind: type[DatabricksError], code: str, words: str
) -> None:
    begun = time.monotonic()
    for ask in (lambda: client.secrets.get_secret(vault, "k"), lambda: list(client.secrets.list_secrets(vault))):
        with pytest.raises(kind, match=words) as raised:
            ask()
        assert raised.value.error_code == code
    assert time.monotonic() - begun < 45  # two calls, each with a deadline of 20 s


def test_a_vault_that_throttles(client: WorkspaceClient, vaulted: LocalWorkspace, azure: Azure) -> None:
    url = f"{vaulted.host}/api/2.0/secrets/get?scope=throttled&key=k"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {vaulted.token}"})
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request)
    assert raised.value.code == 429
    assert b"RESOURCE_EXHAUSTED" in raised.value.read()
    azure.vaults["throttled"]["k"] = "v"
    azure.trouble["throttled"] = (200, "")
    assert value_of(client, "throttled", "k") == "v"


@pytest.mark.parametrize(
    "dns_name",
    [
        "https://evil.example.org/",
        "http://good.vault.azure.net/",
        "https://good.vault.azure.net:8443/",
        "https://good.vault.azure.net@127.0.0.1/",
        "https://127.0.0.1/#.vault.azure.net",
        "https://good.vault.azure.net/secrets",
        "https://169.254.169.254/",
        "https://a.b.vault.azure.net/",
        "https://good.vault.azure.net.evil.org/",
        "https://[good.vault.azure.net/",
        "good.vault.azure.net",
    ],
)
def test_only_vaults_can_be_named(client: WorkspaceClient, dns_name: str) -> None:
    with pytest.raises(InvalidParameterValue, match="is not the address of an Azure Key Vault"):
        create(client, "odd", dns_name)


def test_what_a_scope_of_a_vault_needs(client: WorkspaceClient) -> None:
    backend = ScopeBackendType.AZURE_KEYVAULT
    odd = AzureKeyVaultSecretScopeMetadata("/subscriptions/1", "https://good.vault.azure.net/")
    with pytest.raises(InvalidParameterValue, match="is not the id of a Key Vault"):
        client.secrets.create_scope("odd", backend_azure_keyvault=odd, scope_backend_type=backend)
    with pytest.raises(
        InvalidParameterValue, match=r"Missing required fields: backend_azure_keyvault.resource_id, \S+dns_name"
    ):
        client.secrets.create_scope("odd", scope_backend_type=backend)
    with pytest.raises(InvalidParameterValue, match="needs the scope_backend_type AZURE_KEYVAULT"):
        client.secrets.create_scope(
            "odd", backend_azure_keyvault=metadata("good"), scope_backend_type=ScopeBackendType.DATABRICKS
        )


def test_nothing_of_the_vault_is_kept_or_told(client: WorkspaceClient, vaulted: LocalWorkspace, azure: Azure) -> None:
    assert value_of(client, "good", "password") == VALUE
    needles = [one.encode() for one in (VALUE, azure.client_secret, *azure.tokens)]
    assert azure.tokens
    files = [path for path in vaulted.home.rglob("*") if path.is_file()]
    assert vaulted.root / "server.log" in files
    assert [(path, needle) for path in files for needle in needles if needle in path.read_bytes()] == []


def test_the_workspace_without_a_credential(azure: Azure, workspaces: WorkspaceHome) -> None:
    proxy = {name: value for name, value in azure.environ.items() if not name.startswith("AZURE_")}
    workspaces.run("workspace", "start", "dev", extra={**proxy, "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"})
    client = workspaces.start("dev").client()
    create(client, "good")
    with pytest.raises(BadRequest, match="No credential of the workspace's process was accepted: set AZURE_TENANT_ID"):
        client.secrets.get_secret("good", "password")


def test_the_workspace_with_a_wrong_client_secret(azure: Azure, workspaces: WorkspaceHome) -> None:
    workspaces.run("workspace", "start", "dev", extra={**azure.environ, "AZURE_CLIENT_SECRET": "c4n4ry-wrong"})
    workspace = workspaces.start("dev")
    create(workspace.client(), "good")
    with pytest.raises(BadRequest, match="AADSTS7000215") as raised:
        workspace.client().secrets.get_secret("good", "password")
    assert "c4n4ry" not in str(raised.value) + (workspace.root / "server.log").read_text()


def test_the_workspace_without_azure_s_libraries(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    (tmp_path / "azure").mkdir()
    (tmp_path / "azure" / "__init__.py").write_text("")  # hides the real ones
    search = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    workspaces.run("workspace", "start", "dev", extra={"PYTHONPATH": search})
    with pytest.raises(NotImplementedByServer, match=r"pip install 'brickyard\[azure\]'"):
        create(workspaces.start("dev").client(), "good")


def test_a_value_that_was_changed_is_seen_soon(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in azure.environ.items():
        monkeypatch.setenv(name, value)
    azure.vaults["turning"] = {"k": "old"}
    now = [0.0]
    vaults, address = (
        KeyVaults(lambda: now[0]),
        KeyVaultAddress(f"{RESOURCE}turning", "https://turning.vault.azure.net"),
    )
    assert vaults.get(address, "k") == b"old"
    azure.vaults["turning"]["k"] = "new"
    assert vaults.get(address, "k") == b"old"
    now[0] = CACHE_SECONDS
    assert vaults.get(address, "k") == b"new"
    azure.trouble["turning"] = (503, "Busy")
    now[0] = 2 * CACHE_SECONDS
    with pytest.raises(InvalidState, match="Busy"):
        vaults.get(address, "k")


def test_other_hosts_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    address = KeyVaultAddress(f"{RESOURCE}own", "https://vault.internal.example:8200/")
    monkeypatch.setenv("BRICKYARD_KEY_VAULT_HOSTS", "other.example, vault.internal.example:8200")
    assert address.url == "https://vault.internal.example:8200"
