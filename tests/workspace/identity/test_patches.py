"""PATCH operations: the right ones, the wrong ones, and any."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.iam import ComplexValue, Name, Patch, PatchOp, User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import LocalWorkspace

ROOT = "/api/2.0/preview/scim/v2"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def send(workspace: LocalWorkspace, place: str, body: Any) -> requests.Response:
    """A PATCH as it is, past the SDK, which leaves out values such as false."""
    headers = {"Authorization": f"Bearer {workspace.token}", "Content-Type": "application/scim+json"}
    return requests.patch(f"{workspace.host}{ROOT}/{place}", data=json.dumps(body), headers=headers)


@pytest.fixture
def user(w: WorkspaceClient, name: str) -> str:
    made = w.users.create(
        user_name=f"{name}@example.com",
        display_name="Ann",
        name=Name(given_name="Ann", family_name="Lee"),
        entitlements=[ComplexValue(value="workspace-access"), ComplexValue(value="allow-cluster-create")],
        roles=[ComplexValue(value="r1")],
    )
    return made.id or ""


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([{"op": "replace", "path": "active", "value": False}], {"active": False}),
        ([{"op": "Replace", "value": {"active": "False"}}], {"active": False}),
        ([Patch(PatchOp.REPLACE, "active", False).as_dict()], {"active": False}),  # has no value: the SDK leaves it out
        (
            [{"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": False}],
            {"active": False},
        ),
        ([{"op": "replace", "path": "DISPLAYNAME", "value": "Anna"}], {"displayName": "Anna"}),
        ([{"op": "add", "path": "name.familyName", "value": "Li"}], {"name": {"givenName": "Ann", "familyName": "Li"}}),
        ([{"op": "replace", "value": {"name.familyName": "Li"}}], {"name": {"givenName": "Ann", "familyName": "Li"}}),
        (
            [{"op": "replace", "path": "name", "value": {"givenName": "A"}}],
            {"name": {"givenName": "A", "familyName": "Lee"}},
        ),
        ([{"op": "remove", "path": "name.givenName"}], {"name": {"familyName": "Lee"}}),
        ([{"op": "remove", "path": "name"}], {"name": None}),
        (
            [{"op": "add", "path": "entitlements", "value": [{"value": "databricks-sql-access"}]}],
            {"entitlements": ["workspace-access", "allow-cluster-create", "databricks-sql-access"]},
        ),
        (
            [{"op": "remove", "path": 'entitlements[value eq "workspace-access"]'}],
            {"entitlements": ["allow-cluster-create"]},
        ),
        (
            [{"op": "replace", "path": "entitlements", "value": {"value": "workspace-access"}}],
            {"entitlements": ["workspace-access"]},
        ),
        ([{"op": "remove", "path": "entitlements"}], {"entitlements": None}),
        ([{"op": "add", "path": "roles", "value": [{"value": "r1"}, {"value": "r2"}]}], {"roles": ["r1", "r2"]}),
        (
            [{"op": "Remove", "path": "entitlements", "value": [{"value": "workspace-access"}, {"value": "other"}]}],
            {"entitlements": ["allow-cluster-create"]},
        ),
        ([{"op": "replace", "path": 'roles[value eq "r1"].value', "value": "r9"}], {"roles": ["r9"]}),
        ([{"op": "replace", "path": "userName", "value": "x@example.com"}], {}),
        ([{"op": "replace", "path": "emails", "value": [{"value": "x@example.com"}]}], {}),
        (
            [{"op": "add", "path": "externalId", "value": "e"}, {"op": "replace", "path": "displayName", "value": "B"}],
            {"externalId": "e", "displayName": "B"},
        ),
    ],
)
def test_operations(
    workspace: LocalWorkspace, w: WorkspaceClient, user: str, operations: list[dict[str, Any]], expected: dict[str, Any]
) -> None:
    before = plain(w.users.get(user))
    answer = send(workspace, f"Users/{user}", {"schemas": [PATCH], "Operations": operations})
    assert answer.status_code == 200, answer.text
    after = {name: value for name, value in (before | expected).items() if value is not None}
    assert plain(w.users.get(user)) == after


def plain(user: User) -> dict[str, Any]:
    """A user, with the values of entitlements and roles only."""
    found = user.as_dict()
    for name in {"entitlements", "roles"} & set(found):
        found[name] = [one["value"] for one in found[name]]
    return found


def test_a_user_without_a_name_is_called_by_its_address(
    workspace: LocalWorkspace, w: WorkspaceClient, user: str
) -> None:
    send(workspace, f"Users/{user}", {"Operations": [{"op": "remove", "path": "displayName"}]})
    assert w.users.get(user).display_name == w.users.get(user).user_name


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "invalidSyntax"),
        ({"Operations": []}, "invalidSyntax"),
        ({"Operations": ["add"]}, "invalidSyntax"),
        ({"Operations": [{"op": "move", "path": "active", "value": True}]}, "invalidSyntax"),
        (
            {"schemas": ["urn:other"], "Operations": [{"op": "replace", "path": "active", "value": True}]},
            "invalidSyntax",
        ),
        ({"Operations": [{"op": "add", "value": "x"}]}, "invalidSyntax"),
        ({"Operations": [{"op": "add", "path": "entitlements", "value": "workspace-access"}]}, "invalidSyntax"),
        ({"Operations": [{"op": "add", "path": "shoeSize", "value": 1}]}, "invalidPath"),
        ({"Operations": [{"op": "add", "path": "name.shoe", "value": "1"}]}, "invalidPath"),
        ({"Operations": [{"op": "add", "path": "displayName[value eq 1]", "value": "1"}]}, "invalidPath"),
        ({"Operations": [{"op": "add", "path": "roles[", "value": "1"}]}, "invalidPath"),
        ({"Operations": [{"op": "add", "path": 7, "value": "1"}]}, "invalidPath"),
        ({"Operations": [{"op": "remove", "path": "roles[x eq 1]"}]}, "invalidFilter"),
        ({"Operations": [{"op": "remove"}]}, "noTarget"),
        ({"Operations": [{"op": "replace", "path": "roles[value eq none].value", "value": "r"}]}, "noTarget"),
        ({"Operations": [{"op": "replace", "path": "active", "value": None}]}, "invalidValue"),
        ({"Operations": [{"op": "replace", "path": "displayName"}]}, "invalidValue"),
        ({"Operations": [{"op": "remove", "path": "active"}]}, "invalidValue"),
        ({"Operations": [{"op": "remove", "path": "roles", "value": ["r1"]}]}, "invalidSyntax"),
        ({"Operations": [{"op": "replace", "path": "active", "value": "perhaps"}]}, "invalidValue"),
        ({"Operations": [{"op": "replace", "path": "displayName", "value": {"a": 1}}]}, "invalidValue"),
        ({"Operations": [{"op": "add", "path": "entitlements", "value": [{"value": "all"}]}]}, "invalidValue"),
        ({"Operations": [{"op": "replace", "path": "id", "value": "7"}]}, "mutability"),
    ],
)
def test_wrong_operations(workspace: LocalWorkspace, user: str, body: dict[str, Any], kind: str) -> None:
    answer = send(workspace, f"Users/{user}", body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["scimType"] == kind, answer.text
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


def test_what_is_missing_or_not_json(workspace: LocalWorkspace, user: str) -> None:
    body = {"Operations": [{"op": "replace", "path": "active", "value": True}]}
    for place in ("Users/12", "Users/abc", f"Groups/{user}", f"ServicePrincipals/{user}", f"Users/{10**30}"):
        answer = send(workspace, place, body)
        assert (answer.status_code, answer.json()["status"]) == (404, "404"), place
    assert send(workspace, f"Users/{user}", [1]).json()["scimType"] == "invalidSyntax"


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=12))
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)
NAMES = [
    "active",
    "displayName",
    "name",
    "name.givenName",
    "members",
    "entitlements",
    "roles",
    "groups",
    "id",
    "schemas",
]
PATHS = st.one_of(
    st.sampled_from([*NAMES, "", 'members[value eq "1"]', "roles[value eq r].value", "roles[display co r].type"]),
    st.text(max_size=20),
    SCALARS,
)
ITEMS = st.lists(st.fixed_dictionaries({"value": SCALARS}), max_size=2)
VALUES = st.one_of(JSON, ITEMS, st.dictionaries(st.sampled_from(NAMES), st.one_of(JSON, ITEMS), max_size=3))
OPERATIONS = st.fixed_dictionaries(
    {"op": st.one_of(st.sampled_from(["add", "remove", "replace"]), SCALARS)}, optional={"path": PATHS, "value": VALUES}
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(OPERATIONS, JSON), max_size=3))
def test_no_patch_is_a_fault_of_the_server(fuzzed: tuple[LocalWorkspace, str, str], operations: list[Any]) -> None:
    workspace, user, group = fuzzed
    for place in (user, group):
        answer = send(workspace, place, {"Operations": operations})
        assert answer.status_code in (200, 400, 403, 404, 409), answer.text


@pytest.fixture(scope="module")
def fuzzed(workspace: LocalWorkspace, w: WorkspaceClient) -> tuple[LocalWorkspace, str, str]:
    """A user and a group that any operation may be tried on."""
    user = w.users.create(user_name="fuzzed@example.com")
    group = w.groups.create(display_name="fuzzed", members=[ComplexValue(value=user.id)])
    return workspace, f"Users/{user.id}", f"Groups/{group.id}"
