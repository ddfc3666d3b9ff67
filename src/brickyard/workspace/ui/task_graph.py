"""The graph of a job's tasks as a drawing: columns from left to right, each task behind all that it depends on."""

from __future__ import annotations

import graphlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from brickyard.workspace.jobs.records import Json

__all__ = ["Box", "Drawing", "drawing"]

_MOST = 100
_WIDTH, _HEIGHT, _ACROSS, _DOWN = 178, 46, 54, 16
_LETTERS = 22
_Place = tuple[str, int]  # what is there, and in which column


@dataclass(frozen=True)
class Box:
    """A task: where it is drawn, what is written there, and where it leads to."""

    key: str
    label: str
    detail: str
    x: int
    y: int
    state: str = ""
    address: str = ""


@dataclass(frozen=True)
class Drawing:
    """Boxes, the lines between them as SVG paths, and the size of it all in pixels."""

    boxes: list[Box]
    lines: list[str]
    width: int
    height: int
    box_width: int = _WIDTH
    box_height: int = _HEIGHT


def drawing(
    tasks: Sequence[Json], details: Mapping[str, str], states: Mapping[str, tuple[str, str]] | None = None
) -> Drawing | None:
    """The drawing of a job's tasks; none where no task depends on another, or there are too many.

    Args:
        tasks: The tasks as the job defines them.
        details: What is written below the name of each.
        states: The state of each and the address of its page, in a run.
    """
    keys = {one["task_key"] for one in tasks}
    above = {
        one["task_key"]: [key for before in one.get("depends_on", []) if (key := before["task_key"]) in keys]
        for one in tasks
    }
    if not any(above.values()) or len(tasks) > _MOST:
        return None
    columns = _columns(above)
    ways = {(before, key): _way(before, key, columns) for key in above for before in above[key]}
    rows = _rows(above, columns, ways)
    boxes = [
        _box(key, columns[key], rows[key, columns[key]], details[key], *(states or {}).get(key, ("", "")))
        for key in above
    ]
    lines = [_line([_corner(column, rows[name, column]) for name, column in way]) for way in ways.values()]
    width = (max(columns.values()) + 1) * (_WIDTH + _ACROSS) - _ACROSS
    height = (max(rows.values()) + 1) * (_HEIGHT + _DOWN) - _DOWN
    return Drawing(boxes, lines, width + 2, height + 2)


def _columns(above: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The column of each task: behind all that are before it."""
    order = graphlib.TopologicalSorter(above).static_order()
    columns: dict[str, int] = {}
    for key in order:
        columns[key] = 1 + max((columns[one] for one in above[key]), default=-1)
    return columns


def _way(before: str, key: str, columns: Mapping[str, int]) -> list[_Place]:
    """The places that a line goes through: in every column between two tasks it has one of its own."""
    between = [(f"{before} {key}", column) for column in range(columns[before] + 1, columns[key])]
    return [(before, columns[before]), *between, (key, columns[key])]


def _rows(
    above: Mapping[str, Sequence[str]], columns: Mapping[str, int], ways: Mapping[tuple[str, str], Sequence[_Place]]
) -> dict[_Place, int]:
    """The row of each place: near those of the places before it."""
    before: dict[_Place, list[_Place]] = {(key, columns[key]): [] for key in above}
    for way in ways.values():
        for begin, end in itertools.pairwise(way):
            before.setdefault(end, []).append(begin)
    rows: dict[_Place, int] = {}
    for number in range(max(columns.values()) + 1):
        wanted = {place: _mean([rows[one] for one in before[place]]) for place in before if place[1] == number}
        for row, place in enumerate(sorted(wanted, key=lambda place: wanted[place])):
            rows[place] = row
    return rows


def _mean(rows: Sequence[int]) -> float:
    return sum(rows) / len(rows) if rows else 0.0


def _corner(column: int, row: int) -> tuple[int, int]:
    return 1 + column * (_WIDTH + _ACROSS), 1 + row * (_HEIGHT + _DOWN)


def _box(key: str, column: int, row: int, detail: str, state: str, address: str) -> Box:
    return Box(key, _short(key), _short(detail), *_corner(column, row), state, address)


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"


def _line(corners: Sequence[tuple[int, int]]) -> str:
    """A path from the first box to the last, straight where it passes a column."""
    (x, y), *others = corners
    middle, bend = _HEIGHT // 2, _ACROSS // 2
    parts = [f"M{x + _WIDTH} {y + middle}"]
    for place, (right, down) in enumerate(others, 1):
        end = right - (5 if place == len(others) else 0)
        left, from_y, to_y = right - _ACROSS, corners[place - 1][1] + middle, down + middle
        parts.append(f"C{left + bend} {from_y} {right - bend} {to_y} {end} {to_y}")
        if place < len(others):
            parts.append(f"H{right + _WIDTH}")
    return " ".join(parts)
