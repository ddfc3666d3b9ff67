"""Kinds of task: what each needs, and how it is started."""

from brickyard.workspace.jobs.kinds.base import Faulty, Kind, Prepared, Start, Work
from brickyard.workspace.jobs.kinds.registry import KINDS, kind_of

__all__ = ["KINDS", "Faulty", "Kind", "Prepared", "Start", "Work", "kind_of"]
