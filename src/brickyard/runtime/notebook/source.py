"""Reading notebooks: the vendor's source format and Jupyter's.

The source format is described at https://docs.databricks.com/notebooks/notebook-export-import.html : a first line,
cells between `COMMAND` lines, and every line of another language behind `MAGIC`.
"""

from __future__ import annotations

import importlib
import json
import re
import warnings
from dataclasses import dataclass
from typing import Any

__all__ = ["Cell", "Notebook", "NotebookFormatError", "parse"]

_HEADER = re.compile(r"(#|--|//) Databricks notebook source[ \t]*(?:\r?\n|$)")
_LANGUAGES = {"#": "python", "--": "sql", "//": "scala"}
#: Magics that say in which language, or for what, a whole cell is.
_CELL_MAGIC = re.compile(r"%(md-sandbox|md|sql|python|r|scala|sh|fs|run|skip)(?=\s|$)[ \t]*")
_SAME = {"md-sandbox": "md"}


class NotebookFormatError(ValueError):
    """The content is not a notebook; the message says what is wrong."""


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        language: `python`, `sql`, `md`, `sh`, `fs`, `run`, `skip`, `r` or `scala`.
        body: What is to be executed, without the magic that names the language.
        source: What the notebook shows.
        title: The cell's title.
    """

    language: str
    body: str
    source: str
    title: str | None = None


@dataclass(frozen=True)
class Notebook:
    """A notebook's cells, and the language of those that name none."""

    language: str
    cells: tuple[Cell, ...]


def parse(content: str) -> Notebook:
    """Read a notebook of either format.

    Raises:
        NotebookFormatError: It is neither.
    """
    text = content.removeprefix("\ufeff").replace("\r\n", "\n")
    header = _HEADER.match(text)
    if header is not None:
        return _parse_source(text[header.end() :], header[1])
    if text.lstrip().startswith("{"):
        return _parse_jupyter(text)
    raise NotebookFormatError("it begins with no `Databricks notebook source` line, and it is not a Jupyter notebook")


def _parse_source(text: str, comment: str) -> Notebook:
    language = _LANGUAGES[comment]
    mark = re.escape(comment)
    chunks = re.split(rf"^{mark} COMMAND -+[ \t]*$", text, flags=re.MULTILINE)
    cells = [_source_cell(chunk.strip("\n"), mark, language) for chunk in chunks if chunk.strip()]
    return Notebook(language, tuple(cells))


def _source_cell(chunk: str, mark: str, language: str) -> Cell:
    title = None
    if named := re.match(rf"{mark} DBTITLE \d+,(.*)(?:\n|$)", chunk):
        title, chunk = named[1].strip(), chunk[named.end() :]
    source = re.sub(rf"^{mark} MAGIC ?", "", chunk, flags=re.MULTILINE)
    return cell_of(source, language, title)


def _parse_jupyter(text: str) -> Notebook:
    nbformat: Any = importlib.import_module("nbformat")  # slow to import, and without types
    try:
        if not isinstance(json.loads(text).get("nbformat"), int):
            raise NotebookFormatError("it is not a Jupyter notebook: it has no `nbformat`")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # notebooks of older tools have no cell ids, which nothing here needs
            notebook = nbformat.reads(text, as_version=4)
    except NotebookFormatError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotebookFormatError(f"it is not a Jupyter notebook: {error}") from error
    metadata = notebook.metadata
    vendor = metadata.get("application/vnd.databricks.v1+notebook", {})
    kernel = metadata.get("kernelspec", {}).get("language")
    named = vendor.get("language") or metadata.get("language_info", {}).get("name") or kernel or "python"
    language = str(named).lower()
    return Notebook(language, tuple(_jupyter_cell(cell, language) for cell in notebook.cells))


def _jupyter_cell(cell: dict[str, object], language: str) -> Cell:
    source = str(cell["source"])
    if cell["cell_type"] != "code":
        return Cell("md", source, source)
    metadata = json.loads(json.dumps(cell.get("metadata", {})))
    title = metadata.get("application/vnd.databricks.v1+cell", {}).get("title") or None
    # `%%sql` of Jupyter is `%sql` of Databricks; IPython's own cell magics keep their two signs.
    plain = re.sub(r"\A\s*%(?=%(?:md|sql|python|r|scala|sh|fs|run|skip)\b)", "", source)
    return cell_of(plain, language, title)


def cell_of(source: str, language: str, title: str | None = None) -> Cell:
    """A cell from its source, whose first line may name another language than the notebook's."""
    magic = _CELL_MAGIC.match(source.lstrip())
    if magic is None:
        return Cell(language, source, source, title)
    body = source.lstrip()[magic.end() :]
    return Cell(_SAME.get(magic[1], magic[1]), body, source, title)
