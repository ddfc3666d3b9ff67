"""The evidence on a version, and its approvals: within the limits of tags, and only for what was judged."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickyard.errors import ModelError
from brickyard.models.decision import decide
from brickyard.models.evidence import GATE, EvaluationData, Evidence, policy_hash, read, tags
from brickyard.models.history import Event
from brickyard.models.lineage import SOURCE, Approval, Origin, approval_tag, approvals, read_origin
from brickyard.project import Bar, ChampionRule, Gate

FIGURES = dict.fromkeys(("roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "f1"), 0.123456789)
GATE_POLICY = Gate("main.flights.evaluation", "late", bars={"roc_auc": Bar(min=0.7)}, champion=ChampionRule("roc_auc"))


def evidence(**changes):
    decision = decide(GATE_POLICY.bars, GATE_POLICY.champion, FIGURES, FIGURES)
    base = Evidence(
        decision=decision.word,
        model="main.flights.delay",
        version="4",
        digest="d" * 64,
        environment="dev",
        host="https://adb-1234567890123456.7.azuredatabricks.net",
        policy=policy_hash(GATE_POLICY),
        data=EvaluationData("main.flights.evaluation", 12, 336_776, "e" * 64),
        metrics=FIGURES,
        champion="3",
        champion_metrics=FIGURES,
        checks=decision.checks,
        at="2025-01-01T00:00:00.000Z",
        by="somebody.with.a.long.name@a-company-with-a-long-name.example.com",
        commit="c" * 40,
    )
    return replace(base, **changes)


@pytest.mark.parametrize("champion", ["3", None])
@pytest.mark.parametrize("commit", ["c" * 40, ""])
def test_what_is_written_is_what_is_read(champion, commit):
    before = evidence(champion=champion, commit=commit, champion_metrics=FIGURES if champion else {})
    after = read(tags(before))
    assert replace(after, metrics={}, champion_metrics={}) == replace(
        before, metrics={}, champion_metrics={}, checks=()
    )
    assert after.metrics == pytest.approx(before.metrics, rel=1e-5)


def test_every_tag_is_within_the_limits_of_unity_catalog():
    written = tags(evidence())
    assert all(len(value) <= 1000 for value in written.values())
    assert not any(character in key for key in written for character in ".,-=/: ")


def test_the_tag_that_counts_is_written_last():
    assert list(tags(evidence()))[-1] == GATE


def test_a_version_that_was_never_judged_has_no_evidence():
    assert read({}) is None


@pytest.mark.parametrize("text", ["passed", "[]", '{"decision": "passed"}'])
def test_evidence_that_something_else_wrote_is_an_error_and_not_a_pass(text):
    with pytest.raises(ModelError, match="does not hold"):
        read({GATE: text})


def test_evidence_is_bound_to_the_gate_that_was_applied():
    stricter = replace(GATE_POLICY, bars={"roc_auc": Bar(min=0.8)})
    other_data = replace(GATE_POLICY, data="main.flights.other")
    assert len({policy_hash(GATE_POLICY), policy_hash(stricter), policy_hash(other_data)}) == 3
    assert policy_hash(GATE_POLICY) == policy_hash(replace(GATE_POLICY))


@given(notes=st.lists(st.text(max_size=2000), max_size=5))
def test_a_person_counts_once_however_often_they_approve(notes):
    given_tags = dict(approval_tag(Approval("ada", f"2025-01-0{n + 1}", "d", note)) for n, note in enumerate(notes))
    assert len(approvals(given_tags, "1", "d", [])) == min(1, len(notes))
    assert all(len(value) <= 1000 for value in given_tags.values())


def test_different_people_count_each():
    given_tags = dict(approval_tag(Approval(who, "2025-01-01", "d")) for who in ("ada", "grace"))
    assert [approval.by for approval in approvals(given_tags, "1", "d", [])] == ["ada", "grace"]


def test_an_approval_of_other_files_does_not_count():
    assert approvals(dict([approval_tag(Approval("ada", "2025-01-01", "old"))]), "1", "new", []) == []


def test_an_approval_from_before_the_version_was_rolled_back_does_not_count_again():
    undone = Event(3, "rollback", "1", "2", "2025-01-02", "ada")
    before = dict([approval_tag(Approval("ada", "2025-01-01", "d"))])
    after = dict([approval_tag(Approval("ada", "2025-01-03", "d"))])
    assert approvals(before, "2", "d", [undone]) == []
    assert len(approvals(after, "2", "d", [undone])) == 1
    assert len(approvals(before, "1", "d", [undone])) == 1


def test_an_origin_survives_its_tag():
    origin = Origin("dev", "http://127.0.0.1:1", "main.flights.delay", "4", "run", "c" * 40)
    assert read_origin({SOURCE: origin.tag()}, SOURCE) == origin
    assert read_origin({}, SOURCE) is None
