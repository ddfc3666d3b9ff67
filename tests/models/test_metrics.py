"""The figures: equal to scikit-learn's on what models really return; anything else is refused by name."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from brickyard.errors import DataError, ModelError
from brickyard.models.metrics import compute, label_values, read_predictions

LABELS = pd.Series([0, 1, 1, 0, 1])
PROBABILITIES = np.array([0.1, 0.8, 0.4, 0.3, 0.9])


def figures(output, labels=LABELS, task="classification"):
    values, classes = label_values(labels, task, where="t.label")
    return compute(task, values, read_predictions(output, task, classes, rows=len(labels), where="m version 1"))


@pytest.mark.parametrize(
    "output",
    [
        PROBABILITIES,
        PROBABILITIES.reshape(-1, 1),
        np.column_stack([1 - PROBABILITIES, PROBABILITIES]),
        pd.Series(PROBABILITIES),
        pd.DataFrame({"p": PROBABILITIES}),
        PROBABILITIES.tolist(),
    ],
)
def test_probabilities_in_every_shape_give_the_same_figures(output):
    assert figures(output) == {
        "roc_auc": reference.roc_auc_score(LABELS, PROBABILITIES),
        "pr_auc": reference.average_precision_score(LABELS, PROBABILITIES),
        "log_loss": reference.log_loss(LABELS, PROBABILITIES),
        "brier": reference.brier_score_loss(LABELS, PROBABILITIES),
        "accuracy": 0.8,
        "f1": 0.8,
    }


def test_certain_probabilities_in_two_columns_are_probabilities():
    output = np.column_stack([1 - LABELS.to_numpy(float), LABELS.to_numpy(float)])
    assert figures(output)["roc_auc"] == 1.0


@pytest.mark.parametrize("labels", [LABELS, LABELS.astype(bool), LABELS.map({0: "no", 1: "yes"})])
def test_a_model_that_gives_classes_has_no_ranking_figures(labels):
    assert figures(labels.to_numpy(), labels=labels) == {"accuracy": 1.0, "f1": 1.0}


def test_regression_figures_equal_the_reference():
    truth, output = pd.Series([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])
    assert figures(output, truth, "regression") == {
        "rmse": reference.root_mean_squared_error(truth, output),
        "mae": reference.mean_absolute_error(truth, output),
        "r2": reference.r2_score(truth, output),
    }


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (pd.Series([], dtype=float), "no rows"),
        (pd.Series([1, None, 0]), "1 of 3 labels are missing"),
        (pd.Series([1, 1, 1]), "1 class (1)"),
        (pd.Series([1, 2, 3, 4]), "4 classes"),
    ],
)
def test_labels_that_cannot_be_judged_on_are_refused_by_name(labels, words):
    with pytest.raises(DataError, match="^" + ".*") as caught:
        label_values(labels, "classification", where="main.t.label")
    assert words in caught.value.message
    assert caught.value.where == "main.t.label"


def test_regression_labels_must_be_numbers():
    with pytest.raises(DataError, match="finite numbers"):
        label_values(pd.Series(["a", "b"]), "regression", where="t.label")


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (np.array([0.1, 0.2]), "shape"),
        (np.full((5, 3), 0.3), "3 columns"),
        (np.array([0.1, 0.2, np.nan, 0.3, np.inf]), "2 values that are not finite"),
        (np.array([-3.0, 0.2, 2.0, 0.3, 0.1]), "not probabilities"),
        (np.array(["a"] * 5), "neither numbers nor classes"),
    ],
)
def test_answers_that_are_not_predictions_are_refused_by_name(output, words):
    with pytest.raises(ModelError, match=words):
        figures(output)
