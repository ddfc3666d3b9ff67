"""Errors of secrets."""

from __future__ import annotations

from brickyard.workspace.api.errors import ApiError

__all__ = ["ResourceLimitExceeded"]


class ResourceLimitExceeded(ApiError):
    """There are as many scopes or secrets as there may be; trying again does not help."""

    status, code = 400, "RESOURCE_LIMIT_EXCEEDED"
