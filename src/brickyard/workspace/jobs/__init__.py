"""Jobs and runs: task graph, run states, retries, recovery."""

from brickyard.workspace.jobs.service import Jobs, build

__all__ = ["Jobs", "build"]
