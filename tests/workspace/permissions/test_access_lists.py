"""What the permissions API answers, and what it refuses."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from databricks.sdk.errors import (
    InvalidParameterValue,
    NotFound,
    NotImplemented,
    PermissionDenied,
    ResourceDoesNotExist,
)
from databricks.sdk.service.iam import ObjectPermissions, PermissionLevel
from databricks.sdk.service.jobs import NotebookTask, Task

from tests.support.commands import BRICKYARD
from tests.workspace.permissions.objects import KINDS
from tests.workspace.permissions.people import Lab, Robot, entry


def _own(found: ObjectPermissions) -> dict[str, str]:
    """What is granted on the object itself, by principal."""
    return {
        one.user_name or one.group_name or one.service_principal_name or "": permission.permission_level.value
        for one in found.access_control_list or []
        for permission in one.all_permissions or []
        if not permission.inherited and permission.permission_level
    }


def _job(lab: Lab) -> str:
    task = Task("t", notebook_task=NotebookTask("/Shared/none"))
    return str(lab.w.jobs.create(name=lab.name("job"), tasks=[task]).job_id)


def test_set_replaces_and_update_adds(lab: Lab, robot: Robot) -> None:
    user = lab.w.users.create(user_name=f"{lab.name('user')}@localhost").user_name or ""
    thing = KINDS["notebooks"].make(lab, robot)
    group, member = robot.ways["by a group"], robot.ways["directly"]
    lists = lab.w.permissions
    lists.set("notebooks", thing.id, access_control_list=[entry("CAN_READ", **group), entry("CAN_EDIT", **member)])
    added = lists.update("notebooks", thing.id, access_control_list=[entry("CAN_RUN", user_name=user)])
    assert _own(added) == {group["group_name"]: "CAN_READ", robot.name: "CAN_EDIT", user: "CAN_RUN"}
    changed = lists.update("notebooks", thing.id, access_control_list=[entry("CAN_MANAGE", **member)])
    assert _own(changed)[robot.name] == "CAN_MANAGE"
    replaced = lists.set("notebooks", thing.id, access_control_list=[entry("CAN_READ", user_name=user)])
    assert _own(replaced) == {user: "CAN_READ"}
    assert _own(lists.get("notebooks", thing.id)) == {user: "CAN_READ"}
    assert _own(lists.set("notebooks", thing.id)) == {}


def test_an_answer_says_from_where_a_level_is_inherited(lab: Lab, robot: Robot) -> None:
    thing = KINDS["notebooks"].make(lab, robot)
    assert thing.container
    lab.grant(*thing.container, "CAN_RUN", robot.ways["directly"])
    lab.grant("notebooks", thing.id, "CAN_EDIT", robot.ways["directly"])
    found = lab.w.permissions.get("notebooks", thing.id)
    assert (found.object_id, found.object_type) == (f"/notebooks/{thing.id}", "notebook")
    entries = {
        one.service_principal_name or one.user_name or one.group_name: one for one in found.access_control_list or []
    }
    assert [
        (one.permission_level, one.inherited, one.inherited_from_object)
        for one in entries[robot.name].all_permissions or []
    ] == [
        (PermissionLevel.CAN_EDIT, False, None),
        (PermissionLevel.CAN_RUN, True, [f"/directories/{thing.container[1]}"]),
    ]
    administrators = (entries["admins"].all_permissions or [])[0]
    assert administrators.inherited and administrators.inherited_from_object == ["/directories/0"]
    assert entries[robot.name].display_name and entries["admins"].display_name is None


def test_a_notebooks_experiment_has_the_notebooks_permissions(lab: Lab, robot: Robot) -> None:
    notebook = KINDS["notebooks"].make(lab, robot)
    lab.grant("notebooks", notebook.id, "CAN_RUN", robot.ways["directly"])
    body = {"name": notebook.name, "tags": [{"key": "mlflow.experiment.sourceId", "value": notebook.id}]}
    made = robot.client.api_client.do("POST", "/api/2.0/mlflow/experiments/create", body=body)
    assert isinstance(made, dict)
    assert robot.client.experiments.create_run(experiment_id=made["experiment_id"])
    with pytest.raises(PermissionDenied):
        robot.client.experiments.delete_experiment(made["experiment_id"])
    found = lab.w.permissions.get("experiments", made["experiment_id"])
    assert found.object_type == "mlflowExperiment" and _own(found) == {}
    [mine] = [one for one in found.access_control_list or [] if one.service_principal_name == robot.name]
    assert (mine.all_permissions or [])[0].inherited_from_object == [f"/notebooks/{notebook.id}"]


@pytest.mark.parametrize("name", [name for name in KINDS if name not in ("directories", "notebooks", "files", "repos")])
def test_administrators_are_shown_where_they_need_no_grant(lab: Lab, robot: Robot, name: str) -> None:
    thing = KINDS[name].make(lab, robot)
    found = lab.w.permissions.get(name, thing.id)
    [administrators] = [one for one in found.access_control_list or [] if one.group_name == "admins"]
    [permission] = administrators.all_permissions or []
    level = PermissionLevel.CAN_USE if name == "cluster-policies" else PermissionLevel.CAN_MANAGE
    assert permission.inherited and permission.permission_level is level
    assert found.object_id == f"/{name}/{thing.id}" and found.object_type


def test_what_administrators_are_granted_is_shown_beside_what_they_have(lab: Lab) -> None:
    found = lab.w.permissions.update("jobs", _job(lab), access_control_list=[entry("CAN_VIEW", group_name="admins")])
    [administrators] = [one for one in found.access_control_list or [] if one.group_name == "admins"]
    assert [
        (one.permission_level, one.inherited, one.inherited_from_object) for one in administrators.all_permissions or []
    ] == [(PermissionLevel.CAN_VIEW, False, None), (PermissionLevel.CAN_MANAGE, True, ["/jobs/"])]


def test_the_calls_of_each_family_are_the_same_lists(lab: Lab, robot: Robot) -> None:
    """The SDK has these calls in each family's own class, with types of its own."""
    job, notebook = _job(lab), KINDS["notebooks"].make(lab, robot)
    w = lab.w

    def levels(found: Any) -> list[str]:
        return [one.permission_level.value for one in found.permission_levels]

    assert levels(w.jobs.get_permission_levels(job)) == list(KINDS["jobs"].levels)
    assert levels(w.workspace.get_permission_levels("notebooks", notebook.id)) == list(KINDS["notebooks"].levels)
    assert levels(w.token_management.get_permission_levels()) == ["CAN_USE"]
    assert levels(w.users.get_permission_levels()) == ["CAN_USE"]
    assert w.jobs.get_permissions(job).object_id == f"/jobs/{job}"
    assert w.workspace.get_permissions("notebooks", notebook.id).object_type == "notebook"
    assert w.users.get_permissions().object_type == "passwords"
    assert w.token_management.get_permissions().object_id == "/authorization/tokens"


