"""Promotion between two real workspaces: gate, exact files, approvals, order, and doing it twice."""

import json

import pytest
from sklearn.dummy import DummyClassifier

from brickyard.errors import ApprovalMissing, ConnectionFailed, GateRefused, ModelError, UsageError
from brickyard.models.approve import approve
from brickyard.models.evaluate import evaluate
from brickyard.models.promote import promote
from brickyard.models.rollback import rollback
from brickyard.models.status import history, status
from brickyard.scoring.digest import model_digest
from tests.models.conftest import rows


def go_live_in_dev(lab, features=("hour", "wind")):
    lab.train(list(features))
    dev = lab.site("dev")
    return dev, promote(dev, dev)


def test_the_first_environment_makes_the_candidate_live_once_its_gate_passed(lab):
    dev, done = go_live_in_dev(lab)
    assert dev.model().aliases["champion"] == done.version == "1"
    assert done.evidence.passed
    assert [(e.action, e.version, e.previous) for e in history(dev)] == [("promote", "1", None)]
    again = promote(dev, dev)
    assert again.event is None
    assert len(history(dev)) == 1


def test_a_refused_candidate_moves_nothing(lab, content):
    dev, _ = go_live_in_dev(lab)
    prod = lab.site("prod")
    promote(dev, prod)
    live_before, prod_before = dev.model().aliases["champion"], content(lab.prod, lab.model)
    bad = lab.register(DummyClassifier(strategy="prior").fit(rows()[["hour"]], rows().late), rows()[["hour"]])
    with pytest.raises(GateRefused, match=r"roc_auc >= 0\.6, is 0\.5"):
        promote(dev, dev)
    assert dev.model().aliases["champion"] == live_before
    assert dev.registry.version(bad).tags["brickyard_gate_decision"] == "refused"
    with pytest.raises(ModelError, match="never live in 'dev'"):
        promote(dev, prod, bad)
    assert content(lab.prod, lab.model) == prod_before


def test_the_next_environment_gets_exactly_the_same_files_with_their_lineage(lab, tmp_path):
    dev, first = go_live_in_dev(lab)
    prod = lab.site("prod")
    done = promote(dev, prod)
    mine = dev.registry.download(first.version, tmp_path / "from-dev")
    theirs = prod.registry.download(done.version, tmp_path / "from-prod")
    assert model_digest(mine) == model_digest(theirs) == done.digest
    assert done.copied
    tags = prod.registry.version(done.version).tags
    origin = json.loads(tags["brickyard_origin"])
    assert origin == json.loads(tags["brickyard_source"])
    assert (origin["host"], origin["version"], origin["environment"]) == (lab.dev.host, first.version, "dev")
    assert origin["commit"].startswith("c0ffee")
    assert lab.dev.client().experiments.get_run(origin["run_id"]).run.info.run_id == origin["run_id"]
    assert json.loads(tags["brickyard_gate"])["decision"] == "passed"
    (event,) = history(prod)
    assert (event.version, event.source, event.commit) == ("1", "dev version 1", origin["commit"])


def test_promoting_twice_registers_once_and_changes_nothing(lab, content):
    dev, _ = go_live_in_dev(lab)
    prod = lab.site("prod")
    promote(dev, prod)
    before = content(lab.prod, lab.model)
    again = promote(dev, prod)
    assert (again.copied, again.event) == (False, None)
    assert content(lab.prod, lab.model) == before


def test_files_that_arrive_differently_do_not_stay(lab, monkeypatch):
    dev, _ = go_live_in_dev(lab)
    prod = lab.site("prod")
    send = prod.registry.create_version

    def damaged(files, tags, description):
        next(files.rglob("*.pkl")).write_bytes(b"not the model")
        return send(files, tags, description)

    monkeypatch.setattr(prod.registry, "create_version", damaged)
    with pytest.raises(ModelError, match="not those that passed the gate"):
        promote(dev, prod)
    assert list(prod.registry.versions()) == []
    assert "champion" not in prod.model().aliases


