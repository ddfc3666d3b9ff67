"""Service principals sign in with a secret: by the official client, and as RFC 6749 has it."""

from __future__ import annotations

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, NotImplemented
from databricks.sdk.oauth import get_workspace_endpoints
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import LocalWorkspace
from tests.support.waiting import wait_for
from tests.workspace.identity.conftest import Robot


@pytest.fixture
def secret(w: WorkspaceClient, robot: Robot) -> str:
    return w.service_principal_secrets_proxy.create(robot.id).secret or ""


def ask(workspace: LocalWorkspace, auth: tuple[str, str] | None = None, **form: str) -> requests.Response:
    return requests.post(f"{workspace.host}/oidc/v1/token", data=form, auth=auth)


def test_machine_to_machine(workspace: LocalWorkspace, robot: Robot, secret: str) -> None:
    config = Config(host=workspace.host, client_id=robot.application_id, client_secret=secret, auth_type="oauth-m2m")
    client = WorkspaceClient(config=config)
    assert client.current_user.me().user_name == robot.application_id
    client.workspace.mkdirs(f"/Users/{robot.application_id}/by-oauth")
    assert [token.comment for token in client.tokens.list()] == [""]  # access tokens are no personal ones
    assert client.config.oauth_token().expiry is not None


def test_discovery(workspace: LocalWorkspace) -> None:
    for name in ("oauth-authorization-server", "openid-configuration"):
        found = requests.get(f"{workspace.host}/oidc/.well-known/{name}").json()
        assert found["token_endpoint"] == f"{workspace.host}/oidc/v1/token"
        assert found["grant_types_supported"] == ["client_credentials"]
    endpoints = get_workspace_endpoints(workspace.host)
    assert endpoints.token_endpoint == f"{workspace.host}/oidc/v1/token"
    people = requests.get(endpoints.authorization_endpoint)
    assert people.status_code == 501 and "use a personal access token" in people.json()["message"]
    config = requests.get(f"{workspace.host}/.well-known/databricks-config")
    assert config.json()["oidc_endpoint"] == f"{workspace.host}/oidc"
    assert config.headers["X-Databricks-Org-Id"] == config.json()["workspace_id"]


@pytest.mark.parametrize("in_form", [False, True])
def test_the_answer_is_that_of_the_rfc(workspace: LocalWorkspace, robot: Robot, secret: str, in_form: bool) -> None:
    credentials = {"client_id": robot.application_id, "client_secret": secret}
    answer = ask(
        workspace,
        None if in_form else (robot.application_id, secret),
        grant_type="client_credentials",
        scope="all-apis",
        **(credentials if in_form else {}),
    )
    body = answer.json()
    assert (answer.status_code, body["token_type"], body["expires_in"]) == (200, "Bearer", 3600)
    assert answer.headers["Cache-Control"] == "no-store"
    me = requests.get(
        f"{workspace.host}/api/2.0/preview/scim/v2/Me", headers={"Authorization": f"Bearer {body['access_token']}"}
    )
    assert me.json()["userName"] == robot.application_id


def test_refusals(workspace: LocalWorkspace, robot: Robot, secret: str) -> None:
    right = (robot.application_id, secret)
    grant = {"grant_type": "client_credentials"}

    def refused(auth: tuple[str, str] | None, **form: str) -> tuple[int, str]:
        answer = ask(workspace, auth, **form)
        assert answer.json()["error_description"]
        assert ("WWW-Authenticate" in answer.headers) == (answer.status_code == 401)
        return answer.status_code, answer.json()["error"]

    assert refused(None, **grant) == (401, "invalid_client")
    assert refused((robot.application_id, "dose0"), **grant) == (401, "invalid_client")
    assert refused(("00000000-0000-0000-0000-000000000000", secret), **grant) == (401, "invalid_client")
    assert refused((robot.application_id, robot.token), **grant) == (401, "invalid_client")
    assert refused(right) == (400, "invalid_request")
    assert refused(right, grant_type="password") == (400, "unsupported_grant_type")
    assert refused(right, **grant, scope="sql") == (400, "invalid_scope")
    assert refused(right, **grant, authorization_details="[]") == (400, "invalid_authorization_details")


def test_a_user_has_no_such_way_in(workspace: LocalWorkspace, w: WorkspaceClient) -> None:
    me = w.current_user.me()
    with pytest.raises(NotFound):
        w.service_principal_secrets_proxy.create(me.id or "")
    answer = ask(workspace, (me.user_name or "", workspace.token), grant_type="client_credentials")
    assert answer.json()["error"] == "invalid_client"


def test_secrets_are_made_listed_and_ended(workspace: LocalWorkspace, w: WorkspaceClient, robot: Robot) -> None:
    proxy = w.service_principal_secrets_proxy
    made = proxy.create(robot.id, lifetime="3600s")
    assert made.secret is not None and made.id is not None and made.status == "ACTIVE"
    [listed] = proxy.list(robot.id)
    assert (listed.id, listed.secret_hash, listed.expire_time) == (made.id, made.secret_hash, made.expire_time)
    auth = (robot.application_id, made.secret)
    assert ask(workspace, auth, grant_type="client_credentials").ok
    proxy.delete(robot.id, made.id)
    assert ask(workspace, auth, grant_type="client_credentials").json()["error"] == "invalid_client"
    with pytest.raises(NotFound):
        proxy.delete(robot.id, made.id)
    for lifetime in ("1h", "0s", "99999999s"):
        with pytest.raises(InvalidParameterValue, match="lifetime"):
            proxy.create(robot.id, lifetime=lifetime)
    with pytest.raises(NotImplemented, match="scopes"):
        proxy.create(robot.id, scopes=["sql"])
    for _ in range(5):
        proxy.create(robot.id)
    with pytest.raises(BadRequest, match="has 5 secrets"):
        proxy.create(robot.id)


def test_a_secret_ends_with_its_lifetime(workspace: LocalWorkspace, w: WorkspaceClient, robot: Robot) -> None:
    value = w.service_principal_secrets_proxy.create(robot.id, lifetime="2s").secret or ""
    auth = (robot.application_id, value)
    assert ask(workspace, auth, grant_type="client_credentials").ok
    wait_for(lambda: not ask(workspace, auth, grant_type="client_credentials").ok)


def test_sign_ins_are_recorded_under_who_signs_in(
    workspace: LocalWorkspace, w: WorkspaceClient, robot: Robot, secret: str
) -> None:
    import sqlite3

    ask(workspace, (robot.application_id, secret), grant_type="client_credentials")
    ask(workspace, (robot.application_id, "wrong-secret"), grant_type="client_credentials")
    with sqlite3.connect(workspace.root / "workspace.db") as database:
        rows = database.execute(
            "SELECT principal, status FROM audit WHERE action = 'oauth.token' ORDER BY id DESC LIMIT 2"
        )
        assert rows.fetchall() == [("", 401), (robot.application_id, 200)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200), authorization=st.sampled_from([None, "Basic !!", "Basic", "Bearer x", "Basic 4pi6"])
)
def test_no_request_is_a_fault_of_the_server(workspace: LocalWorkspace, body: bytes, authorization: str | None) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if authorization:
        headers["Authorization"] = authorization
    answer = requests.post(f"{workspace.host}/oidc/v1/token", data=body, headers=headers)
    assert answer.status_code in (400, 401), answer.text
