"""The gate's decision: what passes, what does not, whatever the figures are."""

import math
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from brickyard.models.decision import Decision, decide
from brickyard.models.metrics import HIGHER_IS_BETTER


@dataclass(frozen=True)
class FakeBar:
    min: float | None = None
    max: float | None = None


@dataclass(frozen=True)
class FakeRule:
    metric: str = "roc_auc"
    tolerance: float = 0.0


figures = st.floats(min_value=-1e6, max_value=1e6)
any_figure = st.one_of(figures, st.just(math.nan), st.just(math.inf), st.just(-math.inf))
metric_names = st.sampled_from(sorted(HIGHER_IS_BETTER))


def test_a_gate_without_checks_is_not_a_pass():
    assert not decide({}, None, {"roc_auc": 1.0}, None).passed
    assert Decision(()).word == "refused"


@given(bound=figures, value=any_figure)
def test_a_bar_passes_exactly_on_its_side(bound, value):
    low = decide({"r2": FakeBar(min=bound)}, None, {"r2": value}, None)
    high = decide({"r2": FakeBar(max=bound)}, None, {"r2": value}, None)
    assert low.passed == (math.isfinite(value) and value >= bound)
    assert high.passed == (math.isfinite(value) and value <= bound)


@given(bound=figures)
def test_a_figure_that_the_model_does_not_give_never_passes(bound):
    decision = decide({"roc_auc": FakeBar(min=bound)}, FakeRule(), {"accuracy": 1.0}, None)
    assert not any(check.passed for check in decision.checks)


@given(metric=metric_names, value=figures, tolerance=st.floats(min_value=0, max_value=10))
def test_a_model_is_never_worse_than_itself(metric, value, tolerance):
    assert decide({}, FakeRule(metric, tolerance), {metric: value}, {metric: value}).passed


@given(metric=metric_names, first=figures, second=figures)
def test_without_tolerance_one_of_two_models_passes_and_the_better_one_always(metric, first, second):
    forth = decide({}, FakeRule(metric), {metric: first}, {metric: second}).passed
    back = decide({}, FakeRule(metric), {metric: second}, {metric: first}).passed
    assert forth or back
    assert (forth and back) == (first == second)
    better_first = first > second if HIGHER_IS_BETTER[metric] else first < second
    if better_first:
        assert forth


@given(metric=metric_names, candidate=figures, champion=figures, small=st.floats(0, 1), more=st.floats(0, 1))
def test_more_tolerance_never_refuses_what_less_tolerance_lets_pass(metric, candidate, champion, small, more):
    strict = decide({}, FakeRule(metric, small), {metric: candidate}, {metric: champion})
    lenient = decide({}, FakeRule(metric, small + more), {metric: candidate}, {metric: champion})
    assert lenient.passed or not strict.passed


def test_a_champion_whose_figure_is_missing_does_not_let_the_candidate_through():
    assert not decide({}, FakeRule(), {"roc_auc": 0.9}, {"accuracy": 0.9}).passed
    assert not decide({}, FakeRule(), {"roc_auc": 0.9}, {"roc_auc": math.nan}).passed


def test_every_failed_bar_is_named():
    bars = {"roc_auc": FakeBar(min=0.7), "brier": FakeBar(max=0.2), "f1": FakeBar(min=0.1, max=0.9)}
    decision = decide(bars, FakeRule("roc_auc"), {"roc_auc": 0.6, "brier": 0.3, "f1": 0.5}, {"roc_auc": 0.65})
    assert [(check.rule, check.passed) for check in decision.checks] == [
        ("roc_auc >= 0.7", False),
        ("brier <= 0.2", False),
        ("f1 >= 0.1", True),
        ("f1 <= 0.9", True),
        ("roc_auc >= 0.65 (champion)", False),
    ]
