"""The rollout of a model in `brickyard.yml`."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.errors import ProjectError
from brickyard.project import RolloutPolicy
from tests.project.writing import load

TARGETS = "bundle: {name: flights}\ntargets: {dev: {default: true}}\n"
POLICIES = """
models:
  delay:
    name: main.flights.delay
    gate: {data: main.flights.evaluation, label: late, bars: {roc_auc: {min: 0.7}}}
    %s
"""


def rollout(tmp_path: Path, text: str) -> RolloutPolicy | None:
    project = load(tmp_path, {"databricks.yml": TARGETS, "brickyard.yml": POLICIES % text})
    return project.models["delay"].rollout


def test_a_rollout_is_read_with_its_defaults(tmp_path: Path) -> None:
    found = rollout(tmp_path, "endpoint: delay\n    rollout: {}")
    assert found == RolloutPolicy(steps=(10, 50), min_requests=100, max_error_rate=0.01)
    text = "endpoint: delay\n    rollout: {steps: [5, 25, 100], shadow: true, step_minutes: 2, max_drift: 0.2}"
    assert rollout(tmp_path, text) == RolloutPolicy(steps=(5, 25, 100), shadow=True, step_minutes=2.0, max_drift=0.2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rollout: {steps: [10]}", "has a rollout, but no endpoint"),
        ("endpoint: d\n    rollout: {steps: [50, 10]}", "rising percentages"),
        ("endpoint: d\n    rollout: {steps: [0, 10]}", "rising percentages"),
        ("endpoint: d\n    rollout: {steps: [10, 101]}", "rising percentages"),
        ("endpoint: d\n    rollout: {steps: []}", "has no steps"),
        ("endpoint: d\n    rollout: {steps: [100], max_drift: 0.2}", "leaves no requests"),
        ("endpoint: d\n    rollout: {min_requests: 0}", "judges without requests"),
        ("endpoint: d\n    rollout: {max_drift: -1}", "max_drift is negative"),
        ("endpoint: d\n    rollout: {max_error_rat: 1}", "max_error_rate"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProjectError, match=message) as wrong:
        rollout(tmp_path, text)
    assert "brickyard.yml:" in str(wrong.value)
