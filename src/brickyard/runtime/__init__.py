"""What user code meets inside a task: dbutils, display, magics, the Spark session."""

__all__: list[str] = []
