"""The vendor's errors: an HTTP status, an error code and a message, which the SDK maps to its classes.

Source: `databricks.sdk.errors.platform` and `databricks.sdk.errors.mapper` (status and code to class).
"""

from __future__ import annotations

__all__ = [
    "ApiError",
    "BadRequest",
    "EndpointNotFound",
    "FeatureDisabled",
    "InternalError",
    "InvalidParameterValue",
    "InvalidState",
    "MalformedRequest",
    "NotFound",
    "NotImplementedByWorkspace",
    "PermissionDenied",
    "RequestLimitExceeded",
    "RequestTooLarge",
    "ResourceAlreadyExists",
    "ResourceConflict",
    "ResourceDoesNotExist",
    "ResourceExhausted",
    "StorageFull",
    "TemporarilyUnavailable",
    "Unauthenticated",
]


class ApiError(Exception):
    """An answer other than success.

    Args:
        message: What the caller reads; says what was wrong and, where it can, what would be right.

    Attributes:
        retry_after: After how many seconds the same call may succeed, where that is known.
    """

    status = 500
    code = "INTERNAL_ERROR"
    retry_after: int | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def body(self) -> dict[str, object]:
        """The JSON body that the vendor's clients expect."""
        return {"error_code": self.code, "message": self.message, "details": []}


class BadRequest(ApiError):
    """The request cannot be understood."""

    status, code = 400, "BAD_REQUEST"


class MalformedRequest(ApiError):
    """The body is no JSON, or its fields contradict each other."""

    status, code = 400, "MALFORMED_REQUEST"


class InvalidParameterValue(ApiError):
    """A field has a value that it cannot have."""

    status, code = 400, "INVALID_PARAMETER_VALUE"


class InvalidState(ApiError):
    """The object is in a state in which the call makes no sense."""

    status, code = 400, "INVALID_STATE"


class Unauthenticated(ApiError):
    """There is no token, or it is not one of this workspace."""

    status, code = 401, "UNAUTHENTICATED"


class PermissionDenied(ApiError):
    """The principal may not do this."""

    status, code = 403, "PERMISSION_DENIED"


class EndpointNotFound(ApiError):
    """There is no operation at this method and path; clients then use another one that does the same."""

    status, code = 404, "ENDPOINT_NOT_FOUND"


class FeatureDisabled(ApiError):
    """The feature exists, but is off in this workspace."""

    status, code = 404, "FEATURE_DISABLED"


class NotFound(ApiError):
    """There is no such object (families that answer `NOT_FOUND`)."""

    status, code = 404, "NOT_FOUND"


class ResourceDoesNotExist(ApiError):
    """There is no such object (families that answer `RESOURCE_DOES_NOT_EXIST`)."""

    status, code = 404, "RESOURCE_DOES_NOT_EXIST"


class ResourceAlreadyExists(ApiError):
    """The name is taken (the older families, with status 400)."""

    status, code = 400, "RESOURCE_ALREADY_EXISTS"


class ResourceConflict(ApiError):
    """The name is taken or the object is in use (the families that answer 409)."""

    status, code = 409, "RESOURCE_CONFLICT"


class RequestTooLarge(ApiError):
    """The body is larger than the family allows."""

    status, code = 413, "MAX_REQUEST_SIZE_EXCEEDED"


class RequestLimitExceeded(ApiError):
    """Too many calls in a time."""

    status, code = 429, "REQUEST_LIMIT_EXCEEDED"


class ResourceExhausted(ApiError):
    """A limit is reached."""

    status, code = 429, "RESOURCE_EXHAUSTED"


class InternalError(ApiError):
    """Something that should not happen has happened."""


class NotImplementedByWorkspace(ApiError):
    """The vendor has this operation; the local workspace does not."""

    status, code = 501, "NOT_IMPLEMENTED"


class TemporarilyUnavailable(ApiError):
    """Try again later."""

    status, code = 503, "TEMPORARILY_UNAVAILABLE"


class StorageFull(ApiError):
    """The disk of the workspace has no room; trying again does not help, so it is none of the retried codes."""

    status, code = 507, "INSUFFICIENT_STORAGE"
