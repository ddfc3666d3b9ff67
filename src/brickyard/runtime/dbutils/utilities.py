"""The one `dbutils` of a task."""

from __future__ import annotations

import functools

from brickyard.runtime.context import current
from brickyard.runtime.dbutils.base import Part
from brickyard.runtime.dbutils.data import Data
from brickyard.runtime.dbutils.fs import FileSystem
from brickyard.runtime.dbutils.jobs import Jobs
from brickyard.runtime.dbutils.library import Library
from brickyard.runtime.dbutils.notebook import EntryPoint, Notebook
from brickyard.runtime.dbutils.secrets import Secrets
from brickyard.runtime.dbutils.widgets import Widgets

__all__ = ["DBUtils", "dbutils"]


class DBUtils(Part):
    """Utilities of Databricks."""

    _name = "dbutils"

    def __init__(self) -> None:
        context = current()
        self.data = Data()
        self.entry_point = EntryPoint(context)
        self.fs = FileSystem(context)
        self.jobs = Jobs(context)
        self.library = Library()
        self.notebook = Notebook(context)
        self.secrets = Secrets(context)
        self.widgets = Widgets(context)

    def help(self, name: str | None = None) -> None:
        """Show what there is."""
        for part in (self.data, self.fs, self.jobs, self.library, self.notebook, self.secrets, self.widgets):
            part.help()


@functools.cache
def dbutils() -> DBUtils:
    """The `dbutils` of this process."""
    return DBUtils()
