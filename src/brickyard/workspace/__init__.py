"""The local workspace: a server that speaks the Databricks REST API and executes for real."""

__all__: list[str] = []
