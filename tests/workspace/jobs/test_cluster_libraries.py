"""Libraries of clusters that cannot be installed, with scripted compute: what tasks there do, and what is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from brickyard.workspace.clusters.records import ClusterRecord
from brickyard.workspace.compute.environments import LibraryError
from tests.support import wait_for
from tests.workspace.jobs.lab import CLUSTER, Lab, task

REPO = "https://me:hunter2@index.test/simple"
PRIVATE = {"pypi": {"package": "shapes==1", "repo": REPO}}


@pytest.fixture(autouse=True)
def _installer(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(words: Any) -> None:
        raise LibraryError(f"there is no shapes in {REPO}")

    monkeypatch.setattr(lab.compute, "library_environment", fail, raising=False)


def with_library(lab: Lab, **more: Any) -> dict[str, Any]:
    """The definition of a cluster whose policy has a library that cannot be installed."""
    policy = {"name": "p", "definition": "{}", "libraries": [PRIVATE]}
    return {**CLUSTER, "policy_id": lab.workspace.policies.create(policy, lab.owner).id, **more}


def made(lab: Lab, **definition: Any) -> ClusterRecord:
    """An all-purpose cluster that runs."""
    cluster = lab.workspace.clusters.create(definition, lab.owner)
    wait_for(lambda: lab.workspace.clusters.get(cluster.id).state == "RUNNING")
    return lab.workspace.clusters.get(cluster.id)


@pytest.mark.parametrize("shared", [False, True])
def test_task_fails_where_its_job_cluster_lacks_a_library(lab: Lab, shared: bool) -> None:
    new = with_library(lab)
    where = {"job_cluster_key": "main"} if shared else {"new_cluster": new}
    run, tasks = lab.done({**task("a"), **where}, job_clusters=[{"job_cluster_key": "main", "new_cluster": new}])
    state = tasks["a"].state
    assert (state.life_cycle, state.result, state.code) == ("INTERNAL_ERROR", "FAILED", "LIBRARY_INSTALLATION_ERROR")
    assert state.message.startswith('Library installation failed for library due to user error for pypi: "shapes==1"')
    assert "there is no shapes" in state.message and "hunter2" not in state.message
    assert run.state.code == "LIBRARY_INSTALLATION_ERROR" and lab.compute.keys() == []
    wait_for(lambda: {one.state for one in lab.workspace.clusters.store.all()} == {"TERMINATED"})


def test_task_runs_on_an_all_purpose_cluster_that_lacks_a_library(lab: Lab) -> None:
    cluster = made(lab, **with_library(lab))
    run, _ = lab.done({**task("a"), "existing_cluster_id": cluster.id})
    assert run.state.result == "SUCCESS"
    assert lab.workspace.libraries.statuses(cluster)[0]["status"] == "FAILED"


def test_passwords_of_package_indexes_are_neither_in_statuses_nor_in_logs(lab: Lab) -> None:
    libraries, clusters = lab.workspace.libraries, lab.workspace.clusters
    cluster = made(lab, **with_library(lab, cluster_log_conf={"dbfs": {"destination": "dbfs:/logs"}}))
    own = {"pypi": {**PRIVATE["pypi"], "package": "lines"}}
    libraries.install(cluster, [own], lab.owner)
    wait_for(lambda: [one["status"] for one in libraries.statuses(cluster)] == ["FAILED", "FAILED"])
    found = libraries.statuses(cluster)
    assert found[0]["library"] == {"pypi": {"package": "lines", "repo": "https://me:****@index.test/simple"}}
    assert "hunter2" not in json.dumps(found)
    libraries.uninstall(cluster, [found[0]["library"]])  # what the statuses show is as good as what was given
    assert "UNINSTALL_ON_RESTART" in [one["status"] for one in libraries.statuses(cluster)]
    clusters.terminate(cluster, "me")
    log = lab.workspace.files.local_path(f"dbfs:/logs/{cluster.id}/driver/log4j-active.log")
    wait_for(lambda: clusters.get(cluster.id).state == "TERMINATED" and log.exists())
    assert 'library pypi: "shapes==1": FAILED' in log.read_text() and "hunter2" not in log.read_text()


def test_a_library_with_an_older_password_is_told_from_the_one_with_the_newer(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(lab.compute, "library_environment", lambda *words: asked.append(str(words)), raising=False)
    libraries = lab.workspace.libraries
    cluster = made(lab, **CLUSTER)
    lab.workspace.clusters.terminate(cluster, "me")
    wait_for(lambda: lab.workspace.clusters.get(cluster.id).state == "TERMINATED")
    cluster = lab.workspace.clusters.get(cluster.id)
    older, newer = ({"pypi": {"package": "lines", "repo": f"https://me:{word}@index.test/"}} for word in ("old", "new"))
    libraries.install(cluster, [older, newer], lab.owner)
    libraries.uninstall(cluster, [older])
    lab.workspace.clusters.start(cluster, "me")
    wait_for(lambda: asked)
    assert "me:new@" in asked[0] and "me:old@" not in "".join(asked)
