"""What a command put out, as the `results` of its status: one text, table, image or error.

Shapes are those of `databricks.sdk.service.compute.Results`, whose `as_dict` leaves out empty data, which is sent here.
"""

from __future__ import annotations

import html
from typing import Any

from brickyard.runtime.ending import Ending
from brickyard.runtime.record import CellRecord
from brickyard.runtime.tables import OUTPUT

__all__ = ["RESULTS", "error", "results_of"]

#: The directory of the results, below a context's own.
RESULTS = "results"
#: A table longer than this is cut, as the service does by default.
_ROWS = 1000
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_RED = '<span class="ansi-red-fg">{}</span>'


def results_of(record: CellRecord, ending: Ending | None) -> dict[str, Any]:
    """The results: an error before all else, then a table, then images, then what was printed."""
    if ending is not None and ending.error is not None:
        name, _, message = ending.error.partition(": ")
        return error(name, message, ending.trace or ending.error)
    if ending is not None and ending.result is not None:
        return {"resultType": "text", "data": ending.result}
    tables = [one["metadata"][OUTPUT] for one in record.outputs if one.get("metadata", {}).get(OUTPUT)]
    if tables:
        return _table(tables[-1])
    if record.language == "sql":  # a statement without rows
        return _table({"schema": [], "data": [], "overflow": False})
    images = [image for one in record.outputs for image in _images(one.get("data", {}))]
    if images:
        return {"resultType": "image", "fileName": images[0]} if len(images) == 1 else _several(images)
    return {"resultType": "text", "data": "".join(_text(one) for one in record.outputs).removesuffix("\n")}


def error(name: str, message: str, cause: str) -> dict[str, Any]:
    """An error: the summary is HTML, as the vendor's clients expect; the cause is the traceback."""
    summary = _RED.format(html.escape(name)) + (f": {html.escape(message)}" if message else "")
    return {"resultType": "error", "summary": summary, "cause": cause}


def _table(found: dict[str, Any]) -> dict[str, Any]:
    rows = found["data"]
    return {
        "resultType": "table",
        "schema": found["schema"],
        "data": rows[:_ROWS],
        "isJsonSchema": True,
        "truncated": found["overflow"] or len(rows) > _ROWS,
    }


def _several(images: list[str]) -> dict[str, Any]:
    return {"resultType": "images", "fileNames": images}


def _images(data: dict[str, Any]) -> list[str]:
    return [f"data:{kind};base64,{''.join(data[kind].split())}" for kind in _IMAGES if kind in data][:1]


def _text(output: dict[str, Any]) -> str:
    """What an output is as text; HTML that says nothing else is that HTML."""
    if output["output_type"] == "stream":
        return str(output["text"])
    data = output.get("data", {})
    plain = str(data.get("text/plain", ""))
    own = data.get("text/html") if plain in ("", "<HTML>") else None
    return f"{own or plain}\n"
