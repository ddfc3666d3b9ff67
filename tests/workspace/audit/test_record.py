"""What is recorded: each change and each refusal of every family once, and nothing else."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from urllib.parse import urlsplit

import httpx
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied, Unauthenticated
from databricks.sdk.service.catalog import PermissionsChange, Privilege
from databricks.sdk.service.compute import ClusterSpec
from databricks.sdk.service.iam import Patch, PatchOp, PatchSchema
from databricks.sdk.service.jobs import JobRunAs, JobSettings, NotebookTask, Run, Task
from databricks.sdk.service.workspace import AclPermission, ImportFormat, Language
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

import brickyard.workspace.api
from brickyard.workspace.api.base import Family, Operation
from brickyard.workspace.identity.audit import Audit, AuditEvent, AuditFilter, events
from brickyard.workspace.store import Reader, Store
from tests.support import LocalWorkspace, WorkspaceHome, wait_for
from tests.workspace.permissions.people import entry
from tests.workspace.secrets.people import person

PATCH = [PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP]

RESULT = "/api/2.0/sql/result-files/1/1"
SIGNED = "/api/2.0/mlflow/model-versions/signed-files"
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
    public = ("discovery", "oauth", "pages", "dbt_artifacts", "/api/2.0/fs/abandoned-uploads", f"{SIGNED}/1", RESULT)
    for family, method, address, _ in declared():
        if family in public or address in public:
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
    admin, one = audited.client(), person(audited.client())
    admin.secrets.create_scope("granted")
    job = admin.jobs.create(name="granted").job_id
    schema = admin.schemas.create("granted", "main").full_name or ""
    me, id_of_group = admin.current_user.me().user_name, admin.groups.create(display_name="granted").id or ""
    new()
    entries = [entry("IS_OWNER", user_name=me), entry("CAN_VIEW", service_principal_name=one.name)]
    admin.secrets.put_acl("granted", "users", AclPermission.READ)
    admin.permissions.set("jobs", str(job), access_control_list=entries)
    admin.permissions.update("jobs", str(job), access_control_list=[entry("CAN_MANAGE_RUN", group_name="users")])
    changes = [
        PermissionsChange(principal=one.name, add=[Privilege.USE_SCHEMA, Privilege.SELECT]),
        PermissionsChange(principal="account users", remove=[Privilege.SELECT]),
    ]
    admin.grants.update("schema", schema, changes=changes)
    added = Patch(op=PatchOp.ADD, path="members", value=[{"value": one.id}])
    removed = Patch(op=PatchOp.REMOVE, path=f'members[value eq "{one.id}"]')
    for operation in (added, removed):
        admin.groups.patch(id_of_group, operations=[operation], schemas=PATCH)
    admin.jobs.update(job or 0, new_settings=JobSettings(run_as=JobRunAs(service_principal_name=one.name)))
    admin.schemas.update(schema, owner="account users")
    assert [event.object for event in new()] == [
        "scope=granted principal=users permission=READ",
        f"kind=jobs id={job} granted={me}:IS_OWNER,{one.name}:CAN_VIEW",
        f"kind=jobs id={job} granted=users:CAN_MANAGE_RUN",
        f"type=schema full_name={schema} granted={one.name}:USE_SCHEMA+SELECT revoked=account users:SELECT",
        f"id={id_of_group} members=add:{one.id}",
        f'id={id_of_group} members=remove:members[value eq "{one.id}"]',
        f"job_id={job} run_as={one.name}",
        f"owner=account users name={schema}",
    ]


def ended(admin: WorkspaceClient, run_id: int | None) -> Run:
    def run() -> Run | None:
        found = admin.jobs.get_run(run_id or 0)
        return found if found.state and found.state.result_state else None

    return wait_for(run, every=0.05)


def test_what_the_workspace_refuses_to_a_job(audited: LocalWorkspace, new: New) -> None:
    admin, one = audited.client(), person(audited.client())
    admin.secrets.create_scope("of-jobs")
    path = f"/Users/{admin.current_user.me().user_name}/of-jobs"
    shared = "/Shared/of-jobs"
    for place in (path, shared):
        admin.workspace.upload(place, b"print(1)", format=ImportFormat.SOURCE, language=Language.PYTHON)
    cluster = ClusterSpec(
        spark_version="16.4.x-scala2.12",
        node_type_id="Standard_DS3_v2",
        num_workers=0,
        spark_env_vars={"A": "{{secrets/of-jobs/k}}"},
    )
    tasks = [
        Task("reads", notebook_task=NotebookTask(path)),
        Task("refers", notebook_task=NotebookTask(shared), new_cluster=cluster),
    ]
    job = admin.jobs.create(name="of-jobs", tasks=tasks, run_as=JobRunAs(service_principal_name=one.name)).job_id or 0
    new()
    first = admin.jobs.run_now(job).run_id
    ids = {task.task_key: task.run_id for task in ended(admin, first).tasks or []}
    admin.service_principals.update(one.id, active=False, application_id=one.name, display_name="of-jobs")
    second = admin.jobs.run_now(job).run_id
    ended(admin, second)
    found = [(event.action, event.object) for event in new() if event.principal == one.name]
    [cluster_id] = [one.cluster_id for one in admin.clusters.list() if f"-run-{first}-" in (one.cluster_name or "")]
    assert sorted(found) == [
        ("jobs.start_run", f"job_id={job} run_id={second}"),
        ("jobs.start_task", f"run_id={ids['reads']} task_key=reads"),
        ("secrets.get_secret", f"scope=of-jobs key=k cluster_id={cluster_id}"),
    ]


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


def test_events_that_come_together_are_all_kept_or_each_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path / "workspace.db")
    record = Audit(store)
    names = [str(number) for number in range(200)]

    def keep(name: str) -> bool:
        try:
            record.record(AuditEvent(name, "127.0.0.1", "secrets.put_secret", "", 200))
        except SQLAlchemyError:
            return False
        return True

    with ThreadPoolExecutor(20) as threads:
        with store.write() as connection:  # all of them wait for this one
            kept = threads.map(keep, names)
            connection.execute(text("ALTER TABLE audit RENAME TO away"))
        refused = list(kept)
        with store.write() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO audit"))
        assert (set(refused), list(events(store, AuditFilter()))) == ({False}, [])
        assert set(threads.map(keep, names)) == {True}
    assert sorted(event.principal for event in events(store, AuditFilter())) == sorted(names)
    store.close()
