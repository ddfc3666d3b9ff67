"""Errors of Unity Catalog: each kind of object has codes of its own, as with the vendor."""

from __future__ import annotations

from brickyard.workspace.api.errors import ApiError

__all__ = ["already_exists", "does_not_exist", "not_empty", "principal_does_not_exist"]


def _words(noun: str) -> str:
    return noun.replace("_", " ").title()


class _Named(ApiError):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def does_not_exist(noun: str, full_name: str) -> ApiError:
    """There is no such object, for example `TABLE_DOES_NOT_EXIST` (404, the SDK's `NotFound`)."""
    return _Named(404, f"{noun}_DOES_NOT_EXIST", f"{_words(noun)} '{full_name}' does not exist.")


def already_exists(noun: str, full_name: str) -> ApiError:
    """The name is taken, for example `SCHEMA_ALREADY_EXISTS` (400, the SDK's `BadRequest`)."""
    return _Named(400, f"{noun}_ALREADY_EXISTS", f"{_words(noun)} '{full_name}' already exists.")


def not_empty(noun: str, full_name: str, what: str) -> ApiError:
    """The object has others in it and the call was without `force` (400)."""
    message = f"{_words(noun)} '{full_name}' is not empty: it has {what}. Delete them first, or use force."
    return _Named(400, f"{noun}_NOT_EMPTY", message)


def principal_does_not_exist(name: str) -> ApiError:
    """There is no such user, service principal or group (404, the SDK's `NotFound`)."""
    hint = " Of all users the name is `account users`." if name in ("users", "admins") else ""
    return _Named(404, "PRINCIPAL_DOES_NOT_EXIST", f"Could not find principal with name {name}.{hint}")
