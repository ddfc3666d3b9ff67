"""What starts runs of jobs by itself: schedules, intervals, files that arrive, tables that change, continuous jobs."""

from brickyard.workspace.jobs.triggers.base import Firing
from brickyard.workspace.jobs.triggers.making import check_triggers
from brickyard.workspace.jobs.triggers.watch import Watch

__all__ = ["Firing", "Watch", "check_triggers"]
