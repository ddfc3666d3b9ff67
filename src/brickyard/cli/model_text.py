"""How `brickyard model` shows its answers to a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from brickyard.models.approve import Approved
    from brickyard.models.evaluate import Evaluation
    from brickyard.models.history import Event
    from brickyard.models.promote import Promotion
    from brickyard.models.rollback import RolledBack
    from brickyard.models.rollout import Rollout
    from brickyard.models.site import Site
    from brickyard.models.status import EnvironmentStatus, VersionStatus

__all__ = [
    "approval_text",
    "evaluation_text",
    "history_text",
    "promotion_text",
    "rollback_text",
    "rollout_text",
    "status_text",
]


def evaluation_text(evaluation: Evaluation) -> str:
    """The figures of candidate and champion, every rule with its outcome, and where the evidence is."""
    evidence = evaluation.evidence
    data, champion = evidence.data, evidence.champion
    live = f"champion ({champion})" if champion else "no champion yet"
    head = ["metric", f"candidate ({evidence.version})", live]
    figures = [
        [name, _figure(value), _figure(evidence.champion_metrics.get(name)) if champion else ""]
        for name, value in evidence.metrics.items()
    ]
    rules = [[check.rule, _figure(check.value), _mark(check.passed)] for check in evidence.checks]
    where = f"evidence: tag brickyard_gate of version {evidence.version}"
    document = [f"          {evaluation.artifact}"] if evaluation.artifact else []
    return "\n".join(
        [
            f"{evidence.model} version {evidence.version} in {evidence.environment}",
            f"on {data.table} version {data.version}: {data.rows:,} rows, content {data.content[:12]}",
            "",
            *_table([head, *figures], numbers={1, 2}),
            "",
            *_table([["rule", "candidate", ""], *rules], numbers={1}),
            "",
            f"gate {click.style(evidence.decision, fg='green' if evidence.passed else 'red', bold=True)}",
            where,
            *document,
        ]
    )


def rollout_text(rollout: Rollout, site: Site) -> str:
    """What the version did at each step, and what serves now."""
    rows = [
        [step.name, str(step.requests), check.rule, _figure(check.value), _mark(check.passed)]
        for step in rollout.steps
        for check in step.checks
    ]
    serves = f"version {rollout.version} serves all" if rollout.serves else f"version {rollout.live} serves all"
    following = f"next: brickyard model promote {site.policy.key} --to {site.environment.name}"
    return "\n".join(
        [
            f"{site.policy.name} version {rollout.version} on {rollout.endpoint}",
            "",
            *_table([["step", "requests", "rule", "candidate", ""], *rows], numbers={1, 3}),
            "",
            f"rollout {click.style('passed', fg='green', bold=True)}: {serves}",
            *([] if rollout.serves else [following]),
        ]
    )


def promotion_text(promotion: Promotion, site: Site) -> str:
    """What was copied, and what is live now."""
    name = site.environment.name
    files = f"sha256 {promotion.digest[:16]}..."
    lines = []
    if site.environment.promote_from:
        word = "copied, hash equal" if promotion.copied else "already there, hash equal"
        lines.append(f"files in {name}: version {promotion.version} ({word}: {files})")
    if promotion.event is None:
        lines.append(f"version {promotion.version} is already live in {name}; nothing was moved")
    else:
        before = f" (before: version {promotion.event.previous})" if promotion.event.previous else ""
        alias = f"{site.policy.name}@{site.policy.alias}"
        lines.append(f"{alias} in {name} is now version {promotion.version}{before}")
    if promotion.approvals:
        lines.append("approved by " + ", ".join(approval.by for approval in promotion.approvals))
    return "\n".join(lines)


def approval_text(approved: Approved, site: Site) -> str:
    """How many approvals there are, and what to do next."""
    have, name = len(approved.given), site.environment.name
    first = (
        f"version {approved.version} in {name}: approved by {site.user}"
        if approved.new
        else f"{site.user} had already approved version {approved.version} in {name}"
    )
    if have < approved.needed:
        return f"{first}; {have} of {approved.needed} approvals"
    return f"{first}; {have} of {approved.needed} approvals\nnext: {_promote_command(site)}"


def rollback_text(done: RolledBack, site: Site) -> str:
    """What is live now and what was before."""
    event, alias = done.event, f"{site.policy.name}@{site.policy.alias}"
    before = f" (before: version {event.previous})" if event.previous else ""
    resumed = (
        "\nthat completes a rollback that was interrupted; say it again to go further back" if done.resumed else ""
    )
    return f"{alias} in {site.environment.name} is now version {event.version}{before}{resumed}"


def history_text(events: Sequence[Event], site: Site) -> str:
    """One line for each move of the live alias, the newest first."""
    title = f"{site.policy.name}@{site.policy.alias} in {site.environment.name}"
    if not events:
        return f"{title}: no version was live yet"
    rows = [["#", "when (UTC)", "version", "how", "who", "from", "commit", "note"]]
    for event in reversed(events):
        moved = f"{event.previous or '-'} -> {event.version or '-'}"
        when = event.at[:19].replace("T", " ")
        rows.append(
            [str(event.number), when, moved, event.action, event.by, event.source, event.commit[:10], event.note]
        )
    lost = f"moves 1 to {events[0].number - 1} are no longer kept" if events[0].number > 1 else ""
    return "\n".join([title, *_table(rows), *([lost] if lost else [])])


def status_text(model_key: str, statuses: Sequence[EnvironmentStatus]) -> str:
    """The versions in every environment."""
    lines = []
    for one in statuses:
        lines.append(f"{one.environment}  {one.model}  {one.host}")
        if one.problem:
            lines.append(f"  {one.problem}")
        elif not one.versions:
            lines.append("  no versions yet" if one.exists else "  not registered there yet")
        else:
            rows = [["version", "aliases", "gate", "from", "files", "approvals", ""]]
            rows += [_version_row(version) for version in one.versions]
            lines += _table(rows)
        lines.append("")
    return f"model {model_key}\n\n" + "\n".join(lines).rstrip()


def _version_row(version: VersionStatus) -> list[str]:
    waiting = f"waits for {version.waiting} approval{'s' if version.waiting > 1 else ''}" if version.waiting else ""
    return [
        version.version,
        ", ".join(version.aliases) or "-",
        version.gate.decision if version.gate else "not judged",
        str(version.source) if version.source else "here",
        version.digest[:12] or "-",
        ", ".join(approval.by for approval in version.approvals) or "-",
        waiting if version.ready else "files not complete",
    ]


def _promote_command(site: Site) -> str:
    source = f" --from {site.environment.promote_from}" if site.environment.promote_from else ""
    return f"brickyard model promote {site.policy.key}{source} --to {site.environment.name}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _mark(passed: bool) -> str:
    return click.style("pass", fg="green") if passed else click.style("FAIL", fg="red", bold=True)


def _table(rows: Sequence[Sequence[str]], numbers: frozenset[int] | set[int] = frozenset()) -> list[str]:
    """Columns as wide as their widest cell; figures to the right; an empty column is left out."""
    used = [i for i in range(len(rows[0])) if any(row[i] for row in rows[1:])]
    width = {i: max(len(click.unstyle(row[i])) for row in rows) for i in used}
    lines = []
    for row in rows:
        cells = []
        for i in used:
            pad = " " * (width[i] - len(click.unstyle(row[i])))
            cells.append(pad + row[i] if i in numbers else row[i] + pad)
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines
