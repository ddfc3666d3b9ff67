"""`delta.tables` inside a task: what the clusters of Databricks have installed."""

__all__: list[str] = []
