"""`dbutils.library`."""

from __future__ import annotations

from brickyard.runtime.dbutils.base import Part
from brickyard.runtime.ending import PythonRestart

__all__ = ["Library"]


class Library(Part):
    """Libraries of a notebook."""

    _name = "dbutils.library"

    def restartPython(self) -> None:
        """Begin afresh with the next cell: no names, and libraries are imported again from what is installed now.

        Where other versions of what the runtime has imported (pandas, requests, mlflow) are installed now, it is a
        fresh interpreter; else what the runtime has imported stays as it is.
        """
        raise PythonRestart
