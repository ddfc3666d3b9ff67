"""What `delta.tables.DeltaTable` asks for, as SQL: of a task's own module, and of `delta-spark`."""

from brickyard.workspace.compute.gateway.delta_connect.commands import run_command
from brickyard.workspace.compute.gateway.delta_connect.relations import answer, is_delta

__all__ = ["answer", "is_delta", "run_command"]
