"""What is asked of a scoring server, and what it answers, without HTTP around it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ARROW", "CSV", "Answer", "Request", "refusal"]

ARROW, CSV = "application/vnd.apache.arrow.stream", "text/csv"
_CODES = {
    404: "RESOURCE_DOES_NOT_EXIST",
    405: "INVALID_PARAMETER_VALUE",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}


@dataclass(slots=True)  # not frozen: that makes one in thrice the time, and every request does
class Answer:
    """A status, a media type and a body, how many rows were predicted, and the method that a path takes (with 405)."""

    status: int
    media_type: str
    body: bytes
    rows: int = field(default=0, compare=False)
    allow: str = field(default="", compare=False)


@dataclass(slots=True, eq=False)
class Request:
    """Rows to predict.

    Attributes:
        body: The rows, in the form that the content type says.
        content_type: The header of this name.
        accept: The header of this name; empty where there is none.
        prepared: The columns, where the rows have been decoded already.
    """

    body: bytes
    content_type: str
    accept: str = ""
    prepared: Any = None


def refusal(status: int, message: str, *, allow: str = "") -> Answer:
    """An error in the form of MLflow's."""
    text = json.dumps({"error_code": _CODES.get(status, "BAD_REQUEST"), "message": message})
    return Answer(status, "application/json", text.encode(), allow=allow)
