"""What MLflow's server reads from a request, read the same way, so that a check never sees something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["Reading", "operations", "read"]


@dataclass(frozen=True)
class Reading:
    """A request as MLflow's server understands it.

    Attributes:
        operation: The name of its message, for example `GetRun`; empty where the server has no such operation, and the
            name of the server's function where the operation has no message.
        message: What was sent.
        path: The parameters in the path.
    """

    operation: str
    message: Any = None
    path: Mapping[str, str] = field(default_factory=dict)

    def values(self, *names: str) -> list[str]:
        """What is in fields, repeated or not, and in parameters of the path, of any of the names."""
        found: list[str] = [self.path[name] for name in names if name in self.path]
        known = self.message.DESCRIPTOR.fields_by_name if self.message is not None else {}
        for name in names:
            value = getattr(self.message, name) if name in known else ""
            found += [value] if isinstance(value, str) else [str(one) for one in value]
        return list(dict.fromkeys(one for one in found if one))


def read(app: Flask, environ: Any) -> Reading:
    """What the server reads from a request.

    Raises:
        MlflowException: The server could not read it either.
    """
    from mlflow.server import handlers
    from werkzeug.exceptions import HTTPException

    with app.request_context(environ) as context:
        request: Any = context.request
        rule = request.url_rule
        if rule is None:
            return Reading("")
        kind = operations().get((rule.rule, request.method))
        if kind is None:
            return Reading(rule.endpoint)
        try:
            message = handlers._get_request_message(kind(), request)
        except (HTTPException, ValueError, TypeError, AttributeError):
            return Reading(kind.DESCRIPTOR.name, kind(), dict(request.view_args or {}))  # the server will say why
        return Reading(kind.DESCRIPTOR.name, message, dict(request.view_args or {}))


@cache
def operations() -> Mapping[tuple[str, str], Any]:
    """The class of the message of each of the server's operations, by its path and method."""
    from mlflow.protos.model_registry_pb2 import ModelRegistryService
    from mlflow.protos.service_pb2 import MlflowService
    from mlflow.server import handlers

    return {
        (path, method): kind
        for service in (MlflowService, ModelRegistryService)
        for path, kind, methods in handlers.get_service_endpoints(service, lambda kind: kind)
        for method in methods
    }
