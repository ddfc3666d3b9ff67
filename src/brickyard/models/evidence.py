"""What a gate saw and decided, as it is written to the version that it judged. Pure.

The tag `brickyard_gate` is the evidence that counts, and it is one tag so that it is written in one call; the tags
beside it repeat parts of it for people. Values stay within the 1000 characters of a Unity Catalog tag.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from brickyard.errors import ModelError
from brickyard.models.decision import Check

if TYPE_CHECKING:
    from brickyard.project import Gate

__all__ = [
    "DIGEST",
    "EVIDENCE_TAGS",
    "GATE",
    "EvaluationData",
    "Evidence",
    "artifact_path",
    "policy_hash",
    "read",
    "tags",
]

GATE = "brickyard_gate"
DIGEST = "brickyard_digest"
_DECISION = "brickyard_gate_decision"
_METRICS = "brickyard_gate_metrics"
_CHAMPION = "brickyard_gate_champion_metrics"
# The tags that go along when a version is promoted.
EVIDENCE_TAGS = (_METRICS, _CHAMPION, _DECISION, GATE)


@dataclass(frozen=True)
class EvaluationData:
    """Exactly which rows were judged on.

    Attributes:
        table: Full name of the table.
        version: Its Delta version.
        rows: How many rows it had.
        content: A hash of the columns and rows that were used, whatever their order.
    """

    table: str
    version: int
    rows: int
    content: str


@dataclass(frozen=True)
class Evidence:
    """One evaluation of one version.

    Attributes:
        decision: `passed` or `refused`.
        model: Full name of the registered model.
        version: The version that was judged.
        digest: The hash of its files.
        environment: The environment that it was judged in.
        host: The workspace of that environment.
        policy: The hash of the gate that was applied.
        data: The rows.
        metrics: The candidate's figures.
        champion: The version that was live then, if any.
        champion_metrics: Its figures on the same rows.
        checks: Every rule with its outcome.
        at: When, ISO 8601 in UTC.
        by: Who.
        commit: The git commit of the project that held the gate; empty outside git.
    """

    decision: str
    model: str
    version: str
    digest: str
    environment: str
    host: str
    policy: str
    data: EvaluationData
    at: str
    by: str
    commit: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    champion: str | None = None
    champion_metrics: Mapping[str, float] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the version passed."""
        return self.decision == "passed"

    def document(self) -> dict[str, Any]:
        """The whole evidence as plain data for JSON."""
        return asdict(self)


def policy_hash(gate: Gate) -> str:
    """A short hash of a gate: evidence counts only for the gate that was applied."""
    text = json.dumps(asdict(gate), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def artifact_path(evidence: Evidence) -> str:
    """Where the evidence is kept among the artifacts of the run that made the version."""
    return f"brickyard/gate/{evidence.model}-v{evidence.version}.json"


def tags(evidence: Evidence) -> dict[str, str]:
    """The tags to write, in this order: what counts is written last."""
    core = {key: value for key, value in evidence.document().items() if key in _CORE and value not in ("", None)}
    return {
        DIGEST: evidence.digest,
        _METRICS: _figures(evidence.metrics),
        _CHAMPION: _figures(evidence.champion_metrics),
        _DECISION: evidence.decision,
        GATE: json.dumps(core, separators=(",", ":"), ensure_ascii=False),
    }


def read(version_tags: Mapping[str, str]) -> Evidence | None:
    """The evidence on a version, without its checks; None where it was never evaluated.

    Raises:
        ModelError: The tag is not what Brickyard writes.
    """
    text = version_tags.get(GATE)
    if not text:
        return None
    try:
        core: dict[str, Any] = json.loads(text)
        known = {**core, "data": EvaluationData(**core["data"])}
        figures = {"metrics": _METRICS, "champion_metrics": _CHAMPION}
        return Evidence(**known, **{name: json.loads(version_tags.get(key) or "{}") for name, key in figures.items()})
    except (ValueError, KeyError, TypeError) as exc:
        raise ModelError(
            f"the tag {GATE} does not hold a gate's evidence: {exc}", next="Evaluate the version again."
        ) from exc


_CORE = frozenset(
    [
        "decision",
        "model",
        "version",
        "digest",
        "environment",
        "host",
        "policy",
        "data",
        "champion",
        "at",
        "by",
        "commit",
    ]
)


def _figures(metrics: Mapping[str, float]) -> str:
    return json.dumps({key: float(f"{value:.6g}") for key, value in metrics.items()}, separators=(",", ":"))
