"""A server that is killed while it writes loses nothing that it acknowledged, and leaves nothing half done."""

from __future__ import annotations

import base64
import os
import random
import shutil
import signal
import threading
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import requests

from tests.support import LocalWorkspace, WorkspaceHome, wait_for
from tests.support.git_remote import tagged_remote

SCIM = "/api/2.0/preview/scim/v2"
HEADER = b"# Databricks notebook source\n"


@dataclass
class Writer:
    """Writes one version after the other to places of its own, and remembers what was acknowledged."""

    workspace: LocalWorkspace
    name: str
    acknowledged: dict[str, int] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def prepare(self) -> None:
        """Make what exists once and is changed from then on."""
        user = self.call("POST", f"{SCIM}/Users", json={"userName": f"{self.name}@example.org"}).json()
        job = self.call("POST", "/api/2.2/jobs/create", json={"name": self.name}).json()
        self.ids = {"user": user["id"], "job": str(job["job_id"])}

    def run(self) -> None:
        version = 0
        while True:
            version += 1
            for kind in ("notebook", "file", "volume", "secret", "dbfs", "user", "job"):
                place = kind if kind in self.ids else f"{kind}-{version % 5}"
                self.tried[place] = version
                try:
                    answer = self.write(kind, place, version)
                except requests.RequestException:
                    return
                if answer.status_code >= 300:
                    raise AssertionError(f"{place}: {answer.status_code} {answer.text}")
                self.acknowledged[place] = version

    def write(self, kind: str, place: str, version: int) -> requests.Response:
        content = self.content(kind, version)
        if kind == "volume":
            return self.call("PUT", f"/api/2.0/fs/files/Volumes/main/default/kill/{self.name}/{place}", data=content)
        if kind == "secret":
            body = {"scope": "kill", "key": f"{self.name}-{place}", "bytes_value": base64.b64encode(content).decode()}
            return self.call("POST", "/api/2.0/secrets/put", json=body)
        if kind == "dbfs":
            contents = base64.b64encode(content).decode()
            body = {"path": f"/kill/{self.name}/{place}", "contents": contents, "overwrite": True}
            return self.call("POST", "/api/2.0/dbfs/put", json=body)
        if kind == "user":
            change = {"op": "replace", "path": "displayName", "value": content.decode()}
            return self.call("PATCH", f"{SCIM}/Users/{self.ids['user']}", json={"Operations": [change]})
        if kind == "job":
            body = {"job_id": self.ids["job"], "new_settings": {"name": content.decode()}}
            return self.call("POST", "/api/2.2/jobs/reset", json=body)
        path = f"/api/2.0/workspace-files/import-file/Shared/{self.name}/{place}.py?overwrite=true"
        return self.call("POST", path, data=content)

    def read(self, place: str) -> bytes:
        kind = place.partition("-")[0]
        if kind == "volume":
            return self.call("GET", f"/api/2.0/fs/files/Volumes/main/default/kill/{self.name}/{place}").content
        if kind == "secret":
            answer = self.call("GET", f"/api/2.0/secrets/get?scope=kill&key={self.name}-{place}")
            return base64.b64decode(answer.json()["value"])
        if kind == "dbfs":
            answer = self.call("GET", f"/api/2.0/dbfs/read?path=/kill/{self.name}/{place}&length=1000000")
            return base64.b64decode(answer.json()["data"])
        if kind == "user":
            return self.call("GET", f"{SCIM}/Users/{self.ids['user']}").json()["displayName"].encode()
        if kind == "job":
            answer = self.call("GET", f"/api/2.2/jobs/get?job_id={self.ids['job']}")
            return answer.json()["settings"]["name"].encode()
        path = f"/Shared/{self.name}/{place}" + (".py" if kind == "file" else "")
        status = self.call("GET", f"/api/2.0/workspace/get-status?path={path}").json()
        assert status["object_type"] == kind.upper(), status
        return self.call("GET", f"/api/2.0/workspace/export?path={path}&format=AUTO&direct_download=true").content

    def content(self, kind: str, version: int) -> bytes:
        if kind in self.ids:
            return f"{self.name} {version}".encode()
        body = f"{self.name} {version} ".encode() * 6000
        return HEADER + body if kind == "notebook" else body

    def check(self) -> None:
        for place, version in self.acknowledged.items():
            allowed = [self.content(place.partition("-")[0], one) for one in (version, self.tried[place])]
            assert self.read(place) in allowed, f"{self.name} {place}: acknowledged version {version} is lost"

    def call(self, method: str, path: str, **options: object) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.workspace.token}"}
        return requests.request(method, self.workspace.host + path, headers=headers, timeout=20, **options)