def test_a_job_has_one_owner_who_is_no_group(lab: Lab, robot: Robot) -> None:
    job, lists = _job(lab), lab.w.permissions
    assert _own(lists.get("jobs", job)) == {lab.owner: "IS_OWNER"}
    with pytest.raises(InvalidParameterValue, match="must have exactly one owner"):
        lists.set("jobs", job, access_control_list=[entry("CAN_MANAGE", user_name=lab.owner)])
    with pytest.raises(InvalidParameterValue, match="must have exactly one owner"):
        owners = [entry("IS_OWNER", user_name=lab.owner), entry("IS_OWNER", **robot.ways["directly"])]
        lists.set("jobs", job, access_control_list=owners)
    with pytest.raises(InvalidParameterValue, match="must have exactly one owner"):
        lists.update("jobs", job, access_control_list=[entry("CAN_VIEW", user_name=lab.owner)])
    with pytest.raises(InvalidParameterValue, match="Groups cannot be owners"):
        lists.update("jobs", job, access_control_list=[entry("IS_OWNER", group_name="admins")])
    assert _own(lists.get("jobs", job)) == {lab.owner: "IS_OWNER"}
    moved = lists.update("jobs", job, access_control_list=[entry("IS_OWNER", **robot.ways["directly"])])
    assert _own(moved) == {lab.owner: "CAN_MANAGE", robot.name: "IS_OWNER"}


def test_administrators_keep_the_root(lab: Lab, robot: Robot) -> None:
    for entries in ([], [entry("CAN_READ", group_name="admins")], [entry("CAN_MANAGE", **robot.ways["directly"])]):
        with pytest.raises(InvalidParameterValue, match="Cannot remove admins's CAN_MANAGE permission"):
            lab.w.permissions.set("directories", "0", access_control_list=entries)
    assert _own(lab.w.permissions.get("directories", "0"))["admins"] == "CAN_MANAGE"


@pytest.mark.parametrize("name", KINDS)
def test_a_level_of_another_type_is_refused(lab: Lab, robot: Robot, name: str) -> None:
    thing = KINDS[name].make(lab, robot)
    for level in ("CAN_CREATE", "CAN_BIND"):
        with pytest.raises(InvalidParameterValue, match=f"permission_level '{level}' is not one of"):
            lab.w.permissions.update(name, thing.id, access_control_list=[entry(level, user_name=lab.owner)])


