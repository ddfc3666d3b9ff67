"""What `brickyard.yml` says: environments and their order, and how each model is judged, scored and served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Bar", "ChampionRule", "Environment", "Gate", "ModelPolicy", "RolloutPolicy", "ScoringPolicy"]


@dataclass(frozen=True, slots=True)
class Environment:
    """A place on the way to production; the order in the file is the order of promotion.

    Args:
        name: The environment's name, for example `uat`.
        target: The target of `databricks.yml` that it deploys to.
        promote_from: The environment whose versions may be promoted to it.
        approvals: How many people must approve a promotion to it; who promotes may be one of them.
    """

    name: str
    target: str
    promote_from: str | None = None
    approvals: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """A fixed limit for one metric; at least one of `min` and `max` is set, both are inclusive."""

    min: float | None = None
    max: float | None = None


@dataclass(frozen=True, slots=True)
class ChampionRule:
    """A candidate must not be worse than the champion on the same data.

    Args:
        metric: The metric that is compared.
        tolerance: By how much, in the metric's own unit, a candidate may be worse.
    """

    metric: str
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class Gate:
    """What a version must show before it moves.

    Args:
        data: The table, with features and label, that a version is evaluated on.
        label: The column that is to be predicted.
        task: What kind of prediction it is.
        keys: The columns that identify a row.
        bars: The limits of each metric.
        champion: How it must compare with the live version; None compares with fixed bars only.
    """

    data: str
    label: str
    task: Literal["classification", "regression"] = "classification"
    keys: tuple[str, ...] = ()
    bars: Mapping[str, Bar] = field(default_factory=dict)
    champion: ChampionRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringPolicy:
    """What is scored into which table, and how.

    Args:
        input: The table with the rows; or else `query` gives them.
        query: A SQL query that reads the rows, executed by a SQL warehouse.
        warehouse: The name or id of that warehouse; not needed where there is only one.
        output: The table of predictions.
        keys: The columns that identify a row; `append` and `overwrite` can do without.
        mode: What happens to the rows that the output has.
        leakage: What happens with rows that the model was trained on.
        columns: Further columns of the input that the output has as well; `*` is all of them.
    """

    input: str | None = None
    query: str | None = None
    warehouse: str | None = None
    output: str
    keys: tuple[str, ...] = ()
    mode: Literal["merge", "append", "overwrite", "incremental"] = "merge"
    leakage: Literal["report", "refuse", "off"] = "report"
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutPolicy:
    """How a version is tried on an endpoint before it serves all, and what ends the trial.

    Args:
        steps: Percent of the traffic that the version gets, step by step.
        shadow: Whether it is first sent requests that it does not answer; only local workspaces can do that.
        step_minutes: How long a step lasts at least.
        min_requests: How many requests a version must have had before it is judged; the live one, too, for what
            compares them.
        max_minutes: How long a step waits for these requests.
        max_error_rate: The share of its answers that may be errors: of the server, or refusals (4xx) beyond the live
            version's share of them.
        max_latency_ms: The time within which 95 of 100 of its answers must come.
        max_latency_ratio: How many times the live version's that time may be.
        max_drift: The population stability index of its predictions beside the live version's.
        warehouse: The name or id of the SQL warehouse that reads the inference table; not needed where there is one.
    """

    steps: tuple[int, ...] = (10, 50)
    shadow: bool = False
    step_minutes: float = 10.0
    min_requests: int = 100
    max_minutes: float = 120.0
    max_error_rate: float | None = 0.01
    max_latency_ms: float | None = None
    max_latency_ratio: float | None = None
    max_drift: float | None = None
    warehouse: str | None = None

    @property
    def compares(self) -> bool:
        """Whether a rule compares the version with the live one."""
        return self.max_latency_ratio is not None or self.max_drift is not None


@dataclass(frozen=True, slots=True)
class ModelPolicy:
    """How a registered model lives: its gate, its aliases, where it is scored and served.

    Args:
        key: The model's name in `brickyard.yml`.
        name: The registered model, in three levels, with the target's variables filled in.
        gate: What a version must show before it moves.
        alias: The alias of the live version.
        candidate_alias: The alias that training gives to a new version.
        scoring: How it is scored in batches, if it is.
        endpoint: The serving endpoint that follows the alias, if there is one.
        rollout: How a version is tried on that endpoint.
    """

    key: str
    name: str
    gate: Gate
    alias: str = "champion"
    candidate_alias: str = "challenger"
    scoring: ScoringPolicy | None = None
    endpoint: str | None = None
    rollout: RolloutPolicy | None = None
