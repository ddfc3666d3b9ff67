"""Clusters of job runs as the API shows them, with scripted compute."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from brickyard.workspace.clusters.wire import details_of
from brickyard.workspace.jobs.records import READY_AT
from brickyard.workspace.jobs.single_task import flat_run
from brickyard.workspace.jobs.wire import Shown, run_of_task
from brickyard.workspace.jobs.wire import run as wire_run
from tests.workspace.jobs.lab import CLUSTER, Lab, task


def clusters_of(lab: Lab) -> dict[str, dict[str, Any]]:
    """What the API answers of the clusters that runs have had, by the key in their names."""
    found = [details_of(one).as_dict() for one in lab.workspace.clusters.store.all()]
    return {one["cluster_name"].rpartition("-")[2]: one for one in found}


def test_clusters_have_the_tags_of_their_job_and_run(lab: Lab) -> None:
    own = {**task("own"), "new_cluster": CLUSTER}
    inner = {**task("inner"), "job_cluster_key": "main"}
    loop = {"task_key": "loop", "for_each_task": {"inputs": "[1]", "task": inner}}
    main = {"job_cluster_key": "main", "new_cluster": {**CLUSTER, "custom_tags": {"team": "maps", "size": "s"}}}
    run, _ = lab.done(own, loop, job_clusters=[main], tags={"team": "roads", "stage": "dev"})
    found = clusters_of(lab)
    assert found["main"]["default_tags"] == {
        "Vendor": "Databricks",
        "Creator": lab.owner.user_name,
        "ClusterName": f"job-{run.job_id}-run-{run.run_id}-main",
        "ClusterId": found["main"]["cluster_id"],
        "JobId": str(run.job_id),
        "RunName": "lab",
    }
    assert found["main"]["custom_tags"] == {"team": "maps", "size": "s", "stage": "dev"}
    assert found["own"]["custom_tags"] == {"team": "roads", "stage": "dev"}
    assert found["own"]["default_tags"]["RunName"] == "lab"


def test_run_that_was_submitted_once_names_its_clusters(lab: Lab) -> None:
    body = {"run_name": "once", "tasks": [{**task("own"), "new_cluster": CLUSTER}]}
    run = lab.ended(lab.jobs.submit(body, lab.owner).run_id)
    tags = clusters_of(lab)["own"]["default_tags"]
    assert (tags["RunName"], tags["JobId"]) == ("once", str(run.job_id))


def test_clusters_are_on_demand_unless_they_say_otherwise(lab: Lab) -> None:
    lab.workspace.clusters.create({**CLUSTER, "cluster_name": "plain"}, lab.owner)
    spot = {"availability": "SPOT_WITH_FALLBACK_AZURE"}
    lab.workspace.clusters.create({**CLUSTER, "cluster_name": "spot", "azure_attributes": spot}, lab.owner)
    found = clusters_of(lab)
    common = {"first_on_demand": 1, "spot_bid_max_price": -1.0}
    assert found["plain"]["azure_attributes"] == {**common, "availability": "ON_DEMAND_AZURE"}
    assert found["spot"]["azure_attributes"] == {**common, **spot}
    assert set(found["plain"]["default_tags"]) == {"Vendor", "Creator", "ClusterName", "ClusterId"}
    assert "azure_attributes" not in found["plain"]["spec"], "what the caller wrote"


def test_library_that_cannot_be_installed_fails_the_task_that_needs_it(lab: Lab) -> None:
    needs = {**task("a"), "libraries": [{"pypi": {"package": "numpy"}}, {"maven": {"coordinates": "org.x:y:1"}}]}
    run, tasks = lab.done({**needs, "max_retries": 2}, task("b", "a"))
    state = tasks["a"].state
    assert (state.life_cycle, state.result, state.code) == ("INTERNAL_ERROR", "FAILED", "LIBRARY_INSTALLATION_ERROR")
    assert state.message.startswith('Library installation failed for library due to user error for maven: "org.x:y:1"')
    assert "loads no libraries for Java and Scala" in state.message
    assert (run.state.code, tasks["b"].state.result) == ("LIBRARY_INSTALLATION_ERROR", "UPSTREAM_FAILED")
    assert lab.compute.keys() == [], "nothing is executed without it"


def test_the_time_in_which_a_task_waited_for_its_cluster_is_its_setup(lab: Lab) -> None:
    run, tasks = lab.done({**task("a"), "new_cluster": CLUSTER}, description="nightly roads")
    placed = tasks["a"]
    assert placed.cluster and placed.cluster[READY_AT] >= (placed.started_at or 0) > 0
    times = replace(placed, started_at=1_000, ended_at=9_000, cluster=placed.cluster | {READY_AT: 4_000})
    shown = run_of_task(run, times, times.run_id, "", Shown()).as_dict()
    assert (shown["setup_duration"], shown["execution_duration"], shown["run_duration"]) == (3_000, 5_000, 8_000)
    assert shown["description"] == "nightly roads"
    assert set(shown["cluster_instance"]) == {"cluster_id", "spark_context_id"}
    whole = wire_run(run, [times], "", Shown()).as_dict()
    flat = flat_run(whole, {"format": "SINGLE_TASK", "tasks": run.settings["tasks"]})
    assert (flat["setup_duration"], flat["execution_duration"]) == (3_000, 5_000)
