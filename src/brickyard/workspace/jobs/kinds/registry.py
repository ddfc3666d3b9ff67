"""The kinds of task that run here."""

from __future__ import annotations

from brickyard.workspace.jobs.kinds.base import Kind
from brickyard.workspace.jobs.kinds.condition import Condition
from brickyard.workspace.jobs.kinds.dbt import Dbt
from brickyard.workspace.jobs.kinds.for_each import ForEach
from brickyard.workspace.jobs.kinds.processes import Notebook, PythonWheel, SparkPython
from brickyard.workspace.jobs.kinds.run_job import RunJob
from brickyard.workspace.jobs.kinds.sql import SqlTask
from brickyard.workspace.jobs.records import Json

__all__ = ["KINDS", "kind_of"]

_ALL: tuple[Kind, ...] = (Notebook(), SparkPython(), PythonWheel(), Condition(), ForEach(), RunJob(), SqlTask(), Dbt())
KINDS = {kind.name: kind for kind in _ALL}


def kind_of(definition: Json) -> Kind:
    """The kind of a task that was checked."""
    return next(kind for name, kind in KINDS.items() if name in definition)
