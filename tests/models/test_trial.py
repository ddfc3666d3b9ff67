"""The rules of a rollout, and the stability of predictions."""

import json

import pytest

from brickyard.models.served import _predictions
from brickyard.models.trial import Observed, judge, stability_index
from brickyard.project import RolloutPolicy


def observed(count: int = 100, errors: int = 0, milliseconds: float = 5.0, shift: float = 0.0) -> Observed:
    values = [number / count + shift for number in range(count)]
    return Observed(count, errors, [milliseconds] * count, {"0": values, "1": values[::-1]})


def turned(count: int = 100) -> Observed:
    """The columns of probabilities of two classes, in the other order."""
    low, high = [number / count / 2 for number in range(count)], [1 - number / count / 2 for number in range(count)]
    return Observed(count, 0, [5.0] * count, {"0": high, "1": low})


HALF = Observed(100, 0, [5.0] * 100, {"0": observed().predictions["0"], "1": observed(shift=0.5).predictions["1"]})
STRAIGHT = Observed(100, 0, [5.0] * 100, {"0": turned().predictions["1"], "1": turned().predictions["0"]})


@pytest.mark.parametrize(
    ("rules", "candidate", "live", "failed"),
    [
        ({}, observed(errors=1), observed(), []),
        ({}, observed(errors=2), observed(), ["error rate <= 0.01"]),
        ({"max_latency_ms": 5.0}, observed(milliseconds=5), observed(), []),
        ({"max_latency_ms": 5.0}, observed(milliseconds=6), observed(), ["p95 latency (ms) <= 5"]),
        ({"max_latency_ms": 5.0}, Observed(100), observed(), ["p95 latency (ms) <= 5"]),
        ({"max_latency_ratio": 2.0}, observed(milliseconds=10), observed(), []),
        ({"max_latency_ratio": 2.0}, observed(milliseconds=11), observed(), ["p95 latency (ms) <= 10"]),
        ({"max_latency_ratio": 2.0}, observed(milliseconds=2), observed(milliseconds=0), []),
        ({"max_latency_ratio": 2.0}, observed(milliseconds=11), observed(99), ["live requests >= 100"]),
        ({}, observed(), observed(99), []),
        ({}, Observed(100, refused=100), observed(), ["error rate <= 0.01"]),
        ({}, Observed(100, refused=20), Observed(1000, refused=200), []),
        ({}, Observed(100, refused=29), Observed(1000, refused=200), []),  # by chance
        ({}, Observed(100, refused=30), Observed(1000, refused=200), ["error rate <= 0.01"]),
        ({}, Observed(100, refused=2), Observed(), ["error rate <= 0.01"]),
        ({}, Observed(100, refused=100), Observed(1, refused=1), ["error rate <= 0.01"]),
        ({"max_drift": 0.25}, observed(shift=0.001), observed(), []),
        ({"max_drift": 0.25}, observed(shift=0.5), observed(), ["prediction drift <= 0.25"]),
        ({"max_drift": 0.25}, Observed(100), observed(), ["prediction drift <= 0.25"]),
        ({"max_drift": 0.25}, turned(), STRAIGHT, ["prediction drift <= 0.25"]),
        ({"max_drift": 0.25}, STRAIGHT, STRAIGHT, []),
        ({"max_drift": 0.25}, HALF, observed(), ["prediction drift <= 0.25"]),
    ],
)
def test_a_version_is_judged_by_the_rules_that_are_set(rules, candidate, live, failed):
    checks = judge(RolloutPolicy(**rules), candidate, live)
    assert [check.rule for check in checks if not check.passed] == failed


def test_latency_is_the_time_of_95_in_100():
    assert Observed(20, 0, [1.0] * 19 + [50.0]).latency == 1.0
    assert Observed(10, 0, [1.0] * 9 + [50.0]).latency == 50.0


def test_the_stability_index_counts_numbers_in_bins_and_labels_as_they_are():
    labels = ["late"] * 50 + ["on time"] * 50
    assert stability_index(labels, labels) == 0
    assert stability_index(labels, ["late"] * 80 + ["on time"] * 20) == pytest.approx(0.416, abs=1e-3)
    assert stability_index([1.0] * 5, [1.0] * 7) == 0
    assert stability_index([0.0, 1.0] * 50, [0.0] * 100) > 0.25
    assert stability_index([1.0], ["late"]) is None
    assert stability_index([], [1.0]) is None


@pytest.mark.parametrize(
    ("response", "columns"),
    [
        ({"predictions": [1, 2.5]}, {"": [1.0, 2.5]}),
        ({"predictions": ["late", "on time"]}, {"": ["late", "on time"]}),
        ({"predictions": [[0.25, 0.75], [0.5, 0.5]]}, {"0": [0.25, 0.5], "1": [0.75, 0.5]}),
        ({"predictions": [{"p": 1, "why": "x"}]}, {"p": [1.0], "why": ["x"]}),
        ({"predictions": {"p": [1, 2], "q": [3, None]}}, {"p": [1.0, 2.0], "q": [3.0]}),
        ([1], {"": [1.0]}),
        ({"error": 1}, {}),
    ],
)
def test_predictions_are_read_by_column(response, columns):
    found = {}
    for column, value in _predictions(json.dumps(response)):
        found.setdefault(column, []).append(value)
    assert found == columns


def test_an_answer_that_is_no_json_predicts_nothing():
    assert list(_predictions("{")) == []
