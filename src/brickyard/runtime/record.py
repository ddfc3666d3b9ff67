"""What the cells of a notebook put out, kept for the run's page, its export and `runs/get-output`."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from brickyard.runtime.redaction import Redactor

__all__ = ["RUN", "CellRecord", "Recorder", "recorder"]

#: In the metadata of an output: the run that it leads to.
RUN = "brickyard.run"
_STREAM_LIMIT = 1024 * 1024
#: What the service keeps of all cells together: https://docs.databricks.com/resources/limits.html
_NOTEBOOK_LIMIT = 20 * 1024 * 1024
_SECONDS_BETWEEN_WRITES = 1.0
_CUT = "\n*** the output is longer; the whole of it is in the run's log ***\n"


@dataclass
class CellRecord:
    """One cell: its source and what became of it. Outputs have the shape of Jupyter's; times are epoch milliseconds."""

    index: int
    language: str
    source: str
    title: str | None = None
    state: str = "PENDING"
    started_at: int | None = None
    ended_at: int | None = None
    outputs: list[dict[str, Any]] = field(default_factory=list)


class Recorder:
    """Keeps the cells of a notebook and their outputs in a file.

    It is written when a cell begins and ends, and about every second while one prints.

    Args:
        path: The file.
        redactor: Takes secrets out of what is written.

    Attributes:
        cells: The notebook's cells.
        language: The notebook's language.
    """

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self.cells: list[CellRecord] = []
        self.language = "python"
        self._path = path
        self._redactor = redactor
        self._current: CellRecord | None = None
        self._printed = 0
        self._most_printed = _STREAM_LIMIT
        self._written = 0.0
        self._size = 0
        self._timer: threading.Timer | None = None
        self._finished: dict[int, tuple[int, Any]] = {}  # cells that change no more, without the secrets known then
        self._process = os.getpid()
        self._lock = threading.Lock()  # threads of the notebook print, too

    @property
    def directory(self) -> Path:
        """Where it writes."""
        return self._path.parent

    def state(self) -> dict[str, Any]:
        """What a later interpreter of the process keeps."""
        cells = [asdict(cell) for cell in self.cells]
        return {"language": self.language, "cells": cells, "size": self._size, "printed": self._most_printed}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with what an earlier interpreter has kept."""
        self.language, self.cells = state["language"], [CellRecord(**cell) for cell in state["cells"]]
        self._size, self._most_printed = state["size"], state["printed"]

    def keep_printed(self, megabytes: int) -> None:
        """Keep this much of what each cell prints from now on.

        Raises:
            ValueError: It is less than one megabyte, or more than 20.
        """
        if not 1 <= megabytes <= 20:
            raise ValueError(f"the output of a cell is between 1 and 20 MB, not {megabytes}")
        self._most_printed = megabytes * 1024 * 1024

    def begin(self, cell: CellRecord) -> None:
        """What is put out from now on belongs to this cell."""
        self._current, self._printed = cell, 0
        cell.state, cell.started_at = "RUNNING", _now()
        self.write()

    def only(self, cell: CellRecord) -> None:
        """Forget the cells that were there, and keep this one."""
        self.cells, self._size = [cell], 0
        self._finished.clear()

    def end(self, state: str) -> None:
        """The current cell ended."""
        if self._current is not None:
            self._current.state, self._current.ended_at = state, _now()
        self._current = None
        self.write()

    def skip_rest(self) -> None:
        """The cells that have not been reached are not executed."""
        for cell in self.cells:
            if cell.state == "PENDING":
                cell.state = "SKIPPED"
        self.write()

    def stream(self, name: str, text: str) -> None:
        """Text was printed."""
        cell = self._current
        if cell is None or not text or self._printed > self._most_printed:
            return
        self._printed += len(text)
        if self._printed > self._most_printed:
            text += _CUT
        if cell.outputs and cell.outputs[-1].get("name") == name:
            cell.outputs[-1]["text"] += text
        else:
            cell.outputs.append({"output_type": "stream", "name": name, "text": text})
        self._write_soon()

    def display(self, data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> None:
        """Something was displayed, in one or more formats by MIME type."""
        if self._current is None:
            return
        shown: dict[str, Any] = {"output_type": "display_data", "data": dict(data), "metadata": dict(metadata or {})}
        text = json.dumps(shown, default=_text, skipkeys=True)
        shown, size = json.loads(text), len(text)
        if self._size + size > _NOTEBOOK_LIMIT:
            note = f"*** an output of {size:,} bytes is left out: the cells of a notebook keep 20 MB together ***\n"
            shown = {"output_type": "stream", "name": "stderr", "text": note}
        else:
            self._size += size
        self._current.outputs.append(shown)
        self._write_soon()

    def error(self, name: str, value: str, trace: list[str]) -> None:
        """The cell raised an exception."""
        if self._current is not None:
            raised = {"output_type": "error", "ename": name, "evalue": value, "traceback": trace}
            self._current.outputs.append(raised)

    def write(self) -> None:
        """Write the file, in one step."""
        if os.getpid() != self._process:
            return  # a process that the notebook has forked knows only what there was then
        with self._lock:
            self._timer = None  # what is put out from now on may not be in it
            cells = [self._redacted(cell) for cell in self.cells]
            temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
            temporary.write_text(json.dumps({"language": self.language, "cells": cells}))
            temporary.replace(self._path)
            self._written = time.monotonic()

    def _write_soon(self) -> None:
        """Write within a second, also where nothing more is put out for long."""
        if os.getpid() != self._process:
            return
        if self._timer is None or not self._timer.is_alive():
            wait = max(0.0, _SECONDS_BETWEEN_WRITES - (time.monotonic() - self._written))
            self._timer = threading.Timer(wait, self._write_late)
            self._timer.daemon = True
            self._timer.start()

    def _write_late(self) -> None:
        with contextlib.suppress(OSError):  # a print does not fail for it; the end of the cell says so
            self.write()

    def _redacted(self, cell: CellRecord) -> Any:
        """A cell without secrets; one that has ended is searched again only when there are more of them."""
        known = len(self._redactor.secrets)
        kept = self._finished.get(id(cell))
        if kept is not None and kept[0] == known:
            return kept[1]
        plain = asdict(cell)
        if plain["ended_at"] is None and plain["outputs"] and "text" in plain["outputs"][-1]:
            last = plain["outputs"][-1]  # its end may be the beginning of a secret
            last["text"] = last["text"][: self._redactor.unfinished(last["text"])]
        clean = self._redactor.redact_all(plain)
        if plain["ended_at"] is not None:  # it may have ended since
            self._finished[id(cell)] = (known, clean)
        return clean


def _text(value: Any) -> str:
    """What JSON has no form for, as text."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


_recorders: list[Recorder] = []


def recorder(new: Recorder | None = None) -> Recorder | None:
    """The recorder of this process's notebook; none where the task is no notebook. Sets it where one is given."""
    if new is not None:
        _recorders[:] = [new]
    return _recorders[0] if _recorders else None


def _now() -> int:
    return int(time.time() * 1000)
