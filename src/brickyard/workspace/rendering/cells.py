"""The cells of a notebook with their outputs, as they are shown."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brickyard.runtime.record import RUN
from brickyard.runtime.tables import OUTPUT

__all__ = ["Cell", "Output", "Table", "cells_shown"]

_TEXT = 50_000
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
_IMAGES = ("image/png", "image/jpeg", "image/gif")
_ROWS = 1000


@dataclass(frozen=True)
class Table:
    """A table: its head, its rows, and what stands below it."""

    head: list[str]
    rows: list[list[str]]
    note: str


@dataclass(frozen=True)
class Output:
    """One output of a cell.

    Attributes:
        kind: `text`, `error`, `table`, `html`, `image`, `markdown` or `run`: how `content` is shown.
        height: Of a frame, in pixels.
        scripts: Whether there are scripts in it.
    """

    kind: str
    content: Any
    height: int = 0
    scripts: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook that ran or was to run. `duration` is in milliseconds."""

    index: int
    language: str
    source: str
    state: str
    duration: int | None
    outputs: list[Output]
    title: str | None = None


def cells_shown(cells: Sequence[Mapping[str, Any]]) -> list[Cell]:
    """Cells as a page shows them."""
    return [_cell(one) for one in cells]


def _cell(cell: Mapping[str, Any]) -> Cell:
    started, ended = cell.get("started_at"), cell.get("ended_at")
    took = ended - started if started and ended else None
    outputs = [_output(one) for one in cell["outputs"]]
    return Cell(cell["index"] + 1, cell["language"], cell["source"], cell["state"], took, outputs, cell.get("title"))


def _output(output: Mapping[str, Any]) -> Output:
    kind = output["output_type"]
    if kind == "stream":
        return Output("text", _short(output["text"]))
    if kind == "error":
        return Output("error", _short("\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}"))
    with contextlib.suppress(AttributeError, KeyError, TypeError):  # a program may publish what is no table
        if (table := output["metadata"][OUTPUT])["type"] == "table":
            return _table(table)
    with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
        run = output["metadata"][RUN]
        return Output("run", (int(run["job_id"]), int(run["run_id"])))
    data = {name: _joined(value) for name, value in output["data"].items() if value is not None}
    for name in _IMAGES:
        if _BASE64.fullmatch(data.get(name, "")):
            return Output("image", f"data:{name};base64,{''.join(data[name].split())}")
    if "text/html" in data:
        return _html(data["text/html"])
    if "text/markdown" in data:
        return Output("markdown", data["text/markdown"])
    return Output("text", _short(data.get("text/plain", f"an output of type {', '.join(data) or 'none'}")))


def _joined(value: Any) -> str:
    """A value as text; Jupyter may have it as a list of lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def _table(output: Mapping[str, Any]) -> Output:
    names = [column["name"] for column in output["schema"]]
    rows = [[_value(value) for value in row] for row in output["data"][:_ROWS]]
    left = len(output["data"]) - len(rows)
    notes = [f"{left:,} rows more are in the export of the run"] if left else []
    return Output("table", Table(names, rows, "; ".join([*notes, *([output["note"]] if output.get("note") else [])])))


def _value(value: Any) -> str:
    if value is None:
        return "null"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict | bool) else str(value)


def _html(text: str) -> Output:
    lines = max(text.count("<tr"), text.count("\n"), len(text) // 400)
    return Output("html", text, min(640, 120 + 24 * lines), scripts="<script" in text.lower())


def _short(text: str) -> str:
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}\n... ({len(text) - _TEXT:,} characters more are in the log)"
