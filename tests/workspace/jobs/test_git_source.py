"""Code of runs from Git repositories: which commit, whose files, and what is said where there is none."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.compute.tasks import TaskSpec
from brickyard.workspace.identity import Principal
from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.identity.records import Account
from brickyard.workspace.jobs import wire
from brickyard.workspace.jobs.git_checkouts import GitCheckouts
from brickyard.workspace.jobs.records import RunRecord
from tests.support import wait_for
from tests.support.git_remote import GitRemote, git
from tests.workspace.files.test_git_credentials import TOKEN, AskingServer, asking
from tests.workspace.jobs.job_client import Client, results
from tests.workspace.jobs.lab import BROKEN, OK, Lab

__all__ = ["asking"]  # a fixture

HEADER = "# Databricks notebook source\n"
FILES = {
    "nb/train.py": f"{HEADER}%run ./part\n# COMMAND ----------\nimport lib, beside\n"
    "dbutils.notebook.exit(f'{part} {lib.NAME} {beside.NAME}')\n",
    "nb/part.py": f"{HEADER}part = 'part'\n",
    "nb/beside.py": "NAME = 'beside'\n",
    "nb/in_r.r": f"{HEADER}x <- 1\n",
    "lib.py": "NAME = 'root'\n",
    "jobs/main.py": "import sys\nfrom pathlib import Path\nprint('said', Path('note.txt').read_text(), sys.argv[1])\n",
    "jobs/note.txt": "noted",
    "sql/one.sql": "SELECT 1",
}


@pytest.fixture
def remote(tmp_path: Path) -> GitRemote:
    return GitRemote(tmp_path / "remote", FILES)


def source(remote: GitRemote, **revision: str) -> dict[str, Any]:
    given = revision or {"git_branch": "main"}
    return {"git_url": remote.url, "git_provider": "GitHub", **given}


def notebook(key: str, path: str = "nb/train", **more: Any) -> dict[str, Any]:
    return {"task_key": key, "notebook_task": {"notebook_path": path}, **more}


def code(spec: TaskSpec) -> str:
    """What a task is given to execute, from where its mounts say."""
    [(prefix, place)] = spec.mounts.items()
    path = Path(place + spec.source.removeprefix(prefix))
    return (path if path.suffix else path.with_suffix(".py")).read_text()


def test_all_tasks_and_repairs_use_the_commit_of_the_start(lab: Lab, remote: GitRemote) -> None:
    seen: list[str] = []

    def first(spec: TaskSpec) -> Any:
        seen.append(code(spec))
        remote.commit({"nb/train.py": f"{HEADER}newer = {len(seen)}\n"})
        return OK

    def second(spec: TaskSpec) -> Any:
        seen.append(code(spec))
        return BROKEN if len(seen) == 2 else OK

    lab.compute.behaviours = {"a": first, "b": second}
    tasks = notebook("a"), notebook("b", depends_on=[{"task_key": "a"}])
    run = lab.ended(lab.run(lab.job(*tasks, git_source=source(remote))))
    assert run.state.result == "FAILED"
    wait_for(lambda: not (lab.root / "runs" / str(run.run_id) / "source").exists())
    lab.jobs.repair(run.run_id, {"rerun_all_failed_tasks": True})
    assert lab.ended(run.run_id).state.result == "SUCCESS"
    assert seen == [FILES["nb/train.py"]] * 3
    answer = wire.run(lab.jobs.run(run.run_id)[0], lab.jobs.tasks(run.run_id), "", wire.Shown()).as_dict()
    assert answer["git_source"]["git_snapshot"] == {"used_commit": remote.first}
    assert answer["tasks"][0]["git_source"]["git_snapshot"] == {"used_commit": remote.first}
    newest = git(remote.directory, "rev-parse", "HEAD")
    assert lab.ended(lab.run(run.job_id)).request.commit == newest


def test_tags_commits_and_short_hashes(lab: Lab, remote: GitRemote) -> None:
    git(remote.directory, "tag", "-a", "v1", "-m", "one")
    git(remote.directory, "tag", "light")
    remote.commit({"nb/train.py": f"{HEADER}newer\n"})
    for revision in (
        {"git_tag": "v1"},
        {"git_tag": "light"},
        {"git_commit": remote.first},
        {"git_commit": remote.first[:9]},
    ):
        run, _ = lab.done(notebook("a"), git_source=source(remote, **revision))
        assert (run.state.result, run.request.commit) == ("SUCCESS", remote.first), revision


def test_a_commit_that_was_fetched_needs_no_remote(lab: Lab, remote: GitRemote) -> None:
    job = lab.job(notebook("a"), git_source=source(remote, git_commit=remote.first))
    assert lab.ended(lab.run(job)).state.result == "SUCCESS"
    remote.directory.rename(remote.directory.with_name("away"))
    assert lab.ended(lab.run(job)).state.result == "SUCCESS"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"git_branch": "gone"}, "Branch gone does not exist at file://"),
        ({"git_branch": "main", "git_url": "file:///no/such/place"}, "there is no Git repository at"),
        (
            {"git_branch": "main", "git_url": "https://secret@127.0.0.1:1/a/b"},
            "https://127.0.0.1:1/a/b cannot be reached",
        ),
        ({"git_commit": "0" * 40}, "Commit 0000"),
    ],
)
def test_what_cannot_be_checked_out(lab: Lab, remote: GitRemote, change: dict[str, str], says: str) -> None:
    run, last = lab.done(notebook("a"), git_source={"git_url": remote.url, "git_provider": "gitHub"} | change)
    assert (run.state.life_cycle, run.state.result) == ("INTERNAL_ERROR", "FAILED")
    assert last["a"].state.code == "REPOSITORY_CHECKOUT_FAILED"
    assert says in last["a"].state.message
    assert "secret" not in run.state.message


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("nb/gone", "Notebook not found: nb/gone."),
        ("nb/beside", "Notebook not found: nb/beside."),  # a file that is none
        ("nb/in_r", "notebooks in R cannot be executed"),
    ],
)
def test_what_is_not_in_the_commit(lab: Lab, remote: GitRemote, path: str, says: str) -> None:
    _, last = lab.done(notebook("a", path), git_source=source(remote))
    assert last["a"].state.result == "FAILED"
    assert says in last["a"].state.message


@pytest.mark.parametrize(
    ("task", "given", "says"),
    [
        (notebook("a", "/nb"), {"git_branch": "main"}, "Only relative paths are currently supported"),
        (notebook("a", "../nb"), {"git_branch": "main"}, "Only relative paths"),
        (notebook("a"), {"git_branch": "main", "git_tag": "v1"}, "exactly one of"),
        (notebook("a"), {}, "exactly one of"),
        (notebook("a"), {"git_branch": "main", "git_url": "https://a:b@c/d"}, "must not contain a password"),
        (notebook("a"), {"git_branch": "main", "git_url": "git@github.com:a/b"}, "Invalid Git URL"),
        (notebook("a"), None, "only absolute paths"),
        ({"task_key": "a", "notebook_task": {"notebook_path": "nb", "source": "GIT"}}, None, "needs git_source"),
    ],
)
def test_refusals(lab: Lab, task: Mapping[str, Any], given: dict[str, str] | None, says: str) -> None:
    whole = {} if given is None else {"git_source": {"git_url": "https://c/d", "git_provider": "gitHub"} | given}
    with pytest.raises(InvalidParameterValue, match=says):
        lab.job(task, **whole)


def test_sources_of_tasks(lab: Lab, remote: GitRemote) -> None:
    tasks = [
        notebook("a"),
        {"task_key": "b", "notebook_task": {"notebook_path": "/nb", "source": "WORKSPACE"}},
        {"task_key": "c", "spark_python_task": {"python_file": "/Workspace/x.py"}},
        {"task_key": "d", "spark_python_task": {"python_file": "jobs/main.py"}},
        {"task_key": "e", "sql_task": {"warehouse_id": "w", "file": {"path": "sql/one.sql"}}},
        {"task_key": "f", "dbt_task": {"warehouse_id": "w", "commands": ["dbt run"]}},
    ]
    job = lab.jobs.get(lab.job(*tasks, git_source=source(remote)))
    kinds = [next(value for name, value in task.items() if name.endswith("_task")) for task in job.settings["tasks"]]
    assert [(kind.get("file") or kind)["source"] for kind in kinds] == [
        "GIT",
        "WORKSPACE",
        "WORKSPACE",
        "GIT",
        "GIT",
        "GIT",
    ]


def test_sparse_checkouts_have_their_directories_only(lab: Lab, remote: GitRemote) -> None:
    found: list[set[str]] = []

    def look(spec: TaskSpec) -> Any:
        [place] = map(Path, spec.mounts.values())
        found.append({str(one.relative_to(place)) for one in place.rglob("*") if one.is_file()})
        return OK

    lab.compute.behaviours["a"] = look
    wanted = source(remote) | {"sparse_checkout": {"patterns": ["nb"]}}
    lab.done(notebook("a"), git_source=wanted)
    assert found == [{"lib.py", *(name for name in FILES if name.startswith("nb/"))}]


def test_only_administrators_use_repositories_of_the_machine(lab: Lab, remote: GitRemote) -> None:
    identity = lab.workspace.identity
    made = identity.directory.create_account(Account(0, Kind.USER, "b@example.com", "b@example.com"))
    other = identity.principals.get(made.id)
    job = lab.jobs.create({"name": "x", "tasks": [notebook("a")], "git_source": source(remote)}, other)
    run = lab.ended(lab.run(job))
    assert "Only administrators" in run.state.message


def test_real_code_from_a_repository(client: Client, remote: GitRemote) -> None:
    from databricks.sdk.service.jobs import (
        ForEachTask,
        GitProvider,
        GitSource,
        NotebookTask,
        Source,
        SparkPythonTask,
        Task,
    )

    main = SparkPythonTask("jobs/main.py", parameters=["x"], source=Source.GIT)
    looped = Task("each", notebook_task=NotebookTask("nb/train"))
    run = client.ended(
        client.started(
            client.job(
                Task("train", notebook_task=NotebookTask("nb/train")),
                Task("main", spark_python_task=main),
                Task("loop", for_each_task=ForEachTask("[1]", looped)),
                git_source=GitSource(remote.url, GitProvider.GIT_HUB, git_branch="main"),
            )
        )
    )
    assert results(run) == {"train": "SUCCESS", "main": "SUCCESS", "loop": "SUCCESS"}, run.state
    output = client.output(run, "train").notebook_output
    assert output is not None
    assert output.result == "part root beside"
    assert "said noted x" in (client.output(run, "main").logs or "")
    assert run.git_source is not None
    assert run.git_source.git_snapshot is not None
    assert run.git_source.git_snapshot.used_commit == remote.first


def test_a_run_goes_on_with_its_commit_after_a_restart(lab: Lab, remote: GitRemote) -> None:
    seen: list[str] = []
    lab.compute.behaviours["a"] = lambda _: None
    tasks = notebook("a", max_retries=1), notebook("b", depends_on=[{"task_key": "a"}])
    run_id = lab.run(lab.job(*tasks, git_source=source(remote)))
    lab.running("a")
    lab.die()
    remote.commit({"nb/train.py": f"{HEADER}newer\n"})

    def look(spec: TaskSpec) -> Any:
        seen.append(code(spec))
        return OK

    lab.compute.behaviours = dict.fromkeys("ab", look)
    lab.start()
    lab.jobs.recover()
    run = lab.ended(run_id)
    assert (run.state.result, run.request.commit) == ("SUCCESS", remote.first)
    assert seen == [FILES["nb/train.py"]] * 2


def test_what_a_kill_left_behind_is_in_no_runs_way(
    lab: Lab, remote: GitRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, take = lab.job(notebook("a"), git_source=source(remote)), GitCheckouts.take
    lab.ended(lab.run(job))
    [history] = (lab.root / "git-sources").iterdir()

    def after_a_kill(self: GitCheckouts, run: RunRecord, principal: Principal) -> str:
        place = lab.root / "runs" / str(run.run_id)
        (place / "source" / "nb").mkdir(parents=True)
        for file in (place / "source" / "old.py", place / "source.index.lock", history / "shallow.lock"):
            file.touch()
        return take(self, run, principal)

    remote.commit({"nb/train.py": f"{HEADER}newer\n"})
    monkeypatch.setattr(GitCheckouts, "take", after_a_kill)
    state = lab.ended(lab.run(job)).state
    assert state.result == "SUCCESS", state


def test_a_run_can_be_cancelled_while_its_code_is_fetched(
    lab: Lab, remote: GitRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answers = threading.Event(), threading.Event()
    take = GitCheckouts.take

    def slow(self: GitCheckouts, run: RunRecord, principal: Principal) -> str:
        asked.set()
        answers.wait(60)
        return take(self, run, principal)

    monkeypatch.setattr(GitCheckouts, "take", slow)
    run_id = lab.run(lab.job(notebook("a"), git_source=source(remote)))
    asked.wait(30)
    lab.jobs.cancel(run_id)
    assert lab.ended(run_id).state.result == "CANCELED"
    answers.set()
    place = lab.root / "runs" / str(run_id)
    wait_for(lambda: (lab.root / "git-sources").exists() and not list(place.glob("source*")))
    assert lab.compute.started == []


def test_a_remote_that_asks_is_asked_with_the_credential_of_who_the_run_runs_as(
    lab: Lab, asking: AskingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_SSL_CAINFO", str(tmp_path / "ca.pem"))
    wanted = {"git_url": asking.url, "git_provider": "gitHubEnterprise", "git_branch": "main"}
    job = lab.job(notebook("a", "notebooks/train"), git_source=wanted)
    refused = lab.ended(lab.run(job)).state
    assert (refused.code, "asks for credentials" in refused.message) == ("REPOSITORY_CHECKOUT_FAILED", True)
    fields = {"git_provider": "gitHubEnterprise", "git_username": "ada", "personal_access_token": TOKEN}
    lab.workspace.files.git_credentials.create(lab.owner.id, fields)
    run = lab.ended(lab.run(job))
    assert run.state.result == "SUCCESS", run.state
    lab.jobs.update(job, {"git_source": wanted | {"git_branch": None, "git_commit": run.request.commit}}, [], lab.owner)
    assert lab.ended(lab.run(job)).request.commit == run.request.commit
    found = [path for path in lab.root.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert found == []
