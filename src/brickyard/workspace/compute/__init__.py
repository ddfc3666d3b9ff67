"""What executes a task: warm Python workers, the Spark engine, library environments."""

from brickyard.workspace.compute.service import Compute, build
from brickyard.workspace.compute.tasks import TaskHandle, TaskOutcome, TaskSpec, read_outcome

__all__ = ["Compute", "TaskHandle", "TaskOutcome", "TaskSpec", "build", "read_outcome"]
