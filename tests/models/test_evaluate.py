"""Judging a version in a real workspace: same rows, clear decision, evidence on the version."""

import json
import os
import sys

import mlflow
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from brickyard.errors import DataError, GateRefused, ModelError
from brickyard.models.evaluate import choose_version, evaluate, require_pass
from tests.models.conftest import exported, rows


def test_the_figures_are_those_of_the_candidate_on_the_table(lab):
    version = lab.train(["hour", "wind"])
    site = lab.site("dev")
    evidence = evaluate(site, choose_version(site)).evidence
    model = LogisticRegression().fit(rows(seed=1)[["hour", "wind"]], rows(seed=1).late)
    truth = rows()
    expected = metrics.roc_auc_score(truth.late, model.predict_proba(truth[["hour", "wind"]])[:, 1])
    assert evidence.passed
    assert evidence.version == version
    assert evidence.metrics["roc_auc"] == pytest.approx(expected, abs=1e-12)
    assert (evidence.champion, evidence.data.rows, evidence.data.version) == (None, 400, 0)


def test_judging_leaves_no_trace_in_the_directory_or_the_environment(lab, monkeypatch):
    version = lab.train(["hour", "wind"])
    monkeypatch.chdir(lab.root)
    files, environment, modules = sorted(lab.root.rglob("*")), dict(os.environ), list(sys.path)
    evaluate(lab.site("dev"), version)
    assert sorted(lab.root.rglob("*")) == files
    assert sys.path == modules
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("_THREADS", "_POLICY"))}
    assert kept == {name: value for name, value in environment.items() if name in kept}


def test_evidence_is_on_the_version_and_among_the_artifacts_of_its_run(lab):
    version = lab.train(["hour", "wind"])
    evaluation = evaluate(lab.site("dev"), version)
    with exported(lab.dev.environ):
        state = mlflow.MlflowClient("databricks", "databricks-uc").get_model_version(lab.model, version)
        document = mlflow.artifacts.load_dict(evaluation.artifact)
    assert state.tags["brickyard_gate_decision"] == "passed"
    assert json.loads(state.tags["brickyard_gate"])["data"]["table"] == lab.table
    assert document["digest"] == state.tags["brickyard_digest"] == evaluation.evidence.digest
    assert document["checks"][0]["rule"] == "roc_auc >= 0.6"
    assert document["by"]
    everything = json.dumps([state.tags, document])
    assert lab.dev.token not in everything


def test_candidate_and_champion_see_the_same_rows_and_a_worse_candidate_is_refused(lab):
    best = lab.train(["hour", "wind"], alias="champion")
    worse = lab.train(["hour"])
    site = lab.site("dev")
    evaluation = evaluate(site, worse)
    assert evaluation.evidence.champion == best
    assert evaluation.evidence.champion_metrics["roc_auc"] > evaluation.evidence.metrics["roc_auc"] > 0.6
    with pytest.raises(GateRefused, match="champion") as caught:
        require_pass(evaluation, site)
    assert caught.value.exit_code == 8
    assert site.registry.version(worse).tags["brickyard_gate_decision"] == "refused"
    assert site.model().aliases["champion"] == best


def test_judging_the_champion_itself_compares_it_with_itself(lab):
    version = lab.train(["hour", "wind"], alias="champion")
    evidence = evaluate(lab.site("dev"), version).evidence
    assert evidence.passed
    assert evidence.champion_metrics == evidence.metrics


def test_shuffled_labels_are_worth_nothing(lab):
    lab.write_table(rows().assign(late=rows().late.sample(frac=1, random_state=3).to_numpy()))
    evidence = evaluate(lab.site("dev"), lab.train(["hour", "wind"])).evidence
    assert evidence.metrics["roc_auc"] == pytest.approx(0.5, abs=0.1)
    assert not evidence.passed


def test_the_order_of_rows_changes_neither_figures_nor_content(lab):
    version = lab.train(["hour", "wind"])
    first = evaluate(lab.site("dev"), version).evidence
    lab.write_table(rows().sample(frac=1, random_state=1))
    second = evaluate(lab.site("dev"), version).evidence
    assert second.data.version == first.data.version + 1
    assert (second.data.content, second.metrics) == (first.data.content, first.metrics)
    lab.write_table(rows(seed=8))
    assert evaluate(lab.site("dev"), version).evidence.data.content != first.data.content


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (rows().drop(columns="wind"), "has no column wind, which version 1 (the candidate) needs"),
        (rows().drop(columns="late"), "has no column late, which the gate"),
        (rows().assign(late=1), "1 class (1)"),
        (rows().iloc[:0], "no rows"),
        (pd.concat([rows(), rows().iloc[:3]]), "3 of 403 rows repeat a key"),
    ],
    ids=["feature", "label", "one-class", "empty", "twice"],
)
def test_a_table_that_cannot_be_judged_on_is_refused_by_name(lab, frame, words):
    version = lab.train(["hour", "wind"])
    lab.write_table(frame)
    with pytest.raises(DataError) as caught:
        evaluate(lab.site("dev"), version)
    assert words in caught.value.message
    assert lab.table in str(caught.value)
    assert "brickyard_gate" not in lab.site("dev").registry.version(version).tags


def test_a_table_that_is_not_there_is_named(lab):
    version = lab.train(["hour"])
    lab.dev.client().tables.delete(lab.table)
    with pytest.raises(DataError, match="no table"):
        evaluate(lab.site("dev"), version)


def test_missing_models_versions_and_candidates_are_named(lab):
    site = lab.site("dev")
    with pytest.raises(ModelError, match="no registered model"):
        choose_version(site)
    lab.train(["hour"], alias=None)
    with pytest.raises(ModelError, match="no version has the alias 'challenger'"):
        choose_version(site)
    for wrong in ("99", "latest"):
        with pytest.raises(ModelError, match=f"no version '{wrong}'"):
            choose_version(site, wrong)
