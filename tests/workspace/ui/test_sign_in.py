"""Who sees the pages, and what the cookie is good for."""

from __future__ import annotations

import httpx
import pytest

from tests.support import LocalWorkspace

PAGES = ["/", "/jobs/1", "/jobs/1/runs/2", "/ml/experiments/1", "/ml/endpoints/a", "/explore/data/main/default"]


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_sent_to_sign_in_and_comes_back(stranger: httpx.Client, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next={path}"


def test_the_way_back_keeps_query_and_escapes(stranger: httpx.Client, workspace: LocalWorkspace) -> None:
    location = stranger.get("/explore/data/a%20b/c?x=1&y=%2F").headers["location"]
    form = stranger.get(location)
    assert 'value="/explore/data/a%20b/c?x=1&amp;y=%2F"' in form.text
    fields = {"token": workspace.token, "next": "/explore/data/a%20b/c?x=1&y=%2F"}
    assert stranger.post("/login", data=fields).headers["location"] == "/explore/data/a%20b/c?x=1&y=%2F"


def test_the_cookie_is_for_this_host_and_not_for_scripts(stranger: httpx.Client, workspace: LocalWorkspace) -> None:
    cookie = stranger.post("/login", data={"token": workspace.token}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert workspace.token not in cookie


def test_a_wrong_token_is_refused_with_the_form_again(stranger: httpx.Client) -> None:
    answer = stranger.post("/login", data={"token": "dapi-wrong", "next": "/jobs/7"})
    assert answer.status_code == 401
    assert "not valid for this workspace" in answer.text
    assert "dapi-wrong" not in answer.text
    assert 'value="/jobs/7"' in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "\\\\evil", "jobs/1", "/logout"],
)
def test_signing_in_never_leads_to_another_site(
    stranger: httpx.Client, workspace: LocalWorkspace, elsewhere: str
) -> None:
    answer = stranger.post("/login", data={"token": workspace.token, "next": elsewhere})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    "call",
    [
        ("GET", "/api/2.2/jobs/list"),
        ("POST", "/api/2.2/jobs/create"),
        ("GET", "/api/2.0/secrets/scopes/list"),
        ("POST", "/api/2.0/token/create"),
        ("POST", "/serving-endpoints/none/invocations"),
        ("GET", "/ajax-api/2.0/mlflow/experiments/search"),
        ("POST", "/jobs/1"),
        ("DELETE", "/explore/data/main/default"),
        ("PUT", "/"),
    ],
)
def test_the_cookie_opens_no_api_and_changes_nothing(browser: httpx.Client, call: tuple[str, str]) -> None:
    answer = browser.request(*call)
    assert answer.status_code == 401
    assert answer.json()["error_code"] == "UNAUTHENTICATED"


def test_the_value_of_the_cookie_is_no_token(browser: httpx.Client, stranger: httpx.Client) -> None:
    (value,) = browser.cookies.values()
    answer = stranger.get("/api/2.2/jobs/list", headers={"Authorization": f"Bearer {value}"})
    assert answer.status_code == 401


def test_a_header_opens_pages_too_and_a_wrong_one_does_not(stranger: httpx.Client, workspace: LocalWorkspace) -> None:
    assert stranger.get("/", headers={"Authorization": f"Bearer {workspace.token}"}).status_code == 200
    assert stranger.get("/", headers={"Authorization": "Bearer dapi0"}).status_code == 401


def test_signing_out_ends_the_session_also_for_a_copied_cookie(browser: httpx.Client, stranger: httpx.Client) -> None:
    stranger.cookies.update(browser.cookies)
    assert stranger.get("/").status_code == 200
    assert browser.post("/logout").headers["location"] == "/login"
    assert browser.get("/").status_code == 303
    assert stranger.get("/").status_code == 303


def test_a_session_ends_with_its_token(stranger: httpx.Client, workspace: LocalWorkspace) -> None:
    client = workspace.client()
    made = client.tokens.create(comment="pages")
    stranger.post("/login", data={"token": made.token_value})
    assert stranger.get("/").status_code == 200
    client.tokens.delete(made.token_info.token_id)
    assert stranger.get("/").status_code == 303


def test_what_is_not_a_page_or_an_operation_is_still_said_by_name(workspace: LocalWorkspace) -> None:
    headers = {"Authorization": f"Bearer {workspace.token}"}
    answer = httpx.post(f"{workspace.host}/jobs/1", headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED")


def test_no_page_may_run_scripts_or_be_framed(stranger: httpx.Client, browser: httpx.Client) -> None:
    for answer in (stranger.get("/login"), browser.get("/"), browser.get("/jobs/1")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "<script" not in answer.text
        assert answer.headers["cache-control"] == "no-store"


def test_a_form_that_is_too_large_is_refused(stranger: httpx.Client) -> None:
    assert stranger.post("/login", content=b"token=" + b"x" * 100_000).status_code == 413