def test_without_enough_approvals_the_version_waits_and_after_them_it_goes_live(lab):
    lab.write_project(approvals=1)
    dev, _ = go_live_in_dev(lab)
    prod = lab.site("prod")
    with pytest.raises(ApprovalMissing) as caught:
        promote(dev, prod)
    assert caught.value.exit_code == 9
    assert "brickyard model approve delay --to prod --version 1" in str(caught.value)
    assert prod.model().aliases == {}
    (waiting,) = status(prod).versions
    assert (waiting.waiting, waiting.gate.decision) == (1, "passed")

    approved = approve(prod, "1", "looks good")
    assert (approved.new, len(approved.given)) == (True, 1)
    assert approve(prod, "1").new is False
    done = promote(dev, prod)
    assert (done.copied, prod.model().aliases["champion"]) == (False, "1")
    (event,) = history(prod)
    assert event.note == f"approved by {prod.user}"
    assert status(prod).versions[0].waiting == 0


def test_two_approvals_need_two_people(lab):
    lab.write_project(approvals=2)
    dev, _ = go_live_in_dev(lab)
    prod = lab.site("prod")
    for _ in range(2):
        with pytest.raises(ApprovalMissing):
            promote(dev, prod)
        approve(prod, "1")
    with pytest.raises(ApprovalMissing, match="1 of 2"):
        promote(dev, prod)


def test_approving_is_refused_where_nobody_asks_or_nothing_was_promoted(lab):
    dev, _ = go_live_in_dev(lab)
    with pytest.raises(UsageError, match="asks for no approvals"):
        approve(dev, "1")
    lab.write_project(approvals=1)
    with pytest.raises(ModelError, match="no version '1'"):
        approve(lab.site("prod"), "1")


def test_the_order_of_environments_is_kept(lab):
    dev, _ = go_live_in_dev(lab)
    prod = lab.site("prod")
    with pytest.raises(UsageError, match="promoted from 'dev', not from 'prod'"):
        promote(prod, prod)
    with pytest.raises(UsageError, match="promoted from 'dev', not from 'prod'"):
        promote(prod, dev)


def test_what_was_never_live_does_not_move_on(lab):
    lab.train(["hour"])
    dev, prod = lab.site("dev"), lab.site("prod")
    evaluate(dev, "1")
    with pytest.raises(ModelError, match="no version is live in 'dev'"):
        promote(dev, prod)
    assert prod.registry.model() is None


def test_evidence_of_another_gate_or_another_champion_does_not_count(lab):
    weak, strong = lab.train(["wind"], alias=None), lab.train(["hour", "wind"], alias=None)
    dev = lab.site("dev")
    assert evaluate(dev, weak).evidence.passed
    promote(dev, dev, strong)
    with pytest.raises(GateRefused, match="champion"):
        promote(dev, dev, weak)
    lab.write_project(bar=0.99)
    dev = lab.site("dev")
    with pytest.raises(GateRefused, match=r"0\.99"):
        promote(dev, dev, strong)


def test_a_rolled_back_version_needs_a_new_approval(lab):
    lab.write_project(approvals=1)
    dev, _ = go_live_in_dev(lab, ["hour"])
    prod = lab.site("prod")
    for version in ("1", "2"):
        with pytest.raises(ApprovalMissing):
            promote(dev, prod)
        approve(prod, version)
        promote(dev, prod)
        if version == "1":
            lab.train(["hour", "wind"])
            promote(dev, dev)
    rollback(prod, note="too many complaints")
    assert prod.model().aliases["champion"] == "1"
    with pytest.raises(ApprovalMissing):
        promote(dev, prod)
    approve(prod, "2")
    promote(dev, prod)
    assert [(e.action, e.version) for e in history(prod)] == [
        ("promote", "1"),
        ("promote", "2"),
        ("rollback", "1"),
        ("promote", "2"),
    ]


def test_rolling_back_needs_something_to_go_back_to(lab):
    dev, _ = go_live_in_dev(lab)
    with pytest.raises(ModelError, match="no version was live in 'dev' before version 1"):
        rollback(dev)
    with pytest.raises(ModelError, match="version 7 was never live"):
        rollback(dev, "7")


def test_a_workspace_that_is_gone_is_said_so_and_nothing_changes(lab, content, two_workspaces):
    dev, _ = go_live_in_dev(lab)
    prod = lab.site("prod")
    prod.connection.config.retry_timeout_seconds = 1
    before = content(lab.dev, lab.model)
    lab.home.run("workspace", "stop", "m-prod")
    try:
        with pytest.raises(ConnectionFailed):
            promote(dev, prod)
        with pytest.raises(ConnectionFailed):
            lab.site("prod")
    finally:
        lab.home.run("workspace", "start", "m-prod")
    assert content(lab.dev, lab.model) == before
