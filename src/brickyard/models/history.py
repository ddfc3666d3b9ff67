"""What was live when: events kept as tags of the registered model, and their reduction. Pure.

The registry itself holds the history, so there is no hidden state. Unity Catalog allows 50 tags on an object, values
of at most 1000 characters and keys without `. , - = / :`
(https://learn.microsoft.com/azure/databricks/database-objects/tags), so several events share a tag (a page).

A move of the alias is written in three steps, each of them a single call: the intent, the alias, the event. Whatever
step is the last one before a crash, `settle` finds from the intent and the alias what really happened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

__all__ = [
    "INTENT",
    "PAGE_PREFIX",
    "Event",
    "Settled",
    "append",
    "live_version",
    "previous_version",
    "read_events",
    "read_intent",
    "settle",
    "write_intent",
]

INTENT = "brickyard_move"
PAGE_PREFIX = "brickyard_history_"
_VALUE_LIMIT = 1000
# Leaves room for the user's own tags among the 50 of an object.
_PAGES_LIMIT = 35
_SHORT = {
    "number": "n",
    "action": "a",
    "version": "v",
    "previous": "p",
    "at": "t",
    "by": "w",
    "source": "s",
    "commit": "c",
    "note": "m",
}


@dataclass(frozen=True)
class Event:
    """One move of the live alias.

    Attributes:
        number: Position in the history, from 1.
        action: `promote`, `rollback`, or `found` for a move that was made by other means.
        version: The version that is live after the move; None where the alias was removed.
        previous: The version that was live before, if any.
        at: When, ISO 8601 in UTC.
        by: Who; `unknown` for a move that was made by other means.
        source: Where the version came from, such as `dev main.flights.delay version 4`.
        commit: The git commit of the source, if known.
        note: A reason or a list of approvers, if any.
    """

    number: int
    action: str
    version: str | None
    previous: str | None
    at: str
    by: str
    source: str = ""
    commit: str = ""
    note: str = ""

    def short(self) -> dict[str, object]:
        """The event with one-letter keys and without empty fields, to fit a tag."""
        return {_SHORT[key]: value for key, value in asdict(self).items() if value not in ("", None)}


@dataclass(frozen=True)
class Settled:
    """The history as it truly is, given where the alias stands.

    Attributes:
        events: All events, oldest first, including those that were missing.
        missing: The tail of `events` that is not recorded yet.
        stale_intent: Whether an intent is recorded that must be removed.
    """

    events: tuple[Event, ...]
    missing: tuple[Event, ...]
    stale_intent: bool


def read_events(tags: Mapping[str, str]) -> list[Event]:
    """Read the events from a registered model's tags, oldest first."""
    events = []
    for key in sorted(key for key in tags if key.startswith(PAGE_PREFIX)):
        events += [_event(entry) for entry in json.loads(tags[key])]
    return sorted(events, key=lambda event: event.number)


def read_intent(tags: Mapping[str, str]) -> Event | None:
    """The move that was begun and not yet recorded, if any."""
    value = tags.get(INTENT)
    return _event(json.loads(value)) if value else None


def write_intent(event: Event) -> str:
    """The value of the intent's tag."""
    return _dump(_fit(event).short())


def append(tags: Mapping[str, str], events: Sequence[Event]) -> tuple[dict[str, str], list[str]]:
    """Add events to the last page, or to a new page where it is full.

    Returns:
        The tags to set, and the keys of the oldest pages to delete where the limit on tags is reached.
    """
    pages = {key: json.loads(value) for key, value in tags.items() if key.startswith(PAGE_PREFIX)}
    changed: dict[str, str] = {}
    for event in events:
        key = max(pages, default=f"{PAGE_PREFIX}0001")
        entry = _fit(event).short()
        value = _dump([*pages.get(key, []), entry])
        if len(value) > _VALUE_LIMIT:
            key = f"{PAGE_PREFIX}{int(key.removeprefix(PAGE_PREFIX)) + 1:04d}"
            value = _dump([entry])
        pages[key] = json.loads(value)
        changed[key] = value
    return changed, sorted(pages)[:-_PAGES_LIMIT]


def settle(events: Sequence[Event], intent: Event | None, live: str | None, now: str) -> Settled:
    """Bring the recorded events in line with the alias.

    Args:
        events: What is recorded, oldest first.
        intent: A move that was begun and not recorded.
        live: The version that the alias names; None where there is no alias.
        now: The time to write on a move whose own time is not known.
    """
    before = live_version(events)
    missing: tuple[Event, ...] = ()
    if before != live and intent and intent.version == live:
        missing = (replace(intent, number=_next(events), previous=before),)
    elif before != live:
        missing = (Event(_next(events), "found", live, before, now, "unknown", note="alias moved by other means"),)
    return Settled((*events, *missing), missing, intent is not None)


def live_version(events: Sequence[Event]) -> str | None:
    """The version that is live after the last event."""
    return events[-1].version if events else None


def previous_version(events: Sequence[Event]) -> str | None:
    """The version to go back to: the last one that was live before what is live now came.

    A rollback undoes a move, so after `1, 2, rollback to 1` there is nothing before 1, not 2 again.
    """
    stack: list[str] = []
    for event in events:
        if event.version is None:
            continue
        if event.action == "rollback" and event.version in stack:
            del stack[stack.index(event.version) + 1 :]
        elif not stack or stack[-1] != event.version:
            stack.append(event.version)
    if live_version(events) is not None:
        stack = stack[:-1]
    return stack[-1] if stack else None


def _next(events: Sequence[Event]) -> int:
    return events[-1].number + 1 if events else 1


def _event(entry: Mapping[str, object]) -> Event:
    texts = {long: entry.get(short) for long, short in _SHORT.items() if long != "number"}
    values = {key: None if value is None else str(value) for key, value in texts.items()}
    return Event(
        number=int(str(entry["n"])),
        action=values["action"] or "found",
        version=values["version"],
        previous=values["previous"],
        at=values["at"] or "",
        by=values["by"] or "",
        source=values["source"] or "",
        commit=values["commit"] or "",
        note=values["note"] or "",
    )


def _fit(event: Event) -> Event:
    """Shorten the free text where the event would not fit a tag of its own."""
    for room in (1000, 300, 100, 40):
        short = replace(event, note=event.note[: room - 40], source=event.source[:room], by=event.by[:room])
        if len(_dump([short.short()])) <= _VALUE_LIMIT:
            return short
    return short


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
