"""What a task left behind: the cells of a notebook with their outputs, and its log."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.compute.tasks import CELLS_FILE, OUTPUT_FILE
from brickyard.workspace.jobs.directories import run_directory

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["Cell", "Output", "TaskOutput", "read_table", "task_output"]

_LOG_BYTES = 256 * 1024
_CELLS_BYTES = 32 * 1024 * 1024
_TEXT = 50_000
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
_IMAGES = ("image/png", "image/jpeg", "image/gif")
_TABLE_TAGS = frozenset({"table", "thead", "tbody", "tr", "th", "td", "p"})


@dataclass(frozen=True)
class Output:
    """One output of a cell.

    Attributes:
        kind: `text`, `error`, `table`, `html`, `image` or `markdown`: how `content` is shown.
        height: Of a frame, in pixels.
    """

    kind: str
    content: Any
    height: int = 0


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook that ran or was to run. `duration` is in milliseconds."""

    index: int
    language: str
    source: str
    state: str
    duration: int | None
    outputs: list[Output]


@dataclass(frozen=True)
class TaskOutput:
    """Cells, where the task is a notebook, and the end of the log; `cut` says that the log is longer."""

    cells: list[Cell]
    log: str
    cut: bool
    note: str = ""


def task_output(workspace: Workspace, run_id: int) -> TaskOutput:
    """The output of one attempt at a task, as far as there is any; secrets were redacted when it was written."""
    directory = run_directory(workspace, run_id)
    log, cut = _tail(directory / OUTPUT_FILE)
    path = directory / CELLS_FILE
    try:
        if path.stat().st_size > _CELLS_BYTES:
            return TaskOutput([], log, cut, "The outputs of the cells are too large for a page; the log has the text.")
        cells = json.loads(path.read_bytes())["cells"]
    except FileNotFoundError:
        return TaskOutput([], log, cut)
    return TaskOutput([_cell(one) for one in cells], log, cut)


def _tail(path: Path) -> tuple[str, bool]:
    try:
        with path.open("rb") as file:
            length = file.seek(0, 2)
            file.seek(max(0, length - _LOG_BYTES))
            return file.read().decode(errors="replace"), length > _LOG_BYTES
    except FileNotFoundError:
        return "", False


def _cell(cell: Mapping[str, Any]) -> Cell:
    started, ended = cell.get("started_at"), cell.get("ended_at")
    took = ended - started if started and ended else None
    outputs = [_output(one) for one in cell["outputs"]]
    return Cell(cell["index"] + 1, cell["language"], cell["source"], cell["state"], took, outputs)


def _output(output: Mapping[str, Any]) -> Output:
    kind = output["output_type"]
    if kind == "stream":
        return Output("text", _short(output["text"]))
    if kind == "error":
        return Output("error", _short("\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}"))
    data = {name: "".join(value) if isinstance(value, list) else value for name, value in output["data"].items()}
    for name in _IMAGES:
        if _BASE64.fullmatch(str(data.get(name, ""))):
            return Output("image", f"data:{name};base64,{''.join(data[name].split())}")
    if "text/html" in data:
        return _html(data["text/html"])
    if "text/markdown" in data:
        return Output("markdown", data["text/markdown"])
    return Output("text", _short(str(data.get("text/plain", f"an output of type {', '.join(data) or 'none'}"))))


def _html(text: str) -> Output:
    rows = read_table(text)
    if rows is not None:
        return Output("table", rows)
    lines = max(text.count("<tr"), text.count("\n"), len(text) // 400)
    return Output("html", text, min(640, 120 + 24 * lines))


def _short(text: str) -> str:
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}\n... ({len(text) - _TEXT:,} characters more are in the log)"


@dataclass(frozen=True)
class Table:
    """A plain table: its head, its rows, and what stands below it."""

    head: list[str]
    rows: list[list[str]]
    note: str


def read_table(text: str) -> Table | None:
    """The content of HTML that is one plain table, as `display` makes of a DataFrame; none for other HTML."""
    reader = _TableReader()
    reader.feed(text)
    reader.close()
    if not reader.plain or reader.tables != 1:
        return None
    head = reader.rows[0][1] if reader.rows and reader.rows[0][0] else []
    rows = [cells for _, cells in reader.rows[1 if head else 0 :]]
    return Table(head, rows, reader.note.strip())


class _TableReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[tuple[bool, list[str]]] = []  # whether it is in the head, and its cells
        self.tables = 0
        self.plain = True
        self.note = ""
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.plain = self.plain and tag in _TABLE_TAGS and not any(name.endswith("span") for name, _ in attrs)
        self._inside.append(tag)
        if tag == "table":
            self.tables += 1
        elif tag == "tr":
            self.rows.append(("thead" in self._inside, []))
        elif tag in ("th", "td") and self.rows:
            self.rows[-1][1].append("")

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            continue

    def handle_data(self, data: str) -> None:
        last = self._inside[-1] if self._inside else ""
        if last in ("th", "td") and self.rows and self.rows[-1][1]:
            self.rows[-1][1][-1] += data
        elif last == "p":
            self.note += data
        elif data.strip():
            self.plain = False
