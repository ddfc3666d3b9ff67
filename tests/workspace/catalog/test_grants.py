"""`w.grants`: what is granted, to whom, from where it is inherited, and what is refused."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.errors import NotImplemented as NotImplementedByServer
from databricks.sdk.service.catalog import PermissionsChange, Privilege, SecurableType
from databricks.sdk.service.iam import ComplexValue

from brickyard.workspace.catalog.privileges import APPLICABLE, ObjectKind
from tests.support import WorkspaceHome
from tests.workspace.catalog.conftest import Place, Robot, make_table

PERMISSIONS = "/api/2.1/unity-catalog/permissions"


def granted(place: Place, kind: str) -> dict[str, set[str]]:
    found = place.client.grants.get(kind, place.named(kind)).privilege_assignments or []
    return {one.principal or "": {each.value for each in one.privileges or []} for one in found}


@pytest.mark.parametrize(
    ("kind", "privilege"),
    [
        ("catalog", "CREATE_SCHEMA"),
        ("schema", "CREATE_TABLE"),
        ("table", "SELECT"),
        ("volume", "READ_VOLUME"),
        ("function", "EXECUTE"),
    ],
)
def test_privileges_are_granted_and_revoked(kind: str, privilege: str, robot: Robot, place: Place) -> None:
    place.grant(kind, robot, privilege, "MANAGE")
    place.grant(kind, "account users", "ALL_PRIVILEGES")
    assert granted(place, kind) == {robot.name: {privilege, "MANAGE"}, "account users": {"ALL_PRIVILEGES"}}
    place.revoke(kind, robot, privilege)
    place.revoke(kind, "account users", "ALL_PRIVILEGES")
    assert granted(place, kind) == {robot.name: {"MANAGE"}}


def test_a_new_workspace_lets_everybody_into_main(workspaces: WorkspaceHome) -> None:
    first = workspaces.start("first")
    w = first.client()
    everybody = {
        kind: {
            each.value for one in w.grants.get(kind, name).privilege_assignments or [] for each in one.privileges or []
        }
        for kind, name in (("catalog", "main"), ("schema", "main.default"))
    }
    assert everybody["catalog"] == {"USE_CATALOG", "BROWSE"}
    assert everybody["schema"] == {"USE_SCHEMA", "CREATE_TABLE", "CREATE_VOLUME", "CREATE_MODEL", "CREATE_FUNCTION"}
    robot = w.service_principals.create(display_name="robot").application_id or ""
    token = w.token_management.create_obo_token(robot, lifetime_seconds=600).token_value
    make_table(WorkspaceClient(host=first.host, token=token, auth_type="pat"), "main.default.mine")
    taken = PermissionsChange(principal="account users", remove=[Privilege.USE_CATALOG])
    w.grants.update("catalog", "main", changes=[taken])
    workspaces.run("workspace", "stop", "first")
    again = workspaces.start("first")
    kept = again.client().grants.get("catalog", "main").privilege_assignments or []
    assert [(one.principal, one.privileges) for one in kept] == [("account users", [Privilege.BROWSE])]
    with pytest.raises(PermissionDenied, match="USE CATALOG on Catalog 'main'"):
        WorkspaceClient(host=again.host, token=token, auth_type="pat").tables.get("main.default.mine")


def test_groups_count_also_through_groups(w: WorkspaceClient, robot: Robot, place: Place) -> None:
    tag = uuid.uuid4().hex[:8]
    member = next(one for one in w.service_principals.list() if one.application_id == robot.name)
    inner = w.groups.create(display_name=f"inner {tag}", members=[ComplexValue(value=member.id)])
    w.groups.create(display_name=f"outer {tag}", members=[ComplexValue(value=inner.id)])
    place.grant("catalog", f"outer {tag}", "USE_CATALOG", "USE_SCHEMA")
    place.grant("table", f"inner {tag}", "SELECT")
    assert robot.client.tables.get(place.named("table")).name == "t"
    place.client.schemas.update(place.schema, owner=f"outer {tag}")
    robot.client.schemas.update(place.schema, comment="the group's")
    w.groups.delete(inner.id or "")
    with pytest.raises(PermissionDenied):
        robot.client.tables.get(place.named("table"))


def test_what_is_inherited_says_from_where(robot: Robot, place: Place) -> None:
    place.grant("catalog", robot, "USE_CATALOG")
    place.grant("schema", robot, "SELECT")
    place.grant("table", robot, "MODIFY")
    found = place.client.grants.get_effective("table", place.named("table")).privilege_assignments or []
    assert [
        (each.privilege, each.inherited_from_type, each.inherited_from_name) for each in found[0].privileges or []
    ] == [
        (Privilege.MODIFY, None, None),
        (Privilege.SELECT, SecurableType.SCHEMA, place.schema),
        (Privilege.USE_CATALOG, SecurableType.CATALOG, place.catalog),
    ]
    listed = list(place.client.grants.list_effective("table", place.named("table")))
    assert [one.as_dict() for one in listed] == [one.as_dict() for one in found]


def test_a_caller_without_management_is_told_its_own(make_robot: Callable[[], Robot], place: Place) -> None:
    one, other = make_robot(), make_robot()
    for robot in (one, other):
        place.grant("catalog", robot, "USE_CATALOG")
    found = one.client.grants.get("catalog", place.catalog).privilege_assignments or []
    assert [each.principal for each in found] == [one.name]
    assert not one.client.grants.get("catalog", place.catalog, principal=other.name).privilege_assignments
    with pytest.raises(PermissionDenied, match=f"USE SCHEMA on Schema '{place.schema}'"):
        one.client.grants.get("schema", place.schema)
    told = place.client.grants.get("catalog", place.catalog, principal=other.name).privilege_assignments or []
    assert [each.principal for each in told] == [other.name]


def test_long_lists_come_in_pages_of_whole_principals(w: WorkspaceClient, place: Place) -> None:
    privileges = [one for one in Privilege if one.value in APPLICABLE[ObjectKind.CATALOG]][:15]
    names = [w.groups.create(display_name=f"g{n:02} {place.catalog}").display_name for n in range(21)]
    changes = [PermissionsChange(principal=name, add=privileges) for name in names]
    w.grants.update("catalog", place.catalog, changes=changes, omit_permissions_in_response=True)
    first = w.grants.get("catalog", place.catalog, max_results=150)
    assert [one.principal for one in first.privilege_assignments or []] == names[:10]
    assert first.next_page_token
    listed = list(w.grants.list("catalog", place.catalog, page_size=150))
    assert [one.principal for one in listed] == names
    assert all(len(one.privileges or []) == len(privileges) for one in listed)
    assert len(list(w.grants.list_effective("schema", place.schema, page_size=200))) == len(names)
    for size in (-1, 1, 149):
        with pytest.raises(InvalidParameterValue, match="max_results"):
            w.grants.get("catalog", place.catalog, max_results=size)
    with pytest.raises(InvalidParameterValue, match="page_token"):
        w.grants.get("catalog", place.catalog, page_token="é")


def test_an_object_made_anew_has_no_old_grants(robot: Robot, place: Place) -> None:
    for kind in ("table", "function"):
        place.grant(kind, robot, "MANAGE")
    place.client.tables.delete(place.named("table"))
    place.client.registered_models.delete(place.named("function"))
    make_table(place.client, place.named("table"))
    place.client.registered_models.create(catalog_name=place.catalog, schema_name="s", name="f")
    assert granted(place, "table") == granted(place, "function") == {}


def test_principals_that_unity_catalog_does_not_know_are_refused(w: WorkspaceClient, place: Place) -> None:
    for name in ("nobody", "admins", "users"):
        with pytest.raises(NotFound, match=f"Could not find principal with name {name}") as missing:
            place.grant("schema", name, "USE_SCHEMA")
        assert missing.value.error_code == "PRINCIPAL_DOES_NOT_EXIST"
    both = [
        {"principal": "account users", "add": ["USE_SCHEMA"]},
        {"principal": "nobody", "add": ["USE_SCHEMA"]},
    ]
    with pytest.raises(NotFound):
        w.api_client.do("PATCH", f"{PERMISSIONS}/schema/{place.schema}", body={"changes": both})
    assert granted(place, "schema") == {}


def test_a_principal_that_was_deleted_is_no_longer_shown(w: WorkspaceClient, robot: Robot, place: Place) -> None:
    place.grant("schema", robot, "USE_SCHEMA")
    member = next(one for one in w.service_principals.list() if one.application_id == robot.name)
    w.service_principals.delete(member.id or "")
    assert granted(place, "schema") == {}


@pytest.mark.parametrize(
    ("kind", "privilege"),
    [
        ("catalog", "CREATE_CATALOG"),
        ("schema", "USE_CATALOG"),
        ("table", "READ_VOLUME"),
        ("volume", "SELECT"),
        ("function", "MODIFY"),
    ],
)
def test_privileges_of_other_kinds_are_not_applicable(kind: str, privilege: str, place: Place) -> None:
    with pytest.raises(InvalidParameterValue, match=f"Privilege {privilege} is not applicable to this entity"):
        place.grant(kind, "account users", privilege)
    with pytest.raises(InvalidParameterValue, match="not applicable"):
        body = {"changes": [{"principal": "account users", "add": ["FLY"]}]}
        place.client.api_client.do("PATCH", f"{PERMISSIONS}/{kind}/{place.named(kind)}", body=body)


def test_securables_that_are_not_here_are_named(w: WorkspaceClient) -> None:
    with pytest.raises(NotImplementedByServer, match="CONNECTION"):
        w.grants.get("connection", "raw")
    with pytest.raises(InvalidParameterValue, match="'aeroplane'"):
        w.grants.get("aeroplane", "a")
    with pytest.raises(NotFound, match=r"Routine or Model 'main\.default\.no' does not exist"):
        w.grants.get("function", "main.default.no")
    with pytest.raises(NotFound) as missing:
        w.grants.get("metastore", "other")
    assert missing.value.error_code == "METASTORE_DOES_NOT_EXIST"


def test_versions_are_added_by_whom_may_add_versions(robot: Robot, place: Place) -> None:
    """The SDK's `Privilege` does not have it yet; the service and the Terraform provider do."""
    place.grant("catalog", robot, "USE_CATALOG", "USE_SCHEMA")
    model, root = place.named("function"), "/api/2.0/mlflow/unity-catalog"
    call, body = robot.client.api_client.do, {"name": model, "source": "dbfs:/m"}
    with pytest.raises(PermissionDenied, match=f"CREATE MODEL VERSION on Routine or Model '{model}'"):
        call("POST", f"{root}/model-versions/create", body=body)
    change = {"changes": [{"principal": robot.name, "add": ["CREATE MODEL VERSION"]}]}
    place.client.api_client.do("PATCH", f"{PERMISSIONS}/function/{model}", body=change)
    made = call("POST", f"{root}/model-versions/create", body=body)
    assert isinstance(made, dict)
    path = f"/Models/{model.replace('.', '/')}/{made['model_version']['version']}/MLmodel"
    upload = robot.client.api_client.do
    upload("PUT", f"/api/2.0/fs/files{path}", data=b"flavors: {}", headers={"Content-Type": "text/plain"})
    call("POST", f"{root}/model-versions/finalize", body={"name": model, "version": "1"})
    with pytest.raises(PermissionDenied, match="EXECUTE on Routine or Model"):
        robot.client.files.download(path)
    with pytest.raises(PermissionDenied, match="MANAGE on Routine or Model"):
        robot.client.registered_models.set_alias(model, "champion", 1)
    place.grant("function", robot, "EXECUTE")
    assert robot.client.files.download(path).contents is not None
