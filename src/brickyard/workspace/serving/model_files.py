"""What the files of a model say: how it is asked, as OpenAPI, and which libraries it wants."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from brickyard.runtime.redaction import without_passwords

__all__ = ["build_log", "open_api"]

_TYPES: dict[str, dict[str, str]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "string": {"type": "string"},
    "binary": {"type": "string", "format": "byte"},
    "datetime": {"type": "string", "format": "date-time"},
}


def open_api(endpoint: str, url: str, models: Mapping[str, Path]) -> dict[str, Any]:
    """An OpenAPI document of an endpoint.

    Args:
        endpoint: Its name.
        url: The workspace's address.
        models: The directory of each model that it serves, by the name of the served entity.
    """
    bodies = {name: _body(_signature(path)) for name, path in models.items()}
    found = [body for place, body in enumerate(bodies.values()) if body not in list(bodies.values())[:place]]
    schema = found[0] if len(found) == 1 else {"anyOf": found or [{}]}
    answer = {"type": "object", "properties": {"predictions": {}}, "required": ["predictions"]}
    operation = {
        "operationId": "query",
        "summary": f"Query the endpoint {endpoint}",
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"200": {"description": "Predictions", "content": {"application/json": {"schema": answer}}}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": endpoint, "version": "1"},
        "servers": [{"url": url}],
        "paths": {f"/serving-endpoints/{endpoint}/invocations": {"post": operation}},
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }


def build_log(path: Path) -> str:
    """What the model wants and what it is given: a local endpoint runs it with the libraries of the workspace."""
    lines = [
        f"Serving with Python {platform.python_version()} and the libraries of the workspace; no environment is built.",
        *_compared(path / "requirements.txt"),
    ]
    return str(without_passwords("\n".join(lines))) + "\n"


def _compared(requirements: Path) -> Iterator[str]:
    from packaging.requirements import InvalidRequirement, Requirement

    if not requirements.is_file():
        yield "The model names no requirements."
        return
    for line in requirements.read_text().splitlines():
        text = line.partition("#")[0].strip()
        try:
            wanted = Requirement(text)
        except InvalidRequirement:  # an option of pip, a path, or nothing
            if text:
                yield f"{text}: not compared"
            continue
        try:
            version = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            yield f"{text}: MISSING"
            continue
        fits = wanted.specifier.contains(version, prereleases=True)
        yield f"{text}: {version} is installed" + ("" if fits else ", which is ANOTHER VERSION")


def _signature(path: Path) -> dict[str, Any]:
    import yaml

    found = yaml.safe_load((path / "MLmodel").read_text())
    signature = found.get("signature") if isinstance(found, dict) else None
    return signature if isinstance(signature, dict) else {}


def _body(signature: Mapping[str, Any]) -> dict[str, Any]:
    """The forms of rows that MLflow takes, with the columns of a signature where it has them."""
    columns = [one for one in json.loads(signature.get("inputs") or "[]") if "name" in one]
    params = {one["name"]: _TYPES.get(str(one.get("type")), {}) for one in json.loads(signature.get("params") or "[]")}
    row = {
        "type": "object",
        "properties": {one["name"]: _TYPES.get(str(one.get("type")), {}) for one in columns},
        "required": [one["name"] for one in columns if one.get("required", True)],
    }
    split = {
        "type": "object",
        "properties": {
            "columns": {"type": "array", "items": {"type": "string"}, "example": [one["name"] for one in columns]},
            "data": {"type": "array", "items": {"type": "array"}},
            "index": {"type": "array"},
        },
        "required": ["data"],
    }
    forms = {
        "dataframe_split": split,
        "dataframe_records": {"type": "array", "items": row},
        "instances": {},
        "inputs": {},
    }
    extra = {"params": {"type": "object", "properties": params}, "client_request_id": {"type": "string"}}
    return {
        "oneOf": [
            {"type": "object", "properties": {name: form, **extra}, "required": [name]} for name, form in forms.items()
        ]
    }
