"""`delta.tables` inside a task: what the clusters of Databricks have installed."""
