"""The delivery of the logs of job clusters, with scripted compute."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.clusters.log_delivery import LogDelivery
from brickyard.workspace.clusters.wire import details_of
from brickyard.workspace.compute.tasks import OUTPUT_FILE, TaskOutcome, TaskSpec
from tests.support import wait_for
from tests.workspace.jobs.lab import BROKEN, CLUSTER, OK, Lab, task


def printing(text: str, outcome: TaskOutcome) -> Any:
    """A task that prints something before it ends."""

    def behave(spec: TaskSpec) -> TaskOutcome:
        spec.directory.mkdir(parents=True, exist_ok=True)
        (spec.directory / OUTPUT_FILE).write_text(text)
        return outcome

    return behave


def cluster_with(conf: dict[str, Any], lab: Lab, *tasks: dict[str, Any]) -> dict[str, Any]:
    """What the API answers of the cluster of a run, once both have ended."""
    main = {"job_cluster_key": "main", "new_cluster": {**CLUSTER, "cluster_log_conf": conf}}
    lab.done(*({**one, "job_cluster_key": "main"} for one in tasks), job_clusters=[main])
    [cluster] = lab.workspace.clusters.store.all()
    wait_for(lambda: lab.workspace.clusters.get(cluster.id).state == "TERMINATED")
    return details_of(lab.workspace.clusters.get(cluster.id)).as_dict()


def test_what_tasks_print_is_delivered_when_their_cluster_has_ended(lab: Lab) -> None:
    lab.compute.behaviours = {"a": printing("one\n", OK), "b": printing("two\n", BROKEN)}
    found = cluster_with({"dbfs": {"destination": "dbfs:/logs/"}}, lab, task("a"), task("b", "a"))
    driver = lab.workspace.files.local_path(f"dbfs:/logs/{found['cluster_id']}/driver")
    assert (driver / "stdout").read_text() == "one\ntwo\n"
    assert "of task b ended as FAILED" in (driver / "stderr").read_text()
    assert (driver / "stderr").read_text().endswith("\nt\n"), "the traceback"
    lines = (driver / "log4j-active.log").read_text().splitlines()
    assert all(line[2] == "/" and line[17:].startswith((" INFO Cluster: ", " ERROR Cluster: ")) for line in lines)
    said = "\n".join(lines)
    assert "the Spark engine listens" in said and "of task a ended as SUCCESS" in said and lines[-1].endswith("ends")
    assert found["cluster_log_status"]["last_attempted"] >= found["start_time"]
    assert "last_exception" not in found["cluster_log_status"]


@pytest.mark.parametrize(
    ("conf", "why"),
    [
        ({"s3": {"destination": "s3://bucket/logs", "region": "x"}}, "cluster_log_conf.s3 is not supported"),
        ({"volumes": {"destination": "/Volumes/main/default/gone/logs"}}, "'main.default.gone' does not exist"),
        ({"dbfs": {"destination": "dbfs:/Workspace/Shared"}}, "neither in DBFS nor in a volume"),
    ],
)
def test_delivery_that_fails_is_told_and_nothing_else_fails(lab: Lab, conf: dict[str, Any], why: str) -> None:
    found = cluster_with(conf, lab, task("a"))
    assert why in found["cluster_log_status"]["last_exception"]
    assert found["cluster_log_status"]["last_attempted"]


def test_tasks_end_though_their_logs_cannot_be_delivered_which_is_tried_again(lab: Lab) -> None:
    stdout: list[Path] = []

    def block(spec: TaskSpec) -> TaskOutcome:
        stdout.append(lab.workspace.files.local_path(f"dbfs:/logs/{spec.cluster_id}/driver/stdout"))
        stdout[0].parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(stdout[0])
        return printing("one\n", OK)(spec)

    def failed(cluster_id: str) -> bool:
        status = lab.workspace.clusters.get(cluster_id).log_status
        return status is not None and "stdout is no file" in status.get("last_exception", "")

    def free(spec: TaskSpec) -> TaskOutcome:
        wait_for(lambda: failed(spec.cluster_id))
        stdout[0].unlink()
        return printing("two\n", OK)(spec)

    lab.compute.behaviours = {"a": block, "b": free}
    found = cluster_with({"dbfs": {"destination": "dbfs:/logs"}}, lab, task("a"), task("b", "a"))
    assert stdout[0].read_text() == "one\ntwo\n"
    assert "last_exception" not in found["cluster_log_status"]


def test_a_cluster_ends_though_its_logs_fail_for_a_reason_of_the_workspace(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(delivery: LogDelivery) -> None:
        raise RuntimeError("no database")

    monkeypatch.setattr(LogDelivery, "_place", fail)
    found = cluster_with({"dbfs": {"destination": "dbfs:/logs"}}, lab, task("a"))
    assert "RuntimeError" in found["cluster_log_status"]["last_exception"]


def test_passwords_of_libraries_are_not_in_the_logs(lab: Lab) -> None:
    clusters = lab.workspace.clusters
    conf = {"dbfs": {"destination": "dbfs:/logs"}}
    mine = clusters.create({**CLUSTER, "cluster_name": "mine", "cluster_log_conf": conf}, lab.owner)
    wait_for(lambda: clusters.get(mine.id).state == "RUNNING")
    library = {"maven": {"coordinates": "org.example:shapes:1.0", "repo": "https://me:hunter2@127.0.0.1/maven"}}
    lab.workspace.libraries.install(clusters.get(mine.id), [library], lab.owner)
    clusters.restart(clusters.get(mine.id), "me")
    wait_for(lambda: clusters.get(mine.id).state == "RUNNING")
    clusters.terminate(clusters.get(mine.id), "me")
    wait_for(lambda: clusters.get(mine.id).state == "TERMINATED")
    log = lab.workspace.files.local_path(f"dbfs:/logs/{mine.id}/driver/log4j-active.log").read_text()
    assert '"org.example:shapes:1.0"' in log and "FAILED" in log and "hunter2" not in log


def test_logs_do_not_leave_the_destination_by_a_link(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    directory = lab.workspace.files.local_path("dbfs:/logs")
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.symlink_to(tmp_path / "outside")
    found = cluster_with({"dbfs": {"destination": "dbfs:/logs"}}, lab, task("a"))
    assert "by a link" in found["cluster_log_status"]["last_exception"]
    assert not list((tmp_path / "outside").iterdir())


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        (
            {"dbfs": {"destination": "/logs"}},
            "cluster_log_conf.dbfs.destination must be a path that begins with dbfs:/",
        ),
        ({"volumes": {"destination": ""}}, "cluster_log_conf.volumes.destination must be a path that begins with"),
        ({"dbfs": {"destination": "dbfs:/x"}, "s3": {"destination": "s3://x"}}, "it has dbfs, s3"),
    ],
)
def test_destinations_that_are_none_are_refused(lab: Lab, conf: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        lab.workspace.clusters.create({**CLUSTER, "cluster_log_conf": conf}, lab.owner)
