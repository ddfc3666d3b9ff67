"""Ways around the permissions that were tried once, and are closed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, PermissionDenied, ResourceDoesNotExist
from databricks.sdk.service.catalog import PermissionsChange, Privilege
from databricks.sdk.service.serving import (
    EndpointCoreConfigInput,
    ServedEntityInput,
    ServingEndpointAccessControlRequest,
    ServingEndpointPermissionLevel,
)
from databricks.sdk.service.workspace import (
    AclPermission,
    AzureKeyVaultSecretScopeMetadata,
    ImportFormat,
    ScopeBackendType,
    WorkspaceObjectAccessControlRequest,
    WorkspaceObjectPermissionLevel,
)

from tests.support import LocalWorkspace
from tests.support.git_remote import tagged_remote

NOTEBOOK = b"# Databricks notebook source\nprint(1)\n"


@pytest.fixture(scope="module")
def robot(workspace: LocalWorkspace) -> WorkspaceClient:
    """A service principal that was granted nothing."""
    w = workspace.client()
    principal = w.service_principals_v2.create(display_name="around")
    token = w.token_management.create_obo_token(principal.application_id or "", lifetime_seconds=3600).token_value
    return WorkspaceClient(host=workspace.host, token=token, auth_type="pat")


@pytest.fixture(scope="module")
def secret(workspace: LocalWorkspace) -> str:
    """The path of a file that only administrators may read."""
    w = workspace.client()
    path = f"/Users/{w.current_user.me().user_name}/around.txt"
    w.workspace.upload(path, b"for administrators", format=ImportFormat.AUTO, overwrite=True)
    return path


def test_a_body_does_not_speak_for_the_query(workspace: LocalWorkspace, robot: WorkspaceClient, secret: str) -> None:
    own = f"/Users/{robot.current_user.me().user_name}"
    job = workspace.client().jobs.create(name="around").job_id
    mine = robot.jobs.create(name="mine").job_id
    for path, query, body in (
        ("/api/2.0/workspace/export", {"path": secret, "direct_download": "true"}, {"path": own}),
        ("/api/2.2/jobs/get", {"job_id": str(job)}, {"job_id": mine}),
    ):
        headers = {"Authorization": f"Bearer {robot.config.token}", "Content-Type": "application/json"}
        answer = requests.get(workspace.host + path, params=query, data=json.dumps(body), headers=headers, timeout=20)
        assert answer.status_code == 403, answer.text


def test_links_of_a_repository_lead_nowhere(
    workspace: LocalWorkspace, robot: WorkspaceClient, secret: str, tmp_path: Path
) -> None:
    remote = tagged_remote(tmp_path / "remote")
    (remote.directory / "link").symlink_to("../../.." + secret)
    remote.commit({})
    w = workspace.client()
    repo = w.repos.create(remote.url, "gitHub", path=f"/Shared/{tmp_path.name}")
    assert robot.workspace.download(f"{repo.path}/link").read() == ("../../.." + secret).encode()
    w.repos.delete(repo.id or 0)


def test_links_that_a_task_made_are_asked_for_what_they_lead_to(
    workspace: LocalWorkspace, robot: WorkspaceClient, secret: str
) -> None:
    tree = workspace.root / "data" / "workspace"
    link = tree / "Shared" / "around-link"
    link.symlink_to(tree / secret.removeprefix("/"))
    try:
        with pytest.raises(PermissionDenied):
            robot.workspace.download("/Shared/around-link")
        with pytest.raises(PermissionDenied):
            robot.files.download("/Workspace/Shared/around-link")
    finally:
        link.unlink()


def test_a_notebook_takes_no_name_that_was_not_granted(workspace: LocalWorkspace, robot: WorkspaceClient) -> None:
    w = workspace.client()
    folder = f"/Users/{w.current_user.me().user_name}/around"
    w.workspace.mkdirs(folder)
    w.workspace.upload(f"{folder}/x.py", b"a = 1\n", format=ImportFormat.AUTO, overwrite=True)
    entry = WorkspaceObjectAccessControlRequest(
        service_principal_name=robot.current_user.me().user_name,
        permission_level=WorkspaceObjectPermissionLevel.CAN_EDIT,
    )
    status = w.workspace.get_status(f"{folder}/x.py")
    w.workspace.set_permissions("files", str(status.object_id), access_control_list=[entry])
    with pytest.raises(PermissionDenied):
        robot.workspace.upload(f"{folder}/x.py", NOTEBOOK, format=ImportFormat.AUTO, overwrite=True)


def test_a_key_vault_is_shown_by_administrators_only(robot: WorkspaceClient) -> None:
    vault = AzureKeyVaultSecretScopeMetadata(
        resource_id="/subscriptions/a/resourceGroups/b/providers/Microsoft.KeyVault/vaults/corp",
        dns_name="https://corp.vault.azure.net/",
    )
    with pytest.raises(PermissionDenied):
        robot.secrets.create_scope(
            "around", scope_backend_type=ScopeBackendType.AZURE_KEYVAULT, backend_azure_keyvault=vault
        )


def test_long_numbers_and_deep_filters_are_the_callers_fault(workspace: LocalWorkspace) -> None:
    w = workspace.client()
    for path in (
        f"/api/2.0/permissions/directories/{'9' * 5000}",
        f"/api/2.0/permissions/jobs/{'9' * 5000}",
        f"/api/2.0/fs/directories/Workspace?page_size={'9' * 5000}",
        f"/api/2.1/unity-catalog/catalogs?max_results={'9' * 5000}",
        f"/api/2.0/preview/scim/v2/Users?filter={'(' * 400}",
    ):
        headers = {"Authorization": f"Bearer {workspace.token}"}
        answer = requests.get(workspace.host + path, headers=headers, timeout=20)
        assert 400 <= answer.status_code < 500, (path[:60], answer.text[:200])
    with pytest.raises(BadRequest):
        list(w.users_v2.list(filter="(" * 400))


def test_an_endpoint_tells_its_managers_no_secret_of_its_maker(
    workspace: LocalWorkspace, robot: WorkspaceClient
) -> None:
    w, me = workspace.client(), robot.current_user.me().user_name or ""
    for scope, key in (("around-open", "k"), ("around-closed", "k")):
        w.secrets.create_scope(scope)
        w.secrets.put_secret(scope, key, string_value="value")
    w.secrets.put_acl("around-open", me, AclPermission.READ)
    for model in ("around_one", "around_two"):
        w.registered_models.create(catalog_name="main", schema_name="default", name=model)
        change = PermissionsChange(add=[Privilege.EXECUTE], principal=me)
        w.grants.update("function", f"main.default.{model}", changes=[change])

    def entity(model: str, **variables: str) -> ServedEntityInput:
        return ServedEntityInput(
            entity_name=f"main.default.{model}", entity_version="1", name="e", environment_vars=variables
        )

    opened, closed = "{{secrets/around-open/k}}", "{{secrets/around-closed/k}}"
    made = w.serving_endpoints.create(
        "around", config=EndpointCoreConfigInput("around", served_entities=[entity("around_one", PIN=closed)])
    ).response
    w.serving_endpoints.set_permissions(
        made.id or "",
        access_control_list=[
            ServingEndpointAccessControlRequest(
                service_principal_name=me, permission_level=ServingEndpointPermissionLevel.CAN_MANAGE
            )
        ],
    )

    def update(*entities: ServedEntityInput) -> None:
        robot.serving_endpoints.update_config("around", served_entities=[*entities])

    update(entity("around_one", PIN=closed, OTHER=opened, PLAIN="1"))
    for refused in (
        entity("around_one", PIN=closed, OTHER=closed),
        entity("around_one", OTHER="{{ secrets/AROUND-closed/other }}"),
        entity("around_two", PIN=closed),
    ):
        with pytest.raises(PermissionDenied, match="does not have READ permission on scope around-closed"):
            update(refused)
    with pytest.raises(ResourceDoesNotExist, match="Scope around-later does not exist"):
        update(entity("around_one", PIN="{{secrets/around-later/k}}"))
    update(entity("around_one", PLAIN="2"))
    with pytest.raises(PermissionDenied):
        robot.serving_endpoints.create(
            "around-2", config=EndpointCoreConfigInput("around-2", served_entities=[entity("around_one", PIN=closed)])
        )
    w.serving_endpoints.delete("around")
