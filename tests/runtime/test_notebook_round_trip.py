"""Notebooks written as source and read again are the same: languages, several lines, titles, magics."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from brickyard.runtime.notebook import parse
from brickyard.runtime.notebook.source import cell_of
from brickyard.workspace.files.notebooks import to_jupyter, to_source

_LANGUAGES = ("python", "sql")
_MAGICS = ("sql", "python", "sh", "fs", "run", "skip", "r", "scala")
_NOTEBOOK, _CELL = "application/vnd.databricks.v1+notebook", "application/vnd.databricks.v1+cell"

# Blank lines at a cell's ends are not kept by the format, and its own marks cannot be content.
_line = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Cs", "Zs")) | st.just(" "), max_size=30
)
_line |= st.sampled_from(
    ["# a comment", "-- another", "    indented", "%time x", "!ls", "%pip install x", "'''", "x = 1"]
)
_lines = st.lists(_line, min_size=1, max_size=5).map("\n".join)
_title = st.none() | st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1, max_size=20)


_MAGIC = re.compile(rf"%({'|'.join(_MAGICS)}|md)(?=\s|$)")


def _possible(text: str) -> bool:
    marks = ("COMMAND ---", "MAGIC", "DBTITLE", "Databricks notebook source")
    return bool(text.strip()) and text == text.strip("\n") and not any(mark in text for mark in marks)


_plain = _lines.filter(lambda text: _possible(text) and not text.lstrip().startswith("%"))
_magic = st.builds("%{} {}".format, st.sampled_from(_MAGICS), _lines) | st.builds(
    "%{}\n{}".format, st.sampled_from(_MAGICS), _lines
)
_code = st.tuples(st.just("code"), _plain | _magic.filter(_possible), _title)
_markdown = st.tuples(st.just("markdown"), _plain, _title)


def _jupyter(language: str, cells: list[tuple[str, str, str | None]]) -> bytes:
    made: list[dict[str, Any]] = []
    for number, (kind, source, title) in enumerate(cells):
        metadata = {_CELL: {"title": title}} if title else {}
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": metadata, "source": source}
        made.append(cell | ({"outputs": [], "execution_count": None} if kind == "code" else {}))
    metadata = {_NOTEBOOK: {"language": language}, "language_info": {"name": language}}
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}).encode()


def _foreign_lines(source: str, language: str) -> list[str]:
    """Lines of other languages that are not behind `MAGIC`, and so would be code of the notebook's language."""
    mark = "#" if language == "python" else "--"
    found = []
    for chunk in source.split(f"{mark} COMMAND ----------"):
        lines = [
            line for line in chunk.splitlines() if line and not line.startswith((f"{mark} DBT", f"{mark} Databricks"))
        ]
        if lines and _MAGIC.match(lines[0].removeprefix(f"{mark} MAGIC ")):
            found += [line for line in lines if not line.startswith(f"{mark} MAGIC")]
    return found


@given(st.sampled_from(_LANGUAGES), st.lists(_code | _markdown, min_size=1, max_size=6))
@example("python", [("code", "%skip\nraise ValueError(1)\n\nx = 2", "Not now"), ("code", "x = 1", None)])
@example("sql", [("code", "select 1\n-- MORE", None), ("code", "%python\nx = 1\n\ny = 2", None)])
@settings(deadline=None, max_examples=150)
def test_notebooks_written_and_read_again_are_the_same(language: str, cells: list[tuple[str, str, str | None]]) -> None:
    content = _jupyter(language, cells)
    source = to_source(content)
    read = parse(source.decode())
    assert read.language == language
    for cell, (kind, text, title) in zip(read.cells, cells, strict=True):
        expected = cell_of(text, language, title) if kind == "code" else cell_of(f"%md\n{text}", language, title)
        assert cell == expected
        magic = _MAGIC.match(text.lstrip())
        assert cell.language == ("md" if kind == "markdown" else magic[1] if magic else language)
    assert _foreign_lines(source.decode(), language) == []
    again = to_jupyter(source, language.upper())
    assert to_source(again) == source
    kept = [(cell["cell_type"], cell["source"]) for cell in json.loads(again)["cells"]]
    assert [(kind, "".join(text)) for kind, text in kept] == [(kind, text) for kind, text, _ in cells]
