"""Whose Git credentials go to which servers: a token goes only where its owner has sent it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.files.repos import Wanted
from brickyard.workspace.identity import Principal
from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.jobs import wire
from brickyard.workspace.jobs.records import RunRecord
from tests.workspace.files.test_git_credentials import TOKEN, AskingServer, asking
from tests.workspace.jobs.lab import Lab
from tests.workspace.jobs.test_owner import give, user

__all__ = ["asking"]  # a fixture

TASK = {"task_key": "a", "notebook_task": {"notebook_path": "notebooks/train"}}


@pytest.fixture(autouse=True)
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's certificate is known."""
    monkeypatch.setenv("GIT_SSL_CAINFO", str(tmp_path / "ca.pem"))


def source(server: AskingServer) -> dict[str, Any]:
    return {"git_url": server.url, "git_provider": "gitHubEnterprise", "git_branch": "main"}


def holder(lab: Lab, kind: Kind = Kind.USER) -> Principal:
    """Somebody with a credential, who has sent it nowhere yet."""
    made = user(lab, "ann@example.org", kind)
    fields = {"git_provider": "gitHubEnterprise", "git_username": "ada", "personal_access_token": TOKEN}
    lab.workspace.files.git_credentials.create(made.id, fields)
    return made


def done(lab: Lab, job_id: int) -> RunRecord:
    return lab.ended(lab.run(job_id))


def test_who_changes_a_job_sends_no_token_of_who_it_runs_as(lab: Lab, asking: AskingServer) -> None:
    ann = holder(lab)
    job = lab.jobs.create({"name": "x"}, ann)
    lab.jobs.update(job, {"git_source": source(asking), "tasks": [TASK]}, [], lab.owner)
    lab.jobs.update(job, {"description": "mine"}, [], ann)  # which does not name the server
    run = done(lab, job)
    assert (run.state.code, "was not sent" in run.state.message) == ("REPOSITORY_CHECKOUT_FAILED", True), run.state
    assert asking.tokens == {""}
    lab.jobs.update(job, {"git_source": source(asking)}, [], ann)
    assert done(lab, job).state.result == "SUCCESS"


def test_a_new_owner_of_a_job_sends_no_token_where_the_old_one_did(lab: Lab, asking: AskingServer) -> None:
    ann, job = holder(lab), lab.job(TASK, git_source=source(asking))
    give(lab, job, ann)
    assert "was not sent" in done(lab, job).state.message
    assert asking.tokens == {""}
    lab.workspace.files.repos.create(ann, asking.url, "gitHubEnterprise", None, Wanted())
    assert done(lab, job).state.result == "SUCCESS"


def test_administrators_name_servers_for_service_principals(lab: Lab, asking: AskingServer) -> None:
    robot = holder(lab, Kind.SERVICE_PRINCIPAL)
    wanted = {"service_principal_name": robot.user_name}
    run = done(lab, lab.job(TASK, git_source=source(asking), run_as=wanted))
    assert run.state.result == "SUCCESS", run.state


def test_who_says_that_a_job_runs_as_themselves_sends_their_token_where_its_code_is(
    lab: Lab, asking: AskingServer
) -> None:
    robot, job = holder(lab, Kind.SERVICE_PRINCIPAL), lab.job(TASK, git_source=source(asking))
    lab.jobs.update(job, {"run_as": {"service_principal_name": robot.user_name}}, [], lab.owner)
    assert done(lab, job).state.result == "SUCCESS"


def test_an_administrator_who_says_that_a_job_runs_as_a_user_sends_no_token_of_theirs(
    lab: Lab, asking: AskingServer
) -> None:
    ann, job = holder(lab), lab.job(TASK, git_source=source(asking))
    lab.jobs.update(job, {"run_as": {"user_name": ann.user_name}}, [], lab.owner)
    lab.jobs.update(job, {"description": "not a word of where the code is from"}, [], ann)
    assert "was not sent" in done(lab, job).state.message and asking.tokens == {""}
    lab.jobs.update(job, {"run_as": {"user_name": ann.user_name}}, [], ann)
    assert done(lab, job).state.result == "SUCCESS"


def test_a_job_that_is_made_for_a_service_principal_may_ask_with_its_token(lab: Lab, asking: AskingServer) -> None:
    robot = holder(lab, Kind.SERVICE_PRINCIPAL)
    owner = [{"service_principal_name": robot.user_name, "permission_level": "IS_OWNER"}]
    job = lab.job(TASK, git_source=source(asking), access_control_list=owner)
    assert done(lab, job).state.result == "SUCCESS"


@pytest.mark.parametrize(
    "user",
    [
        "github_pat_11AAAAAAA0123456789",
        "ada:short",
        "0123456789abcdef01234567",
        "glpat-some-words-and-more",
        "q3kAzJ9wXtPbL2mNvR7s",
        pytest.param("a" * 50_000 + "12345", id="long"),
        "kvbzq4tmw6xn2yh5pdrj3ucfeg7oaislkvbzq4tmw6xn2yh5pdrj",
    ],
)
def test_a_token_in_the_address_is_refused_and_not_repeated(lab: Lab, user: str) -> None:
    given = {"git_url": f"https://{user}@git.example.org/a/b.git", "git_provider": "gitHub", "git_branch": "main"}
    with pytest.raises(InvalidParameterValue, match="put it into a Git credential") as refused:
        lab.job(TASK, git_source=given)
    assert user not in refused.value.message
    with pytest.raises(InvalidParameterValue, match="put it into a Git credential") as refused:
        lab.workspace.files.repos.create(lab.owner, given["git_url"], "gitHub", None, Wanted())
    assert user not in refused.value.message


@pytest.mark.parametrize(
    "url",
    [
        "https://a-long-organisation-name@dev.azure.com/a-long-organisation-name/project/_git/name",
        "https://ada@bitbucket.org/team/name.git",
        "https://christopher-montgomery@git.example.org/a/b.git",
        "https://ChristopherMontgomery2@git.example.org/a/b.git",
        "https://ada.lovelace%40mail.example.org@git.example.org/a/b.git",
        "https://continuous-integration-at-123456789012@git.example.org/a/b.git",
    ],
)
def test_addresses_with_a_user_as_providers_give_them_are_kept(lab: Lab, url: str) -> None:
    job = lab.job(TASK, git_source={"git_url": url, "git_provider": "bitbucketCloud", "git_branch": "main"})
    settings = wire.job(lab.jobs.get(job)).settings
    assert settings is not None and settings.git_source is not None and settings.git_source.git_url == url


def test_a_token_that_an_earlier_release_kept_is_not_shown(lab: Lab) -> None:
    url = "https://git.example.org/a/b.git"
    record = lab.jobs.get(lab.job(TASK, git_source={"git_url": url, "git_provider": "gitHub", "git_branch": "main"}))
    token = "0123456789abcdef01234567"
    kept = record.settings["git_source"] | {"git_url": url.replace("://", f"://{token}@")}
    old = replace(record, settings=record.settings | {"git_source": kept})
    shown = wire.job(old).as_dict(), wire.base_job(old, expand=True), wire.settings_of_2_0(old)
    assert token not in str(shown) and url in str(shown)
