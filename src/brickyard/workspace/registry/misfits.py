"""Why MLflow's server could not read a request: its own messages say which fields there are, of which types."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from brickyard.workspace.registry.reading import operations

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["Sent", "misfit"]

_LARGEST = 2**63 - 1
# Texts that are JSON themselves, and what each has to be.
_JSON_TEXTS: Mapping[str, type] = {"model_json": dict, "records": list, "serialized_scorer": dict, "tags": dict}

# What the server needs of these parts, though their messages do not say so.
_REQUIRED = {"PromptVersionRef": ("name", "version"), "Trace": ("trace_info",), "TraceInfoV3": ("trace_location",)}


@dataclass(frozen=True)
class Sent:
    """What a client sent."""

    method: str
    path: str
    query: str
    body: bytes


def misfit(app: Flask, sent: Sent) -> str | None:
    """What is wrong with a request; nothing where it fits.

    MLflow's server crashes at most such requests, where the vendor's says `INVALID_PARAMETER_VALUE`. Asked only
    after a crash, so that good requests are not read twice, and that nothing is refused which the server takes.
    """
    from google.protobuf.json_format import ParseDict, ParseError

    kind = _message(app, sent)
    try:
        fields = _fields(kind, sent)
        if not isinstance(fields, dict):
            return "the request body must be a JSON object"
        if kind is None:
            return None
        if kind.DESCRIPTOR.fields and not fields:
            return f"the request is empty; it takes {', '.join(field.name for field in kind.DESCRIPTOR.fields)}"
        wrong = next(_wrong(kind.DESCRIPTOR, fields), None)
        if wrong is None:
            ParseDict(fields, kind(), ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError, SystemError, RecursionError) as error:
        return f"the request cannot be read: {error}"
    return wrong


def _message(app: Flask, sent: Sent) -> Any:
    """The class of an operation's message; nothing for one without."""
    rule, _ = app.url_map.bind("").match(sent.path, method=sent.method, return_rule=True)
    return operations().get((rule.rule, sent.method))


def _fields(kind: Any, sent: Sent) -> Any:
    """What was sent, by the name of the field; from the query where the server reads it there."""
    if sent.method != "GET" or not sent.query:
        return json.loads(sent.body or b"{}")
    given = parse_qs(sent.query, keep_blank_values=True)
    known = kind.DESCRIPTOR.fields_by_name if kind else {}
    return {
        name: values if known[name].is_repeated else _flag(known[name], values[0])
        for name, values in given.items()
        if name in known
    }


def _flag(field: Any, text: str) -> object:
    return text.lower() == "true" if field.type == field.TYPE_BOOL else text


def _wrong(descriptor: Any, fields: Mapping[str, Any]) -> Iterator[str]:
    """What protobuf lets pass, and MLflow's handlers stumble over."""
    for name in _REQUIRED.get(descriptor.name, ()):
        if not fields.get(name):
            yield f"{name} is required"
    for name, value in fields.items():
        field = descriptor.fields_by_name.get(name)
        if value is None:
            yield f"{name} must not be null"
        elif field is not None:
            yield from _wrong_message(field, value) if field.message_type else _wrong_value(field, value)


def _wrong_message(field: Any, value: Any) -> Iterator[str]:
    if field.message_type.GetOptions().map_entry:
        return
    if field.is_repeated != isinstance(value, list):
        yield f"{field.name} must be {'a list of objects' if field.is_repeated else 'an object'}"
        return
    for place, one in enumerate(value if field.is_repeated else [value]):
        if isinstance(one, dict):
            where = f"{field.name}[{place}]" if field.is_repeated else field.name
            yield from (f"{where}.{wrong}" for wrong in _wrong(field.message_type, one))
        elif field.is_repeated:
            yield f"{field.name} must be a list of objects"


def _wrong_value(field: Any, value: Any) -> Iterator[str]:
    name = field.name
    for one in value if isinstance(value, list) else [value]:
        text = str(one)
        if name == "page_token" and text and not _is_page_token(text):
            yield "page_token is not one that this workspace gave out"
        elif name in ("experiment_id", "experiment_ids") and not (text.isascii() and text.isdecimal()):
            yield f"{name} must be the number of an experiment, not {text[:40]!r}"
        elif field.containing_type.name == "PromptVersionRef" and name == "version" and not text.isdecimal():
            yield f"version must be a whole number, not {text[:40]!r}"
        elif words := _words(field):
            if text not in words:
                yield f"{name} must be one of {', '.join(words)}, not {text[:40]!r}"
        elif _is_too_large(text):
            yield f"{name} must be a number of at most 64 bits, not {text[:40]}"
        elif name in _JSON_TEXTS and field.type == field.TYPE_STRING and not _is_json(text, _JSON_TEXTS[name]):
            yield f"{name} must be the JSON text of {'an object' if _JSON_TEXTS[name] is dict else 'a list of objects'}"


def _words(field: Any) -> list[str]:
    """The values of a field that has few, where its message says no more than that it is text."""
    from mlflow.entities.issue import IssueSeverity, IssueStatus

    kinds: dict[str, Any] = {"status": IssueStatus, "severity": IssueSeverity}
    is_one = field.containing_type.name in ("CreateIssue", "UpdateIssue") and field.name in kinds
    return [str(word.value) for word in kinds[field.name]] if is_one else []


def _is_too_large(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and (len(digits) > 19 or int(digits) > _LARGEST)


def _is_page_token(text: str) -> bool:
    """A number, or an object with an offset in base64; MLflow's server gives out both."""
    if not text.isascii() or text.isdecimal():
        return text.isascii() and not _is_too_large(text)
    try:
        known = json.loads(base64.b64decode(text))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(known, dict) and not _is_too_large(str(known.get("offset", 0)))


def _is_json(text: str, kind: type) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    parts = value if isinstance(value, list) else []
    return isinstance(value, kind) and all(isinstance(one, dict) for one in parts)
