"""What was fetched of repositories goes when no run needs it, and not before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from brickyard.workspace.jobs import git_histories
from brickyard.workspace.jobs.git_histories import GitHistories
from tests.support.git_remote import GitRemote
from tests.workspace.jobs.lab import BROKEN, OK, Lab
from tests.workspace.jobs.test_git_source import FILES, notebook, source


@pytest.fixture
def histories(tmp_path: Path) -> GitHistories:
    return GitHistories(tmp_path)


def use(histories: GitHistories, url: str, run_id: int, age: int = 0) -> Path:
    """A run fetches from a repository, so many seconds ago."""
    with histories.hold(url, 1, run_id) as history:
        (history / "objects").touch()
    for path in (history, history / "brickyard-runs" / str(run_id)):
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    return history


def test_a_history_goes_with_the_last_run_that_uses_it(lab: Lab, tmp_path: Path) -> None:
    remote = GitRemote(tmp_path / "remote", FILES)
    outcomes = iter([BROKEN, OK, OK])
    lab.compute.behaviours["a"] = lambda _: next(outcomes)
    job = lab.job(notebook("a"), git_source=source(remote))
    broken, fine = (lab.ended(lab.run(job)).run_id for _ in range(2))
    [history] = (lab.root / "git-sources").iterdir()
    lab.jobs.delete_run(fine)
    assert history.is_dir()  # the other one may be repaired
    remote.directory.rename(tmp_path / "away")
    lab.jobs.repair(broken, {"run_id": broken, "rerun_all_failed_tasks": True})
    assert lab.ended(broken).state.result == "SUCCESS"
    lab.jobs.delete(job)
    lab.jobs.delete_run(broken)
    assert not list((lab.root / "git-sources").iterdir())


def test_the_history_of_a_job_stays_when_its_old_runs_are_deleted(lab: Lab, tmp_path: Path) -> None:
    remote = GitRemote(tmp_path / "remote", FILES)
    job = lab.job(notebook("a"), git_source=source(remote))
    done = lab.ended(lab.run(job))
    [history] = (lab.root / "git-sources").iterdir()
    lab.jobs.delete_run(done.run_id)
    assert history.is_dir()


def test_too_many_histories_go_the_longest_unused_first(
    histories: GitHistories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_histories, "_MOST", 2)
    needed, old, newer, newest = (use(histories, str(age), 90 - age, age) for age in (40, 30, 20, 10))
    for age in (30, 20, 10):
        histories.leave(90 - age)
    assert (needed.is_dir(), old.is_dir(), newer.is_dir(), newest.is_dir()) == (True, False, True, True)


def test_what_was_used_before_runs_expire_goes(histories: GitHistories) -> None:
    months = 61 * 24 * 3600
    old, recent = use(histories, "a", 1, months), use(histories, "b", 2)
    under_way = use(histories, "c", 3, months)
    with histories.hold("c", 1, 4):
        histories.prune()
    assert (old.is_dir(), recent.is_dir(), under_way.is_dir()) == (False, True, True)
