"""What no family answers: paths that are nobody's, bodies that are no JSON, and the ways to send a token."""

from __future__ import annotations

import base64

import pytest
import requests
from databricks.sdk.errors import BadRequest
from databricks.sdk.errors import NotFound as NotFoundByServer

from tests.support import LocalWorkspace

ME = "/api/2.0/preview/scim/v2/Me"


def send(
    workspace: LocalWorkspace, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> requests.Response:
    sent = {"Authorization": f"Bearer {workspace.token}"} | (headers or {})
    return requests.request(method, f"{workspace.host}{path}", data=body, headers=sent)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/2.0/windows/list"),
        ("GET", "/api/2.0/windows"),
        ("GET", "/windows"),
        ("DELETE", "/api/2.0/token/create"),
        ("GET", "/api/2.1/workspace/list"),  # of a version that the vendor does not have
        ("GET", "/api/2.0/workspace/list/"),
        ("GET", "/api/2.0//workspace/list"),
        ("GET", "/api/2.0/repos/"),
        ("OPTIONS", "/api/2.0/workspace/list"),
        ("GET", "/oidc/windows"),
        ("GET", "/" + "w" * 20_000),
    ],
)
def test_a_path_that_is_nobodys(workspace: LocalWorkspace, method: str, path: str) -> None:
    answer = send(workspace, method, path)
    body = answer.json()
    assert (answer.status_code, body["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    assert body["message"] == f"No API found for '{method} {path[:300]}'"
    assert answer.headers["X-Databricks-Org-Id"]


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/api/2.1/marketplace-consumer/installations", "ConsumerInstallationsAPI.list"),
        ("GET", "/api/2.0/marketplace-consumer/installations", "ConsumerInstallationsAPI.list"),  # an older version
        ("GET", "/api/2.0/sql/alerts/12", "AlertsAPI.get"),
        ("POST", "/sql/1.0/warehouses/12", "Thrift.of-sql-connectors"),  # the vendor's drivers, by their own protocol
        ("GET", "/api/2.0/domains/12", "DomainsAPI.get_domain"),  # by the name of a resource, which has segments
        ("GET", "/api/2.1/knowledge-assistants/1/examples", "KnowledgeAssistantsAPI.list_examples"),
        ("PATCH", "/api/environments/v1/workspace-base-environments/x", "EnvironmentsAPI.update_"),
        ("POST", "/api/2.0/ai-search/workspaces/1/indexes/2:query", "AiSearchAPI.query_index"),
    ],
)
def test_an_operation_of_the_vendor_has_its_name(workspace: LocalWorkspace, method: str, path: str, name: str) -> None:
    answer = send(workspace, method, path)
    assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert answer.json()["message"].startswith(name)


def test_the_official_client_raises_what_it_raises_in_the_cloud(workspace: LocalWorkspace) -> None:
    client = workspace.client().api_client
    with pytest.raises(NotFoundByServer, match=r"No API found for 'GET /api/2\.0/windows'"):
        client.do("GET", "/api/2.0/windows")
    with pytest.raises(BadRequest) as refused:
        client.do("POST", "/api/2.0/token/create", data=b"{", headers={"Content-Type": "application/json"})
    assert refused.value.error_code == "MALFORMED_REQUEST"


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"\x1f\x8b\x08", b'{"comment": "\\ud800"}']
)
def test_a_body_that_is_no_object(workspace: LocalWorkspace, body: bytes) -> None:
    answer = send(workspace, "POST", "/api/2.0/token/create", body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "MALFORMED_REQUEST")


def test_a_token_may_be_the_password_of_the_user_token(workspace: LocalWorkspace) -> None:
    """As in a `.netrc`, which `requests` and `curl` read."""

    def status(authorization: str) -> int:
        return requests.get(f"{workspace.host}{ME}", headers={"Authorization": authorization}).status_code

    def basic(credentials: str) -> str:
        return f"Basic {base64.b64encode(credentials.encode()).decode()}"

    assert requests.get(f"{workspace.host}{ME}", auth=("token", workspace.token)).json()["active"]
    for sign in (
        {"Origin": "https://example.com"},
        {"Sec-Fetch-Site": "cross-site"},
    ):  # a browser's, for whichever site
        answer = requests.get(f"{workspace.host}{ME}", auth=("token", workspace.token), headers=sign)
        assert answer.status_code == 401
        assert send(workspace, "GET", ME, headers=sign).ok
    for wrong in ("token:dapi0", f"root:{workspace.token}", "token:", "token", ""):
        assert status(basic(wrong)) == 401
    for wrong in ("Basic", "Basic !", "Basic 4pi6", f"Token {workspace.token}"):
        assert status(wrong) == 401
