"""The pages for people, at the addresses that clients print; they sign in for themselves."""

from __future__ import annotations

import threading

from brickyard.workspace.api.base import Family
from brickyard.workspace.ui import Pages
from brickyard.workspace.workspace import Workspace

__all__ = ["family"]

_pages: dict[Workspace, Pages] = {}
_lock = threading.Lock()


def _application(workspace: Workspace) -> Pages:
    """The pages of a workspace, made once, for they know who is signed in."""
    with _lock:
        if workspace not in _pages:
            _pages[workspace] = Pages(workspace)
        return _pages[workspace]


family = Family(asgi=_application)
