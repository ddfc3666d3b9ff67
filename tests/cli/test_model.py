"""`brickyard model` as a user calls it: text, JSON and exit codes."""

import json

import pytest

from tests.models.conftest import Lab, content, lab, two_workspaces

__all__ = ["content", "lab", "two_workspaces"]


def call(lab: Lab, *arguments: str, code: int = 0):
    done = lab.home.run("model", *arguments, check=False, cwd=lab.root)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert lab.dev.token not in done.stdout + done.stderr
    return done


def test_a_version_goes_from_candidate_to_production_and_back(lab):
    lab.write_project(approvals=1)
    lab.train(["hour"])
    judged = call(lab, "evaluate", "delay", "-t", "dev").stdout
    assert "gate passed" in judged
    assert "no champion yet" in judged
    assert "roc_auc >= 0.6" in judged
    assert "@champion in dev is now version 1" in call(lab, "promote", "delay", "--to", "dev").stdout

    waiting = call(lab, "promote", "delay", "--from", "dev", "--to", "prod", code=9).stderr
    assert "has 0 of 1 approvals" in waiting
    assert "brickyard model approve delay --to prod --version 1" in waiting
    assert "waits for 1 approval" in call(lab, "status", "delay").stdout
    approved = call(lab, "approve", "delay", "--to", "prod", "--version", "1", "-m", "checked").stdout
    assert "next: brickyard model promote delay --from dev --to prod" in approved
    live = call(lab, "promote", "delay", "--to", "prod").stdout
    assert "already there, hash equal" in live
    assert "@champion in prod is now version 1" in live

    lab.train(["hour", "wind"])
    call(lab, "promote", "delay", "--to", "dev")
    back = call(lab, "rollback", "delay", "-t", "dev", "-m", "an exercise").stdout
    assert "is now version 1 (before: version 2)" in back
    events = json.loads(call(lab, "history", "delay", "-t", "dev", "-o", "json").stdout)
    assert [(e["action"], e["version"]) for e in events] == [("promote", "1"), ("promote", "2"), ("rollback", "1")]
    assert events[-1]["note"] == "an exercise"
    assert "1 -> 2" in call(lab, "history", "delay").stdout

    found = json.loads(call(lab, "status", "delay", "-o", "json").stdout)
    assert [(one["environment"], one["live"]) for one in found] == [("dev", "1"), ("prod", "1")]
    digests = {one["environment"]: one["versions"][-1]["digest"] for one in found}
    assert digests["dev"] == digests["prod"]


def test_a_refused_candidate_ends_with_8_and_says_which_bar(lab):
    lab.write_project(bar=0.95)
    lab.train(["hour"])
    refused = call(lab, "evaluate", "delay", code=8)
    assert "gate refused" in refused.stdout
    assert "FAIL" in refused.stdout
    assert "roc_auc >= 0.95, is 0." in refused.stderr
    assert "Nothing was moved" in refused.stderr
    call(lab, "promote", "delay", "--to", "dev", code=8)
    assert "no version was live yet" in call(lab, "history", "delay").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("evaluate", "dellay"), 2, "did you mean 'delay'?"),
        (("evaluate", "delay", "-t", "pord"), 2, "did you mean 'prod'?"),
        (("evaluate", "delay"), 10, "no registered model"),
        (("promote", "delay", "--from", "prod", "--to", "dev"), 2, "promoted from 'dev', not from 'prod'"),
        (("promote", "delay", "--to", "prod"), 10, "no registered model"),
        (("approve", "delay", "--to", "dev", "--version", "1"), 2, "asks for no approvals"),
        (("rollback", "delay"), 10, "no registered model"),
    ],
)
def test_mistakes_end_with_their_own_code_and_a_way_out(lab, arguments, code, words):
    assert words in call(lab, *arguments, code=code).stderr


def test_status_shows_what_answers_and_names_what_does_not(lab):
    lab.home.run("workspace", "stop", "m-prod")
    try:
        done = call(lab, "status", "delay", code=4)
    finally:
        lab.home.run("workspace", "start", "m-prod")
    assert "not registered there yet" in done.stdout
    assert "cannot be reached" in done.stdout


def test_help_needs_no_project(tmp_path, workspaces):
    text = workspaces.run("model", "--help", cwd=tmp_path).stdout
    for command in ("evaluate", "promote", "approve", "rollback", "history", "status"):
        assert command in text
