"""Errors of files, and the translation of the system's errors into them."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from brickyard.workspace.api.errors import (
    ApiError,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    StorageFull,
)

__all__ = [
    "AlreadyExists",
    "DirectoryNotEmpty",
    "FileAlreadyExists",
    "LeadsAway",
    "NotebookTooLarge",
    "PreconditionFailed",
    "RangeNotSatisfiable",
    "explained",
    "with_reason",
]


class AlreadyExists(ApiError):
    """There is something at the path (the Files API)."""

    status, code = 409, "ALREADY_EXISTS"


class FileAlreadyExists(ApiError):
    """There is something at the path (`workspace-files/import-file`, on which the bundle lock relies)."""

    status, code = 409, "RESOURCE_ALREADY_EXISTS"


class DirectoryNotEmpty(ApiError):
    """The directory has entries and the call was not recursive."""

    status, code = 400, "DIRECTORY_NOT_EMPTY"


class LeadsAway(PermissionDenied):
    """A link on the path leads to where other permissions count, or out of the workspace."""


class NotebookTooLarge(ApiError):
    """A notebook has more than the vendor allows."""

    status, code = 400, "MAX_NOTEBOOK_SIZE_EXCEEDED"


class PreconditionFailed(ApiError):
    """The file was changed since the caller looked (`If-Unmodified-Since`)."""

    status, code = 412, "PRECONDITION_FAILED"


class RangeNotSatisfiable(ApiError):
    """The file is too short for the range that was asked for."""

    status, code = 416, "RANGE_NOT_SATISFIABLE"


class _Reasoned(ApiError):
    def __init__(self, error: ApiError, reason: str) -> None:
        super().__init__(error.message)
        self.status, self.code, self.reason = error.status, error.code, reason

    def body(self) -> dict[str, object]:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": self.reason, "domain": "brickyard"}
        return {**super().body(), "details": [info]}


def with_reason(error: ApiError, reason: str) -> ApiError:
    """The same error with an `ErrorInfo` reason, by which the vendor's clients tell some errors apart."""
    return _Reasoned(error, reason)


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn errors of the file system into answers that name the path as the caller knows it.

    Raises:
        ApiError: One that fits the system's error; an unexpected one passes through unchanged.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"The path {path} does not exist.") from error
    except FileExistsError as error:
        raise AlreadyExists(f"The path {path} already exists.") from error
    except IsADirectoryError as error:
        raise AlreadyExists(f"The path {path} is a directory.") from error
    except NotADirectoryError as error:
        raise AlreadyExists(f"A parent of {path} is a file, not a directory.") from error
    except PermissionError as error:
        raise PermissionDenied(f"The workspace may not access {path}: {error.strerror}.") from error
    except OSError as error:
        raise _other(path, error) from error


def _other(path: str, error: OSError) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"There is no room on the disk for {path}; free some space and try again.")
    if error.errno in (errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL, errno.ENXIO):
        return InvalidParameterValue(f"The path {path} cannot be used: {error.strerror}.")
    return error
