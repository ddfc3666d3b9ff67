"""`dbutils.library`."""

from __future__ import annotations

import importlib
import sys

from brickyard.runtime.dbutils.base import Part

__all__ = ["Library"]


class Library(Part):
    """Libraries of a notebook."""

    _name = "dbutils.library"

    def restartPython(self) -> None:
        """Make what `%pip install` has installed importable.

        What was installed is importable at once, so that only finders are refreshed: names and imported modules
        stay, and a package that was imported before it was installed again stays as it was.
        """
        importlib.invalidate_caches()
        sys.stdout.write("Note: Python is not restarted in a local workspace; names and imported modules stay.\n")
