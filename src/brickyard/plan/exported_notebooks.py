"""Notebooks that a workspace has exported as HTML, as Jupyter notebooks: their pages have the whole model in them.

The model is `__DATABRICKS_NOTEBOOK_MODEL` of the page: JSON, URL-encoded, in base64.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from brickyard.errors import WorkspaceRefused

__all__ = ["to_jupyter"]

_MODEL = re.compile(r"__DATABRICKS_NOTEBOOK_MODEL = '([^']+)'")
_MARKDOWN = re.compile(r"\s*%md(?:-sandbox)?(?:[ \t]+|\n|$)")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_OUTPUT = "application/vnd.databricks.v1+output"
_CELL = "application/vnd.databricks.v1+cell"
_NOTEBOOK = "application/vnd.databricks.v1+notebook"


def to_jupyter(page: str) -> str:
    """The notebook of an exported page, with the outputs of its cells, as `.ipynb`.

    Raises:
        WorkspaceRefused: The page has no notebook in it.
    """
    model = _model(page)
    commands = sorted(model.get("commands") or (), key=lambda one: float(one.get("position") or 0))
    language = str(model.get("language") or "python")
    notebook = {
        "cells": [_cell(command, number) for number, command in enumerate(commands)],
        "metadata": {
            _NOTEBOOK: {"language": language, "notebookName": model.get("name") or "", "dashboards": [], "widgets": {}},
            "language_info": {"name": language},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _model(page: str) -> dict[str, Any]:
    found = _MODEL.search(page)
    try:
        text = base64.b64decode(found[1]).decode() if found else ""
        model: dict[str, Any] = json.loads(urllib.parse.unquote(text))
    except (ValueError, binascii.Error) as error:
        raise WorkspaceRefused(
            "the page that the workspace exported has no notebook in it that can be read", next="export it as html"
        ) from error
    return model


def _cell(command: Mapping[str, Any], number: int) -> dict[str, Any]:
    source = str(command.get("command") or "")
    title = command.get("commandTitle") if command.get("showCommandTitle") else None
    metadata = {_CELL: {"title": title, "showTitle": True}} if title else {}
    cell = {"id": f"cell-{number}", "metadata": metadata}
    if markdown := _MARKDOWN.match(source):
        return cell | {"cell_type": "markdown", "source": source[markdown.end() :]}
    ran = command.get("startTime") and command.get("state") in ("finished", "error")
    outputs = [*_outputs(command.get("results")), *_error(command)]
    return cell | {
        "cell_type": "code",
        "source": source,
        "execution_count": number + 1 if ran else None,
        "outputs": outputs,
        "metadata": metadata | _timing(command),
    }


def _timing(command: Mapping[str, Any]) -> dict[str, Any]:
    """When it was executed, as Jupyter says it."""
    named = {"iopub.execute_input": "startTime", "shell.execute_reply": "finishTime"}
    times = {name: _iso(command[key]) for name, key in named.items() if command.get(key)}
    return {"execution": times} if times else {}


def _iso(milliseconds: float) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def _outputs(result: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
    """The outputs of one of the vendor's results, of which there are several kinds."""
    if not result:
        return
    kind, data = result.get("type"), result.get("data")
    if kind == "listResults":
        for one in data or ():
            yield from _outputs(one)
    elif kind == "ansi":
        yield {"output_type": "stream", "name": result.get("name") or "stdout", "text": str(data)}
    elif kind == "table":
        yield _shown(_table(result), {_OUTPUT: dict(result)})
    elif kind == "mimeBundle":
        yield _shown(dict(data or {}), dict(result.get("metadata") or {}))
    elif kind == "image":
        yield _shown({"image/png": str(data).rpartition("base64,")[2]}, {})
    elif kind in ("html", "htmlSandbox"):
        yield _shown({"text/html": str(data)}, {})
    elif data is not None and kind != "baseError":
        yield _shown({"text/plain": data if isinstance(data, str) else json.dumps(data)}, {})


def _shown(data: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def _table(result: Mapping[str, Any]) -> dict[str, Any]:
    names = [str(column.get("name")) for column in result.get("schema") or ()]
    rows = [[_value(value) for value in row] for row in result.get("data") or ()]
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{escape(value)}</td>" for value in row) + "</tr>" for row in rows)
    page = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return {"text/html": page, "text/plain": "\n".join("\t".join(line) for line in [names, *rows])}


def _value(value: Any) -> str:
    if value is None:
        return "null"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _error(command: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    summary = command.get("errorSummary")
    if not summary:
        return
    name, _, value = _ANSI.sub("", str(summary)).partition(": ")
    trace = str(command.get("error") or summary).split("\n")
    yield {"output_type": "error", "ename": name, "evalue": value, "traceback": trace}
