"""What is recorded: each change and each refusal of every family once, and nothing else."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from urllib.parse import urlsplit

import httpx
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied, Unauthenticated

import brickyard.workspace.api
from brickyard.workspace.api.base import Family, Operation
from brickyard.workspace.identity.audit import AuditEvent, AuditFilter, events
from brickyard.workspace.store import Reader
from tests.support import LocalWorkspace, WorkspaceHome
from tests.workspace.secrets.people import person

Declared = tuple[str, str, str, Operation]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    """A workspace of this module's own: what others do would be in its record."""
    home = WorkspaceHome(tmp_path_factory.mktemp("home"))
    yield home.start("dev")
    home.close()


@pytest.fixture
def record(audited: LocalWorkspace) -> Iterator[Reader]:
    reader = Reader(audited.root / "workspace.db")
    yield reader
    reader.close()


class New:
    """The events since the last time it was asked."""

    def __init__(self, record: Reader) -> None:
        self._record = record
        self._known = 0
        self()

    def __call__(self) -> list[AuditEvent]:
        found = list(events(self._record, AuditFilter()))
        new, self._known = found[self._known :], len(found)
        return new


@pytest.fixture
def new(record: Reader) -> New:
    return New(record)


def declared() -> Iterator[Declared]:
    """Family, method, an address that fits, and the operation of everything that is declared."""
    for module in iter_modules(brickyard.workspace.api.__path__):
        family = getattr(import_module(f"brickyard.workspace.api.{module.name}"), "family", None)
        if isinstance(family, Family):
            for one in family.operations():
                method, path = one.split(" ")
                address = re.sub(r"\{[^}]*\}", "1", path)
                operation, _ = family.find({"type": "http", "method": method, "path": address, "headers": []})
                yield module.name, method, address, operation


def test_every_operation_that_changes_something_is_recorded_once(audited: LocalWorkspace, new: New) -> None:
    connection = http.client.HTTPConnection(urlsplit(audited.host).netloc, timeout=60)
    headers = {"Authorization": f"Bearer {audited.token}", "Content-Type": "application/json"}
    wrong, seen = [], 0
    for family, method, address, operation in declared():
        body = None if method in ("GET", "HEAD") else b"{}"
        connection.request(method, address, body=body, headers=headers)
        answer = connection.getresponse()
        answer.read()
        found = [(one.action.partition(".")[0], one.status) for one in new()]
        recorded = operation.changes or answer.status in (401, 403)
        if found != ([(family, answer.status)] if recorded else []):
            wrong.append((method, address, answer.status, found))
        seen += operation.changes
    assert wrong == []
    assert seen > 100


def test_every_operation_is_refused_and_recorded_without_a_token(audited: LocalWorkspace, new: New) -> None:
    connection = http.client.HTTPConnection(urlsplit(audited.host).netloc, timeout=60)
    public = ("discovery", "oauth", "pages")
    for family, method, address, _ in declared():
        if family in public or address == "/api/2.0/fs/abandoned-uploads":
            continue
        connection.request(method, address, headers={"Authorization": "Bearer dapi-of-nobody"})
        answer = connection.getresponse()
        answer.read()
        (event,) = new()
        expected = (401, "", "127.0.0.1", f"{method} {address}", "UNAUTHENTICATED")
        assert (answer.status, event.principal, event.source_address, event.action, event.error_code) == expected


def test_an_event_says_who_what_and_how_it_ended(audited: LocalWorkspace, new: New) -> None:
    admin = audited.client()
    other = person(admin)
    admin.secrets.create_scope("events")
    new()
    begun = time.time() * 1000
    admin.secrets.put_secret("events", "k", string_value="c4n4ry")
    with pytest.raises(PermissionDenied):
        other.client.secrets.get_secret("events", "k")
    admin.secrets.get_secret("events", "k")  # reading is not recorded
    put, refused = new()
    me = admin.current_user.me().user_name
    assert (put.principal, put.source_address, put.action) == (me, "127.0.0.1", "secrets.put_secret")
    assert (put.object, put.status, put.error_code) == ("scope=events key=k", 200, "")
    assert begun - 1000 <= put.time <= refused.time <= time.time() * 1000
    assert (refused.principal, refused.action, refused.object) == (
        other.name,
        "secrets.get_secret",
        "scope=events key=k",
    )
    assert (refused.status, refused.error_code) == (403, "PERMISSION_DENIED")


