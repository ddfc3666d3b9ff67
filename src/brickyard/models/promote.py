"""Makes a version live, in its own environment or in the next one, after gate and approvals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from brickyard.errors import ApprovalMissing, ModelError, UsageError
from brickyard.models.copying import copy_version, verify_files
from brickyard.models.evaluate import choose_version, evaluate, require_pass
from brickyard.models.evidence import DIGEST, Evidence, policy_hash
from brickyard.models.evidence import read as read_evidence
from brickyard.models.history import Event, live_version
from brickyard.models.lineage import ORIGIN, SOURCE, Approval, approvals, read_origin
from brickyard.models.moving import move, reconcile
from brickyard.models.registry import VersionState
from brickyard.models.site import Site

if TYPE_CHECKING:
    from brickyard.project import Environment

__all__ = ["Promotion", "check_order", "promote"]


@dataclass(frozen=True)
class Promotion:
    """The outcome of a promotion.

    Attributes:
        version: The version's number in the target environment.
        digest: The hash of its files, verified there.
        evidence: The gate's evidence.
        copied: Whether a new version was registered; otherwise the files were already there.
        event: The move of the alias; None where the version was already live.
        approvals: The approvals that counted.
    """

    version: str
    digest: str
    evidence: Evidence
    copied: bool
    event: Event | None
    approvals: tuple[Approval, ...]


def check_order(source: Environment, target: Environment, key: str) -> None:
    """Check that the environments' order allows a promotion of the model `key`.

    Raises:
        UsageError: It does not; names the way that it does.
    """
    expected = target.promote_from or target.name
    if source.name == expected:
        return
    raise UsageError(
        f"'{target.name}' is promoted from '{expected}', not from '{source.name}'",
        where="brickyard.yml, environments",
        next=f"brickyard model promote {key} --from {expected} --to {target.name}",
    )


def promote(source: Site, target: Site, version: str | None = None) -> Promotion:
    """Make a version live in the target environment.

    Without an environment before it, the candidate goes live where it is. Otherwise what is live in the source
    (or was: `version`) is copied, file by file the same, and registered once however often this is called.

    Args:
        source: The model in the environment that the version comes from.
        target: The model in the environment that it goes to; the same as `source` in the first environment.
        version: The version in the source environment.

    Raises:
        UsageError: The environments are not in order.
        GateRefused: The version did not pass the gate; nothing was moved.
        ApprovalMissing: The version is registered, and waits for approvals.
        ModelError: A version is missing, or its files are not what was judged.
    """
    check_order(source.environment, target.environment, target.policy.key)
    same = source.environment.name == target.environment.name
    chosen = choose_version(source, version) if same else _live_before(source, version)
    evidence = _gated(source, chosen, first=not source.environment.promote_from)
    if same:
        landed, copied = chosen, False
    else:
        landed, copied = copy_version(source, target, chosen, evidence)
    return _go_live(target, landed, evidence, copied)


def _live_before(source: Site, version: str | None) -> str:
    """The version that moves on: what is live in the source, or what was live there before."""
    events = reconcile(source)
    live = live_version(events)
    chosen = version or live
    name = source.environment.name
    if chosen is None:
        raise ModelError(
            f"no version is live in '{name}'",
            where=source.label,
            next=f"brickyard model promote {source.policy.key} --to {name}",
        )
    if chosen not in {event.version for event in events}:
        raise ModelError(
            f"version {chosen} was never live in '{name}', so it does not move on from there",
            where=source.label,
            next=f"See what was: brickyard model history {source.policy.key} -t {name}",
        )
    return source.version(chosen).version


def _gated(source: Site, version: str, *, first: bool) -> Evidence:
    """The evidence of a pass for exactly these files; in the first environment the gate runs where it is missing."""
    state = source.version(version)
    evidence = read_evidence(state.tags)
    if evidence is not None and evidence.passed and _counts(source, state, evidence, first=first):
        return evidence
    evaluation = evaluate(source, version)
    require_pass(evaluation, source)
    return evaluation.evidence


def _counts(source: Site, state: VersionState, evidence: Evidence, *, first: bool) -> bool:
    """Whether the evidence is about this version, this gate and what is live now."""
    if evidence.digest != state.tags.get(DIGEST):
        return False
    if evidence.environment != source.environment.name:
        # It came with the files, from where the gate was applied.
        return not first
    live = source.model().aliases.get(source.policy.alias)
    fresh = live in (evidence.champion, state.version)
    return fresh and evidence.version == state.version and evidence.policy == policy_hash(source.policy.gate)


def _go_live(target: Site, version: str, evidence: Evidence, copied: bool) -> Promotion:
    events = reconcile(target)
    state = target.version(version)
    given = tuple(approvals(state.tags, version, evidence.digest, events))
    if live_version(events) == version:
        return Promotion(version, evidence.digest, evidence, copied, None, given)
    _require_approvals(target, version, given)
    verify_files(target, version, evidence.digest)
    source = read_origin(state.tags, SOURCE)
    origin = read_origin(state.tags, ORIGIN)
    event = move(
        target,
        version,
        "promote",
        source=str(source or (f"run {state.run_id}" if state.run_id else "")),
        commit=origin.commit if origin else target.registry.run_commit(state.run_id) if state.run_id else "",
        note="approved by " + ", ".join(approval.by for approval in given) if given else "",
    )
    return Promotion(version, evidence.digest, evidence, copied, event, given)


def _require_approvals(target: Site, version: str, given: tuple[Approval, ...]) -> None:
    needed, name = target.environment.approvals, target.environment.name
    if len(given) >= needed:
        return
    so_far = f" (so far: {', '.join(approval.by for approval in given)})" if given else ""
    raise ApprovalMissing(
        f"version {version} is registered in '{name}' and has {len(given)} of {needed} approvals{so_far}; "
        "it is not live",
        where=target.label,
        next=f"brickyard model approve {target.policy.key} --to {name} --version {version}, then promote again",
    )