@pytest.mark.parametrize(
    "who", [{"user_name": "nobody@localhost"}, {"group_name": "no group"}, {"service_principal_name": "no-robot"}]
)
def test_an_unknown_principal_is_refused_and_nothing_is_changed(lab: Lab, robot: Robot, who: dict[str, str]) -> None:
    thing = KINDS["notebooks"].make(lab, robot)
    lab.grant("notebooks", thing.id, "CAN_READ", robot.ways["directly"])
    entries = [entry("CAN_EDIT", **robot.ways["directly"]), entry("CAN_READ", **who)]
    with pytest.raises(ResourceDoesNotExist, match=f"Principal: .*{next(iter(who.values()))}.* does not exist"):
        lab.w.permissions.set("notebooks", thing.id, access_control_list=entries)
    assert _own(lab.w.permissions.get("notebooks", thing.id)) == {robot.name: "CAN_READ"}


@pytest.mark.parametrize(
    "body",
    [
        {"access_control_list": "all"},
        {"access_control_list": {}},
        {"access_control_list": [1]},
        {"access_control_list": [{"permission_level": "CAN_READ"}]},
        {"access_control_list": [{"permission_level": "CAN_READ", "user_name": "a", "group_name": "b"}]},
        {"access_control_list": [{"permission_level": "CAN_READ", "user_name": 7}]},
        {"access_control_list": [{"permission_level": ["CAN_READ"], "group_name": "users"}]},
        {"access_control_list": [{"group_name": "users"}]},
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_list_that_is_none_is_refused(lab: Lab, robot: Robot, body: Any, method: str) -> None:
    thing = KINDS["notebooks"].make(lab, robot)
    headers = {"Authorization": f"Bearer {lab.workspace.token}"}
    url = f"{lab.workspace.host}/api/2.0/permissions/notebooks/{thing.id}"
    answer = httpx.request(method, url, json=body, headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.text


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("object_id", ["987654321", "none", "-1", "0x1", "٣"])
def test_what_does_not_exist_is_not_found(lab: Lab, robot: Robot, name: str, object_id: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: lab.w.permissions.get(name, object_id),
        lambda: lab.w.permissions.set(name, object_id, access_control_list=[]),
        lambda: lab.w.permissions.get_permission_levels(name, object_id),
    ]
    for call in calls:
        with pytest.raises((NotFound, InvalidParameterValue)) as refused:
            call()
        assert object_id in str(refused.value)


def test_an_object_is_of_its_own_type(lab: Lab, robot: Robot) -> None:
    notebook, folder = KINDS["notebooks"].make(lab, robot), KINDS["directories"].make(lab, robot)
    with pytest.raises(InvalidParameterValue, match="is a NOTEBOOK: ask for notebooks"):
        lab.w.permissions.get("files", notebook.id)
    with pytest.raises(InvalidParameterValue, match="is a DIRECTORY: ask for directories"):
        lab.w.permissions.get("notebooks", folder.id)


def test_a_type_that_there_is_not(lab: Lab) -> None:
    with pytest.raises(NotImplemented, match="the local workspace has no apps"):
        lab.w.permissions.get("apps", "1")
    with pytest.raises(InvalidParameterValue, match="'windows' is not a type of object"):
        lab.w.permissions.get("windows", "1")


def test_what_is_granted_ends_with_the_object(lab: Lab, other: Robot) -> None:
    folder, who = lab.folder(), other.ways["directly"]
    path = f"{folder}/inner"

    def make() -> str:
        lab.w.workspace.mkdirs(path)
        return str(lab.w.workspace.get_status(path).object_id)

    lab.grant("directories", make(), "CAN_MANAGE", who)
    other.client.workspace.mkdirs(f"{path}/deep")
    lab.w.workspace.delete(folder, recursive=True)
    lab.w.workspace.mkdirs(folder)
    make()
    with pytest.raises(PermissionDenied):
        other.client.workspace.get_status(path)
    endpoint = KINDS["serving-endpoints"].make(lab, other)
    lab.grant("serving-endpoints", endpoint.id, "CAN_MANAGE", who)
    other.client.serving_endpoints.delete(endpoint.name)
    with pytest.raises(NotFound):
        lab.w.permissions.get("serving-endpoints", endpoint.id)


def test_what_is_granted_ends_with_the_principal(lab: Lab, robot: Robot) -> None:
    thing = KINDS["notebooks"].make(lab, robot)
    group = lab.w.groups.create(display_name=lab.name("gone"))
    lab.grant("notebooks", thing.id, "CAN_READ", {"group_name": group.display_name or ""})
    lab.w.groups.delete(group.id or "")
    assert _own(lab.w.permissions.get("notebooks", thing.id)) == {}


def test_a_restart_keeps_what_was_granted(lab: Lab, other: Robot) -> None:
    thing = KINDS["notebooks"].make(lab, other)
    lab.grant("notebooks", thing.id, "CAN_READ", other.ways["by a nested group"])
    for word in ("stop", "start"):
        command = [*BRICKYARD, "workspace", word, lab.workspace.name]
        subprocess.run(command, env=lab.workspace.environ, check=True, capture_output=True)
    assert other.client.workspace.get_status(thing.name).object_id == int(thing.id)
    with pytest.raises(PermissionDenied):
        other.client.workspace.delete(thing.name)