def test_what_was_granted_is_named(audited: LocalWorkspace, new: New) -> None:
    admin = audited.client()
    admin.secrets.create_scope("granted")
    new()
    admin.api_client.do(
        "POST", "/api/2.0/secrets/acls/put", body={"scope": "granted", "principal": "users", "permission": "READ"}
    )
    (event,) = new()
    assert event.object == "scope=granted principal=users permission=READ"


def test_sign_in_at_the_pages(audited: LocalWorkspace, new: New) -> None:
    with httpx.Client(base_url=audited.host) as browser:
        assert browser.post("/login", data={"token": "dapi-c4n4ry"}).status_code == 401
        assert browser.post("/login", data={"token": audited.token}).status_code == 303
        assert browser.get("/").status_code == 200
        assert browser.post("/logout").status_code == 303
    me = audited.client().current_user.me().user_name
    found = [(one.action, one.principal, one.status) for one in new()]
    assert found == [("pages.sign_in", "", 401), ("pages.sign_in", me, 303), ("pages.sign_out", me, 303)]


def test_sign_in_of_service_principals(audited: LocalWorkspace, new: New) -> None:
    one = person(audited.client())
    new()
    stranger = WorkspaceClient(
        host=audited.host, client_id=one.name, client_secret="dose-c4n4ry", auth_type="oauth-m2m"
    )
    with pytest.raises(ValueError, match="invalid_client"):
        stranger.current_user.me()
    found = new()
    assert {(event.action, event.principal, event.status, event.error_code) for event in found} == {
        ("oauth.token", "", 401, "invalid_client")
    }
    with pytest.raises(Unauthenticated):
        WorkspaceClient(host=audited.host, token="dapi-c4n4ry", auth_type="pat").current_user.me()
    assert [(event.principal, event.status) for event in new()] == [("", 401)]


def test_a_page_of_another_site_is_recorded(audited: LocalWorkspace, new: New) -> None:
    assert httpx.get(f"{audited.host}/api/2.0/secrets/scopes/list", headers={"Host": "evil.example"}).status_code == 403
    (event,) = new()
    assert (event.action, event.status, event.error_code) == (
        "GET /api/2.0/secrets/scopes/list",
        403,
        "PERMISSION_DENIED",
    )


def test_calls_of_mlflow_s_own_server(audited: LocalWorkspace, new: New) -> None:
    admin = audited.client()
    name = f"/Users/{admin.current_user.me().user_name}/audited"
    experiment = admin.experiments.create_experiment(name=name).experiment_id or ""
    made = admin.experiments.create_run(experiment_id=experiment).run
    assert made and made.info and made.info.run_id
    run_id = made.info.run_id
    new()
    admin.experiments.log_param(run_id=run_id, key="alpha", value="c4n4ry")
    list(admin.experiments.search_runs(experiment_ids=[experiment]))
    list(admin.experiments.search_experiments())
    found = [(event.action, event.object, event.status) for event in new()]
    assert found == [("mlflow.runs/log-parameter", f"run_id={run_id} key=alpha", 200)]


def test_no_value_is_in_the_record(audited: LocalWorkspace, record: Reader) -> None:
    found = list(events(record, AuditFilter()))
    assert {"secrets.put_secret", "pages.sign_in", "oauth.token", "mlflow.runs/log-parameter"} <= {
        one.action for one in found
    }
    assert "c4n4ry" not in json.dumps([repr(one) for one in found])
