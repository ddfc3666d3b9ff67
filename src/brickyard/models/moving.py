"""Moves the live alias so that a crash at any point leaves a true history and nothing half-moved."""

from __future__ import annotations

from collections.abc import Callable

from brickyard.models.history import INTENT, Event, Settled, append, live_version, read_events, read_intent, settle
from brickyard.models.history import write_intent as intent_value
from brickyard.models.registry import ModelState
from brickyard.models.site import Site, now

__all__ = ["acknowledge", "move", "pending_move", "reconcile", "record_missing", "settled"]


def settled(site: Site, state: ModelState) -> Settled:
    """The history in line with the alias; writes nothing."""
    return settle(read_events(state.tags), read_intent(state.tags), state.aliases.get(site.policy.alias), now())


def reconcile(site: Site) -> tuple[Event, ...]:
    """Write what an interrupted command, or a move by other means, left out of the history; returns the history."""
    found = _record(site)
    if found.stale_intent:
        acknowledge(site)
    return found.events


def record_missing(site: Site) -> tuple[Event, ...]:
    """As `reconcile`, but an intent stays, for the command that began the move has not ended."""
    return _record(site).events


def acknowledge(site: Site) -> None:
    """Remove the intent: whoever began the move knows how it ended."""
    site.registry.tag_model({}, remove=(INTENT,))


def _record(site: Site) -> Settled:
    state = site.model()
    found = settled(site, state)
    changed, gone = append(state.tags, found.missing)
    if changed or gone:
        site.registry.tag_model(changed, remove=tuple(gone))
    return found


def pending_move(site: Site) -> Event | None:
    """A move that was begun and whose end is not recorded, if any."""
    return read_intent(site.model().tags)


def move(
    site: Site,
    version: str,
    action: str,
    *,
    source: str = "",
    commit: str = "",
    note: str = "",
    tell: Callable[[Event], None] | None = None,
) -> Event:
    """Make a version live: the intent, the alias, the event; in this order.

    Args:
        site: The model in one environment.
        version: The version; its files are complete.
        action: `promote` or `rollback`.
        source: Where the version came from.
        commit: The git commit of its source.
        note: Approvers or a reason.
        tell: Is told of the event before the intent is removed, so that a command that was killed before it could
            say what it did can be told from one that is given a second time.

    Returns:
        The event as it is recorded.
    """
    events = record_missing(site)
    event = Event(
        number=events[-1].number + 1 if events else 1,
        action=action,
        version=version,
        previous=live_version(events),
        at=now(),
        by=site.user,
        source=source,
        commit=commit,
        note=note,
    )
    site.registry.tag_model({INTENT: intent_value(event)})
    site.registry.set_alias(site.policy.alias, version)
    changed, gone = append(site.model().tags, [event])
    site.registry.tag_model(changed, remove=tuple(gone))
    if tell is not None:
        tell(event)
    acknowledge(site)
    return event
