"""Notebooks in the vendor's two formats, source and Jupyter, and the way from one to the other.

Source of the facts: https://docs.databricks.com/notebooks/notebook-export-import.html and notebooks as exported.
"""

from __future__ import annotations

import importlib
import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from brickyard.workspace.api.errors import InvalidParameterValue

__all__ = [
    "EXTENSIONS",
    "NotebookFormat",
    "NotebookSource",
    "file_language",
    "format_of",
    "jupyter_language",
    "language_of",
    "recognise",
    "to_jupyter",
    "to_source",
    "with_header",
]

NotebookFormat = Literal["SOURCE", "JUPYTER"]
EXTENSIONS = {".py": "PYTHON", ".sql": "SQL", ".scala": "SCALA", ".r": "R"}
_COMMENT = {"PYTHON": "#", "R": "#", "SQL": "--", "SCALA": "//"}
_HEADER = re.compile(rb"(#|--|//) Databricks notebook source[ \t]*(?:\r?\n|$)")
_WHOLE_CELL = re.compile(r"%%|%(md(-sandbox)?|sql|python|r|scala|sh|fs|run|skip|pip|conda|uv)\b")
_MARKDOWN = re.compile(r"%md(?:-sandbox)?(?:[ \t]+|\n|$)")
_NOTEBOOK_KEY = "application/vnd.databricks.v1+notebook"
_CELL_KEY = "application/vnd.databricks.v1+cell"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class NotebookSource:
    """A notebook as it is kept.

    Attributes:
        path: Its path in the workspace tree.
        language: `PYTHON`, `SQL`, `SCALA` or `R`.
        content: Its bytes in the format below.
        format: `SOURCE` (with the vendor's header and cell marks) or `JUPYTER`.
    """

    path: str
    language: str
    content: bytes
    format: NotebookFormat


def file_language(path: str) -> str | None:
    """The language that the extension of a path names."""
    return EXTENSIONS.get(PurePosixPath(path).suffix.lower())


def recognise(path: str, content: bytes) -> str | None:
    """The language if a file of that name and content is a notebook; nothing if it is just a file.

    Raises:
        InvalidParameterValue: It is named `.ipynb` and is none.
    """
    if PurePosixPath(path).suffix.lower() == ".ipynb":
        return jupyter_language(content)
    language = file_language(path)
    header = _HEADER.match(content.removeprefix(_BOM))
    if language is None or header is None or header[1].decode() != _COMMENT[language]:
        return None
    return language


def format_of(content: bytes) -> NotebookFormat:
    """The format of a kept notebook; source always begins with the header."""
    return "JUPYTER" if content.lstrip().startswith(b"{") else "SOURCE"


def language_of(content: bytes, hint: str | None) -> str:
    """The language of a kept notebook; `hint` tells Python from R, whose marks are the same, and that of Jupyter."""
    header = _HEADER.match(content.removeprefix(_BOM))
    if header is None:
        return hint or "PYTHON"
    return {b"--": "SQL", b"//": "SCALA"}.get(header[1], "R" if hint == "R" else "PYTHON")


def with_header(content: bytes, language: str) -> bytes:
    """Source with the vendor's first line, which is added where it is missing.

    Raises:
        InvalidParameterValue: The source is not UTF-8 text.
    """
    text = content.removeprefix(_BOM)
    _text(text)
    header = _HEADER.match(text)
    if header is not None and header[1].decode() == _COMMENT[language]:
        return text
    return f"{_COMMENT[language]} Databricks notebook source\n".encode() + text


