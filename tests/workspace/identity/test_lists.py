"""Filters, order, pages and attributes of SCIM lists."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest
from databricks.sdk.service.iam import ComplexValue, ListSortOrder, Name
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import LocalWorkspace

ROOT = "/api/2.0/preview/scim/v2"


@pytest.fixture(scope="module")
def people(w: WorkspaceClient) -> dict[str, str]:
    """Ann, Bob and Cleo, by their numbers; their addresses begin with `list-`."""
    group = w.groups.create(display_name="list-group")
    made = {}
    for given_name, active in (("Ann", True), ("Bob", False), ("Cleo", True)):
        user = w.users.create(
            user_name=f"list-{given_name}@example.com",
            display_name=f"{given_name} O'Neil",
            active=active,
            name=Name(given_name=given_name, family_name="O'Neil"),
            groups=[ComplexValue(value=group.id)] if given_name != "Cleo" else None,
        )
        made[user.id or ""] = given_name
    return made


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("userName eq list-Ann@example.com", "Ann"),
        ("userName eq 'list-ann@example.com'", "Ann"),
        ('USERNAME EQ "LIST-ANN@example.com"', "Ann"),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "list-ann@example.com"', "Ann"),
        ('userName sw "list-" and active eq true', "Ann Cleo"),
        ('userName sw "list-" and active eq "false"', "Bob"),
        ('userName sw "list-" and displayName ne "Bob O\'Neil"', "Ann Cleo"),
        ('userName co "list-b" or userName co "list-c"', "Bob Cleo"),
        ('userName co "list-b" or userName co "list-c" and active eq true', "Bob Cleo"),
        ('(userName co "list-b" or userName co "list-c") and active eq true', "Cleo"),
        ('emails.value eq "list-bob@example.com"', "Bob"),
        ('emails.value ew "LIST-BOB@example.com"', "Bob"),
        ('userName sw "list-" and not (displayName co "bob")', "Ann Cleo"),
        ('userName sw "list-" and not(not (displayName co "bob" or active eq true))', "Ann Bob Cleo"),
        ('emails[type eq "work"]', None),
        ('name.givenName eq ann and userName co "list-"', "Ann"),
        ('groups eq "list-group"', "Ann Bob"),
        ('groups.display co "list-gr" and active eq true', "Ann"),
        ('userName sw "list-" and externalId pr', ""),
        ('userName sw "list-" and name.familyName pr', "Ann Bob Cleo"),
        ('userName eq "nobody@example.com"', ""),
    ],
)
def test_filters(w: WorkspaceClient, people: dict[str, str], text: str, found: str | None) -> None:
    if found is None:
        with pytest.raises(BadRequest, match="invalidFilter"):
            list(w.users.list(filter=text))
    else:
        assert " ".join(sorted(people[user.id or ""] for user in w.users.list(filter=text))) == found


@pytest.mark.parametrize(
    "text",
    [
        "userName",
        "userName eq",
        "userName is me",
        "eq eq",
        "salary eq 1",
        "name.middleName eq x",
        "userName eq a b",
        'userName eq "open',
        "(userName eq a",
        "userName eq a and",
        "not userName eq a",
        "not (userName eq a",
        "userName gt a",
        " or ".join(["userName eq a"] * 300),
        "(" * 900 + "userName eq a" + ")" * 900,
    ],
)
def test_what_is_no_filter(w: WorkspaceClient, text: str) -> None:
    with pytest.raises(BadRequest, match="invalidFilter"):
        list(w.users.list(filter=text))


def test_pages_end_and_miss_nobody(w: WorkspaceClient, people: dict[str, str]) -> None:
    for count in (1, 2, 3, 50):
        found = [user.id for user in w.users.list(filter="userName sw list-", count=count)]
        assert sorted(found) == sorted(people)
    assert len(list(w.groups.list(count=1))) == len(list(w.groups.list()))
    assert list(w.service_principals.list(filter="displayName eq nobody", count=1)) == []


def test_a_page_says_where_it_is(workspace: LocalWorkspace, people: dict[str, str]) -> None:
    def page(**query: Any) -> dict[str, Any]:
        query = {"filter": "userName sw list-", "attributes": "userName"} | query
        answer = requests.get(
            f"{workspace.host}{ROOT}/Users", params=query, headers={"Authorization": f"Bearer {workspace.token}"}
        )
        assert not answer.ok or answer.headers["content-type"].startswith("application/scim+json")
        return dict(answer.json())

    second = page(startIndex=2, count=1, sortBy="userName")
    assert (second["totalResults"], second["startIndex"], second["itemsPerPage"]) == (3, 2, 1)
    assert [one["userName"] for one in second["Resources"]] == ["list-Bob@example.com"]
    assert page(count=0)["Resources"] == [] and page(count=0)["totalResults"] == 3
    assert page(startIndex=10**17)["Resources"] == []
    assert page(startIndex=-5, count=-1)["itemsPerPage"] == 0
    assert page(count="many")["scimType"] == "invalidValue"


def test_order(w: WorkspaceClient, people: dict[str, str]) -> None:
    def names(sort_by: str, order: ListSortOrder | None = None) -> list[str]:
        listed = w.users.list(filter="userName sw list-", sort_by=sort_by, sort_order=order)
        return [people[user.id or ""] for user in listed]

    assert names("userName") == ["Ann", "Bob", "Cleo"]
    assert names("name.givenName", ListSortOrder.DESCENDING) == ["Cleo", "Bob", "Ann"]
    assert names("emails") == ["Ann", "Bob", "Cleo"]
    with pytest.raises(BadRequest, match="to sort by"):
        names("shoeSize")


def test_attributes(w: WorkspaceClient, people: dict[str, str]) -> None:
    [ann] = w.users.list(filter="userName eq list-ann@example.com", attributes="userName,name.givenName")
    assert ann.as_dict() == {"id": ann.id, "userName": "list-Ann@example.com", "name": {"givenName": "Ann"}}
    without = w.users.get(ann.id or "", excluded_attributes="groups,emails,name.familyName,id").as_dict()
    assert without["name"] == {"givenName": "Ann"} and without["id"] == ann.id
    assert not {"groups", "emails"} & set(without)
    assert w.current_user.me().groups


WORDS = st.sampled_from(
    [
        "userName",
        "eq",
        "co",
        "ne",
        "pr",
        "and",
        "or",
        "(",
        ")",
        '"a"',
        "'",
        '"',
        "emails.value",
        "members[value eq",
        "]",
    ]
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    family=st.sampled_from(["Users", "Groups", "ServicePrincipals"]),
    text=st.one_of(st.text(max_size=40), st.lists(WORDS, max_size=8).map(" ".join)),
    other=st.dictionaries(st.sampled_from(["startIndex", "count", "sortBy", "sortOrder", "attributes"]), st.text()),
)
def test_no_query_is_a_fault_of_the_server(
    workspace: LocalWorkspace, family: str, text: str, other: dict[str, str]
) -> None:
    answer = requests.get(
        f"{workspace.host}{ROOT}/{family}",
        params={"filter": text, **other},
        headers={"Authorization": f"Bearer {workspace.token}"},
    )
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert answer.json()["status"] == "400" and answer.json()["detail"]
