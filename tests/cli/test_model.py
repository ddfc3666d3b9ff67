"""`brickyard model` as a user calls it: text, JSON and exit codes."""

import json
import sys
from dataclasses import dataclass

import pytest

from brickyard.cli.main import main
from tests.models.conftest import content, lab, two_workspaces

__all__ = ["content", "lab", "two_workspaces"]


@dataclass
class Done:
    stdout: str
    stderr: str


@pytest.fixture
def call(lab, monkeypatch, capsys):
    """Call `brickyard model` in this process, as the console script does; importing MLflow once is enough."""
    monkeypatch.chdir(lab.root)

    def run(*arguments: str, code: int = 0) -> Done:
        monkeypatch.setattr(sys, "argv", ["brickyard", "model", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out = capsys.readouterr()
        assert (ended.value.code or 0) == code, out.out + out.err
        assert lab.dev.token not in out.out + out.err
        return Done(out.out, out.err)

    return run


def test_a_version_goes_from_candidate_to_production_and_back(lab, call, monkeypatch):
    lab.write_project(approvals=1)
    lab.train(["hour"])
    (lab.root / "src").mkdir()
    monkeypatch.chdir(lab.root / "src")  # a command is about the project that it is called in, however deep
    judged = call("evaluate", "delay", "-t", "dev").stdout
    assert "gate passed" in judged
    assert "no champion yet" in judged
    assert "roc_auc >= 0.6" in judged
    assert "@champion in dev is now version 1" in call("promote", "delay", "--to", "dev").stdout

    waiting = call("promote", "delay", "--from", "dev", "--to", "prod", code=9).stderr
    assert "has 0 of 1 approvals" in waiting
    assert "brickyard model approve delay --to prod --version 1" in waiting
    assert "waits for 1 approval" in call("status", "delay").stdout
    approved = call("approve", "delay", "--to", "prod", "--version", "1", "-m", "checked").stdout
    assert "next: brickyard model promote delay --from dev --to prod" in approved
    live = call("promote", "delay", "--to", "prod").stdout
    assert "already there, hash equal" in live
    assert "@champion in prod is now version 1" in live

    lab.train(["hour", "wind"])
    call("promote", "delay", "--to", "dev")
    back = call("rollback", "delay", "-t", "dev", "-m", "an exercise").stdout
    assert "is now version 1 (before: version 2)" in back
    events = json.loads(call("history", "delay", "-t", "dev", "-o", "json").stdout)
    assert [(e["action"], e["version"]) for e in events] == [("promote", "1"), ("promote", "2"), ("rollback", "1")]
    assert events[-1]["note"] == "an exercise"
    assert "1 -> 2" in call("history", "delay").stdout

    found = json.loads(call("status", "delay", "-o", "json").stdout)
    assert [(one["environment"], one["live"]) for one in found] == [("dev", "1"), ("prod", "1")]
    digests = {one["environment"]: one["versions"][-1]["digest"] for one in found}
    assert digests["dev"] == digests["prod"]


def test_a_refused_candidate_ends_with_8_and_says_which_bar(lab, call):
    lab.write_project(bar=0.95)
    lab.train(["hour"])
    refused = call("evaluate", "delay", code=8)
    assert "gate refused" in refused.stdout
    assert "FAIL" in refused.stdout
    assert "roc_auc >= 0.95, is 0." in refused.stderr
    assert "Nothing was moved" in refused.stderr
    call("promote", "delay", "--to", "dev", code=8)
    assert "no version was live yet" in call("history", "delay").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("evaluate", "dellay"), 2, "did you mean 'delay'?"),
        (("evaluate", "delay", "-t", "pord"), 2, "did you mean 'prod'?"),
        (("evaluate", "delay", "--version", "1", "--alias", "challenger"), 2, "give one of them"),
        (("evaluate", "delay"), 10, "no registered model"),
        (("promote", "delay", "--from", "prod", "--to", "dev"), 2, "promoted from 'dev', not from 'prod'"),
        (("promote", "delay", "--to", "prod"), 10, "no registered model"),
        (("approve", "delay", "--to", "dev", "--version", "1"), 2, "asks for no approvals"),
        (("rollback", "delay"), 10, "no registered model"),
    ],
)
def test_mistakes_end_with_their_own_code_and_a_way_out(call, arguments, code, words):
    assert words in call(*arguments, code=code).stderr


def test_status_shows_what_answers_and_names_what_does_not(lab, call):
    lab.home.run("workspace", "stop", "m-prod")
    try:
        done = call("status", "delay", code=4)
    finally:
        lab.home.run("workspace", "start", "m-prod")
    assert "not registered there yet" in done.stdout
    assert "cannot be reached" in done.stdout


def test_help_needs_no_project(tmp_path, workspaces):
    text = workspaces.run("model", "--help", cwd=tmp_path).stdout
    for command in ("evaluate", "promote", "approve", "rollback", "history", "status"):
        assert command in text


def test_a_rollout_is_shown_with_its_rules(lab):
    from brickyard.cli.model_text import rollout_text
    from brickyard.models.decision import Check
    from brickyard.models.rollout import Rollout, Step

    lab.write_project()
    check = Check("error rate <= 0.01", "error rate", 0.002, 0.01, True, "bar")
    step = Step(10, 500, 4500, (check,), True)
    text = rollout_text(Rollout("2", "1", "delay", (step,), serves=False), lab.site("dev"))
    assert "10 %" in text and "error rate <= 0.01" in text
    assert "version 1 serves all" in text and "brickyard model promote delay --to dev" in text


def test_a_rollout_needs_a_policy(lab, call):
    lab.write_project()
    lab.train(["hour", "wind"])
    assert "has no rollout" in call("rollout", "delay", code=2).stderr
