"""What there is of a model in an environment: versions, aliases, decisions, approvals. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from brickyard.errors import ConnectionFailed
from brickyard.models.evidence import DIGEST, Evidence
from brickyard.models.evidence import read as read_evidence
from brickyard.models.history import Event, live_version
from brickyard.models.lineage import ORIGIN, SOURCE, Approval, Origin, approvals, read_origin
from brickyard.models.moving import settled
from brickyard.models.registry import ModelState, VersionState
from brickyard.models.site import Site

if TYPE_CHECKING:
    from brickyard.project import Environment

__all__ = ["EnvironmentStatus", "VersionStatus", "all_statuses", "history", "status"]


@dataclass(frozen=True)
class VersionStatus:
    """A version as the status shows it.

    Attributes:
        version: Its number.
        aliases: The aliases that name it.
        created: When it was registered, ISO 8601 in UTC.
        ready: Whether its files are complete.
        digest: The hash of its files; empty where it was neither judged nor promoted.
        gate: The evidence of the gate, if it was judged.
        source: Where it was promoted from, if it was.
        origin: Where it was made, if that is elsewhere.
        approvals: The approvals that count.
        waiting: How many approvals are missing; 0 for a version that is live or not yet promoted.
    """

    version: str
    aliases: tuple[str, ...]
    created: str
    ready: bool
    digest: str
    gate: Evidence | None
    source: Origin | None
    origin: Origin | None
    approvals: tuple[Approval, ...]
    waiting: int


@dataclass(frozen=True)
class EnvironmentStatus:
    """A model in one environment.

    Attributes:
        environment: The environment's name.
        host: Its workspace.
        model: Full name of the registered model.
        live: The version that the live alias names, if any.
        versions: The newest first.
        exists: Whether the registered model is there.
        problem: Why nothing is known about it, if so.
    """

    environment: str
    host: str
    model: str
    live: str | None
    versions: tuple[VersionStatus, ...]
    exists: bool
    problem: str = ""


def history(site: Site) -> tuple[Event, ...]:
    """What was live when, oldest first; a move by other means is shown although it is not recorded yet."""
    return settled(site, site.model()).events


def status(site: Site, limit: int = 10) -> EnvironmentStatus:
    """The newest versions of a model in an environment.

    Args:
        site: The model in one environment.
        limit: How many versions, the newest first.
    """
    state = site.registry.model()
    versions: tuple[VersionStatus, ...] = ()
    if state is not None:
        events = settled(site, state).events
        found = islice(site.registry.versions(), limit)
        versions = tuple(_version(site, state, version, events) for version in found)
    return EnvironmentStatus(
        environment=site.environment.name,
        host=site.registry.host,
        model=site.policy.name,
        live=state.aliases.get(site.policy.alias) if state else None,
        versions=versions,
        exists=state is not None,
    )


def all_statuses(
    environments: Sequence[Environment], open_site: Callable[[Environment], Site]
) -> tuple[list[EnvironmentStatus], list[ConnectionFailed]]:
    """The status in several environments; one that does not answer does not hide the others.

    Args:
        environments: The environments.
        open_site: Opens the model in one of them.

    Returns:
        A status for every environment, and the errors of those that did not answer.
    """
    found, failed = [], []
    for environment in environments:
        try:
            found.append(status(open_site(environment)))
        except ConnectionFailed as error:
            failed.append(error)
            problem = EnvironmentStatus(environment.name, "", "", None, (), False, error.message)
            found.append(problem)
    return found, failed


def _version(site: Site, state: ModelState, version: VersionState, events: tuple[Event, ...]) -> VersionStatus:
    digest = version.tags.get(DIGEST, "")
    given = tuple(approvals(version.tags, version.version, digest, events))
    live = live_version(events) == version.version
    pending = bool(digest) and SOURCE in version.tags and not live and _newer_than_live(version.version, events)
    return VersionStatus(
        version=version.version,
        aliases=tuple(sorted(alias for alias, number in state.aliases.items() if number == version.version)),
        created=datetime.fromtimestamp(version.created / 1000, UTC).isoformat(timespec="seconds"),
        ready=version.ready,
        digest=digest,
        gate=read_evidence(version.tags),
        source=read_origin(version.tags, SOURCE),
        origin=read_origin(version.tags, ORIGIN),
        approvals=given,
        waiting=max(0, site.environment.approvals - len(given)) if pending else 0,
    )


def _newer_than_live(version: str, events: tuple[Event, ...]) -> bool:
    """A version that was live once, or is older than what is live, does not wait for anybody."""
    live = live_version(events)
    return version not in {event.version for event in events} and (live is None or int(version) > int(live))
