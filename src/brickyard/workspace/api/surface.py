"""The names of the vendor's operations, for answers about those that are not implemented.

`surface.txt` is derived from `databricks-sdk` by `scripts/coverage_page.py`: a line is `METHOD path Family.operation`.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from importlib.resources import files

from brickyard.workspace.api.errors import ApiError, EndpointNotFound, NotImplementedByWorkspace

__all__ = ["not_implemented", "operation_name"]

_LONGEST_SHOWN = 300
# What the vendor's service has besides: credentials of a cloud's storage, which its MLflow client asks for; what
# OpenAI's clients ask endpoints; and what only the documentation of endpoints has.
_BEYOND_THE_SDK = """\
POST /api/2.0/mlflow/artifacts/credentials-for-read MLflow.credentials-for-read
POST /api/2.0/mlflow/artifacts/credentials-for-write MLflow.credentials-for-write
POST /api/2.0/mlflow/artifacts/create-multipart-upload MLflow.create-multipart-upload
POST /api/2.0/mlflow/artifacts/complete-multipart-upload MLflow.complete-multipart-upload
GET /api/2.0/mlflow/artifacts/get-presigned-upload-part-url MLflow.get-presigned-upload-part-url
POST /api/2.0/mlflow/logged-models/{model_id}/artifacts/credentials-for-download MLflow.credentials-for-download
POST /api/2.0/mlflow/logged-models/{model_id}/artifacts/credentials-for-upload MLflow.credentials-for-upload
GET /api/2.0/mlflow/traces/{trace_id}/credentials-for-data-download MLflow.credentials-for-data-download
GET /api/2.0/mlflow/traces/{trace_id}/credentials-for-data-upload MLflow.credentials-for-data-upload
POST /serving-endpoints/chat/completions ServingEndpoints.chat-completions
POST /serving-endpoints/completions ServingEndpoints.completions
POST /serving-endpoints/embeddings ServingEndpoints.embeddings
POST /serving-endpoints/responses ServingEndpoints.responses
POST /api/2.0/serving-endpoints/{name}/config:stop ServingEndpoints.stop
POST /api/2.0/serving-endpoints/{name}/config:start ServingEndpoints.start
PATCH /api/2.0/serving-endpoints/{name}/system-metrics-export-state ServingEndpoints.system-metrics-export-state
"""


@dataclass(frozen=True)
class _Named:
    pattern: re.Pattern[str]
    weight: int  # how much of the path is fixed: of several that fit, the most exact one is meant
    name: str


def not_implemented(method: str, path: str) -> ApiError:
    """The answer where the workspace has no operation: 501 with the vendor's name of it, or 404 where it has none."""
    name = operation_name(method, path)
    shown = f"{method} {path[:_LONGEST_SHOWN]}"
    if name is None:
        return EndpointNotFound(f"No API found for '{shown}'")
    return NotImplementedByWorkspace(f"{name} ({shown}) is not implemented by the local workspace")


def operation_name(method: str, path: str) -> str | None:
    """The vendor's name of an operation, for example `ClustersAPI.list`; nothing where it has none.

    An operation has the same name in earlier versions of the API, which older clients call.
    """
    fitting = [one for one in _surface().get(method, ()) if one.pattern.fullmatch(path)]
    return max(fitting, key=lambda one: one.weight).name if fitting else None


@functools.cache
def _surface() -> dict[str, list[_Named]]:
    """Operations by method."""
    found: dict[str, list[_Named]] = {}
    of_the_sdk = files("brickyard.workspace.api").joinpath("surface.txt").read_text()
    for line in (of_the_sdk + _BEYOND_THE_SDK).splitlines():
        method, path, name = line.split(" ")
        parts = re.split(r"(\{[^}]*\})", path)
        pattern = "".join(_placeholder(part) if part.startswith("{") else _fixed(part) for part in parts)
        found.setdefault(method, []).append(_Named(re.compile(pattern), len("".join(parts[::2])), name))
    return found


def _placeholder(part: str) -> str:
    """`{name}` and `{parent}` can be names of resources, such as `workspaces/1/endpoints/2`, and others one segment."""
    return ".+" if part in ("{name}", "{parent}") or part.endswith("_path}") else "[^/]+"


def _fixed(part: str) -> str:
    return re.sub(r"^/api/([0-9])\\\.([0-9])/", r"/api/\1\.[0-\2]/", re.escape(part))
