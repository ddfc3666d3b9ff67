"""The gate's decision: a pure function of the policy, the candidate's figures and the champion's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brickyard.models.metrics import HIGHER_IS_BETTER

if TYPE_CHECKING:
    from brickyard.project import Bar, ChampionRule

__all__ = ["Check", "Decision", "decide"]


@dataclass(frozen=True)
class Check:
    """One rule of the gate, applied.

    Attributes:
        rule: The rule in words, such as `roc_auc >= 0.7`.
        metric: The metric that it looks at.
        value: The candidate's figure; None where the model does not give it.
        bound: The value that it was compared with; None where that is missing.
        passed: Whether the candidate meets the rule.
        kind: `bar` for a fixed bar, `champion` for the comparison with the live version.
    """

    rule: str
    metric: str
    value: float | None
    bound: float | None
    passed: bool
    kind: str


@dataclass(frozen=True)
class Decision:
    """All checks of one evaluation; passed only where every check passed."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether the version may move on. No check at all is not a pass."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def word(self) -> str:
        """The decision as it is recorded: `passed` or `refused`."""
        return "passed" if self.passed else "refused"


def decide(
    bars: Mapping[str, Bar],
    rule: ChampionRule | None,
    candidate: Mapping[str, float],
    champion: Mapping[str, float] | None,
) -> Decision:
    """Apply the fixed bars and the champion rule.

    Args:
        bars: Metric name to bar; a bar's `min` and `max` are inclusive.
        rule: How the candidate must compare with the champion; None: not compared.
        candidate: The candidate's figures.
        champion: The champion's figures on the same rows; None where no version is live yet.

    Returns:
        The decision, with a check per bound. A figure that is missing or not a number never passes.
    """
    checks = []
    for metric, bar in bars.items():
        if bar.min is not None:
            checks.append(_compare(metric, candidate.get(metric), bar.min, at_least=True, kind="bar"))
        if bar.max is not None:
            checks.append(_compare(metric, candidate.get(metric), bar.max, at_least=False, kind="bar"))
    if rule is not None and champion is not None:
        checks.append(_against_champion(rule, candidate, champion))
    elif rule is not None:
        checks.append(_no_champion(rule, candidate))
    return Decision(tuple(checks))


def _against_champion(rule: ChampionRule, candidate: Mapping[str, float], champion: Mapping[str, float]) -> Check:
    live = champion.get(rule.metric)
    at_least = HIGHER_IS_BETTER[rule.metric]
    if live is None or not math.isfinite(live):
        text = f"{rule.metric} not worse than the champion's, which is missing"
        return Check(text, rule.metric, candidate.get(rule.metric), None, False, "champion")
    bound = live - rule.tolerance if at_least else live + rule.tolerance
    return _compare(rule.metric, candidate.get(rule.metric), bound, at_least=at_least, kind="champion")


def _no_champion(rule: ChampionRule, candidate: Mapping[str, float]) -> Check:
    value = candidate.get(rule.metric)
    passed = value is not None and math.isfinite(value)
    return Check(f"{rule.metric}: no champion yet", rule.metric, value, None, passed, "champion")


def _compare(metric: str, value: float | None, bound: float, *, at_least: bool, kind: str) -> Check:
    sign = ">=" if at_least else "<="
    known = value is not None and math.isfinite(value) and math.isfinite(bound)
    passed = known and value is not None and (value >= bound if at_least else value <= bound)
    suffix = " (champion)" if kind == "champion" else ""
    return Check(f"{metric} {sign} {bound:.6g}{suffix}", metric, value, bound, passed, kind)
