"""Errors of SCIM, in its own shape (RFC 7644, section 3.12), which the SDK maps to classes by their status."""

from __future__ import annotations

from brickyard.workspace.api.errors import ApiError

__all__ = ["ScimError", "bad", "conflict", "forbidden", "missing"]

ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"


class ScimError(ApiError):
    """A refusal of the SCIM family.

    Args:
        status: The HTTP status.
        detail: What the caller reads.
        kind: The `scimType`, for example `invalidFilter`; the vendor sends none with a conflict or what is missing.
    """

    def __init__(self, status: int, detail: str, kind: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.code = f"SCIM_{status}"
        self.kind = kind

    def body(self) -> dict[str, object]:
        """The JSON body."""
        body: dict[str, object] = {"schemas": [ERROR_SCHEMA], "detail": self.message, "status": str(self.status)}
        return body | ({"scimType": self.kind} if self.kind else {})


def bad(kind: str, detail: str) -> ScimError:
    """A request that cannot be done as it is, with its `scimType`."""
    return ScimError(400, detail, kind)


def missing(what: str, name: object) -> ScimError:
    """There is no such user, service principal or group."""
    return ScimError(404, f"{what} with id {name} not found.")


def conflict(detail: str) -> ScimError:
    """The name is taken."""
    return ScimError(409, detail)


def forbidden(detail: str) -> ScimError:
    """Nobody may do this, not even administrators."""
    return ScimError(403, detail)
