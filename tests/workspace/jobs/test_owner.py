"""Whose rights a job has: those of who it names, else of its owner, as both are when it runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue, PermissionDenied
from brickyard.workspace.identity import Principal, access_lists
from brickyard.workspace.identity.permissions import tree_object
from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.identity.records import Account
from brickyard.workspace.jobs import wire
from tests.workspace.jobs.lab import Lab, task


def user(lab: Lab, name: str, kind: Kind = Kind.USER) -> Principal:
    made = lab.workspace.identity.directory.create_account(Account(0, kind, name, name))
    return lab.workspace.identity.principals.get(made.id)


def give(lab: Lab, job_id: int, to: Principal, by: Principal | None = None) -> None:
    """Make somebody the owner of a job."""
    entries = [{"user_name": to.user_name, "permission_level": "IS_OWNER"}]
    access_lists.update(lab.workspace.identity, lab.jobs.securable(job_id), entries, by or lab.owner)


def delete(lab: Lab, who: Principal) -> None:
    lab.workspace.identity.directory.delete_account(who.kind, who.id, lab.owner)


def deactivated(account: Account) -> Account:
    return replace(account, active=False)


def shown(lab: Lab, job_id: int) -> dict[str, Any]:
    return dict(wire.job(lab.jobs.get(job_id)).as_dict())


def ran_as(lab: Lab, job_id: int) -> str:
    """Who a run was, as its task saw it."""
    lab.ended(lab.run(job_id))
    return lab.compute.started[-1].user_name


def test_a_job_runs_as_its_owner_of_the_moment(lab: Lab) -> None:
    ann = user(lab, "ann@example.org")
    job_id = lab.job(task("a"))
    assert ran_as(lab, job_id) == shown(lab, job_id)["run_as_user_name"] == lab.owner.user_name
    lab.workspace.identity.permissions.grant(tree_object("/"), ann.id, "CAN_RUN")
    give(lab, job_id, ann)
    told = shown(lab, job_id)
    assert (told["creator_user_name"], told["run_as_user_name"]) == (lab.owner.user_name, ann.user_name)
    [listed] = lab.jobs.page(lab.owner, name=None, before=None, offset=0, limit=9)
    assert wire.base_job(listed, expand=False)["run_as_user_name"] == ann.user_name
    assert ran_as(lab, job_id) == ann.user_name


def test_a_job_without_an_owner_or_of_a_deactivated_one_fails_and_says_why(lab: Lab) -> None:
    ann, bob = user(lab, "ann@example.org"), user(lab, "bob@example.org")
    of_ann = lab.jobs.create({"name": "n", "tasks": [task("a", max_retries=3)]}, ann)
    of_bob = lab.jobs.create({"name": "n", "tasks": [task("a")]}, bob)
    waiting = lab.jobs.run_now({"job_id": of_bob}, lab.owner)
    delete(lab, ann)
    lab.workspace.identity.directory.change_account(Kind.USER, bob.id, deactivated, lab.owner)
    lab.ended(waiting.run_id)
    assert not {"creator_user_name", "run_as_user_name"} & shown(lab, of_ann).keys()
    for job_id, reason in ((of_ann, "its owner was deleted"), (of_bob, "bob@example.org, was deleted or deactivated")):
        run = lab.ended(lab.run(job_id))
        assert reason in run.state.message and run.state.code == "UNAUTHORIZED_ERROR"
        assert run.state.life_cycle == "INTERNAL_ERROR" and run.state.result == "FAILED"
        assert len(lab.jobs.tasks(run.run_id)) == 1, "a retry would not help"
    assert shown(lab, of_bob)["creator_user_name"] == "bob@example.org", "who is deactivated is still known"
    give(lab, of_ann, lab.owner)
    assert ran_as(lab, of_ann) == lab.owner.user_name


def test_run_as_stays_until_another_one_is_set_or_it_is_removed(lab: Lab) -> None:
    robot = user(lab, "11111111-2222-3333-4444-555555555555", Kind.SERVICE_PRINCIPAL)
    named = {"service_principal_name": robot.user_name}
    job_id = lab.job(task("a"), run_as=named)
    lab.jobs.reset(job_id, {"name": "again", "tasks": [task("a")]}, lab.owner)
    told = shown(lab, job_id)
    assert told["run_as_user_name"] == robot.user_name and "run_as" not in told["settings"]
    delete(lab, robot)
    lab.jobs.update(job_id, {"description": "still to be changed"}, [], lab.owner)
    assert f"{robot.user_name}, was deleted" in lab.ended(lab.run(job_id)).state.message
    lab.jobs.update(job_id, {}, ["run_as"], lab.owner)
    assert shown(lab, job_id)["run_as_user_name"] == lab.owner.user_name
    for wrong in ({}, named | {"user_name": lab.owner.user_name}):
        with pytest.raises(InvalidParameterValue, match="either user_name or service_principal_name"):
            lab.job(task("a"), run_as=wrong or {"user_name": ""})


def test_only_administrators_give_a_job_other_rights(lab: Lab) -> None:
    ann, bob = user(lab, "ann@example.org"), user(lab, "bob@example.org")
    job_id = lab.jobs.create({"name": "n", "tasks": [task("a")]}, ann)
    bobs = [{"user_name": bob.user_name, "permission_level": "IS_OWNER"}]
    with pytest.raises(PermissionDenied, match="change the owner"):
        give(lab, job_id, bob, by=ann)
    with pytest.raises(PermissionDenied, match="change the owner"):
        lab.jobs.create({"name": "n", "tasks": [task("a")], "access_control_list": bobs}, ann)
    give(lab, job_id, ann, by=ann)
    lab.jobs.create({"name": "n", "tasks": [task("a")], "access_control_list": bobs}, lab.owner)
    lab.jobs.update(job_id, {"run_as": {"user_name": bob.user_name}}, [], lab.owner)
    with pytest.raises(PermissionDenied, match="run as somebody else"):
        lab.jobs.update(job_id, {"run_as": {"user_name": lab.owner.user_name}}, [], ann)
    lab.jobs.update(job_id, {}, ["run_as"], ann)
    assert shown(lab, job_id)["run_as_user_name"] == ann.user_name
