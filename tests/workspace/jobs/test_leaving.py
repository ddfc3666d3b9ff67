"""Whatever goes wrong around a task, its run ends, says why, and gives back what it holds; with scripted compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from brickyard.workspace.api.errors import Unauthenticated
from brickyard.workspace.clusters.claims import ClusterUnavailable
from brickyard.workspace.compute.tasks import TaskSpec
from brickyard.workspace.jobs.board import Board
from brickyard.workspace.jobs.git_checkouts import GitCheckouts
from brickyard.workspace.jobs.kinds import Faulty
from brickyard.workspace.jobs.kinds.base import Start
from brickyard.workspace.jobs.kinds.git_snapshot import Snapshot
from brickyard.workspace.jobs.kinds.processes import Notebook
from tests.support import wait_for
from tests.workspace.jobs.lab import CLUSTER, OK, Lab, task
from tests.workspace.jobs.test_places import MAIN, clusters, shared


def broken(*_: Any, **__: Any) -> Any:
    """Does what a database on a full disk does."""
    raise OperationalError("INSERT", {}, Exception("disk full"))


def no_disk(spec: TaskSpec) -> Any:
    """Fails to start the task."""
    raise OSError(28, "No space left on device")


def held(lab: Lab) -> tuple[int, int]:
    """The places that are taken, and the claims on clusters."""
    slots = lab.jobs._scheduler._around.slots
    return slots._limit - slots._free, sum(len(running.claims) for running in lab.workspace.clusters.lifecycle.all())


def test_task_that_cannot_be_started_on_its_cluster_ends_and_gives_the_cluster_back(lab: Lab) -> None:
    lab.compute.behaviours |= {"a": no_disk, "own": no_disk}
    run, last = lab.done(shared("a"), task("own", new_cluster=CLUSTER), job_clusters=MAIN)
    assert run.state.result == "FAILED"
    for key in ("a", "own"):
        assert last[key].state.code == "INTERNAL_ERROR" and "No space left" in last[key].state.message
    wait_for(lambda: clusters(lab) == ["TERMINATED", "TERMINATED"])
    wait_for(lambda: held(lab) == (0, 0))


def test_run_ends_though_its_clusters_cannot_be_ended_and_the_next_run_ends_them(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = lab.job(shared("a"), task("own", new_cluster=CLUSTER), job_clusters=MAIN, max_concurrent_runs=1)
    with monkeypatch.context() as patch:
        patch.setattr(lab.workspace.clusters, "end_job_cluster", broken)
        assert lab.ended(lab.run(job_id)).state.result == "SUCCESS"
        wait_for(lambda: held(lab) == (0, 0) and not lab.jobs._scheduler._active)
        assert clusters(lab) == ["RUNNING", "RUNNING"]
    assert lab.ended(lab.run(job_id)).state.result == "SUCCESS"
    wait_for(lambda: sorted(clusters(lab))[1:] == ["TERMINATED"] * 3)


def test_run_whose_files_cannot_be_removed_lets_the_next_one_start(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GitCheckouts, "leave", broken)
    lab.compute.behaviours["a"] = lambda _: None
    job_id = lab.job(task("a"), max_concurrent_runs=1, queue={"enabled": True})
    runs = [lab.run(job_id), lab.run(job_id)]
    lab.running("a")
    lab.compute.behaviours["a"] = lambda _: OK
    lab.compute.finish("a")
    assert [lab.ended(one).state.result for one in runs] == ["SUCCESS", "SUCCESS"]


def test_task_that_cannot_be_prepared_fails_alone(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = Notebook.prepare

    def odd(self: Notebook, start: Start) -> Any:
        if start.task.task_key == "odd":
            raise OSError(36, "File name too long")
        return prepare(self, start)

    monkeypatch.setattr(Notebook, "prepare", odd)
    _, last = lab.done(task("odd", max_retries=1), task("b"))
    assert last["odd"].state.code == "INTERNAL_ERROR" and "File name too long" in last["odd"].state.message
    assert last["odd"].attempt == 1 and last["b"].state.result == "SUCCESS"
    wait_for(lambda: held(lab) == (0, 0))


@pytest.mark.parametrize("path", ["a\0b", "long" * 100, "../outside"])
def test_names_that_no_file_can_have_are_not_in_a_repository(tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").write_text("")
    (tmp_path / "source").mkdir()
    snapshot = Snapshot("https://example.com/r", "abc", "/Workspace/Repos/.internal/r", tmp_path / "source")
    for look in (snapshot.notebook, snapshot.python_file, snapshot.directory):
        with pytest.raises(Faulty, match="not found") as caught:
            look(path)
        assert caught.value.code == "RESOURCE_NOT_FOUND"


def test_token_of_a_run_that_is_given_up_ends(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    run_id = lab.run(lab.job(task("a")))
    bearer = f"Bearer {lab.running('a').spec.token}"
    assert lab.workspace.identity.authenticate(bearer)
    monkeypatch.setattr(Board, "attempt", broken)
    lab.compute.finish("a")
    assert lab.ended(run_id).state.code == "INTERNAL_ERROR"
    with pytest.raises(Unauthenticated):
        lab.workspace.identity.authenticate(bearer)


def test_run_that_has_ended_gets_no_cluster(lab: Lab) -> None:
    run, _ = lab.done(shared("a"), job_clusters=MAIN)
    wait_for(lambda: not lab.jobs._scheduler._active)
    with pytest.raises(ClusterUnavailable, match="has ended"):
        lab.jobs.clusters.shared(run.run_id, "main", broken)


def resumed(lab: Lab, monkeypatch: pytest.MonkeyPatch, *more: Any, rooms: int = 1000) -> tuple[int, int]:
    """A run whose tasks all waited for a cluster when the workspace ended, and how many there is place for."""
    slow, limit = lab.compute.start_engine, lab.jobs._scheduler._around.slots._limit
    monkeypatch.setattr(lab.compute, "start_engine", lambda own, heard, ended: slow(own, lambda said: None, ended))
    waiting = [shared(f"a{number}") for number in range(limit)]
    run_id = lab.run(lab.job(*waiting, *more, job_clusters=MAIN))
    wait_for(lambda: [one.state.message for one in lab.jobs.tasks(run_id)].count("Waiting for cluster") == limit)
    tasks = lab.jobs.tasks(run_id)
    lab.die()
    lab.compute.memory.rooms = rooms
    lab.compute.behaviours |= {one.task_key: lambda _: None for one in tasks}
    lab.start()
    lab.workspace.clusters.recover()
    lab.jobs.recover()
    wait_for(lambda: lab.jobs._scheduler._around.slots._waiting)
    return run_id, limit


def test_tasks_that_go_on_after_a_restart_take_places(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    more = [task(f"b{number}") for number in range(lab.jobs._scheduler._around.slots._limit + 1)]
    run_id, limit = resumed(lab, monkeypatch, *more)
    wait_for(lambda: len(lab.compute.keys()) >= limit)
    lab.compute.behaviours.clear()
    waited_before = lab.compute.keys()
    for key in waited_before:
        lab.compute.finish(key)
    assert lab.ended(run_id).state.result == "SUCCESS" and len(lab.compute.keys()) == 2 * limit + 1
    assert lab.compute.most_at_once == limit
    wait_for(lambda: held(lab) == (0, 0))


def test_task_that_goes_on_after_a_restart_and_finds_no_place_can_be_cancelled(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, _ = resumed(lab, monkeypatch, rooms=0)
    assert not lab.compute.keys() and not lab.jobs.run(run_id)[0].state.ended
    lab.jobs.cancel(run_id)
    assert lab.ended(run_id).state.result == "CANCELED"
    assert {one.state.result for one in lab.jobs.tasks(run_id)} == {"CANCELED"} and not lab.compute.keys()
