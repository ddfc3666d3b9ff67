"""Jobs and runs: task graph, run states, retries, recovery."""

__all__: list[str] = []
