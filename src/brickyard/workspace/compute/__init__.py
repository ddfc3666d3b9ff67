"""What executes a task: warm Python workers, the Spark engine, library environments."""

__all__: list[str] = []
