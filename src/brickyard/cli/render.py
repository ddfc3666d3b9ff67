"""How commands show things: durations, coloured words, tables; plain text where nobody looks at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

__all__ = ["coloured", "duration", "plan_line", "table"]

_COLOURS = {
    "SUCCESS": "green",
    "RUNNING": "cyan",
    "FAILED": "red",
    "TIMEDOUT": "red",
    "INTERNAL_ERROR": "red",
    "UPSTREAM_FAILED": "yellow",
    "CANCELED": "yellow",
    "SKIPPED": "yellow",
    "+": "green",
    "~": "yellow",
    "!": "red",
    "-": "red",
}


def duration(seconds: float) -> str:
    """A time span as people read it: `0.4 s`, `12 s`, `3 min 5 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def coloured(word: str, width: int = 0) -> str:
    """A state or a sign in its colour; `click.echo` takes colours out where they cannot be shown."""
    return click.style(word.ljust(width), fg=_COLOURS.get(word))


def plan_line(line: str) -> str:
    """A line of a plan with its sign coloured."""
    return coloured(line[0]) + line[1:] if line[:1] in _COLOURS else line


def table(rows: Iterable[Sequence[str]], header: Sequence[str] = ()) -> Iterable[str]:
    """Rows in columns as wide as they need."""
    listed = [list(header)] * bool(header) + [list(row) for row in rows]
    widths = [max(len(row[column]) for row in listed) for column in range(len(listed[0]))] if listed else []
    for row in listed:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
