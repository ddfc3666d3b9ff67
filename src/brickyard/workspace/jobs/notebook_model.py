"""A notebook that ran as the vendor's exports have it: commands with their results, in one JSON object.

The object is in the page as `__DATABRICKS_NOTEBOOK_MODEL`, URL-encoded and then in base64; its shape was read in pages
that the service has exported.
"""

from __future__ import annotations

import base64
import json
import urllib.parse
import uuid
from collections.abc import Mapping
from typing import Any

from brickyard.runtime.tables import OUTPUT

__all__ = ["encoded", "notebook_model"]

_STATES = {"FINISHED": "finished", "ERROR": "error", "RUNNING": "running", "PENDING": "input", "SKIPPED": "input"}
_NOTHING: dict[str, Any] = {
    "arguments": {},
    "addedWidgets": {},
    "removedWidgets": [],
    "datasetInfos": [],
    "metadata": {},
}


def notebook_model(kept: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The model of a notebook.

    Args:
        kept: What its run's directory has of the cells.
        path: The notebook's path.
    """
    identity = uuid.uuid5(uuid.NAMESPACE_URL, path)
    return {
        "version": "NotebookV1",
        "origId": identity.int % 10**15,
        "name": path.rstrip("/").rpartition("/")[2],
        "language": kept.get("language", "python"),
        "commands": [_command(cell, identity) for cell in kept["cells"]],
        "dashboards": [],
        "guid": str(identity),
        "globalVars": {},
        "iPythonMetadata": None,
        "inputWidgets": {},
    }


def encoded(model: Mapping[str, Any]) -> str:
    """A model as it stands in the page."""
    return base64.b64encode(urllib.parse.quote(json.dumps(model)).encode()).decode()


def _command(cell: Mapping[str, Any], notebook: uuid.UUID) -> dict[str, Any]:
    raised = next((one for one in cell["outputs"] if one["output_type"] == "error"), None)
    identity = uuid.uuid5(notebook, str(cell["index"]))
    source = cell["source"]
    if cell["language"] == "md" and not source.lstrip().startswith("%md"):  # a Jupyter notebook's own kind of cell
        source = f"%md\n{source}"
    return {
        "version": "CommandV1",
        "origId": identity.int % 10**15,
        "guid": str(identity),
        "nuid": str(identity),
        "subtype": "command",
        "commandType": "auto",
        "position": float(cell["index"] + 1),
        "command": source,
        "commandVersion": 1,
        "commandTitle": cell.get("title") or "",
        "showCommandTitle": bool(cell.get("title")),
        "state": _STATES[cell["state"]],
        "results": _results(cell),
        "errorSummary": None if raised is None else f"{raised['ename']}: {raised['evalue']}",
        "errorTraceType": None if raised is None else "ansi",
        "error": None if raised is None else "\n".join(raised["traceback"]),
        "submitTime": cell["started_at"] or 0,
        "startTime": cell["started_at"] or 0,
        "finishTime": cell["ended_at"] or 0,
        "collapsed": False,
        "bindings": {},
        "globalVars": {},
        "inputWidgets": {},
        "iPythonMetadata": None,
    }


def _results(cell: Mapping[str, Any]) -> dict[str, Any] | None:
    found = [_result(one) for one in cell["outputs"] if one["output_type"] != "error"]
    return {"type": "listResults", "data": found, **_NOTHING} if found and cell["language"] != "md" else None


def _result(output: Mapping[str, Any]) -> dict[str, Any]:
    if output["output_type"] == "stream":
        return {"type": "ansi", "data": output["text"], "name": output["name"], **_NOTHING}
    table = output.get("metadata", {}).get(OUTPUT, {})
    if table.get("type") == "table":
        return {**_NOTHING, **table}
    return {"type": "mimeBundle", "data": output["data"], **_NOTHING, "metadata": output.get("metadata", {})}
