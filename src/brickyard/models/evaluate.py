"""Judges a version: candidate and champion on the same rows, the gate's decision, the evidence."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from brickyard.errors import GateRefused, ModelError
from brickyard.models import evidence as written
from brickyard.models.decision import Decision, decide
from brickyard.models.evidence import EvaluationData, Evidence
from brickyard.models.registry import VersionState
from brickyard.models.site import Site, git_commit, now

__all__ = ["Evaluation", "choose_version", "evaluate", "require_pass"]


@dataclass(frozen=True)
class Evaluation:
    """The outcome of an evaluation.

    Attributes:
        evidence: What was seen and decided.
        artifact: Where the whole document was stored; empty where the version has no run in this workspace.
    """

    evidence: Evidence
    artifact: str


@dataclass(frozen=True)
class _Figures:
    digest: str
    data: EvaluationData
    candidate: dict[str, float]
    champion: dict[str, float] | None


def choose_version(site: Site, version: str | None = None, alias: str | None = None) -> str:
    """The version that is meant: a number, what an alias names, or what the candidate alias names.

    Raises:
        ModelError: There is no such version or alias.
    """
    if version is not None:
        return site.version(version).version
    wanted = alias or site.policy.candidate_alias
    found = site.model().aliases.get(wanted)
    if found is None:
        raise ModelError(
            f"no version has the alias '{wanted}'",
            where=site.label,
            next=f"Let training set it, or name a version: --version N (brickyard model status {site.policy.key})",
        )
    return found


def evaluate(site: Site, version: str) -> Evaluation:
    """Judge a version and write the evidence to it; a refusal is written too, and nothing moves.

    Args:
        site: The model in one environment.
        version: The version to judge.

    Raises:
        DataError: The evaluation table cannot be judged on.
        ModelError: A version is missing, or cannot predict.
    """
    state = site.version(version)
    champion = site.model().aliases.get(site.policy.alias)
    figures = _figures(site, version, champion)
    gate = site.policy.gate
    decision = decide(gate.bars, gate.champion, figures.candidate, figures.champion)
    evidence = _evidence(site, version, champion, figures, decision)
    return Evaluation(evidence, _write(site, state, evidence))


def require_pass(evaluation: Evaluation, site: Site) -> None:
    """Stop where the gate refused.

    Raises:
        GateRefused: Names every check that failed.
    """
    evidence = evaluation.evidence
    if evidence.passed:
        return
    failed = [f"{c.rule}, is {_figure(c.value)}" for c in evidence.checks if not c.passed]
    raise GateRefused(
        f"the gate refused version {evidence.version}: " + "; ".join(failed or ["see its evidence"]),
        where=f"{site.label}, on {evidence.data.table} version {evidence.data.version}",
        next="Nothing was moved. Train a better version, or change the gate in brickyard.yml.",
    )


def _figures(site: Site, version: str, champion: str | None) -> _Figures:
    from brickyard.models.judge import Contestant, input_columns, judge
    from brickyard.models.metrics import label_values
    from brickyard.models.rows import EvaluationTable
    from brickyard.scoring.digest import model_digest

    gate = site.policy.gate
    table = EvaluationTable.open(site.connection.api, gate)
    with tempfile.TemporaryDirectory(prefix="brickyard-gate-") as name:
        directory = Path(name)
        files = site.registry.download(version, directory / "candidate")
        candidates = [Contestant(version, files, f"version {version} (the candidate)")]
        if champion not in (None, version):
            live = site.registry.download(str(champion), directory / "champion")
            candidates.append(Contestant(str(champion), live, f"version {champion} (the champion)"))
        columns = [input_columns(contestant, table) for contestant in candidates]
        frame, data = table.read([column for each in columns for column in each])
        labels, classes = label_values(frame[gate.label], gate.task, where=f"{gate.data}.{gate.label}")
        results = [
            judge(contestant, frame[inputs], labels, gate.task, classes)
            for contestant, inputs in zip(candidates, columns, strict=True)
        ]
        digest = model_digest(files)
    # A champion that is judged again is compared with itself.
    return _Figures(digest, data, results[0], results[-1] if champion is not None else None)


def _evidence(site: Site, version: str, champion: str | None, figures: _Figures, decision: Decision) -> Evidence:
    return Evidence(
        decision=decision.word,
        model=site.policy.name,
        version=version,
        digest=figures.digest,
        environment=site.environment.name,
        host=site.registry.host,
        policy=written.policy_hash(site.policy.gate),
        data=figures.data,
        metrics=figures.candidate,
        champion=champion,
        champion_metrics=figures.champion or {},
        checks=decision.checks,
        at=now(),
        by=site.user,
        commit=git_commit(site.root),
    )


def _write(site: Site, state: VersionState, evidence: Evidence) -> str:
    """The document first, the tag that counts last: a crash leaves the version as it was judged before."""
    path = written.artifact_path(evidence)
    stored = bool(state.run_id) and site.registry.log_document(state.run_id, evidence.document(), path)
    site.registry.tag_version(state.version, written.tags(evidence))
    return f"runs:/{state.run_id}/{path}" if stored else ""


def _figure(value: float | None) -> str:
    return "missing" if value is None else f"{value:.6g}"
