"""Whether somebody may read what libraries are installed from."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import PermissionDenied
from brickyard.workspace.compute.environments import LibraryError
from brickyard.workspace.compute.installer_words import installer_words

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["unreadable"]


def unreadable(workspace: Workspace, words: Sequence[str], principal: Principal) -> str | None:
    """The first file that a principal may not read, also of those that files of requirements name.

    Args:
        workspace: Whose files they are.
        words: What pip is asked for.
        principal: Who has to read them. What does not exist is not said here, but by the installation.
    """
    denied: list[str] = []

    def local_path(path: str) -> Path:
        try:
            workspace.files.place_access.require_read(principal, workspace.files.roots.located(path).path)
        except PermissionDenied:
            denied.append(path)
            raise
        return workspace.files.local_path(path)

    with contextlib.suppress(LibraryError):
        installer_words(words, local_path)
    return denied[0] if denied else None
