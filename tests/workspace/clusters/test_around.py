"""Clusters under policies, from pools, with global init scripts and libraries: a workspace in this process."""

from __future__ import annotations

import base64
import importlib.machinery
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue, PermissionDenied, ResourceExhausted
from brickyard.workspace.clusters.records import ClusterRecord
from brickyard.workspace.identity.principals import Principal
from brickyard.workspace.store import Store
from brickyard.workspace.workspace import Workspace
from tests.workspace.compute.test_environment import wheel

SIZE: dict[str, Any] = {"spark_version": "16.4.x-scala2.12", "node_type_id": "Standard_DS3_v2", "num_workers": 0}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace whose clusters are written and not started."""
    place = tmp_path / "workspace"
    place.mkdir()
    store = Store(place / "brickyard.db")
    made = Workspace(name="around", root=place, url="http://127.0.0.1:1", workspace_id=1, store=store)
    monkeypatch.setattr(made.clusters.lifecycle, "begin", lambda cluster: None)
    yield made
    made.close()


@pytest.fixture
def owner(workspace: Workspace) -> Principal:
    return workspace.identity.owner


def policy(workspace: Workspace, definition: dict[str, Any], **settings: Any) -> str:
    body = {"name": f"p{len(workspace.policies.all())}", "definition": json.dumps(definition), **settings}
    return workspace.policies.create(body, workspace.identity.owner).id


def create(workspace: Workspace, source: str = "API", **body: Any) -> ClusterRecord:
    return workspace.clusters.create(body, workspace.identity.owner, source=source)


def test_a_cluster_gets_what_its_policy_fixes_and_its_defaults_if_it_wants_them(workspace: Workspace) -> None:
    policy_id = policy(
        workspace,
        {
            "spark_version": {"type": "fixed", "value": "auto:prev-lts-ml"},
            "node_type_id": {"type": "unlimited", "defaultValue": "Standard_DS4_v2"},
            "num_workers": {"type": "range", "maxValue": 2, "defaultValue": 1},
            "dbus_per_hour": {"type": "range", "maxValue": 4},
            "custom_tags.team": {"type": "fixed", "value": "ml"},
        },
    )
    made = create(workspace, policy_id=policy_id, apply_policy_default_values=True).definition
    assert (made["spark_version"], made["node_type_id"]) == ("15.4.x-cpu-ml-scala2.12", "Standard_DS4_v2")
    assert (made["num_workers"], made["custom_tags"]) == (1, {"team": "ml"})
    with pytest.raises(InvalidParameterValue) as raised:
        create(workspace, policy_id=policy_id, node_type_id="Standard_DS5_v2", num_workers=3)
    assert raised.value.message == (
        'Cluster validation error: Validation failed for num_workers, the value must be at most 2 (is "3"); '
        'Validation failed for dbus_per_hour, the value must be at most 4 (is "12")'
    )
    with pytest.raises(InvalidParameterValue, match="Can't find a cluster policy with id: none"):
        create(workspace, policy_id="none", **SIZE)


def test_policies_tell_clusters_of_jobs_from_others(workspace: Workspace) -> None:
    of_jobs = next(one for one in workspace.policies.all() if one.family_id == "job-cluster").id
    with pytest.raises(InvalidParameterValue, match=r'cluster_type, the value must be job \(is "all-purpose"\)'):
        create(workspace, policy_id=of_jobs, **SIZE)
    assert create(workspace, "JOB", policy_id=of_jobs, **SIZE).definition["policy_id"] == of_jobs


def test_the_clusters_of_a_job_are_checked_when_it_is_made(workspace: Workspace, owner: Principal) -> None:
    rules = {"cluster_type": {"type": "fixed", "value": "job"}, "num_workers": {"type": "range", "maxValue": 1}}
    policy_id = policy(workspace, rules)
    task = {"task_key": "t", "notebook_task": {"notebook_path": "/Shared/none"}, "job_cluster_key": "main"}
    cluster = {**SIZE, "policy_id": policy_id}
    body = {"name": "j", "tasks": [task], "job_clusters": [{"job_cluster_key": "main", "new_cluster": cluster}]}
    assert workspace.jobs.create(body, owner)
    cluster["num_workers"] = 2
    with pytest.raises(InvalidParameterValue) as raised:
        workspace.jobs.create(body, owner)
    assert raised.value.message == (
        "job cluster 'main': Cluster validation error: Validation failed for num_workers, the value must be at most 1"
        ' (is "2")'
    )


def test_the_number_of_clusters_of_a_user_is_limited(workspace: Workspace, owner: Principal) -> None:
    policy_id = policy(workspace, {}, max_clusters_per_user=1)
    first = create(workspace, policy_id=policy_id, **SIZE)
    with pytest.raises(InvalidParameterValue, match="has 1 active clusters with the policy p4, which allows 1"):
        create(workspace, policy_id=policy_id, **SIZE)
    workspace.clusters.lifecycle.write(first.id, state="TERMINATED")
    create(workspace, policy_id=policy_id, **SIZE)
    with pytest.raises(InvalidParameterValue, match="has 1 active clusters"):
        workspace.clusters.start(workspace.clusters.get(first.id), owner.user_name)


def test_a_policy_that_is_gone_forbids_changes(workspace: Workspace, owner: Principal) -> None:
    policy_id = policy(workspace, {})
    made = create(workspace, policy_id=policy_id, **SIZE)
    workspace.clusters.lifecycle.write(made.id, state="TERMINATED")
    workspace.policies.delete(workspace.policies.get(policy_id))
    with pytest.raises(InvalidParameterValue, match="Can't find a cluster policy"):
        workspace.clusters.edit(workspace.clusters.get(made.id), {"policy_id": policy_id, **SIZE}, owner)
    workspace.clusters.start(workspace.clusters.get(made.id), owner.user_name)


def test_a_pool_gives_its_node_type_and_counts_its_instances(workspace: Workspace, owner: Principal) -> None:
    body = {"instance_pool_name": "p", "node_type_id": "Standard_DS4_v2", "max_capacity": 4, "min_idle_instances": 3}
    pool = workspace.pools.create(body, owner)
    size = {"spark_version": SIZE["spark_version"], "num_workers": 1, "instance_pool_id": pool.id}
    first = create(workspace, **size)
    assert first.definition["node_type_id"] == first.definition["driver_node_type_id"] == "Standard_DS4_v2"
    assert first.definition["driver_instance_pool_id"] == pool.id
    assert workspace.pools.stats(pool) == {
        "used_count": 0,
        "pending_used_count": 2,
        "idle_count": 2,
        "pending_idle_count": 0,
    }
    workspace.clusters.lifecycle.write(first.id, state="RUNNING")
    assert workspace.pools.stats(pool)["used_count"] == 2
    with pytest.raises(ResourceExhausted, match="max_capacity of 4 instances, and 2 are used: the cluster needs 3"):
        create(workspace, **{**size, "num_workers": 2})
    with pytest.raises(InvalidParameterValue, match="'node_type_id' cannot be supplied when an instance pool"):
        create(workspace, **size, node_type_id="Standard_DS3_v2")
    workspace.clusters.lifecycle.write(first.id, state="TERMINATED")
    workspace.pools.delete(pool)
    for refused in (
        lambda: create(workspace, **size),
        lambda: workspace.clusters.start(workspace.clusters.get(first.id), owner.user_name),
    ):
        with pytest.raises(InvalidParameterValue, match=f"Can't find an instance pool with id: {pool.id}"):
            refused()


def test_who_may_use_a_policy_and_a_pool(workspace: Workspace, owner: Principal) -> None:
    pool = workspace.pools.create({"instance_pool_name": "p", "node_type_id": "Standard_DS4_v2"}, owner)
    entitled = frozenset({"allow-cluster-create"})
    other = Principal(id=12345, user_name="other", display_name="other", entitlements=entitled)
    for named in ({"policy_id": policy(workspace, {})}, {"instance_pool_id": pool.id}):
        with pytest.raises(PermissionDenied, match="does not have"):
            workspace.clusters.create({**SIZE, **named}, other)


def test_global_init_scripts_come_first_and_only_if_they_are_enabled(workspace: Workspace, owner: Principal) -> None:
    from brickyard.workspace.clusters.init_scripts import InitScripts

    for name, enabled in (("first", True), ("never", False), ("second", True)):
        text = base64.b64encode(f"echo {name} >> $OUT".encode()).decode()
        workspace.global_scripts.create({"name": name, "script": text, "enabled": enabled}, owner.user_name)
    own = workspace.root / "own.sh"
    own.write_text("echo own >> $OUT")
    made = create(workspace, **SIZE, init_scripts=[{"file": {"destination": f"file:{own}"}}])
    out = workspace.root / "out.txt"
    scripts = InitScripts(workspace, made, {"OUT": str(out)}, [])
    scripts.run()
    assert out.read_text().split() == ["first", "second", "own"]
    of_all = scripts.details()["init_scripts"]["global"]
    assert [(one["file"]["destination"], one["status"]) for one in of_all] == [
        ("first", "SUCCEEDED"),
        ("second", "SUCCEEDED"),
    ]


def test_a_cluster_imports_its_libraries_and_those_of_its_policy(
    workspace: Workspace, owner: Principal, tmp_path: Path
) -> None:
    place = workspace.files.local_path("/Workspace/Shared") / wheel(tmp_path).name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(wheel(tmp_path).read_bytes())
    library = {"whl": f"/Workspace/Shared/{place.name}"}
    made = create(workspace, **SIZE, policy_id=policy(workspace, {}, libraries=[library]))
    workspace.libraries.begin(made.id)
    (directory,) = workspace.libraries.at_start(made)
    assert importlib.machinery.PathFinder.find_spec("brickyard_greeting", [directory])
    assert [one["status"] for one in workspace.libraries.statuses(made)] == ["INSTALLED"]
    other = create(workspace, **SIZE)
    workspace.clusters.lifecycle.write(other.id, state="TERMINATED")
    workspace.libraries.install(workspace.clusters.get(other.id), [library, library], owner)
    workspace.libraries.begin(other.id)
    assert workspace.libraries.at_start(workspace.clusters.get(other.id)) == [directory]
    workspace.clusters.forget(workspace.clusters.get(other.id))
    assert workspace.libraries.clusters() == [made.id]