def kill_under_load(home: WorkspaceHome, workspace: LocalWorkspace, turn: int, rng: random.Random) -> LocalWorkspace:
    client = workspace.client()
    writers = [Writer(workspace, f"w{turn}-{number}") for number in range(3)]
    for writer in writers:
        client.workspace.mkdirs(f"/Shared/{writer.name}")
        writer.prepare()
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    target = rng.randint(5, 60)
    wait_for(lambda: sum(writer.tried.get("file-1", 0) + len(writer.acknowledged) for writer in writers) >= target)
    pid = workspace.pid
    os.kill(pid, signal.SIGKILL)
    for thread in threads:
        thread.join()
    wait_for(lambda: not psutil.pid_exists(pid))
    again = home.start(workspace.name)
    for writer in writers:
        assert writer.acknowledged
        writer.check()
    incoming = workspace.root / "data" / ".incoming"
    assert list(incoming.iterdir()) == []
    return again


def prepared(home: WorkspaceHome) -> LocalWorkspace:
    from databricks.sdk.service.catalog import VolumeType

    workspace = home.start("dev")
    workspace.client().volumes.create("main", "default", "kill", VolumeType.MANAGED)
    workspace.client().secrets.create_scope("kill")
    return workspace


def test_acknowledged_writes_survive_kill(workspaces: WorkspaceHome) -> None:
    workspace, rng = prepared(workspaces), random.Random(7)
    for turn in range(3):
        workspace = kill_under_load(workspaces, workspace, turn, rng)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_acknowledged_writes_survive_many_kills(workspaces: WorkspaceHome) -> None:
    workspace, rng = prepared(workspaces), random.Random()
    for turn in range(50):
        workspace = kill_under_load(workspaces, workspace, turn, rng)


def test_links_made_by_a_task_do_not_stop_the_next_start(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    workspace = workspaces.start("dev")
    workspace.client().workspace.mkdirs("/Shared/a")
    workspace.client().repos.create(tagged_remote(tmp_path / "remote").url, "gitHub", path="/Shared/b")
    workspaces.run("workspace", "stop", "dev")
    tree = workspace.root / "data" / "workspace"
    for place in (tree / "Shared" / "a", tree / "Shared" / "b", tree / "Repos"):
        shutil.rmtree(place)
        place.symlink_to(workspace.root)
    again = workspaces.start("dev").client()
    assert [one.path for one in again.workspace.list("/Shared")] == ["/Shared/a", "/Shared/b"]
    assert not list(again.repos.list(path_prefix="/Shared"))


def test_a_table_dropped_halfway_is_still_there(workspaces: WorkspaceHome) -> None:
    """The server dies after the data was moved aside and before the row was deleted."""
    workspace = workspaces.start("dev")
    body = {"name": "t", "catalog_name": "main", "schema_name": "default", "table_type": "MANAGED"}
    column = {"name": "a", "type_text": "bigint"}
    made = workspace.client().api_client.do("POST", "/api/2.1/unity-catalog/tables", body={**body, "columns": [column]})
    workspaces.run("workspace", "stop", "dev")
    data = workspace.root / "data"
    (data / "tables" / "main" / "default" / "t").rename(data / ".dropped" / str(made["table_id"]))
    (data / ".dropped" / "of-a-table-that-is-gone").mkdir()
    table = workspaces.start("dev").client().tables.get("main.default.t")
    assert [one.name for one in table.columns or []] == ["a"]
    assert list((data / ".dropped").iterdir()) == []