def to_jupyter(content: bytes, language: str) -> bytes:
    """A source notebook as Jupyter."""
    v4 = _nbformat("nbformat.v4")
    comment = _COMMENT[language]
    body = _text(content[match.end() :] if (match := _HEADER.match(content)) else content).replace("\r\n", "\n")
    chunks = re.split(rf"^{re.escape(comment)} COMMAND -+[ \t]*$", body, flags=re.MULTILINE)
    cells = [_jupyter_cell(chunk.strip("\n"), comment) for chunk in chunks if chunk.strip()]
    notebook = v4.new_notebook(cells=cells, metadata={_NOTEBOOK_KEY: {"language": language.lower()}})
    notebook.metadata["language_info"] = {"name": language.lower()}
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # the same notebook exports to the same bytes
    return str(_nbformat("nbformat").writes(notebook)).encode()


def to_source(content: bytes) -> bytes:
    """A Jupyter notebook as source.

    Raises:
        InvalidParameterValue: It is not a Jupyter notebook.
    """
    notebook = _jupyter(content)
    comment = _COMMENT[_language(notebook.metadata)]
    cells = (_source_cell(cell, comment) for cell in notebook.cells)
    return (f"{comment} Databricks notebook source\n" + f"\n\n{comment} COMMAND ----------\n\n".join(cells)).encode()


def _jupyter_cell(chunk: str, comment: str) -> Any:
    v4 = _nbformat("nbformat.v4")
    metadata = {}
    if title := re.match(rf"{re.escape(comment)} DBTITLE \d+,(.*)\n?", chunk):
        metadata[_CELL_KEY] = {"title": title[1]}
        chunk = chunk[title.end() :]
    lines = [re.sub(rf"^{re.escape(comment)} MAGIC ?", "", line) for line in chunk.split("\n")]
    text = "\n".join(lines)
    if markdown := _MARKDOWN.match(text):
        return v4.new_markdown_cell(text[markdown.end() :], metadata=metadata)
    return v4.new_code_cell(text, metadata=metadata)


def _source_cell(cell: Any, comment: str) -> str:
    text = "".join(cell.source)
    whole = cell.cell_type != "code" or _WHOLE_CELL.match(text) is not None
    if cell.cell_type != "code":
        text = f"%md\n{text}"
    magic = f"{comment} MAGIC"
    lines = [
        (f"{magic} {line}" if line else magic) if whole or line[:1] in ("%", "!") else line for line in text.split("\n")
    ]
    if title := cell.metadata.get(_CELL_KEY, {}).get("title"):
        lines.insert(0, f"{comment} DBTITLE 1,{title}")
    return "\n".join(lines)


def jupyter_language(content: bytes) -> str:
    """The language of a Jupyter notebook, which its metadata name; Python where they do not.

    Raises:
        InvalidParameterValue: It is not JSON, or not in the shape of a notebook.
    """
    try:
        notebook = json.loads(_text(content))
    except ValueError as error:
        raise InvalidParameterValue(f"The content is not a Jupyter notebook: {error}") from error
    shaped = isinstance(notebook, dict) and isinstance(notebook.get("nbformat"), int)
    if not shaped or not isinstance(notebook.get("cells", notebook.get("worksheets")), list):
        raise InvalidParameterValue("The content is not a Jupyter notebook: it has no `nbformat` or no cells.")
    return _language(notebook.get("metadata"))


def _language(metadata: Any) -> str:
    known = metadata if isinstance(metadata, dict) else {}
    for key, field in ((_NOTEBOOK_KEY, "language"), ("language_info", "name")):
        named = known.get(key)
        language = str(named.get(field)).upper() if isinstance(named, dict) else ""
        if language in _COMMENT:
            return language
    return "PYTHON"


def _jupyter(content: bytes) -> Any:
    nbformat = _nbformat("nbformat")
    jupyter_language(content)
    try:
        return nbformat.reads(_text(content), as_version=4)
    except (ValueError, KeyError, TypeError, AttributeError, nbformat.ValidationError) as error:
        raise InvalidParameterValue(f"The content is not a Jupyter notebook: {error}") from error


def _nbformat(module: str) -> Any:
    return importlib.import_module(module)  # slow to import, and without types


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidParameterValue("A notebook must be UTF-8 text.") from error
