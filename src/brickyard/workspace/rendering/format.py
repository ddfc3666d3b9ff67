"""How values read on a page: times, durations, sizes, states."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

__all__ = ["FILTERS", "iso", "number"]

NONE = "\N{EN DASH}"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_TONES = {
    "good": {"SUCCESS", "READY", "SUCCEEDED", "FINISHED", "DEPLOYMENT_READY", "passed", "INSTALLED"},
    "bad": {"FAILED", "TIMEDOUT", "INTERNAL_ERROR", "ERROR", "UPDATE_FAILED", "DEPLOYMENT_FAILED", "KILLED", "refused"},
    "busy": {"RUNNING", "PENDING", "TERMINATING", "QUEUED", "IN_PROGRESS", "DEPLOYMENT_CREATING", "WAITING_FOR_RETRY"}
    | {"STARTING", "STOPPING", "RESTARTING", "RESIZING", "INSTALLING", "RESOLVING"},
    "warn": {"SUCCESS_WITH_FAILURES", "CANCELED", "NOT_READY", "PENDING_REGISTRATION", "UNINSTALL_ON_RESTART"},
}
_WORDS = {"SUCCESS": "Succeeded", "TIMEDOUT": "Timed out", "DEPLOYMENT_CREATING": "Loading", "IN_PROGRESS": "Updating"}
_WORDS |= {"DEPLOYMENT_READY": "Ready", "DEPLOYMENT_FAILED": "Failed"}


def tone(state: str) -> str:
    """The colour of a state: `good`, `bad`, `busy`, `warn` or, for all others, `quiet`."""
    return next((name for name, states in _TONES.items() if state in states), "quiet")


def words(state: str) -> str:
    """A state as people write it: `UPSTREAM_FAILED` is "Upstream failed"."""
    return _WORDS.get(state) or state.replace("_", " ").capitalize()


def when(milliseconds: int | None) -> str:
    """A time in UTC to the second."""
    if not milliseconds:
        return NONE
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(text: Any) -> str:
    """A time in ISO 8601 as `when` shows times; other text as it is."""
    try:
        return when(int(datetime.fromisoformat(str(text)).timestamp() * 1000))
    except (ValueError, OverflowError):
        return str(text or NONE)


def ago(milliseconds: int | None) -> str:
    """How long ago a time was, in its largest unit."""
    if not milliseconds:
        return NONE
    seconds = max(0, int(time.time() - milliseconds / 1000))
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now" if seconds < 5 else f"{seconds} seconds ago"


def duration(milliseconds: int | None) -> str:
    """A length of time, for example `1 m 05 s`."""
    if milliseconds is None:
        return NONE
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} m {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} m"


def size(count: int) -> str:
    """A number of bytes, for example `1.4 MB`."""
    value = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def number(value: Any) -> str:
    """A figure: whole ones with separators, others to six digits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def plain(text: str | None) -> str:
    """Text of a terminal without its colour codes."""
    return _ANSI.sub("", text or "")


FILTERS: dict[str, Callable[..., str]] = {
    one.__name__: one for one in (tone, words, when, iso, ago, duration, size, number, plain)
}
