"""Why MLflow's server could not read a request: its own messages say which types their fields have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["misfit"]


def misfit(app: Flask, method: str, path: str, body: bytes) -> str | None:
    """What is wrong with the types of a request's body; nothing where they fit.

    MLflow's server crashes at most such bodies. Asked only then, so that good requests are not read twice.
    """
    from google.protobuf.json_format import ParseDict, ParseError
    from mlflow.protos.service_pb2 import MlflowService
    from mlflow.server.handlers import get_service_endpoints

    rule, _ = app.url_map.bind("").match(path, method=method, return_rule=True)
    kinds = {
        (place, verb): kind
        for place, kind, verbs in get_service_endpoints(MlflowService, lambda kind: kind)
        for verb in verbs
    }
    kind = kinds.get((rule.rule, method))
    try:
        fields = json.loads(body or b"{}")
        if not isinstance(fields, dict):
            return "the request body must be a JSON object"
        if kind is not None:
            ParseDict(fields, kind(), ignore_unknown_fields=True)
            return next(_not_objects(kind.DESCRIPTOR, fields), None)
    except (ParseError, ValueError, TypeError, SystemError, RecursionError) as error:
        return f"the request body cannot be read: {error}"
    return None


def _not_objects(descriptor: Any, fields: dict[str, Any]) -> Iterator[str]:
    """What protobuf takes for nothing, and MLflow's handlers stumble over."""
    for name, value in fields.items():
        if value is None:
            yield f"{name} must not be null"
        field = descriptor.fields_by_name.get(name)
        if field is None or field.message_type is None:
            continue
        if isinstance(value, list) and not all(isinstance(one, dict) for one in value):
            yield f"{name} must be a list of objects"
