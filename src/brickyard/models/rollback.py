"""Makes the version live again that was live before."""

from __future__ import annotations

from collections.abc import Sequence

from brickyard.errors import ModelError
from brickyard.models.history import Event, live_version, previous_version
from brickyard.models.moving import move, pending_move, reconcile
from brickyard.models.site import Site

__all__ = ["rollback"]


def rollback(site: Site, to_version: str | None = None, note: str = "") -> Event:
    """Move the live alias back; a rollback that was interrupted is completed instead of repeated.

    Args:
        site: The model in one environment.
        to_version: A version that was live before; by default the one before what is live now.
        note: The reason.

    Returns:
        The move; where the version was live already, the move that made it so.

    Raises:
        ModelError: There is nothing to go back to, or the version was never live or is gone.
    """
    interrupted = pending_move(site)
    events = reconcile(site)
    if to_version is not None and events and live_version(events) == to_version:
        return events[-1]
    if interrupted and interrupted.action == "rollback" and to_version in (None, interrupted.version):
        if live_version(events) == interrupted.version:
            return events[-1]
        to_version = interrupted.version
    chosen = _target(site, events, to_version)
    site.version(chosen)
    return move(site, chosen, "rollback", note=note)


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
