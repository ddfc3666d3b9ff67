"""What a version has shown on an endpoint, and whether that is good enough. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from brickyard.models.decision import Check

if TYPE_CHECKING:
    from brickyard.project import RolloutPolicy

__all__ = ["LIVE_REQUESTS", "Observed", "failures", "judge", "stability_index"]

#: The metric of the check that the live version has had enough requests to compare with.
LIVE_REQUESTS = "live requests"
_BINS = 10
#: The share that an empty bin is taken to have, so that it counts and is not infinite.
_LEAST = 1e-4
_QUANTILE = 0.95


@dataclass(frozen=True)
class Observed:
    """The requests that a version has had.

    Attributes:
        requests: How many.
        errors: How many it answered with a status of 500 or more, or not at all.
        milliseconds: The time of each answer.
        predictions: What it predicted, numbers or labels, by the column of its answer; one without a name is ''.
        refused: How many it answered with another status than 200 below 500; a model that cannot predict does so, too.
    """

    requests: int = 0
    errors: int = 0
    milliseconds: Sequence[float] = ()
    predictions: Mapping[str, Sequence[float | str]] = field(default_factory=dict, repr=False)
    refused: int = 0

    @property
    def latency(self) -> float | None:
        """The time within which 95 of 100 answers came, in milliseconds."""
        if not self.milliseconds:
            return None
        ordered = sorted(self.milliseconds)
        return ordered[max(0, math.ceil(_QUANTILE * len(ordered)) - 1)]


def judge(policy: RolloutPolicy, candidate: Observed, live: Observed) -> tuple[Check, ...]:
    """Apply the rules of a rollout; those that compare, once the live version has had enough requests too."""
    rate = failures(policy, candidate, live) / candidate.requests if candidate.requests else 0.0
    found = [_check("error rate", rate, policy.max_error_rate, "bar")]
    found.append(_check("p95 latency (ms)", candidate.latency, policy.max_latency_ms, "bar"))
    if policy.compares and live.requests < policy.min_requests:
        least = policy.min_requests
        found.append(Check(f"live requests >= {least}", LIVE_REQUESTS, live.requests, least, False, "champion"))
    elif policy.compares:
        if policy.max_latency_ratio is not None and live.latency is not None:
            bound = policy.max_latency_ratio * max(live.latency, 1.0)  # the table has whole milliseconds
            found.append(_check("p95 latency (ms)", candidate.latency, bound, "champion"))
        found.append(_check("prediction drift", _drift(live, candidate), policy.max_drift, "champion"))
    return tuple(check for check in found if check is not None)


def failures(policy: RolloutPolicy, candidate: Observed, live: Observed) -> float:
    """How many requests the candidate failed.

    Those are the errors of the server, and what it refused beyond the share that the live version refuses, too, for
    that are the mistakes of those who ask; two standard deviations beyond that can be chance.
    """
    if not candidate.requests:
        return 0.0
    share = live.refused / max(live.requests, policy.min_requests)  # a few requests excuse little
    chance = 2 * math.sqrt(share * (1 - share) * candidate.requests)
    return candidate.errors + max(0.0, candidate.refused - share * candidate.requests - chance)


def stability_index(expected: Sequence[float | str], actual: Sequence[float | str]) -> float | None:
    """The population stability index of two samples; none where one is empty or they are of different kinds.

    Numbers are counted in bins of ten equal shares of `expected`, labels as they are. Below 0.1 is usually called
    stable, above 0.25 shifted.
    """
    if not expected or not actual:
        return None
    words = {isinstance(value, str) for value in (*expected, *actual)}
    if len(words) > 1:
        return None
    if words == {True}:
        ours, theirs = Counter(map(str, expected)), Counter(map(str, actual))
        shares = [(ours[name] / len(expected), theirs[name] / len(actual)) for name in {*ours, *theirs}]
    else:
        shares = _binned([float(value) for value in expected], [float(value) for value in actual])
    pairs = [(max(one, _LEAST), max(other, _LEAST)) for one, other in shares]
    return math.fsum((other - one) * math.log(other / one) for one, other in pairs)


def _drift(live: Observed, candidate: Observed) -> float | None:
    """That of the column which drifts most; none where the columns are not the same."""
    if live.predictions.keys() != candidate.predictions.keys():
        return None
    found = [stability_index(values, candidate.predictions[name]) for name, values in live.predictions.items()]
    known = [index for index in found if index is not None]
    return max(known) if known and len(known) == len(found) else None


def _binned(expected: list[float], actual: list[float]) -> list[tuple[float, float]]:
    import numpy as np

    edges = np.unique(np.quantile(expected, np.linspace(0, 1, _BINS + 1)[1:-1]))
    counted = [
        np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1) / len(values)
        for values in (expected, actual)
    ]
    return [(float(one), float(other)) for one, other in zip(*counted, strict=True)]


def _check(metric: str, value: float | None, bound: float | None, kind: str) -> Check | None:
    if bound is None:
        return None
    return Check(f"{metric} <= {bound:g}", metric, value, bound, value is not None and value <= bound, kind)
