"""What is kept of cells: no more than there is room for, and no secret, whenever it becomes known."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from brickyard.runtime.record import CellRecord, Recorder
from brickyard.runtime.redaction import REDACTED, Redactor


def begun(path: Path, redactor: Redactor | None = None) -> Recorder:
    """A recorder of two cells, of which the first runs."""
    made = Recorder(path, redactor or Redactor())
    made.cells = [CellRecord(0, "python", "1"), CellRecord(1, "sql", "2")]
    made.begin(made.cells[0])
    return made


def kept(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text())["cells"]
    return cells


def test_long_output_is_cut_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "cells.json"
    recorder = begun(path)
    for _ in range(20):
        recorder.stream("stdout", "x" * 100_000)
    recorder.end("FINISHED")
    [output] = kept(path)[0]["outputs"]
    assert len(output["text"]) < 1_200_000 and output["text"].endswith("the whole of it is in the run's log ***\n")


def test_cells_keep_20_megabytes_together(tmp_path: Path) -> None:
    path = tmp_path / "cells.json"
    recorder = begun(path)
    for _ in range(3):
        recorder.display({"text/html": "x" * 9_000_000})
    recorder.end("FINISHED")
    first, second, note = kept(path)[0]["outputs"]
    assert len(first["data"]["text/html"]) == len(second["data"]["text/html"]) == 9_000_000
    assert "an output of 9,000" in note["text"] and "keep 20 MB together" in note["text"]


def test_what_json_cannot_hold_is_kept_as_text(tmp_path: Path) -> None:
    path = tmp_path / "cells.json"
    recorder = begun(path)
    day = datetime.date(2026, 1, 2)
    recorder.display({"application/json": {"day": day, ("a", 1): 2}, "text/html": None}, {"made": {"on": day}})
    recorder.end("FINISHED")
    [output] = kept(path)[0]["outputs"]
    assert output["data"] == {"application/json": {"day": "2026-01-02"}, "text/html": None}
    assert output["metadata"] == {"made": {"on": "2026-01-02"}}


def test_secrets_that_become_known_later_leave_earlier_cells_too(tmp_path: Path) -> None:
    path, redactor = tmp_path / "cells.json", Redactor()
    recorder = begun(path, redactor)
    recorder.stream("stdout", "the s3cr3t-value\n")
    recorder.display({"image/png": b"\x00", "text/plain": "s3cr3t-value"})
    recorder.end("FINISHED")
    assert "s3cr3t-value" in path.read_text()
    redactor.add("s3cr3t-value")
    recorder.begin(recorder.cells[1])
    assert "s3cr3t-value" not in path.read_text()
    assert [output.get("text") or output["data"] for output in kept(path)[0]["outputs"]] == [
        f"the {REDACTED}\n",
        {"image/png": "AA==", "text/plain": REDACTED},
    ]


def test_a_secret_that_is_half_printed_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "cells.json"
    recorder = begun(path, Redactor(["s3cr3t-value"]))
    recorder.stream("stdout", "it is s3cr3t")
    recorder.write()
    assert kept(path)[0]["outputs"][0]["text"] == "it is "
    recorder.stream("stdout", "-value!")
    recorder.end("FINISHED")
    assert kept(path)[0]["outputs"][0]["text"] == f"it is {REDACTED}!"


def test_cells_that_are_not_reached_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "cells.json"
    recorder = begun(path)
    recorder.error("ValueError", "no", ["ValueError: no"])
    recorder.end("ERROR")
    recorder.skip_rest()
    assert [cell["state"] for cell in kept(path)] == ["ERROR", "SKIPPED"]
