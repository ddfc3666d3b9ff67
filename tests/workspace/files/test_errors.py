"""What the system's errors become."""

from __future__ import annotations

import errno

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue, NotFound, PermissionDenied, StorageFull
from brickyard.workspace.files.errors import AlreadyExists, explained


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.ENOENT, NotFound),
        (errno.EEXIST, AlreadyExists),
        (errno.EISDIR, AlreadyExists),
        (errno.ENOTDIR, AlreadyExists),
        (errno.EACCES, PermissionDenied),
        (errno.ENAMETOOLONG, InvalidParameterValue),
        (errno.ELOOP, InvalidParameterValue),
    ],
)
def test_each_error_of_the_system_has_an_answer(number: int, expected: type[Exception]) -> None:
    with pytest.raises(expected, match="/Volumes/a"), explained("/Volumes/a"):
        raise OSError(number, "as the system says")


def test_an_unexpected_error_is_not_hidden() -> None:
    with pytest.raises(OSError, match="broken"), explained("/Volumes/a"):
        raise OSError(errno.EIO, "broken")
