"""What `execute_statement` is sent, checked as the vendor does.

Source: `databricks.sdk.service.sql.StatementExecutionAPI.execute_statement`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import check_shape

__all__ = ["StatementRequest", "statement_request"]

_WAIT = re.compile(r"(\d{1,4}(?:\.\d{1,9})?)s")  # lsql, the vendor's own client, sends `30.0s`
_ALL_FORMATS = ("JSON_ARRAY", "ARROW_STREAM", "CSV")
#: The last is for connectors, which take what comes: links, here.
_FORMATS = {"INLINE": ("JSON_ARRAY",), "EXTERNAL_LINKS": _ALL_FORMATS, "INLINE_OR_EXTERNAL_LINKS": _ALL_FORMATS}
_COMPRESSIONS = ("NONE", "LZ4_FRAME")
_MOST_TEXT = 16 << 20
_KINDS = frozenset(
    {"ALTER", "ANALYZE", "COPY", "CREATE", "DELETE", "DESCRIBE", "DROP", "EXPLAIN", "GRANT", "INSERT", "MERGE"}
    | {"OPTIMIZE", "REFRESH", "REPLACE", "REVOKE", "SELECT", "SET", "SHOW", "TRUNCATE", "UPDATE", "USE"}
)
_QUERIES = ("WITH", "VALUES", "FROM", "TABLE", "(")


@dataclass(frozen=True)
class _Parameter:
    name: str | None = None
    value: str | None = None
    type: str | None = None
    ordinal: int | None = None


@dataclass(frozen=True)
class _Tag:
    key: str
    value: str | None = None


@dataclass(frozen=True)
class _Wire:
    """The types of the body."""

    statement: str
    warehouse_id: str
    byte_limit: int | None = None
    catalog: str | None = None
    disposition: str | None = None
    format: str | None = None
    on_wait_timeout: str | None = None
    parameters: list[_Parameter] | None = None
    query_tags: list[_Tag] | None = None
    result_compression: str | None = None
    row_limit: int | None = None
    schema: str | None = None
    session_id: str | None = None
    wait_timeout: str | None = None


@dataclass(frozen=True)
class StatementRequest:
    """A statement to execute.

    Attributes:
        text: The SQL.
        warehouse_id: Where.
        catalog: The current catalog; none for the default.
        schema: The current schema; none for the default.
        parameters: Parameters as they were sent, all with a name or all with an ordinal.
        tags: What its history says of it, as it was sent.
        session_id: The session of a connector that it belongs to; none for one of its own.
        compression: `LZ4_FRAME`; none for none.
        disposition: `INLINE` or `EXTERNAL_LINKS`.
        format: `JSON_ARRAY`, `ARROW_STREAM` or `CSV`.
        row_limit: The most rows; none for all.
        byte_limit: The most bytes; none for all.
        wait_seconds: For how long the call waits.
        cancels: Whether it is canceled then.
    """

    text: str
    warehouse_id: str
    catalog: str | None
    schema: str | None
    parameters: tuple[Mapping[str, Any], ...]
    tags: tuple[Mapping[str, Any], ...]
    session_id: str | None
    compression: str | None
    disposition: str
    format: str
    row_limit: int | None
    byte_limit: int | None
    wait_seconds: float
    cancels: bool

    @property
    def kind(self) -> str:
        """The first word, as the history names it."""
        words = _without_comments(self.text).split(None, 1)
        word = words[0].upper() if words else "OTHER"
        if word.startswith(_QUERIES):
            return "SELECT"
        return {"DESC": "DESCRIBE"}.get(word, word if word in _KINDS else "OTHER")


def statement_request(body: Mapping[str, Any]) -> StatementRequest:
    """Read the body.

    Raises:
        InvalidParameterValue: A value that it cannot have.
    """
    check_shape(_Wire, body)
    for unknown in body.keys() - _Wire.__dataclass_fields__.keys():
        raise InvalidParameterValue(f"{unknown} is not a field of statements")
    text = body["statement"]
    if not text.strip():
        raise InvalidParameterValue("statement must not be empty")
    if len(text.encode()) > _MOST_TEXT:
        raise InvalidParameterValue(f"statement has more than {_MOST_TEXT} bytes")
    disposition = _one_of(body, "disposition", tuple(_FORMATS))
    kind = _one_of(body, "format", _ALL_FORMATS)
    if kind not in _FORMATS[disposition]:
        raise InvalidParameterValue(f"The format {kind} is only supported with disposition EXTERNAL_LINKS.")
    wait, cancels = _wait(body)
    return StatementRequest(
        text=text,
        warehouse_id=body["warehouse_id"],
        catalog=body.get("catalog") or None,
        schema=body.get("schema") or None,
        parameters=_parameters(body.get("parameters") or []),
        tags=tuple(body.get("query_tags") or ()),
        session_id=body.get("session_id") or None,
        compression=_compression(body, kind),
        disposition="INLINE" if disposition == "INLINE" else "EXTERNAL_LINKS",
        format=kind,
        row_limit=_limit(body, "row_limit"),
        byte_limit=_limit(body, "byte_limit"),
        wait_seconds=wait,
        cancels=cancels,
    )


def _one_of(body: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = body.get(name) or known[0]
    if value not in known:
        raise InvalidParameterValue(f"{name} must be one of {', '.join(known)}, not {value!r}")
    return str(value)


def _wait(body: Mapping[str, Any]) -> tuple[float, bool]:
    match = _WAIT.fullmatch(body.get("wait_timeout") or "10s")
    seconds = float(match[1]) if match else -1.0
    if seconds != 0 and not 5 <= seconds <= 50:
        raise InvalidParameterValue("wait_timeout must be 0s, or 5s to 50s")
    cancels = _one_of(body, "on_wait_timeout", ("CONTINUE", "CANCEL")) == "CANCEL"
    return seconds, cancels and seconds > 0  # a call that does not wait ignores on_wait_timeout


def _compression(body: Mapping[str, Any], kind: str) -> str | None:
    given = _one_of(body, "result_compression", _COMPRESSIONS)
    return given if given != "NONE" and kind == "ARROW_STREAM" else None


def _limit(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if int(value) < 1:
        raise InvalidParameterValue(f"{name} must be at least 1")
    return int(value)


def _parameters(given: list[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    names = [str(one["name"]) for one in given if one.get("name")]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InvalidParameterValue(f"the parameter {min(twice)} is given twice")
    if names and len(names) < len(given):
        raise InvalidParameterValue("parameters must all have a name, or all be in the order of the markers (?)")
    return tuple({key: one.get(key) for key in ("name", "value", "type", "ordinal")} for one in given)


def _without_comments(text: str) -> str:
    """The text from its first word on."""
    text = text.lstrip()
    while text.startswith(("--", "/*")):
        end = "\n" if text.startswith("--") else "*/"
        text = text.partition(end)[2].lstrip()
    return text
