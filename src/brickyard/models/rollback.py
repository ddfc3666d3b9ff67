"""Makes the version live again that was live before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from brickyard.errors import ModelError
from brickyard.models.history import Event, live_version, previous_version
from brickyard.models.moving import acknowledge, move, pending_move, reconcile, record_missing
from brickyard.models.site import Site

__all__ = ["RolledBack", "rollback"]


@dataclass(frozen=True)
class RolledBack:
    """The outcome of a rollback.

    Attributes:
        event: The move; where the version was live already, the move that made it so.
        resumed: Whether the move was begun by an earlier command that was interrupted.
    """

    event: Event
    resumed: bool = False


def rollback(
    site: Site,
    to_version: str | None = None,
    note: str = "",
    tell: Callable[[RolledBack], None] = lambda done: None,
) -> RolledBack:
    """Move the live alias back; a rollback that was interrupted is completed instead of repeated.

    Args:
        site: The model in one environment.
        to_version: A version that was live before; by default the one before what is live now.
        note: The reason.
        tell: Is told the outcome. Until it has been, the same command by the same person completes this rollback
            and goes no further back.

    Raises:
        ModelError: There is nothing to go back to, or the version was never live or is gone.
    """
    interrupted = _interrupted(site, to_version)
    events = record_missing(site) if interrupted else reconcile(site)
    wanted = interrupted.version if interrupted else to_version
    if events and wanted is not None and live_version(events) == wanted:
        done = RolledBack(events[-1], resumed=interrupted is not None)
        tell(done)
        if interrupted:
            acknowledge(site)
        return done
    chosen = _target(site, events, wanted)
    site.version(chosen)
    resumed = interrupted is not None
    event = move(site, chosen, "rollback", note=note, tell=lambda event: tell(RolledBack(event, resumed)))
    return RolledBack(event, resumed)


def _interrupted(site: Site, to_version: str | None) -> Event | None:
    """The rollback that the same person began in the same words, and was not told the end of."""
    begun = pending_move(site)
    mine = begun is not None and begun.action == "rollback" and begun.by == site.user
    return begun if begun is not None and mine and to_version in (None, begun.version) else None


def _target(site: Site, events: Sequence[Event], to_version: str | None) -> str:
    live = live_version(events)
    if to_version is None:
        chosen = previous_version(events)
        if chosen is None:
            raise ModelError(
                f"no version was live in '{site.environment.name}' before " + (f"version {live}" if live else "now"),
                where=site.label,
                next=f"Name one that was: --to-version N (brickyard model history {site.policy.key} "
                f"-t {site.environment.name})",
            )
        return chosen
    if to_version not in {event.version for event in events}:
        raise ModelError(
            f"version {to_version} was never live in '{site.environment.name}'",
            where=site.label,
            next=f"See what was: brickyard model history {site.policy.key} -t {site.environment.name}",
        )
    return to_version
